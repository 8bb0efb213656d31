"""A log written at a steady rate by a program in C: one in Python has its own limit first."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from benchmarks.lines import fixed_lines, stamp

_SOURCE = Path(__file__).with_name("writer.c")
_LINES = 50_000
"""Prepared lines, which are written again and again."""
IN_MEMORY = Path("/dev/shm")
"""A file system in memory: a disk would be the limit."""


@attrs.frozen
class Written:
    """What a writer did."""

    lines: int
    seconds: float
    cpu_seconds: float


class Writer:
    """A running writer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.written: Written | None = None

    def wait_first(self, log: Path) -> None:
        """Wait until it has begun to write."""
        while not log.stat().st_size and self._process.poll() is None:
            time.sleep(0.001)

    @property
    def is_done(self) -> bool:
        """Whether it has written everything."""
        if self.written is None and self._process.poll() is not None:
            assert self._process.stdout is not None
            lines, seconds, cpu_seconds = self._process.stdout.read().split()
            self.written = Written(int(lines), float(seconds), float(cpu_seconds))
        return self.written is not None


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Make a folder for a log that no disk holds up."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name:
        yield Path(name)


def built(folder: Path) -> Path:
    """Compile the writer, once for each folder."""
    program = folder / "writer"
    if not program.exists():
        subprocess.run(["cc", "-O2", "-o", program, _SOURCE], check=True)
        (folder / "lines").write_bytes(stamp(0).join(fixed_lines(_LINES)))
    return program


@contextmanager
def writing(folder: Path, log: Path, rate: float, seconds: float, each: int) -> Iterator[Writer]:
    """Append to a log for some seconds, at most `each` lines in a write."""
    command = [str(built(folder)), str(log), str(folder / "lines")]
    command += [f"{rate}", f"{seconds}", f"{each}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Writer(process)
        finally:
            process.kill()
