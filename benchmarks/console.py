"""The console at 200x60 in a pseudo-terminal: keys, filters, bytes of a redraw, and CPU."""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lines import fixed_lines, stamp
from benchmarks.monitor import cpu_seconds
from benchmarks.terminal import Terminal, in_terminal
from glancemetrics.simulation import Shape, Traffic

_COLUMNS, _ROWS = 200, 60
_RATE = 100_000
"""Lines per second while keys are pressed."""
_KEYS = 120
_FILTERS = (
    "status >= 500",
    "section = '/blog'",
    "bytes > 20000",
    "method = 'POST'",
    "path like '/products/%'",
    "status = 404",
    "host like '1%'",
    "agent like '%Chrome%'",
    "bytes between 1000 and 5000",
    "section <> '/products'",
    "status < 300",
    "referrer like '%google%'",
)
_BLOCKS = 20
_RECORDS = 1_000_000
_VIEWS = ("Overview", "URLs", "Errors", "Clients")
_PLACEHOLDER = re.compile(r"(?:^|│) +… ")
"""What stands where an answer is still awaited."""


def measure_console(folder: Path, seconds: int = 30) -> None:
    """Measure keys and redraws at 100,000 lines/s, filters on a million records, and idle CPU."""
    measure_keys(folder)
    measure_filters(folder)
    measure_cpu(folder, seconds)


def measure_keys(folder: Path) -> None:
    """Measure the time from a key to the bytes that answer it, while 100,000 lines/s are written.

    Keys are pressed at random times: some of them meet a redraw or a snapshot.
    """
    log = folder / "keys.log"
    log.write_bytes(_recent(seconds=100, rate=100))
    with _console(log, "-r", "1") as terminal, writing(log, _RATE):
        terminal.until(lambda rows: "HEALTHY" in rows[0] or "WARNING" in rows[0])
        time.sleep(5)
        began = time.monotonic()
        time.sleep(10)
        redraws = terminal.redraws(began, time.monotonic())
        terminal.look()
        chance = random.Random(1)
        times: dict[str, list[float]] = {"view": [], "cursor": []}
        is_down = False
        for number in range(_KEYS):
            time.sleep(chance.uniform(0.05, 0.6))
            terminal.look()
            if number % 6 == 0:
                view = number // 6 % len(_VIEWS)
                shows = _is_view(terminal, view)
                if shows([]):
                    continue
                pressed, is_down = terminal.press(str(view + 1)), False
                kind = "view"
            else:
                before = _cursor(terminal.rows)
                # Down and up again: further down the rows move, and not the cursor.
                is_down = not is_down
                pressed = terminal.press("\x1b[B" if is_down else "\x1b[A")
                shows = _has_moved(before)
                kind = "cursor"
            times[kind].append(terminal.until(shows, rest=0.3) - pressed)
    log.unlink()
    every = [one for found in times.values() for one in found]
    print(f"keys at {_RATE:,} lines/s, {_COLUMNS}x{_ROWS}: {_spread(every)}")
    for kind, found in times.items():
        print(f"  {kind}: {_spread(found)}")
    print(
        f"redraws at {_RATE:,} lines/s: {len(redraws) / 10:.1f} a second, "
        f"{statistics.median(redraws):,.0f} bytes each (median), {max(redraws):,} at most",
        flush=True,
    )


def _is_view(terminal: Terminal, view: int) -> Callable[[list[str]], bool]:
    """Return whether the last row marks a view as the current one, by its color."""

    def shows(rows: list[str]) -> bool:
        last = "".join(terminal.screen.display[-1]) if not rows else rows[-1]
        cells = terminal.screen.buffer[_ROWS - 1]
        at = last.find(f" {view + 1} {_VIEWS[view]} ")
        other = last.find(f" {(view + 1) % 4 + 1} {_VIEWS[(view + 1) % 4]} ")
        if at < 0 or other < 0:
            return False
        third = last.find(f" {(view + 2) % 4 + 1} {_VIEWS[(view + 2) % 4]} ")
        return cells[at + 1].bg not in {cells[other + 1].bg, cells[third + 1].bg}

    return shows


def _cursor(rows: list[str]) -> tuple[int, int]:
    for number, row in enumerate(rows):
        if "▸" in row:
            return number, row.index("▸")
    return -1, -1


def _has_moved(before: tuple[int, int]) -> Callable[[list[str]], bool]:
    return lambda rows: _cursor(rows) not in {before, (-1, -1)}


def measure_filters(folder: Path) -> None:
    """Measure the time from Enter after a filter to its numbers, on a million records."""
    log = folder / "filters.log"
    seconds = 3000
    log.write_bytes(_recent(seconds=seconds, rate=_RECORDS // seconds + 1, lines=_RECORDS))
    figures: list[float] = []
    whole: list[float] = []
    with _console(log, "--timewindow", "1h", "--alert-threshold", "1000000") as terminal:
        terminal.until(lambda rows: "requests" in rows[1] and not _is_awaited(rows), 120)
        time.sleep(8)
        for text in _FILTERS:
            terminal.look()
            terminal.press("f")
            for letter in text:
                time.sleep(0.03)
                terminal.press(letter)
            time.sleep(0.3)
            terminal.look()
            pressed = terminal.press("\r")
            figures.append(terminal.until(_is_narrowed(text), rest=0.5) - pressed)
            whole.append(
                max(figures[-1], terminal.until(lambda rows: not _is_awaited(rows)) - pressed)
            )
            time.sleep(2)
            terminal.look()
            terminal.press("F")
            terminal.until(lambda rows: "requests" in rows[1] and not _is_awaited(rows))
            time.sleep(1.5)
    log.unlink()
    print(f"a filter on {_RECORDS:,} records, figures: {_spread(figures)}")
    print(f"  all of the page: {_spread(whole)}", flush=True)


def _is_narrowed(text: str) -> Callable[[list[str]], bool]:
    return lambda rows: text in rows[1] and "req/s" in rows[2]


def _is_awaited(rows: list[str]) -> bool:
    return any(_PLACEHOLDER.search(row) for row in rows)


def measure_cpu(folder: Path, seconds: int) -> None:
    """Measure the CPU of a console, and beside it of a monitor without one on the same log."""
    for rate in (0, 10):
        log = folder / f"idle{rate}.log"
        log.write_bytes(_recent(seconds=100, rate=20))
        arguments = ("--timewindow", "600")  # so that the tables stay full
        command = [*_command(log, *arguments), "--no-console"]
        with (
            subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as headless,
            _console(log, *arguments) as terminal,
            writing(log, rate),
        ):
            try:
                time.sleep(10)
                before = terminal.cpu_seconds(), cpu_seconds(headless.pid)
                began = time.monotonic()
                time.sleep(seconds)
                took = time.monotonic() - began
                console = (terminal.cpu_seconds() - before[0]) / took
                alone = (cpu_seconds(headless.pid) - before[1]) / took
                redraws = terminal.redraws(began, began + took)
            finally:
                headless.terminate()
                headless.wait(10)
        log.unlink()
        what = f"{rate} lines/s" if rate else "idle"
        size = f"{statistics.median(redraws):,.0f} bytes each" if redraws else "none"
        print(
            f"CPU, {what}, over {took:.0f} s: console {100 * console:.2f} % of a core, "
            f"monitor without a console {100 * alone:.2f} %, ratio "
            f"{console / max(alone, 1e-9):.2f}; {len(redraws) / took:.2f} redraws a second, {size}",
            flush=True,
        )


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return (
        f"median {1000 * statistics.median(ordered):.0f} ms, p95 {1000 * p95:.0f} ms, "
        f"worst {1000 * ordered[-1]:.0f} ms of {len(ordered)}"
    )


def _recent(*, seconds: int, rate: int, lines: int | None = None) -> bytes:
    """Return lines up to now."""
    traffic = Traffic(Shape(rate), seed=1)
    start = int(time.time()) - seconds
    return b"".join(traffic.seconds(start, lines or seconds * rate, seconds))


def _command(log: Path, *arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "glancemetrics", "-f", str(log), "--config", "off"),
        *("--alert-log", "off", *arguments),
    ]


@contextmanager
def _console(log: Path, *arguments: str) -> Iterator[Terminal]:
    with in_terminal(_command(log, *arguments), _COLUMNS, _ROWS) as terminal:
        yield terminal


@contextmanager
def writing(log: Path, rate: int, tick: float = 0.05) -> Iterator[None]:
    """Append lines at a rate; prepared ones, of which writing takes a twentieth of a core."""
    if not rate:
        yield
        return
    tick = max(tick, 1 / rate)
    # Drawn at random, so that the numbers on the screen change as those of a site do.
    blocks = [fixed_lines(max(1, round(rate * tick)), seed) for seed in range(_BLOCKS)]
    chance = random.Random(1)
    stop = threading.Event()

    def write() -> None:
        began, ticks = time.monotonic(), 0
        with log.open("ab", 0) as file:
            while not stop.is_set():
                file.write(stamp(time.time()).join(chance.choice(blocks)))
                ticks += 1
                stop.wait(max(0.0, began + ticks * tick - time.monotonic()))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()
