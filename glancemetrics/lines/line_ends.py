"""Finds the ends of lines in a log."""

from __future__ import annotations

from collections.abc import Callable

from glancemetrics.lines.splitter import LINE_LIMIT

ReadAt = Callable[[int, int], bytes]
"""Reads up to a number of bytes at an offset."""

_BLOCK = 1 << 16


def last_line_end(read_at: ReadAt, size: int) -> int:
    """Return the offset after the last newline; 0 if there is none.

    An incomplete line after it is read when it is complete. If there is no newline within the
    maximum length of a line, the end is `size`.
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
