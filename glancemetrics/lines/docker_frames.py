"""The log of a container, as Docker's and Podman's API send it: frames, times, positions.

Each message is a frame: a byte for the stream (1 standard output, 2 standard error), three zeros,
the size as four bytes, big-endian, then the message, which begins with its time. Containers with a
terminal have no frames. Source: https://docs.docker.com/reference/api/engine/ (operation
`ContainerAttach`, "Stream format") and `pkg/stdcopy` of Moby.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from glancemetrics.lines.splitter import LINE_LIMIT, LineSplitter

STDOUT, STDERR, _SYSTEM = 1, 2, 3
"""Streams; the last one is an error of the engine."""
_HEADER = 8
_MOST_HELD = LINE_LIMIT
"""Bytes of a frame that is taken as a whole; the engines split messages far below that."""

_TIME = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)", re.MULTILINE
)
_LONGEST_TIME = 40
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class FramesError(Exception):
    """Not a container's log; the text is a sentence for people."""


@attrs.frozen
class Place:
    """How far a stream has been read."""

    time: int
    """The time of its last line, nanoseconds since the epoch; or where to begin."""
    count: int = 0
    """Lines of that time that were read; 0: none, it is only where to begin."""
    size: int = 0
    """Bytes of the last of them, if it had no end although the container had stopped: what the
    container writes next continues it. 0: it had one."""


Places = Mapping[int, Place]
"""{stream: how far it has been read}"""


@attrs.frozen
class Taken:
    """The lines found in a piece of a log."""

    lines: bytes = b""
    """Lines, each with its time before it, and ended by a newline."""
    overlong: tuple[bytes, ...] = ()
    """The beginnings of overlong lines."""
    lost: bool = False
    """Whether the last line that was read before is not there any more."""

    def __bool__(self) -> bool:
        return bool(self.lines or self.overlong)


def time_of(line: bytes) -> int | None:
    """Return the time before a line, nanoseconds since the epoch; `None` if there is none."""
    found = _TIME.match(line)
    if found is None:
        return None
    try:
        zone = found[3].replace(b"Z", b"+00:00")
        second = datetime.fromisoformat((found[1] + zone).decode()) - _EPOCH
    except ValueError:
        return None
    nanos = int((found[2] or b"0").ljust(9, b"0"))
    return second // timedelta(seconds=1) * 1_000_000_000 + nanos


class ContainerLog:
    """Takes the log of a container apart; leaves out the lines that were read before."""

    def __init__(self, *, has_frames: bool, places: Places) -> None:
        """`places`: how far its streams were read before; they must begin at or before that."""
        self._has_frames = has_frames
        self._buffer = bytearray()
        self._left = 0
        """Bytes left of a frame that is too large to be taken as a whole."""
        self._stream = STDOUT
        self._streams = {STDOUT: _Stream(places.get(STDOUT)), STDERR: _Stream(places.get(STDERR))}

    @property
    def places(self) -> dict[int, Place]:
        """How far each stream has been read."""
        read = {number: stream.place for number, stream in self._streams.items()}
        return {number: place for number, place in read.items() if place is not None}

    def feed(self, piece: bytes) -> Taken:
        """Take the next bytes. Raises `FramesError`."""
        if not self._has_frames:
            return self._streams[STDOUT].take([piece])
        self._buffer += piece
        taken: list[Taken] = []
        run: list[bytes] = []  # messages of the same stream, one after another
        at, end = 0, len(self._buffer)
        while True:
            if self._left:
                part = bytes(self._buffer[at : at + self._left])
                if not part:
                    break
                self._left -= len(part)
                at += len(part)
                run.append(part)
                continue
            if end - at < _HEADER:
                break
            stream, size = self._header(at)
            if size <= _MOST_HELD and end - at < _HEADER + size:
                break
            if stream != self._stream:
                if run:
                    taken.append(self._streams[self._stream].take(run))
                    run = []
                self._stream = stream
            at += _HEADER
            if size > _MOST_HELD:
                self._left = size
                continue
            message = bytes(self._buffer[at : at + size])
            at += size
            is_open = not run[-1].endswith(b"\n") if run else self._streams[stream].is_open
            run.append(_TIME.sub(b"", message, count=1) if is_open else message)
        if run:
            taken.append(self._streams[self._stream].take(run))
        del self._buffer[:at]
        return _joined(taken)

    def _header(self, at: int) -> tuple[int, int]:
        stream = self._buffer[at]
        if stream > _SYSTEM or any(self._buffer[at + 1 : at + 4]):
            raise FramesError("the engine sent something that is not a container's log")
        size = int.from_bytes(self._buffer[at + 4 : at + _HEADER], "big")
        if stream == _SYSTEM:
            said = self._buffer[at + _HEADER : at + _HEADER + min(size, 200)]
            raise FramesError(f"the engine failed to read the log: {said.decode(errors='replace')}")
        return max(stream, STDOUT), size

    def end(self) -> Taken:
        """Take the end of the log of a container that has stopped: its last line may be open."""
        return _joined([stream.end() for stream in self._streams.values()])

    @property
    def has_lost(self) -> bool:
        """Whether the last line that was read before has not been there, by the end of the log."""
        return any(stream.is_missing for stream in self._streams.values())


class _Stream:
    """One of a container's streams."""

    def __init__(self, place: Place | None) -> None:
        self.place = place
        self._splitter = LineSplitter()
        self._before = place
        """What was read before, until a line after it was seen."""
        self._passed = 0
        """Lines that have exactly its time."""
        self.is_open = False
        """Whether the last message did not end its line."""

    @property
    def is_missing(self) -> bool:
        return self._before is not None and self._before.count > 0 and not self._passed

    def take(self, messages: list[bytes]) -> Taken:
        text = messages[0] if len(messages) == 1 else b"".join(messages)
        if text:
            self.is_open = not text.endswith(b"\n")
        found = self._splitter.feed(text)
        return self._behind(found.whole, found.overlong)

    def end(self) -> Taken:
        self.is_open = False
        found = self._splitter.flush()
        taken = self._behind(found.whole, found.overlong)
        if taken and self.place is not None:
            self.place = attrs.evolve(self.place, size=len(found.whole) - 1)
        return taken

    def _behind(self, whole: bytes, overlong: tuple[bytes, ...]) -> Taken:
        if not whole and not overlong:
            return Taken()
        lost = False
        if self._before is not None:
            whole = b"".join(self._new_part(line) for line in _lines(whole))
            overlong = tuple(line for line in overlong if self._new_part(line))
            if whole or overlong:
                lost, self._before = self.is_missing, None
        self._move(whole, overlong)
        return Taken(whole, overlong, lost)

    def _new_part(self, line: bytes) -> bytes:
        """Return what was not read before of a line: all, nothing, or its end behind its time."""
        time, before = time_of(line), self._before
        if time is None or before is None or time > before.time:
            return line
        if time < before.time:
            return b""
        self._passed += 1
        if self._passed > before.count:
            return line
        if self._passed == before.count and before.size and len(line) > before.size + 1:
            self.place = attrs.evolve(before, count=before.count - 1, size=0)
            return line[: line.find(b" ") + 1] + line[before.size :]
        return b""

    def _move(self, whole: bytes, overlong: tuple[bytes, ...]) -> None:
        """Move to the last line, and count those that have its time."""
        times = [time_of(line) for line in overlong]
        count, end = 0, len(whole)
        prefix = b""
        last: int | None = None
        while end > 0:
            begin = whole.rfind(b"\n", 0, end - 1) + 1
            if not count:
                last = time_of(whole[begin : begin + _LONGEST_TIME])
                prefix = whole[begin : whole.find(b" ", begin) + 1]
            elif not whole.startswith(prefix, begin):
                break
            count, end = count + 1, begin
        newest = max((time for time in (last, *times) if time is not None), default=None)
        if newest is None:
            return
        count = (count if last == newest else 0) + times.count(newest)
        if self.place is not None and self.place.time == newest:
            count += self.place.count
        self.place = Place(newest, count)


def _lines(whole: bytes) -> list[bytes]:
    # Not `splitlines`, which also splits at carriage returns.
    return [line + b"\n" for line in whole.split(b"\n")[:-1]]


def _joined(taken: list[Taken]) -> Taken:
    if len(taken) == 1:
        return taken[0]
    return Taken(
        b"".join(one.lines for one in taken),
        tuple(line for one in taken for line in one.overlong),
        any(one.lost for one in taken),
    )
