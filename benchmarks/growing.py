"""Measures how costs grow with the work of each kind, and draws them: see `charts`."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from actors.history import SUFFIX
from actors.history.about import About, write_about
from actors.history.segments import SegmentFolder
from benchmarks.alerts import RATE, cost_of_rules
from benchmarks.charts import Chart, picture
from benchmarks.history import RandomRecords
from benchmarks.peers import ours, seconds_of
from benchmarks.reports import generated
from benchmarks.web import measured

PICTURE = Path(__file__).parent.parent / "docs" / "how" / "growth.svg"
_LINES = (100_000, 400_000, 1_600_000, 6_400_000)
_FILES, _LINES_OF_FILES = (1, 10, 100, 1000, 10_000), 500_000
_VALUES, _LINES_OF_VALUES = (1000, 10_000, 100_000, 1_000_000), 1_000_000
_RULES = (1, 10, 100, 1000)
_VIEWERS = (1, 10, 100, 1000)
_HOURS, _A_SECOND = (1, 6, 24, 168, 720), 4
_SEGMENT = 500_000
_ROUNDS = 3


def measure_growing(folder: Path) -> None:
    """Measure everything, print it, and draw the picture."""
    kinds: Sequence[Callable[[Path], Chart]] = (
        _lines, _files, _values, _rules, _viewers, _history,
    )  # fmt: skip
    charts = []
    for kind in kinds:
        chart = kind(folder)
        charts.append(chart)
        print(f"{chart.title} ({chart.unit}):", flush=True)
        for amount, took in chart.points:
            print(f"  {amount:>12,.0f} {chart.of:<28} {took:9.3f}", flush=True)
    PICTURE.write_text(picture(charts), encoding="utf-8")
    print(f"drawn in {PICTURE.name}")


def _best(command: list[str]) -> float:
    found = [seconds_of(command) for _ in range(_ROUNDS)]
    return min(took for took in found if took is not None)


def _lines(folder: Path) -> Chart:
    points = []
    for lines in _LINES:
        log = generated(folder, lines)
        points.append((lines, _best(ours(log, folder / "report.json"))))
        log.unlink()
    return Chart("Report on a larger log", "lines", "seconds", points)


def _files(folder: Path) -> Chart:
    log = generated(folder, _LINES_OF_FILES)
    lines = log.read_bytes().splitlines(keepends=True)
    points = []
    for count in _FILES:
        parts = folder / "parts"
        parts.mkdir()
        each = len(lines) // count
        for number in range(count):
            piece = b"".join(lines[number * each : (number + 1) * each])
            (parts / f"{number:05}.access.log").write_bytes(piece)
        points.append((count, _best(ours(parts, folder / "report.json"))))
        shutil.rmtree(parts)
    log.unlink()
    return Chart("Report on 500,000 lines in files", "files", "seconds", points)


def _values(folder: Path) -> Chart:
    points = []
    for values in _VALUES:
        log = folder / "values.log"
        with log.open("wb") as file:
            for number in range(_LINES_OF_VALUES):
                value = number * 2_654_435_761 % values  # another order than that of its number
                file.write(
                    b"10.%d.%d.%d - - [20/Nov/2026:10:%02d:%02d +0000] "
                    b'"GET /p/%d HTTP/1.1" 200 512 "-" "curl/8.5.0"\n'
                    % (
                        *(value >> 16 & 255, value >> 8 & 255, value & 255),
                        *(number // 60_000 % 60, number // 1000 % 60),
                        value,
                    )
                )
        points.append((values, _best(ours(log, folder / "report.json"))))
        log.unlink()
    return Chart("Report on 1,000,000 lines", "different hosts and paths", "seconds", points)


def _rules(folder: Path) -> Chart:
    points = [(count, sum(cost_of_rules(folder, count, seconds=15))) for count in _RULES]
    return Chart(f"Alerts, {RATE:,} lines/s", "rules", "cores", points)


def _viewers(folder: Path) -> Chart:
    points = [(count, measured(folder, count).cpu) for count in _VIEWERS]
    return Chart("Page, 100,000 lines/s", "viewers", "cores", points)


def _history(folder: Path) -> Chart:
    made, points = RandomRecords(), []
    for hours in _HOURS:
        state = folder / f"state{hours}"
        history = state / f"monitor-x{SUFFIX}"
        segments, total = SegmentFolder(history), hours * 3600 * _A_SECOND
        now = time.time()
        for first in range(0, total, _SEGMENT):
            rows = min(_SEGMENT, total - first)
            since = now - hours * 3600 + 60 + first / _A_SECOND
            segments.write(first, made.batch(rows, since, rows / _A_SECOND * 0.99))
        write_about(history, About(("access.log",)))
        asked = [*("--by", "path", "--last", f"{hours}h", "--measures", "hits")]
        command = [sys.executable, "-m", "glancemetrics", "query", "--state-dir", str(state)]
        times = []
        for _ in range(_ROUNDS):
            began = time.monotonic()
            subprocess.run([*command, *asked], check=True, stdout=subprocess.DEVNULL)
            times.append(time.monotonic() - began)
        points.append((hours, statistics.median(times)))
        shutil.rmtree(state)
    return Chart(f"Query of top paths, {_A_SECOND} requests/s", "hours", "seconds", points)
