"""Finds where in a log a time begins, by bisecting it on the times of its lines.

Reads some 64 kB for each halving, so that a log of any size starts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.lines.splitter import LINE_LIMIT

Int64s = npt.NDArray[np.int64]

ReadAt = Callable[[int, int], bytes]
"""Reads up to so many bytes at an offset."""

LineTimes = Callable[[bytes], tuple[Int64s, Int64s]]
"""Finds the lines of a block that name a time: their offsets, and their seconds since the epoch.
A block may begin and end within a line."""

_BLOCK = 1 << 16
_SEARCHED = 1 << 22
"""Bytes in which a directive is looked for at a time."""
_LOOKS = 64
"""Places at which a log is looked at, to see whether its times are in order."""
_LOOK = 1 << 13
_LATE_SECONDS = 600
"""How much older than lines before it a line may be in a log that is in order."""
_DISORDER = 1 << 20
"""Bytes before the place found that are searched too: a server writes in the order in which
requests end, and some log the time at which they began."""


@attrs.frozen
class Start:
    """Where to begin to read."""

    offset: int
    """Of the first byte of a line."""
    newest: int | None
    """Second of the last line that names a time; `None` if none was found."""


def find_start(read_at: ReadAt, size: int, line_times: LineTimes, since: int) -> Start:
    """Find the first line of a log whose time is `since` (seconds since the epoch) or later.

    Where all are earlier that is the end of the last line. Where the end of the log names no
    time at all, it is the beginning of its last block, so that there is something to see.
    """
    newest = newest_time(read_at, size, line_times)
    if newest is None:
        return Start(_line_start(read_at, max(0, size - _BLOCK)), None)
    low, high = 0, size
    while high - low > _BLOCK:
        middle = (low + high) // 2
        offsets, seconds = line_times(_from_line(read_at, middle, _BLOCK))
        if len(offsets) and seconds[0] < since:
            low = middle
        else:
            high = middle
    begin = max(0, low - _DISORDER)
    block = _from_line(read_at, begin, high + _BLOCK - begin)
    offsets, seconds = line_times(block)
    inside = np.flatnonzero(seconds >= since)
    if not len(inside):
        return Start(last_line_end(read_at, size), newest)
    return Start(_line_start(read_at, begin) + int(offsets[inside[0]]), newest)


@attrs.frozen
class Span:
    """Which bytes of a log to read."""

    start: int
    end: int


def find_span(
    read_at: ReadAt,
    size: int,
    line_times: LineTimes,
    since: int | None,
    until: int | None,
) -> Span:
    """Find the part of a log that holds all lines from `since` on and before `until`.

    It may hold others too. A log whose times are out of order, as far as a few looks tell, is
    read whole, and so is one that names no times.
    """
    if (since is None and until is None) or not _looks_sorted(read_at, size, line_times):
        return Span(0, size)
    start, end = 0, size
    if since is not None:
        start = find_start(read_at, size, line_times, since).offset
    if until is not None:
        end = find_start(read_at, size, line_times, until).offset
        # A line that took long stands later than its time.
        end = _line_start(read_at, min(size, end + _DISORDER))
    return Span(min(start, end), end)


def _looks_sorted(read_at: ReadAt, size: int, line_times: LineTimes) -> bool:
    newest = None
    for offset in np.linspace(0, max(0, size - _LOOK), _LOOKS).astype(np.int64).tolist():
        _, seconds = line_times(_from_line(read_at, offset, _LOOK))
        if not len(seconds):
            continue
        if newest is not None and int(seconds.min()) < newest - _LATE_SECONDS:
            return False
        newest = int(seconds.max())
    return newest is not None


def newest_time(read_at: ReadAt, size: int, line_times: LineTimes) -> int | None:
    """Return the newest time among the last lines."""
    begin = max(0, size - _BLOCK)
    _, seconds = line_times(_from_line(read_at, begin, size - begin))
    return int(seconds.max()) if len(seconds) else None


def directives_before(
    read_at: ReadAt, offset: int, prefixes: Sequence[bytes], limit: int | None = None
) -> bytes:
    """Return the last line with each prefix before an offset, at which a line begins.

    They are looked for in `limit` bytes before it, and not beyond a block of nothing but NUL bytes:
    what stands before such a hole was left by what the file held before it was emptied.
    """
    found: dict[bytes, bytes] = {}
    first = 0 if limit is None else max(0, offset - limit)
    end = offset
    while end > first and len(found) < len(prefixes):
        begin = _line_start(read_at, max(first, end - _SEARCHED))
        begin = begin if begin < end else max(first, end - _SEARCHED)
        text = b"\n" + read_at(begin, end - begin)
        if not text.strip(b"\0\n"):
            break
        for prefix in prefixes:
            at = text.rfind(b"\n" + prefix)
            if at >= 0 and prefix not in found:
                found[prefix] = text[at + 1 : text.find(b"\n", at + 1) + 1]
        end = begin
    return b"".join(found.values())


def last_line_end(read_at: ReadAt, size: int) -> int:
    """Return the offset after the last newline, 0 where there is none.

    An unfinished line after it is left to be read when it is whole. Where the last newline is
    further away than a line may be long, it is not looked for: the end is `size`.
    """
    end = size
    while end > 0:
        if size - end > LINE_LIMIT:
            return size
        begin = max(0, end - _BLOCK)
        newline = read_at(begin, end - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def _line_start(read_at: ReadAt, offset: int) -> int:
    """Offset of the first line that begins at or after `offset`.

    Where no newline comes within what a line may be long, that is where the search ended.
    """
    at = offset
    while at > 0:
        block = read_at(at - 1, _BLOCK)
        newline = block.find(b"\n")
        if newline >= 0:
            return at + newline
        if len(block) < _BLOCK:
            return at - 1 + len(block)
        at += len(block)
        if at - offset > LINE_LIMIT:
            return at
    return 0


def _from_line(read_at: ReadAt, offset: int, size: int) -> bytes:
    """Read `size` bytes from the first line that begins at or after `offset`."""
    return read_at(_line_start(read_at, offset), size)
