"""Whole logs: `glancemetrics report` beside what people use for them, in one run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.peers import Run, ours, peers, run

# Some 780,000 hosts and 125,000 distinct requests in 2,000,000 lines.
VARIETY = ("--visitors", "2000000", "--paths", "500000", "--seed", "7", "--rate", "30")


def measure_report(folder: Path, lines: int, rounds: int) -> None:
    """Run everything in turn, `rounds` times; then our own as the log grows."""
    log = generated(folder, lines)
    out = folder / "report.json"
    size = log.stat().st_size
    print(f"report on {lines:,} lines, {size / 1e6:,.0f} MB, all panels; best of {rounds}:")
    commands: dict[str, list[str] | None] = {"glancemetrics report": ours(log, out)}
    for name, command in peers(folder).items():
        commands[name] = command and [str(log) if word == "LOG" else word for word in command]
    best: dict[str, Run] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            made = run(command) if command else None
            if made is not None and (name not in best or made.seconds < best[name].seconds):
                best[name] = made
    mine = best["glancemetrics report"]
    for name in commands:
        if name not in best:
            print(f"  {name:<28} could not be had here")
            continue
        took = best[name]
        print(
            f"  {name:<28} {took.seconds:7.2f} s  {lines / took.seconds:>11,.0f} lines/s  "
            f"{took.peak_bytes / 1e6:6,.0f} MB  {took.seconds / mine.seconds:5.1f}x our time",
            flush=True,
        )
    log.unlink()


def measure_growth(folder: Path, lines: int, rounds: int) -> None:
    """Lines a second as the log grows, which should not change; and memory, which should stay."""
    out = folder / "report.json"
    for times in (1, 4, 16):
        log = generated(folder, lines * times)
        for options in ((), ("--max-memory", "400MB")):
            made = [run(ours(log, out, *options)) for _ in range(rounds)]
            took = min((each for each in made if each is not None), key=lambda each: each.seconds)
            print(
                f"  report, {times:>2}x: {lines * times:>11,} lines in {took.seconds:6.2f} s, "
                f"{lines * times / took.seconds:>9,.0f} lines/s, {took.peak_bytes / 1e6:,.0f} MB "
                f"{' '.join(options)}",
                flush=True,
            )
        log.unlink()


def generated(folder: Path, lines: int) -> Path:
    log = folder / f"{lines}.log"
    command = [sys.executable, "-m", "glancemetrics", "generate", "--fast", "--lines", str(lines)]
    command += ["--start", "2026-11-20T00:00:00", *VARIETY, "-o", str(log)]
    subprocess.run(command, check=True)
    return log
