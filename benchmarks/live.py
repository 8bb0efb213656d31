"""The live monitor: the rate that it can follow, and what it costs at the rates of most servers."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import attrs

from actors.history.segments import SegmentFolder
from benchmarks.monitor import cpu_seconds, monitoring, proportional_bytes, resident_bytes
from benchmarks.writer import folder_in_memory, writing

RATES = (400_000, 600_000, 800_000, 1_000_000, 1_300_000, 1_600_000, 2_000_000)
_BEGIN_SECONDS = 3.0
"""Not measured: the format is detected, and tables fill."""
_REFRESH_SECONDS = 0.5
_MOST_LAG = 1.0


@attrs.frozen
class Followed:
    """How a monitor followed a log."""

    offered: float
    """Lines written per second."""
    counted: float
    """Lines counted per second while they were written."""
    lag: float
    """The worst: seconds from a line that was written to the snapshot that counts it."""
    missing: int
    """Lines that were never counted."""
    unwritten: int
    """Lines that are not in the history on disk, if it is kept."""
    monitor: float
    """Cores that the monitor used."""
    writer: float
    """Cores that the writer used."""

    @property
    def is_sustained(self) -> bool:
        return self.lag < _MOST_LAG and not self.missing and not self.unwritten


def measure_ingest(folder: Path, seconds: int, *, is_kept: bool = False) -> None:
    """Measure the maximum rate of lines that the monitor can follow, at rising rates.

    `is_kept`: with a history on disk; otherwise without history. The log is in memory, and its
    writer is in C: neither is the limit.
    """
    sustained = 0
    for rate in RATES:
        state = folder / f"state{rate}" if is_kept else None
        with folder_in_memory() as memory:
            result = followed(memory, rate, seconds, state)
        print(
            f"  {result.offered:>9,.0f} lines/s written ({result.writer:.2f} cores), "
            f"{result.counted:>9,.0f} counted ({result.monitor:.2f} cores), "
            f"worst lag {result.lag:.2f} s"
            + (f", {result.missing:,} lines missing" if result.missing else "")
            + (f", {result.unwritten:,} not in the history" if result.unwritten else "")
            + ("" if result.is_sustained else ": not sustained"),
            flush=True,
        )
        if not result.is_sustained:
            break
        sustained = rate
    what = "live ingest with history on disk" if is_kept else "live ingest"
    print(f"{what}: {sustained:,} lines/s sustained with less than {_MOST_LAG:g} s lag")


def followed(folder: Path, rate: int, seconds: float, state: Path | None) -> Followed:
    """Follow a log in a folder that grows at a rate, to its end; `state`: with a history there."""
    log = folder / "ingest.log"
    log.write_bytes(b"")
    kept = ("--history", "off") if state is None else ("--state-dir", str(state))
    command = ("-r", f"{_REFRESH_SECONDS}", "--timewindow", "5", *kept)
    with monitoring(log, *command) as monitor:
        monitor.wait_first()
        with writing(folder, log, rate, seconds, rate) as writer:
            writer.wait_first(log)
            began = time.monotonic()
            first = cpu = None
            while not writer.is_done:
                time.sleep(0.05)
                if first is None and time.monotonic() >= began + _BEGIN_SECONDS:
                    first, cpu = len(monitor.snapshots), monitor.cpu_seconds()
            ended = time.monotonic()
            assert writer.written is not None
            assert first is not None
            assert cpu is not None
            used = monitor.cpu_seconds() - cpu
            measured = [one for one in monitor.snapshots[first:] if one[0] <= ended]
        offered = writer.written.lines / writer.written.seconds
        lags = [at - began - health_lines(one) / offered for at, one in measured]
        # A late snapshot counts as lag too.
        times = [at for at, _ in measured]
        late = [after - before for before, after in zip(times, [*times[1:], ended], strict=True)]
        lags += [one - _REFRESH_SECONDS for one in late]
        deadline = time.monotonic() + 20
        while monitor.health["lines"] < writer.written.lines and time.monotonic() < deadline:
            time.sleep(0.05)
        missing = writer.written.lines - monitor.health["lines"]
        lines = writer.written.lines
    # The monitor has written everything when it has ended.
    histories = [] if state is None else list(state.glob("*.history"))
    stored = sum(each.rows for one in histories for each in SegmentFolder(one).segments())
    return Followed(
        offered=offered,
        counted=(health_lines(measured[-1][1]) - health_lines(measured[0][1]))
        / (times[-1] - times[0]),
        lag=max(lags),
        missing=missing,
        unwritten=lines - stored if histories else 0,
        monitor=used / (ended - began - _BEGIN_SECONDS),
        writer=writer.written.cpu_seconds / writer.written.seconds,
    )


def health_lines(snapshot: dict[str, dict[str, int]]) -> int:
    """Return how many lines a snapshot has counted."""
    return snapshot["health"]["lines"]


def measure_cost(folder: Path, seconds: float = 30) -> None:
    """Measure CPU and memory of a headless monitor with a state directory.

    The server writes each line at once, as most do.
    """
    for rate in (0, 8, 1000):
        with folder_in_memory() as memory:
            log = memory / "access.log"
            log.write_bytes(b"")
            command = [sys.executable, "-m", "glancemetrics", "-f", str(log), "--no-console"]
            command += ["--state-dir", str(folder / f"state{rate}"), "--alert-log", "off"]
            with (
                subprocess.Popen(command, stderr=subprocess.DEVNULL) as process,
                writing(memory, log, rate or 1e-9, 10 * seconds, 1),
            ):
                time.sleep(10)
                before = cpu_seconds(process.pid)
                time.sleep(seconds)
                used = cpu_seconds(process.pid) - before
                shared, alone = proportional_bytes(process.pid), resident_bytes(process.pid)
                process.terminate()
        print(
            f"  {rate:>5,} lines/s: {100 * used / seconds:.2f} % of a core, "
            f"{alone / 1e6:.0f} MB, {shared / 1e6:.0f} MB where libraries are shared (PSS)",
            flush=True,
        )
