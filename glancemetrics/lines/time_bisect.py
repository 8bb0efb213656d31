"""Finds the position of a time in a log, by bisecting it on the times of its lines.

Reads about 64 kB per step, so a log of any size starts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.lines.line_ends import ReadAt, last_line_end
from glancemetrics.lines.splitter import LINE_LIMIT

Int64s = npt.NDArray[np.int64]

LineTimes = Callable[[bytes], tuple[Int64s, Int64s]]
"""Finds the lines of a block that have a time: their offsets, and their seconds since the epoch.
A block may begin and end inside a line."""

_BLOCK = 1 << 16
_SEARCHED = 1 << 22
"""Bytes searched for a directive at a time."""
_LOOKS = 64
"""Places sampled to see whether a log is in time order."""
_LOOK = 1 << 13
_LATE_SECONDS = 600
"""How much older than the lines before it a line may be in an ordered log."""
_DISORDER = 1 << 20
"""Bytes before the position found that are searched too: servers write lines when requests end, and
some log the time when they began."""


@attrs.frozen
class Start:
    """Where to begin reading."""

    offset: int
    """The offset of the first line to read."""
    newest: int | None
    """Second of the last line that has a time; `None` if none was found."""


def find_start(read_at: ReadAt, size: int, line_times: LineTimes, since: int) -> Start:
    """Find the first line of a log whose time is `since` (seconds since the epoch) or later.

    If all lines are earlier, that is the end of the last line. If the end of the log has no times,
    it is the beginning of the last block, so that there is something to show.
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
    """Find the part of a log with all lines from `since` to before `until`.

    It may contain other lines too. A log that is not in time order, judging by a sample, is read
    whole, and so is a log without times.
    """
    if (since is None and until is None) or not _looks_sorted(read_at, size, line_times):
        return Span(0, size)
    start, end = 0, size
    if since is not None:
        start = find_start(read_at, size, line_times, since).offset
    if until is not None:
        end = find_start(read_at, size, line_times, until).offset
        # The line of a slow request comes later than its time.
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


def newest_time(
    read_at: ReadAt, size: int, line_times: LineTimes, until: int | None = None
) -> int | None:
    """Return the newest time among the last lines; later ones than `until` are ignored."""
    begin = max(0, size - _BLOCK)
    _, seconds = line_times(_from_line(read_at, begin, size - begin))
    if until is not None:
        seconds = seconds[seconds <= until]
    return int(seconds.max()) if len(seconds) else None


def directives_before(
    read_at: ReadAt, offset: int, prefixes: Sequence[bytes], limit: int | None = None
) -> bytes:
    """Return the last line with each prefix before an offset, which is the beginning of a line.

    Only `limit` bytes before it are searched, and nothing before a block of NUL bytes: data before
    such a hole is left over from before the file was truncated.
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


def _line_start(read_at: ReadAt, offset: int) -> int:
    """Offset of the first line that begins at or after `offset`.

    If there is no newline within the maximum length of a line, it is where the search ended.
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
