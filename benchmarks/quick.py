"""Two minutes: our times as multiples of those of fixed programs, compared with kept ones.

A fixed program does the same work on any machine, so what is left of a slower or faster machine is
small: a change of more than `TOLERANCE` is one of our code, or of a dependency. There are three of
them: a start depends on how fast a machine opens files and unpacks modules, work does not, and
short turns take longer where others used the cache meanwhile. The kept ratios are of two cores;
with another number of them nothing is judged.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from benchmarks.console import writing
from benchmarks.monitor import cpu_seconds, monitoring
from benchmarks.peers import ours, peak_of
from benchmarks.reports import compressed, generated

KEPT = Path(__file__).with_name("quick.json")
TOLERANCE = 0.15
"""Share by which a ratio may differ from the kept one."""
_ROUNDS = 9
_LARGE = "report on 1,000,000 lines"
_LIVE_SECONDS, _LIVE_TIMES = 10, 4
_LIVE_RATE = 1000
_PROGRAM = """
import hashlib, json, zlib
text = b"".join(b"%x " % (number * 2654435761 % 4294967296) for number in range(120_000))
for _ in range(3):
    words = text.split()
    counts = {}
    for word in words:
        counts[word[:4]] = counts.get(word[:4], 0) + 1
    json.loads(json.dumps({key.decode(): value for key, value in counts.items()}))
    sorted(words)
    hashlib.sha256(text * 20).digest()
    zlib.compress(text, 6)
"""
"""The fixed program for work: of the standard library, partly interpreted and partly in C."""
_START = """
import asyncio, concurrent.futures, csv, ctypes, decimal, email.message, fractions, html.parser
import http.client, http.server, inspect, json, logging.handlers, multiprocessing, pydoc
import sqlite3, statistics, tarfile, unittest.mock, urllib.request, uuid, xml.dom.minidom, zipfile
"""
"""The fixed program for starts, which only imports."""
_TURNS = """
import time
from collections import Counter
while True:
    time.sleep(0.05)
    words = [b"%x" % (number * 2654435761 % 65536) for number in range(1500)]
    Counter(words).most_common(9)
"""
"""The fixed program for turns: short work, and a pause in which the cache is lost."""
_STARTS = ("--version", "report on 100 lines", "report on 10,000 lines")


_FIXED = {"work": _PROGRAM, "start": _START}


@attrs.frozen
class Verdict:
    """How one ratio compares with the kept one."""

    name: str
    ratio: float
    kept: float | None
    """`None`: there is none yet."""

    @property
    def change(self) -> float:
        """The share by which it is larger; 0 without a kept one."""
        return 0.0 if self.kept is None else self.ratio / self.kept - 1

    @property
    def is_worse(self) -> bool:
        return self.change > TOLERANCE

    def __str__(self) -> str:
        if self.kept is None:
            return f"{self.name:<44} {self.ratio:8.3f}   new"
        word = "  WORSE" if self.is_worse else ""
        word = "  better: keep it with --keep" if self.change < -TOLERANCE else word
        return f"{self.name:<44} {self.ratio:8.3f} {self.kept:8.3f} {self.change:+7.0%}{word}"


def verdicts(ratios: Mapping[str, float], kept: Mapping[str, float]) -> list[Verdict]:
    """Compare ratios with the kept ones, by name."""
    return [Verdict(name, ratio, kept.get(name)) for name, ratio in ratios.items()]


def measure_quick(folder: Path, *, keep: bool) -> int:
    """Measure, print and compare; returns the exit status. `keep` writes the ratios."""
    fixed = {kind: [sys.executable, "-c", code] for kind, code in _FIXED.items()}
    best: dict[str, float] = {}
    commands = _commands(folder)
    for _ in range(_ROUNDS):
        for name, command in {**fixed, **commands}.items():
            took = _seconds_of(command)
            best[name] = min(took, best.get(name, took))
    units = {kind: best.pop(kind) for kind in fixed}
    units["turns"], live = _live(folder)
    ratios = {
        name: round(took / units["start" if name in _STARTS else "work"], 4)
        for name, took in best.items()
    }
    ratios[f"CPU, following {_LIVE_RATE:,} lines/s"] = round(live / units["turns"], 4)
    # Memory needs no unit: it hardly depends on the machine.
    ratios[f"MB, {_LARGE}"] = round(peak_of(list(commands[_LARGE])) / 1e6)
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    told = " and ".join(f"{took:.3f} s ({kind})" for kind, took in units.items())
    print(f"the fixed programs took {told}; ratio, kept ratio, change")
    is_like = kept.get("cores") == os.cpu_count()
    found = verdicts(ratios, kept.get("ratios", {}) if is_like else {})
    for verdict in found:
        print(f"  {verdict}")
    if kept and not is_like:
        print(f"not judged: the kept ratios are of {kept['cores']} cores, not {os.cpu_count()}")
    if keep:
        KEPT.write_text(json.dumps({"cores": os.cpu_count(), "ratios": ratios}, indent=1) + "\n")
    return int(any(verdict.is_worse for verdict in found) and not keep)


def _commands(folder: Path) -> dict[str, Sequence[str]]:
    """Return what is measured, by name."""
    program = [sys.executable, "-m", "glancemetrics"]
    out = folder / "quick.json"
    million = generated(folder, 1_000_000)
    with million.open("rb") as file:
        lines = [file.readline() for _ in range(200_000)]
    logs = {}
    for count in (100, 10_000, 200_000):
        logs[count] = folder / f"quick-{count}.log"
        logs[count].write_bytes(b"".join(lines[:count]))
    packed = compressed(million)
    agents = folder / "agents.log"
    agents.write_bytes(
        b"".join(
            line.rpartition(b' "')[0]
            + b' "Mozilla/5.0 (X11; Linux x86_64) Chrome/%d.0.%d.%d"\n'
            % (60 + number % 80, number, number % 97)
            for number, line in enumerate(lines[:100_000])
        )
    )
    return {
        "--version": [*program, "--version"],
        "report on 100 lines": ours(logs[100], out),
        "report on 10,000 lines": ours(logs[10_000], out),
        _LARGE: ours(million, out),
        "report on 1,000,000 lines, gzip": ours(packed, out),
        "report on 100,000 different user agents": ours(agents, out),
        "replay of 200,000 lines": [*program, "replay", str(logs[200_000]), "--config", "off"],
        "screen of 200,000 lines": [*program, str(logs[200_000]), "--once", "--config", "off"],
    }


def _seconds_of(command: Sequence[str]) -> float:
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return time.monotonic() - began


def _live(folder: Path) -> tuple[float, float]:
    """Return the CPU seconds of a second of the fixed program and of a monitor that follows a log.

    They run side by side.
    """
    log = folder / "live.log"
    log.write_bytes(b"")
    options = ("--config", "off", "--state-dir", str(folder / "state"))
    with (
        monitoring(log, *options) as monitor,
        writing(log, _LIVE_RATE),
        _running(_TURNS) as turns,
    ):
        monitor.wait_first()
        time.sleep(5)
        fixed, live = [], []
        for _ in range(_LIVE_TIMES):
            before = cpu_seconds(turns), monitor.cpu_seconds()
            time.sleep(_LIVE_SECONDS)
            fixed.append((cpu_seconds(turns) - before[0]) / _LIVE_SECONDS)
            live.append((monitor.cpu_seconds() - before[1]) / _LIVE_SECONDS)
    return min(fixed), min(live)


@contextmanager
def _running(code: str) -> Iterator[int]:
    """Run a fixed program meanwhile; yields the number of its process."""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            yield process.pid
        finally:
            process.kill()
