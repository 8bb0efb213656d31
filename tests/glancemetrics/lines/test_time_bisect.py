"""Bisecting a log by time: the first record inside the window, in few reads."""

from __future__ import annotations

import random

import pytest

from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.line_times import line_times
from glancemetrics.lines.line_ends import last_line_end
from glancemetrics.lines.time_bisect import directives_before, find_start
from tests.lines import BASE, line

TIMES = line_times(COMBINED)


class Log:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bytes_read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        piece = self.data[offset : offset + length]
        self.bytes_read += len(piece)
        return piece


def first_at_or_after(lines: list[bytes], times: list[int], since: int) -> int:
    offset = 0
    for text, time in zip(lines, times, strict=True):
        if time >= since:
            return offset
        offset += len(text)
    return offset


@pytest.mark.parametrize("since", [-5, 0, 1, 700, 9_999, 12_345, 20_000, 20_001, 99_999])
@pytest.mark.parametrize("disorder", [0, 3])
def test_it_finds_the_first_record_of_the_window(since: int, disorder: int) -> None:
    chance = random.Random(since)
    times = [BASE + i // 2 + chance.randint(-disorder, 0) for i in range(40_000)]
    lines = [line(time, agent="x" * chance.randint(0, 300)) for time in times]
    log = Log(b"".join(lines))
    start = find_start(log.read_at, len(log.data), TIMES, BASE + since)
    assert start.offset == first_at_or_after(lines, times, BASE + since)
    assert log.bytes_read < 3_000_000 < len(log.data)


def test_lines_without_a_time_are_passed_over() -> None:
    lines = [line(BASE + i) + b"no time here\n" for i in range(5000)]
    data = b"".join(lines)
    start = find_start(Log(data).read_at, len(data), TIMES, BASE + 4000)
    assert start.offset == sum(map(len, lines[:4000]))


def test_a_log_without_times_starts_near_its_end_so_that_something_is_seen() -> None:
    data = b"nothing to read here\n" * 100_000
    start = find_start(Log(data).read_at, len(data), TIMES, BASE)
    assert len(data) - 70_000 < start.offset < len(data)
    assert data[start.offset - 1 : start.offset] == b"\n"
    assert start.newest is None


def test_an_unfinished_last_line_is_left_to_be_read_when_it_is_whole() -> None:
    data = line(BASE) + line(BASE)[:30]
    assert find_start(Log(data).read_at, len(data), TIMES, BASE + 9).offset == len(line(BASE))
    assert last_line_end(Log(data).read_at, len(data)) == len(line(BASE))


@pytest.mark.parametrize("data", [b"", b"x", b"\n"])
def test_tiny_logs_have_a_start(data: bytes) -> None:
    assert find_start(Log(data).read_at, len(data), TIMES, BASE).offset in (0, len(data))


@pytest.mark.parametrize("between", [1, 300_000])
def test_the_directives_before_an_offset_are_found_however_far_back(between: int) -> None:
    lines = b"1 2 3\n" * between
    data = b"#Fields: a\n#Date: 1\n" + lines + b"#Fields: b\nx\n" + lines
    prefixes = (b"#Fields:", b"#Date:", b"#None:")
    found = directives_before(Log(data).read_at, len(data), prefixes)
    assert sorted(found.splitlines()) == [b"#Date: 1", b"#Fields: b"]
    before = data.index(b"#Fields: b")
    found = directives_before(Log(data).read_at, before, prefixes)
    assert sorted(found.splitlines()) == [b"#Date: 1", b"#Fields: a"]
    assert directives_before(Log(data).read_at, 0, prefixes) == b""
