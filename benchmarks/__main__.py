"""Runs benchmarks and prints each result as soon as it is known.

python -m benchmarks                 all except the soak test; `memory` takes ten minutes
python -m benchmarks report growth   some of them: whole logs, compared with GoAccess and others
python -m benchmarks memory --minutes 2
python -m benchmarks quick           two minutes: what is slower than what is kept in quick.json?
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.agent import measure_agent
from benchmarks.alerts import measure_replay, measure_rules
from benchmarks.console import measure_console
from benchmarks.endurance import measure_attack, measure_soak
from benchmarks.fleet import measure_fleet
from benchmarks.growing import measure_growing
from benchmarks.history import measure_disk, measure_questions
from benchmarks.large import measure_large
from benchmarks.lines import stamp
from benchmarks.live import measure_cost, measure_ingest
from benchmarks.many_logs import measure_many_logs
from benchmarks.monitor import console, monitoring
from benchmarks.posted import measure_posted
from benchmarks.quick import measure_quick
from benchmarks.reports import (
    measure_agents,
    measure_ceiling,
    measure_compressed,
    measure_formats,
    measure_growth,
    measure_order,
    measure_phases,
    measure_report,
)
from benchmarks.start import measure_starts
from benchmarks.syslog_input import measure_syslog
from benchmarks.totals import measure_totals
from benchmarks.web import measure_web
from glancemetrics.simulation import Shape, Traffic


def measure_first_snapshot(folder: Path) -> None:
    """Measure the time to the first snapshot (`--from window`), for logs of 1 GB and 1 MB."""
    small, large = folder / "small.log", folder / "large.log"
    older = b"".join(Traffic(Shape(20), seed=2).seconds(int(time.time()) - 86_400, 40_000))
    with large.open("wb") as file:
        while file.tell() < 999_000_000:
            file.write(older)
        recent = b"".join(Traffic(Shape(20), seed=1).seconds(int(time.time()) - 250, 5000))
        recent = recent[-1_000_000:]
        file.write(recent[recent.index(b"\n") + 1 :])
    small.write_bytes(recent)
    times: dict[Path, list[float]] = {small: [], large: []}
    for _ in range(7):
        for log, measured in times.items():
            with monitoring(log, "--timewindow", "120") as monitor:
                measured.append(monitor.wait_first())
                assert monitor.snapshots[0][1]["hits"] > 0
    medians = {log: sorted(measured)[len(measured) // 2] for log, measured in times.items()}
    print(
        f"first snapshot: 1 MB log {medians[small]:.2f} s, 1 GB log {medians[large]:.2f} s, "
        f"ratio {medians[large] / medians[small]:.2f} (medians of 7, alternating)"
    )
    large.unlink()


def measure_memory(folder: Path, minutes: float) -> None:
    """Measure resident memory at 50,000 lines/s, all paths distinct, with history on disk."""
    log = folder / "distinct.log"
    log.write_bytes(b"")
    rate, tick = 50_000, 0.1
    with monitoring(log, "-r", "2", "--state-dir", str(folder / "state")) as monitor:
        monitor.wait_first()
        stop = threading.Event()

        def write() -> None:
            number = 0
            began = time.monotonic()
            with log.open("ab", 0) as file:
                while not stop.is_set():
                    head = b'203.0.113.7 - - [%s] "GET /p/' % stamp(int(time.time()))
                    end = b' HTTP/1.1" 200 512 "-" "curl/8.5.0"\n'
                    count = int(rate * tick)
                    file.write(b"".join(b"%b%d%b" % (head, number + i, end) for i in range(count)))
                    number += count
                    if number % (rate * 60) == 0:
                        os.truncate(log, 0)  # like copytruncate, to save disk space
                    time.sleep(max(0.0, began + number / rate - time.monotonic()))

        writer = threading.Thread(target=write)
        writer.start()
        sizes = []
        ticks = max(2, round(minutes * 6))
        for i in range(ticks):
            time.sleep(10)
            sizes.append(monitor.memory_bytes() / 1e6)
            if i % 6 == 5 or i == 0:
                health = monitor.health
                print(
                    f"  after {(i + 1) / 6:4.1f} min: {sizes[-1]:,.0f} MB resident, "
                    f"{health['lines']:,} lines, lag {health['lag_bytes']:,} B",
                    flush=True,
                )
        stop.set()
        writer.join()
        middle = len(sizes) // 2
        first, second = sizes[1:middle] or sizes[:1], sizes[middle:]
        print(
            f"memory over {minutes:g} min at 50,000 lines/s, all paths distinct: "
            f"peak {max(first):,.0f} MB in the first half, {max(second):,.0f} MB in the second, "
            f"ratio {max(second) / max(first):.2f}"
        )


def measure_idle(folder: Path, seconds: int = 30) -> None:
    """Measure idle CPU use, headless and with consoles of two sizes."""
    log = folder / "idle.log"
    log.write_bytes(b"".join(Traffic(Shape(20), seed=1).seconds(int(time.time()) - 100, 2000)))
    with monitoring(log) as monitor:
        monitor.wait_first()
        time.sleep(3)
        print_idle("--json", monitor.cpu_seconds, seconds)
    for columns, rows in ((80, 24), (200, 60)):
        with console(log, columns, rows) as cpu_seconds:
            time.sleep(3)
            print_idle(f"console {columns}x{rows}", cpu_seconds, seconds)


def print_idle(what: str, cpu_seconds: Callable[[], float], seconds: int) -> None:
    before = cpu_seconds()
    time.sleep(seconds)
    used = cpu_seconds() - before
    print(f"idle, {what}: {100 * used / seconds:.2f} % of a core over {seconds} s", flush=True)


def measure_generate(lines: int = 3_000_000) -> None:
    """Measure the unpaced rate of the command `generate`, including start-up."""
    command = [sys.executable, "-m", "glancemetrics", "generate", "--fast", "--lines", str(lines)]
    began = time.monotonic()
    subprocess.run([*command, "--rate", "10000"], check=True, stdout=subprocess.DEVNULL)
    print(f"generate, unpaced: {lines / (time.monotonic() - began):,.0f} lines/s")


def measure_help() -> None:
    """Measure the time of `-h`."""
    command = [sys.executable, "-m", "glancemetrics", "-h"]
    times = []
    for _ in range(11):
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - began)
    print(f"-h: {sorted(times)[5]:.3f} s (median of 11)")


def main() -> None:
    measures: dict[str, Callable[[Path, argparse.Namespace], None]] = {
        "help": lambda _, __: measure_help(),
        "report": lambda folder, o: measure_report(folder, o.lines, o.rounds),
        "large": lambda folder, o: measure_large(folder, o.lines, o.rounds),
        "phases": lambda folder, o: measure_phases(folder, o.lines),
        "growth": lambda folder, o: measure_growth(folder, o.lines // 4, o.rounds),
        "order": lambda folder, o: measure_order(folder, o.lines, o.rounds),
        "ceiling": lambda folder, o: measure_ceiling(folder, o.lines // 2),
        "compressed": lambda folder, o: measure_compressed(folder, o.lines // 2, o.rounds),
        "agents": lambda folder, o: measure_agents(folder, o.lines // 2),
        "formats": lambda folder, o: measure_formats(folder, o.lines // 2, o.rounds),
        "rules": lambda folder, _: measure_rules(folder),
        "replay": lambda folder, o: measure_replay(folder, 5 * o.lines),
        "ingest": lambda folder, o: measure_ingest(folder, o.seconds),
        "totals": lambda _, o: measure_totals(o.lines),
        "kept": lambda folder, o: measure_ingest(folder, o.seconds, is_kept=True),
        "cost": lambda folder, _: measure_cost(folder),
        "questions": lambda _, __: measure_questions(),
        "disk": lambda folder, _: measure_disk(folder),
        "syslog": lambda folder, _: measure_syslog(folder),
        "start": lambda folder, _: measure_starts(folder),
        "snapshot": lambda folder, _: measure_first_snapshot(folder),
        "idle": lambda folder, _: measure_idle(folder),
        "console": lambda folder, _: measure_console(folder),
        "web": lambda folder, _: measure_web(folder),
        "fleet": lambda folder, _: measure_fleet(folder),
        "agent": lambda folder, _: measure_agent(folder),
        "posted": lambda folder, _: measure_posted(folder),
        "many": lambda folder, _: measure_many_logs(folder),
        "growing": lambda folder, _: measure_growing(folder),
        "generate": lambda _, __: measure_generate(),
        "memory": lambda folder, o: measure_memory(folder, o.minutes),
        "attack": lambda folder, o: measure_attack(folder, o.seconds),
        "soak": lambda folder, o: measure_soak(folder, o.minutes, o.rate),
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    names, usual = [*measures, "quick"], [*measures][:-1]
    parser.add_argument("what", nargs="*", choices=[*names, []], default=usual)
    parser.add_argument("--minutes", type=float, default=10, help="duration of memory and soak")
    parser.add_argument("--rate", type=int, default=100_000, help="lines/s of soak")
    parser.add_argument("--seconds", type=int, default=12, help="duration of each rate of ingest")
    parser.add_argument("--lines", type=int, default=2_000_000, help="lines of the log of report")
    parser.add_argument("--rounds", type=int, default=2, help="runs of report and other programs")
    parser.add_argument("--keep", action="store_true", help="keep the ratios of quick")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as name:
        if options.what == ["quick"]:
            sys.exit(measure_quick(Path(name), keep=options.keep))
        for what in options.what:
            measures[what](Path(name), options)


if __name__ == "__main__":
    main()
