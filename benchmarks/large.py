"""Large logs of two generators, in turn with GoAccess: seconds, CPU and memory.

With `BEFORE="command of an older version"`, that too is timed in turn.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from benchmarks.even_log import write_even_log
from benchmarks.peers import cpu_of_children, ours, peak_of, peers, run_quietly
from benchmarks.reports import generated

GENERATORS: dict[str, Callable[[Path, int], Path]] = {
    "even": lambda folder, lines: write_even_log(folder / f"even-{lines}.log", lines),
    "generate": generated,
}


@attrs.define
class _Runs:
    command: list[str]
    seconds: float = float("inf")
    cpu: float = float("inf")

    def again(self) -> None:
        """Run once more; the best of all runs counts."""
        began, before = time.monotonic(), cpu_of_children()
        if run_quietly(self.command):
            raise SystemExit(f"{' '.join(self.command)} failed")
        self.seconds = min(self.seconds, time.monotonic() - began)
        self.cpu = min(self.cpu, cpu_of_children() - before)


def measure_large(folder: Path, lines: int, rounds: int) -> None:
    """Report on logs of two sizes and generators; GoAccess is the newest one there is."""
    out = folder / "report.json"
    goaccess = [name for name, command in peers(folder).items() if "goaccess" in name and command]
    if not goaccess:
        raise SystemExit("large: GoAccess is missing")
    print(f"best of {rounds}, in turn with {goaccess[-1]}; {os.cpu_count()} cores:")
    for name, write in GENERATORS.items():
        for count in (lines // 2, lines * 2):
            log = write(folder, count)
            command = peers(folder)[goaccess[-1]] or []
            mine = _Runs(ours(log, out))
            theirs = _Runs([str(log) if word == "LOG" else word for word in command])
            before = _before(log, out)
            for _ in range(rounds):
                for each in (mine, theirs, *before):
                    each.again()
            memory = [peak_of(each.command) / 1e6 for each in (mine, theirs)]
            print(
                f"  {name:<8} {count:>9,} lines, {log.stat().st_size / count:.0f} B each: "
                f"{mine.seconds:5.2f} s, {mine.cpu / count * 1e6:.2f} µs of CPU a line, "
                f"{memory[0]:,.0f} MB; GoAccess {theirs.seconds:6.2f} s, "
                f"{theirs.cpu / count * 1e6:.2f} µs, {memory[1]:,.0f} MB; "
                f"{theirs.seconds / mine.seconds:.1f} times as fast"
                + "".join(
                    f"; before {old.seconds:.2f} s, {old.cpu / count * 1e6:.2f} µs, "
                    f"{theirs.seconds / old.seconds:.1f} times"
                    for old in before
                ),
                flush=True,
            )
            log.unlink()


def _before(log: Path, out: Path) -> list[_Runs]:
    """Return the older version, if there is one."""
    command = os.environ.get("BEFORE", "").split()
    return [_Runs([*command, "report", str(log), "-o", str(out)])] if command else []
