"""`glancemetrics generate`: writes made-up traffic to stdout or a file, as fast as told."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import trio

from actors.commands.parser import CommandParser
from glancemetrics.errors import GlanceMetricsError, StdoutClosedError, UsageError
from glancemetrics.simulation import Shape, Spike, Traffic

_TICK_SECONDS = 0.05
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")
_SPAN_SECONDS = {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600, "d": 86_400}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMG]?)B?")
_SIZE_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_ROTATED_FILES = 5


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
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
    traffic = Traffic(shape, seed=options.seed, combined=options.format == "combined")
    write = _writer(options.output, options.rotate)
    try:
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


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="glancemetrics generate",
        description="Write realistic web traffic as an access log, for demonstrations and tests.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-o", "--output", metavar="FILE", help="append to FILE (default: standard output)")
    add("--rate", type=_rate, default=100.0, metavar="RATE", help="lines a second (default: 100)")
    add("--lines", type=_count, metavar="N", help="end after N lines")
    add("--duration", type=_span, metavar="SPAN", help="end after SPAN: 30s, 10m, 2h")
    add("--fast", action="store_true", help="as fast as can be, in made-up time; needs --lines")
    add("--start", type=_instant, metavar="TIME",
        help="first second of --fast, ISO 8601 (default: so that it ends now)")  # fmt: skip
    add("--seed", type=_count, default=1, metavar="N", help="same seed, same lines (default: 1)")
    add("--format", choices=("combined", "common"), default="combined")
    add("--visitors", type=_some, default=1 << 15, metavar="N",
        help="how many different visitors there are (default: 32768)")  # fmt: skip
    add("--paths", type=_some, default=1 << 12, metavar="N",
        help="how many different paths there are (default: 4096)")  # fmt: skip
    add("--swing", type=_share, default=0.0, metavar="SHARE",
        help="how much of the rate comes and goes over the day, 0 to 1 (default: 0)")  # fmt: skip
    add("--flutter", type=_share, default=0.1, metavar="SHARE",
        help="deviation of the rate from second to second, 0 to 1 (default: 0.1)")  # fmt: skip
    add("--spike", type=_spike, action="append", default=[], metavar="SPAN@RATE[+AFTER]",
        help="for SPAN the rate is RATE, AFTER (default: 10s) from the start: "
        "60s@50, 2m@300+1m, an outage 10m@0+1h; repeatable")  # fmt: skip
    add("--error-spike", "--error_spike", type=_spike, action="append", default=[],
        metavar="SPAN@SHARE[+AFTER]", help="so much of the responses is 5xx: 60s@0.4")  # fmt: skip
    add("--scan", type=_spike, action="append", default=[], metavar="SPAN@RATE[+AFTER]",
        help="one visitor more asks for what is not there: 5m@3+1h")  # fmt: skip
    add("--rotate", type=_size, metavar="SIZE",
        help="rename FILE to FILE.1 and so on when it reaches SIZE: 10MB")  # fmt: skip
    return parser


def _write_fast(
    traffic: Traffic, options: argparse.Namespace, write: Callable[[bytes], None]
) -> None:
    if options.lines is None:
        raise UsageError("--fast: say how many, with --lines")
    start = options.start
    if start is None:
        start = int(time.time() - options.lines / options.rate)
    for block in traffic.seconds(start, options.lines):
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
            raise UsageError("--rotate: needs a file, with --output")
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


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < 1e9:
        raise argparse.ArgumentTypeError(f"{text} must be a number of lines a second above 0")
    return rate


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} must be a whole number")
    return int(text)


def _some(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text} must be a whole number from 1 to 10000000")
    return int(text)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} must be a number from 0 to 1")
    return share


def _span(text: str) -> float:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} must be a span such as 30s, 10m or 2h")
    return float(match[1]) * _SPAN_SECONDS[match[2]]


def _spike(text: str) -> Spike:
    duration, at, rest = text.partition("@")
    value, plus, after = rest.partition("+")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not at or number < 0:
        raise argparse.ArgumentTypeError(f"{text} must be SPAN@VALUE[+AFTER], such as 60s@50+10s")
    return Spike(_span(after) if plus else 10.0, _span(duration), number)


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} must be a size such as 500kB or 10MB")
    return int(float(match[1]) * _SIZE_BYTES[match[2]])


def _instant(text: str) -> int:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} must be a time such as 2026-11-23T12:00"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
