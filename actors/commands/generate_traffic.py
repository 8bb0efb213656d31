"""Writes the simulated traffic of `glancemetrics generate`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import trio

from actors.state.allocator import collect_from_now_on
from glancemetrics.errors import GlanceMetricsError, StdoutClosedError, UsageError
from glancemetrics.simulation import Shape, Traffic

_TICK_SECONDS = 0.05
_ROTATED_FILES = 5


def generate(options: argparse.Namespace) -> int:
    """Write traffic; returns the exit status."""
    shape = Shape(
        options.rate,
        options.swing,
        options.flutter,
        tuple(options.spike),
        tuple(options.error_spike),
        tuple(options.scan),
        options.visitors,
        options.paths,
    )
    traffic = Traffic(
        shape,
        seed=options.seed,
        combined=options.format != "common",
        timed=options.format == "timed",
    )
    write = _writer(options.output, options.rotate)
    try:
        collect_from_now_on()
        if options.fast:
            _write_fast(traffic, options, write)
        else:
            trio.run(_write_paced, traffic, options, write)
    except BrokenPipeError:
        raise StdoutClosedError from None
    except OSError as error:
        if options.output is None:
            raise  # of standard output
        raise GlanceMetricsError(f"--output {options.output}: {error.strerror}") from None
    return 0


def _write_fast(
    traffic: Traffic, options: argparse.Namespace, write: Callable[[bytes], None]
) -> None:
    start = options.start
    if start is None:
        span = options.lines / options.rate if options.duration is None else options.duration
        start = int(time.time() - span)
    for block in traffic.seconds(start, options.lines, options.duration):
        write(block)


async def _write_paced(
    traffic: Traffic, options: argparse.Namespace, write: Callable[[bytes], None]
) -> None:
    began = trio.current_time()
    left = options.lines
    tick = 0
    while left is None or left > 0:
        elapsed = tick * _TICK_SECONDS
        if options.duration is not None and elapsed >= options.duration:
            return
        block = traffic.lines(elapsed, int(time.time()), _TICK_SECONDS)
        if left is not None:
            block = b"".join(block.splitlines(keepends=True)[:left])
            left -= block.count(b"\n")
        if block:
            write(block)
        tick += 1
        await trio.sleep_until(began + tick * _TICK_SECONDS)


def _writer(output: str | None, rotate: int | None) -> Callable[[bytes], None]:
    if output is None:
        if rotate is not None:
            raise UsageError("--rotate: needs --output FILE")
        return _raw_writer(sys.stdout.buffer)
    path = Path(output)
    try:
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise UsageError(f"--output {output}: {error.strerror}") from None
    if rotate is None:
        return _raw_writer(file)
    return _RotatingFile(path, file, rotate).write


def _raw_writer(file: BinaryIO) -> Callable[[bytes], None]:
    def write(block: bytes) -> None:
        left = memoryview(block)
        while left:
            left = left[os.write(file.fileno(), left) :]

    return write


class _RotatingFile:
    """Renames as logrotate does, and opens anew."""

    def __init__(self, path: Path, file: BinaryIO, limit: int) -> None:
        self._path = path
        self._file = file
        self._limit = limit

    def write(self, block: bytes) -> None:
        if self._file.tell() >= self._limit:
            self._rotate()
        _raw_writer(self._file)(block)

    def _rotate(self) -> None:
        self._file.close()
        for number in range(_ROTATED_FILES - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.rename(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.rename(self._path.with_name(f"{self._path.name}.1"))
        self._file = self._path.open("ab", buffering=0)
