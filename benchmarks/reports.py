"""Whole logs: `glancemetrics report` compared with other programs, in one run."""

from __future__ import annotations

import gc
import gzip
import itertools
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import glancemetrics as gm
from actors.archive.log_reader import CHUNK_BYTES
from benchmarks.peers import ours, peak_of, peers, seconds_of
from glancemetrics.formats.combined import decode
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.log_format import LineContext, LogFormat
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.native.plain_lines import plain_lines
from glancemetrics.records.names import shortened
from glancemetrics.reporting.panels import groups_kept
from glancemetrics.reporting.plain_counting import PlainCounting
from glancemetrics.reporting.report import ReportOptions, build_report
from glancemetrics.reporting.slices import slices_of
from glancemetrics.reporting.tally import Tally
from tests.glancemetrics.formats.writers import WRITERS, Request

T = TypeVar("T")

# Some 780,000 hosts and 125,000 distinct requests in 2,000,000 lines.
VARIETY = ("--visitors", "2000000", "--paths", "500000", "--seed", "7", "--rate", "30")
_LONG_SECONDS = 60
_AGENTS = (
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/120.0.0.%d Safari/537.36",
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    b"Gecko) Version/17.5 Mobile/15E148 Safari/604.1.%d",
    b"Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/119.0.0.%d Mobile Safari/537.36",
    b"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0.%d",
)
"""User agents with a place for a number."""


def measure_report(folder: Path, lines: int, rounds: int) -> None:
    """Run all programs alternately, `rounds` times."""
    log = generated(folder, lines)
    out = folder / "report.json"
    size = log.stat().st_size
    print(
        f"report on {lines:,} lines, {size / 1e6:,.0f} MB, all panels; best of {rounds}, "
        f"programs slower than {_LONG_SECONDS} s run once:"
    )
    commands: dict[str, list[str] | None] = {"glancemetrics report": ours(log, out)}
    for name, command in peers(folder).items():
        commands[name] = command and [str(log) if word == "LOG" else word for word in command]
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            if command is None or best.get(name, 0.0) > _LONG_SECONDS:
                continue
            took = seconds_of(command)
            if took is not None:
                best[name] = min(took, best.get(name, took))
    mine = best["glancemetrics report"]
    for name, command in commands.items():
        if command is None or name not in best:
            print(f"  {name:<28} not available")
            continue
        took, peak = best[name], peak_of(command)
        print(
            f"  {name:<28} {took:7.2f} s  {lines / took:>11,.0f} lines/s  "
            f"{peak / 1e6:6,.0f} MB  {took / mine:5.1f}x our time",
            flush=True,
        )
    log.unlink()


def measure_growth(folder: Path, lines: int, rounds: int) -> None:
    """Measure speed and memory as the log grows; neither should change much."""
    out = folder / "report.json"
    for times in (1, 4, 16):
        log = generated(folder, lines * times)
        for options in ((), ("--max-memory", "400MB"), ("--max-memory", "1GB")):
            command = ours(log, out, *options)
            made = [seconds_of(command) for _ in range(rounds)]
            took = min(each for each in made if each is not None)
            peak = peak_of(command)
            print(
                f"  report, {times:>2}x: {lines * times:>11,} lines in {took:6.2f} s, "
                f"{lines * times / took:>9,.0f} lines/s, {peak / 1e6:,.0f} MB "
                f"{' '.join(options)}",
                flush=True,
            )
        log.unlink()


def measure_order(folder: Path, lines: int, rounds: int) -> None:
    """Measure the same lines in order, shuffled, and with dates from 27 years mixed."""
    out = folder / "report.json"
    log = generated(folder, lines)
    chance = random.Random(1)
    lines_of_log = log.read_bytes().splitlines(keepends=True)
    years = [b"/%d:" % year for year in range(2000, 2027)]
    logs = {"in order": log, "shuffled": folder / "shuffled.log", "27 years": folder / "years.log"}
    logs["27 years"].write_bytes(
        b"".join(line.replace(b"/2026:", chance.choice(years), 1) for line in lines_of_log)
    )
    chance.shuffle(lines_of_log)
    logs["shuffled"].write_bytes(b"".join(lines_of_log))
    del lines_of_log
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, each in logs.items():
            took = seconds_of(ours(each, out))
            assert took is not None
            best[name] = min(took, best.get(name, took))
    print(f"report on {lines:,} lines in different orders; best of {rounds}, alternating:")
    for name, took in best.items():
        print(f"  {name:<10} {took:6.2f} s  {took / best['in order']:.2f}x", flush=True)
    for each in logs.values():
        each.unlink()


def measure_ceiling(folder: Path, lines: int) -> None:
    """Measure memory limits with a log in which no value of any field repeats."""
    out = folder / "report.json"
    log = folder / "distinct.log"
    with log.open("wb") as file:
        for number in range(lines):
            file.write(_distinct_line(number))
    print(f"report on {lines:,} lines without repeated values:")
    for ceiling in ("400MB", "1GB", "2GB"):
        command = ours(log, out, "--max-memory", ceiling)
        took = seconds_of(command)
        print(
            f"  --max-memory {ceiling:<6} {took:6.2f} s, {peak_of(command) / 1e6:,.0f} MB",
            flush=True,
        )
    log.unlink()


def compressed(log: Path) -> Path:
    """Write the same log with gzip, beside it."""
    packed = log.with_name(f"{log.name}.gz")
    with log.open("rb") as source, gzip.open(packed, "wb", 6) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return packed


def measure_compressed(folder: Path, lines: int, rounds: int) -> None:
    """Measure a log and the same one with gzip, whole and in thirty files, on all cores and one."""
    out = folder / "report.json"
    log = generated(folder, lines)
    packed = compressed(log)
    parts = folder / "parts"
    parts.mkdir()
    with log.open("rb") as source:
        for part in range(30):
            piece = b"".join(itertools.islice(source, lines // 30 + 1))
            (parts / f"access-{part:02}.log.gz").write_bytes(gzip.compress(piece, 6))
    commands = {"plain": ours(log, out), "gzip": ours(packed, out), "30 files": ours(parts, out)}
    commands["30 files, one core"] = ["taskset", "-c", "0", *commands["30 files"]]
    best: dict[str, float] = {}
    for _ in range(max(3, rounds)):
        for name, command in commands.items():
            took = seconds_of(command)
            if took is not None:
                best[name] = min(took, best.get(name, took))
    print(f"report on {lines:,} lines, gzip; best of {max(3, rounds)}, alternating:")
    for name, took in best.items():
        print(f"  {name:<20} {took:6.2f} s  {took / best['plain']:.2f}x", flush=True)
    shutil.rmtree(parts)
    packed.unlink()
    log.unlink()


def measure_agents(folder: Path, lines: int) -> None:
    """Measure a log in which no user agent repeats."""
    log, out = folder / "agents.log", folder / "report.json"
    with log.open("wb") as file:
        for number in range(lines):
            clock = b"%02d:%02d:%02d" % (number // 3600 % 24, number // 60 % 60, number % 60)
            file.write(
                b'10.0.%d.%d - - [20/Nov/2026:%b +0000] "GET / HTTP/1.1" 200 512 "-" "%b"\n'
                % (number >> 8 & 255, number & 255, clock, _AGENTS[number % len(_AGENTS)] % number)
            )
    took = seconds_of(ours(log, out))
    print(f"report on {lines:,} lines, each with an agent of its own: {took:.2f} s", flush=True)
    log.unlink()


def _distinct_line(number: int) -> bytes:
    mixed = number * 2_654_435_761 & 0xFFFF_FFFF  # Knuth's multiplicative hash, one to one
    host = b".".join(b"%d" % byte for byte in mixed.to_bytes(4))
    clock = b"%02d:%02d:%02d" % (number // 3600 % 24, number // 60 % 60, number % 60)
    return (
        b'%b - - [20/Nov/2026:%b +0000] "GET /p/%x/%d HTTP/1.1" 404 512 '
        b'"https://s%x.example.org/%d" "agent/%x (X11; %d)"\n'
    ) % (host, clock, mixed, number, mixed, number, mixed, number)


def generated(folder: Path, lines: int) -> Path:
    log = folder / f"{lines}.log"
    command = [sys.executable, "-m", "glancemetrics", "generate", "--fast", "--lines", str(lines)]
    command += ["--start", "2026-11-20T00:00:00", *VARIETY, "-o", str(log)]
    subprocess.run(command, check=True)
    return log


FORMATS = {
    "combined": "combined",
    "the same as a log_format": (
        '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
        '"$http_referer" "$http_user_agent"'
    ),
    "the same, matched with RE2": (
        # Adjacent fields can only be separated by backtracking.
        '$remote_addr$nothing - $remote_user [$time_local] "$request" $status $body_bytes_sent '
        '"$http_referer" "$http_user_agent"'
    ),
}


def measure_formats(folder: Path, lines: int, rounds: int) -> None:
    """Measure decoding the same requests in the format of each server, on one core."""
    log = generated(folder, min(lines, 200_000))
    requests = [_request(record) for record in gm.read(log, format="combined").to_pylist()]
    gc.freeze()  # keeps garbage collection of these objects out of the measurement
    for name in PRESETS:
        split = [WRITERS[name](request)[0].rpartition("\n") for request in requests]
        directives = f"{split[0][0]}\n".encode()
        text = "".join(f"{line}\n" for _, _, line in split).encode()
        chunks = _cut(text)
        log_format = read_format(name)
        best = min(_seconds_to_decode(log_format, chunks, directives) for _ in range(rounds))
        size = len(text) / len(requests)
        print(f"format {name}: {len(requests) / best:,.0f} lines/s of {size:.0f} bytes", flush=True)
    text = log.read_bytes()
    for name, log_format in (
        ("nginx log_format, only with RE2", _by_re2_alone()),
        ("regular expression (RE2)", read_format(_REGEX)),
    ):
        best = min(_seconds_to_decode(log_format, _cut(text), b"") for _ in range(rounds))
        size = len(text) / len(requests)
        print(f"format {name}: {len(requests) / best:,.0f} lines/s of {size:.0f} bytes")


_NGINX = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
)
_REGEX = (
    r'(?P<host>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" '
    r'(?P<status>\d+) (?P<bytes>\S+) "(?P<referrer>[^"]*)" "(?P<agent>(?:[^"\\]|\\.)*)"'
)


def _by_re2_alone() -> LogFormat:
    (log_format,) = _patterns(read_format(_NGINX))
    return log_format.without_splitting()


def _patterns(log_format: LogFormat) -> list[PatternFormat]:
    formats = log_format.formats if isinstance(log_format, StreamFormat) else ()
    return [one for one in formats if isinstance(one, PatternFormat)]


def _request(record: dict[str, Any]) -> Request:
    return Request(
        record["time"],
        record["host"],
        record["user"],
        record["method"] or "GET",
        record["path"] or "/",
        record["query"],
        record["protocol"] or "HTTP/1.1",
        record["status"],
        record["bytes"] or 0,
        record["referrer"],
        record["agent"],
        "www.example.com",
        record["time"].microsecond // 1000 + record["status"],
        record["status"],
    )


def _cut(text: bytes) -> list[bytes]:
    chunks = []
    at = 0
    while at < len(text):
        end = text.rfind(b"\n", at, at + CHUNK_BYTES) + 1
        chunks.append(text[at:end])
        at = end
    return chunks


def _chunks(log: Path) -> Iterator[bytes]:
    with log.open("rb") as file:
        rest = b""
        while block := file.read(CHUNK_BYTES):
            cut = block.rfind(b"\n") + 1
            yield rest + block[:cut]
            rest = block[cut:]


def _seconds_to_decode(log_format: LogFormat, chunks: Sequence[bytes], directives: bytes) -> float:
    around = LineContext(directives=directives, arrived=0.0)
    began = time.process_time()
    for chunk in chunks:
        assert not log_format.decode(chunk, around).rejects
    return time.process_time() - began


def measure_phases(folder: Path, lines: int) -> None:
    """Measure the CPU seconds of each phase of a report, in one thread.

    First plain lines, then the same as records, as in other formats.
    """
    log = generated(folder, lines)
    for what, phases in (
        ("plain lines", ("reading", "finding", "counting", "panels")),
        ("records", ("reading", "decoding", "slicing", "counting", "panels")),
    ):
        spent = dict.fromkeys(phases, 0.0)
        tally = Tally(1 << 40, groups_kept())
        counting = PlainCounting(tally)
        chunks = _chunks(log)
        while chunk := _timed(spent, "reading", partial(next, chunks, b"")):
            if "finding" in spent:
                plain = _timed(spent, "finding", partial(plain_lines, chunk, shortened))
                minutes = _timed(spent, "finding", plain.minutes)
                assert minutes is not None
                assert not len(plain.left)
                _timed(spent, "counting", partial(counting.add, plain, minutes))
            else:
                batch = _timed(spent, "decoding", partial(decode, chunk)).batch
                slices = _timed(spent, "slicing", partial(slices_of, batch))
                _timed(spent, "counting", partial(tally.add, slices))
        for base in list(tally.by):
            _timed(spent, "counting", partial(tally.settle, base))
        _timed(spent, "panels", partial(build_report, tally, ReportOptions()))
        print(f"phases of a report on {lines:,} {what}, CPU seconds in one thread:")
        for phase, seconds in spent.items():
            print(f"  {phase:<10} {seconds:6.2f} s  {seconds / lines * 1e9:6.0f} ns per line")
    log.unlink()


def _timed(spent: dict[str, float], phase: str, work: Callable[[], T]) -> T:
    began = time.process_time()
    result = work()
    spent[phase] += time.process_time() - began
    return result
