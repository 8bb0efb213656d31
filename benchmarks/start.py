"""How long commands take that do little: the start of the program, beside GoAccess.

All commands run in turn, so that other load meets them alike. Also measured are
`BEFORE="command of an older version"` and `GOACCESS="command of a newer GoAccess"`.
"""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from benchmarks.peers import GOACCESS_OPTIONS, cpu_of_children
from benchmarks.terminal import in_terminal
from glancemetrics.simulation import Shape, Traffic

_ROUNDS = 15
_COLUMNS, _ROWS = 150, 50


@attrs.frozen
class _Took:
    seconds: float
    cpu: float
    """Seconds of all its processes."""


def measure_starts(folder: Path, rounds: int = _ROUNDS) -> None:
    """Print medians of what small logs and help take."""
    for package in ("glancemetrics", "actors"):
        # As they are once installed, whatever `PYTHONDONTWRITEBYTECODE` says here.
        compileall.compile_dir(Path(__file__).parents[1] / package, quiet=1)
    small, larger = folder / "100.log", folder / "10000.log"
    lines = b"".join(Traffic(Shape(100), seed=7).seconds(int(time.time()) - 3600, 10_000))
    for log, count in ((small, 100), (larger, 10_000)):
        log.write_bytes(b"".join(lines.splitlines(keepends=True)[:count]))
    measured = _commands(folder, small, larger)
    took: dict[str, list[_Took]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, run in measured.items():
            took[name].append(run())
    print(f"medians of {rounds} runs")
    for name, each in took.items():
        seconds = statistics.median(one.seconds for one in each)
        cpu = statistics.median(one.cpu for one in each)
        print(f"  {name}: {seconds:.3f} s, {cpu:.2f} s of CPU", flush=True)


def _commands(folder: Path, small: Path, larger: Path) -> dict[str, Callable[[], _Took]]:
    programs = {"": [str(Path(sys.executable).with_name("glancemetrics"))]}
    if "BEFORE" in os.environ:
        programs[", before"] = os.environ["BEFORE"].split()
    out = str(folder / "report.json")
    found: dict[str, Callable[[], _Took]] = {}
    for which, program in programs.items():
        for words in (["--version"], ["-h"], ["formats"]):
            found[f"{words[0]}{which}"] = _run(*program, *words)
        for name, log in (("100", small), ("10,000", larger)):
            found[f"report of {name} lines{which}"] = _run(*program, "report", str(log), "-o", out)
        once = (str(small), "--config", "off", "--state-dir", "off")
        found[f"--once of 100 lines{which}"] = _run(*program, *once, "--once")
        found[f"console, first screen of 100 lines{which}"] = _first_screen(*program, *once)
    for name, program in _goaccess().items():
        for count, log in (("100", small), ("10,000", larger)):
            found[f"{name}, report of {count} lines"] = _run(*program, str(log), "-o", out)
    return found


def _goaccess() -> dict[str, list[str]]:
    programs = {"GoAccess": ["goaccess"]} if shutil.which("goaccess") else {}
    if "GOACCESS" in os.environ:
        programs["newer GoAccess, 2 jobs"] = [*os.environ["GOACCESS"].split(), "--jobs=2"]
    return {name: [*words, *GOACCESS_OPTIONS] for name, words in programs.items()}


def _run(*command: str) -> Callable[[], _Took]:
    def run() -> _Took:
        before = cpu_of_children()
        began = time.perf_counter()
        nothing = subprocess.DEVNULL
        subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, check=True)
        return _Took(time.perf_counter() - began, cpu_of_children() - before)

    return run


def _first_screen(*command: str) -> Callable[[], _Took]:
    def run() -> _Took:
        began = time.monotonic()
        with in_terminal(command, _COLUMNS, _ROWS) as terminal:
            # The emulator is fed later: it would take a good part of the machine.
            drawn = terminal.until(_has_figures, rest=1.0)
            cpu = terminal.cpu_seconds()
        return _Took(drawn - began, cpu)

    return run


def _has_figures(rows: Sequence[str]) -> bool:
    return any("100 requests" in row for row in rows)
