"""The log of a container: any cut, any position, streams apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.lines.docker_frames import (
    STDERR,
    STDOUT,
    ContainerLog,
    FramesError,
    Place,
    Taken,
    time_of,
)
from glancemetrics.lines.splitter import LINE_LIMIT
from tests.lines import BASE


def stamp(nanos: int) -> bytes:
    """A time as Docker writes it: always nine digits."""
    second = datetime.fromtimestamp(BASE + nanos // 10**9, UTC)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{nanos % 10**9:09d}Z".encode()


def frame(stream: int, message: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(message).to_bytes(4, "big") + message


def message(nanos: int, text: bytes) -> bytes:
    return stamp(nanos) + b" " + text


def lines_of(whole: bytes) -> list[bytes]:
    return [line + b"\n" for line in whole.split(b"\n")[:-1]]


def fed(log: ContainerLog, whole: bytes, cuts: list[int]) -> list[Taken]:
    cuts = sorted(min(cut, len(whole)) for cut in cuts)
    pieces = zip([0, *cuts], [*cuts, len(whole)], strict=True)
    return [log.feed(whole[begin:end]) for begin, end in pieces]


LINES = st.lists(
    st.tuples(
        st.sampled_from([STDOUT, STDERR]),
        st.integers(0, 3),  # nanoseconds since the line before
        st.lists(st.text(alphabet="abc é\r", max_size=5), min_size=1, max_size=3),  # pieces
    ),
    max_size=15,
)
CUTS = st.lists(st.integers(0, 2000), max_size=6)


def framed(made: list[tuple[int, int, list[str]]]) -> tuple[bytes, dict[int, list[bytes]]]:
    """A log of frames, lines split as the engines do; and the lines of each stream."""
    whole = b""
    lines: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
    nanos = 0
    for stream, step, parts in made:
        nanos += step
        lines[stream].append(message(nanos, "".join(parts).encode()) + b"\n")
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            whole += frame(stream, message(nanos + number, part.encode() + b"\n" * is_last))
    return whole, lines


@given(LINES, CUTS)
def test_any_cut_gives_the_lines_of_each_stream(made, cuts) -> None:
    whole, lines = framed(made)
    log = ContainerLog(has_frames=True, places={})
    taken = fed(log, whole, cuts)
    got = b"".join(one.lines for one in taken)
    assert sorted(lines_of(got)) == sorted(lines[STDOUT] + lines[STDERR])
    for stream in (STDOUT, STDERR):
        own = [line for line in lines_of(got) if line in lines[stream]]
        if not set(lines[STDOUT]) & set(lines[STDERR]):
            assert own == lines[stream]
    assert not log.end()
    assert not log.has_lost


@given(LINES, CUTS, st.integers(0, 15), CUTS)
def test_from_any_position_each_line_comes_once(made, cuts, stopped_at, more_cuts) -> None:
    """Although lines have the same time, and all of the log is sent again."""
    before, _ = framed(made[:stopped_at])
    whole, lines = framed(made)
    first = ContainerLog(has_frames=True, places={})
    got = b"".join(one.lines for one in fed(first, before, cuts))
    second = ContainerLog(has_frames=True, places=first.places)
    taken = fed(second, whole, more_cuts)
    got += b"".join(one.lines for one in taken)
    assert sorted(lines_of(got)) == sorted(lines[STDOUT] + lines[STDERR])
    assert not any(one.lost for one in taken)
    assert not second.has_lost
    assert second.places == after(whole).places


def after(whole: bytes) -> ContainerLog:
    log = ContainerLog(has_frames=True, places={})
    log.feed(whole)
    return log


def test_it_says_when_the_last_line_is_gone() -> None:
    places = {STDOUT: Place(time_of(stamp(5)) or 0, 1)}
    later = frame(STDOUT, message(9, b"later\n"))
    log = ContainerLog(has_frames=True, places=places)
    assert log.has_lost  # if this is all of the log
    assert log.feed(later) == Taken(message(9, b"later\n"), lost=True)
    there = ContainerLog(has_frames=True, places=places)
    taken = there.feed(frame(STDOUT, message(5, b"last\n")) + later)
    assert taken == Taken(message(9, b"later\n"))
    assert not there.has_lost


def test_it_begins_at_a_time() -> None:
    log = ContainerLog(has_frames=True, places={STDOUT: Place(time_of(stamp(5)) or 0)})
    whole = b"".join(frame(STDOUT, message(nanos, b"x\n")) for nanos in (4, 5, 6))
    assert log.feed(whole) == Taken(message(5, b"x\n") + message(6, b"x\n"))


def test_a_terminal_has_no_frames() -> None:
    log = ContainerLog(has_frames=False, places={})
    assert log.feed(message(1, b"one\r\n") + message(2, b"tw")).lines == message(1, b"one\r\n")
    assert log.feed(b"o\r\n").lines == message(2, b"two\r\n")


def test_the_last_line_of_a_stopped_container_may_have_no_end() -> None:
    log = ContainerLog(has_frames=True, places={})
    assert not log.feed(frame(STDERR, message(1, b"killed")))
    assert log.places == {}  # it is read again unless the container has stopped
    assert log.end().lines == message(1, b"killed\n")
    size = len(message(1, b"killed"))
    assert log.places == {STDERR: Place(time_of(stamp(1)) or 0, 1, size)}


def test_an_overlong_line_is_counted_once() -> None:
    part = b"x" * 16_384
    long = frame(STDOUT, message(1, part)) + frame(STDOUT, message(2, part)) * 70
    whole = long + frame(STDOUT, message(3, b"\n")) + frame(STDOUT, message(4, b"next\n"))
    first = ContainerLog(has_frames=True, places={})
    taken = first.feed(whole)
    assert (len(taken.overlong), taken.lines) == (1, message(4, b"next\n"))
    again = ContainerLog(has_frames=True, places=first.places)
    assert again.feed(whole) == Taken()


def test_a_frame_larger_than_any_line_is_not_held() -> None:
    log = ContainerLog(has_frames=True, places={})
    size = 50 * LINE_LIMIT
    log.feed(bytes([1, 0, 0, 0]) + size.to_bytes(4, "big") + message(1, b""))
    for _ in range(51):
        log.feed(b"x" * LINE_LIMIT)
        assert len(log._buffer) < 2 * LINE_LIMIT
        if log._left < LINE_LIMIT:
            break
    last = log._left
    log.feed(b"x" * (last - 1) + b"\n")
    assert log.feed(frame(STDOUT, message(2, b"y\n"))).lines == message(2, b"y\n")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"HTTP/1.1 500", "not a container's log"),
        (frame(3, b"no space left"), "failed to read the log: no space left"),
    ],
)
def test_what_is_no_log_is_said(sent: bytes, said: str) -> None:
    with pytest.raises(FramesError, match=said):
        ContainerLog(has_frames=True, places={}).feed(sent)


def test_times() -> None:
    assert time_of(b"1970-01-01T00:00:01.5Z x") == 1_500_000_000
    assert time_of(b"1970-01-01T01:00:00+01:00 x") == 0
    assert time_of(b"1970-13-01T01:00:00Z x") is None
    assert time_of(b"GET / 1970-01-01T00:00:01Z") is None


def test_what_a_restarted_container_writes_behind_an_open_line_is_new() -> None:
    whole = frame(STDOUT, message(1, b"killed"))
    first = ContainerLog(has_frames=True, places={})
    first.feed(whole)
    assert first.end().lines == message(1, b"killed\n")
    again = ContainerLog(has_frames=True, places=first.places)
    assert not again.feed(whole)
    whole += frame(STDOUT, message(2, b"started\n"))
    second = ContainerLog(has_frames=True, places=first.places)
    assert second.feed(whole).lines == message(1, b"started\n")
    third = ContainerLog(has_frames=True, places=second.places)
    assert third.feed(whole + frame(STDOUT, message(3, b"x\n"))).lines == message(3, b"x\n")
