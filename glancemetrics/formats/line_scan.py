"""Finds the lines of a chunk, and which of them the delimited parser reads exactly.

A CSV reader splits on spaces and knows quotes, which is right for a log line only when every
quote stands where the format puts one. That is checked here for all lines at once, on the
positions of the newlines and quotes; a line that fails takes the careful path, alone.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NEWLINE, _RETURN, _SPACE, _QUOTE, _BACKSLASH, _BRACKET, _ZERO, _X = b'\n\r "\\]0x'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@attrs.frozen(eq=False)
class LineScan:
    """The lines of one chunk, in file order."""

    starts: Int64s
    """Offset of each line's first byte."""
    ends: Int64s
    """Offset after each line's last byte, the newline and a carriage return before it left off."""
    common: Bools
    """Lines with the quotes of the common log format, which the delimited parser reads exactly."""
    combined: Bools
    """The same for the combined log format."""

    def __len__(self) -> int:
        return len(self.starts)


def scan_lines(chunk: bytes) -> LineScan:
    """Scan a chunk of whole lines, each ended by a newline."""
    text = np.frombuffer(chunk, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    starts = np.concatenate([np.zeros(min(1, len(newlines)), np.int64), newlines[:-1] + 1])
    ends = newlines.copy()
    delimited = np.ones(len(newlines), np.bool_)
    if b"\r" in chunk:
        ends -= (newlines > starts) & (text[newlines - 1] == _RETURN)
        # The CSV reader ends a row at a lone carriage return too.
        delimited &= _count_within(np.flatnonzero(text == _RETURN), newlines) == newlines - ends
    if not chunk.isascii():
        _clear_lines_with(delimited, chunk, _BYTE_ORDER_MARK, newlines)
        _clear_undecodable(delimited, chunk, text, newlines, starts)
    quotes = np.flatnonzero(text == _QUOTE)
    per_line = _count_within(quotes, newlines)
    first_quote = np.cumsum(per_line) - per_line
    common = np.zeros(len(newlines), np.bool_)
    combined = np.zeros(len(newlines), np.bool_)
    lines = np.flatnonzero(delimited & (per_line == 2))
    common[lines] = _request_quoted(text, quotes, first_quote[lines])
    lines = np.flatnonzero(delimited & (per_line == 6))
    at = first_quote[lines]
    good = _request_quoted(text, quotes, at)
    third, fourth, fifth, sixth = (quotes[at + i] for i in range(2, 6))
    good &= (text[third - 1] == _SPACE) & (fifth == fourth + 2) & (text[fourth + 1] == _SPACE)
    good &= sixth == ends[lines] - 1
    # A backslash before a closing quote may escape it: only the careful path can tell.
    good &= (text[fourth - 1] != _BACKSLASH) & (text[sixth - 1] != _BACKSLASH)
    combined[lines] = good
    return LineScan(starts, ends, common, combined)


def _request_quoted(text: npt.NDArray[np.uint8], quotes: Int64s, at: Int64s) -> Bools:
    """Whether a line's first two quotes enclose the request: `] "..." `."""
    opening, closing = quotes[at], quotes[at + 1]
    # At the very start of the chunk these look at its last bytes, which end in a newline.
    good: Bools = (text[opening - 1] == _SPACE) & (text[opening - 2] == _BRACKET)
    # The CSV reader takes 0x1F for a number. The size stands after ` 200 ` or ` - `.
    for size in (np.minimum(closing + width, len(text) - 2) for width in (4, 6)):
        good &= (text[size] != _ZERO) | (text[size + 1] | 0x20 != _X)
    good &= (text[closing + 1] == _SPACE) & (text[closing - 1] != _BACKSLASH)
    return good


def _count_within(positions: Int64s, newlines: Int64s) -> Int64s:
    """How many of the sorted positions stand in each line."""
    return np.diff(np.searchsorted(positions, newlines), prepend=0)


def _clear_lines_with(flags: Bools, chunk: bytes, mark: bytes, newlines: Int64s) -> None:
    found = chunk.find(mark)
    while found >= 0:
        line = int(np.searchsorted(newlines, found))
        flags[line] = False
        found = chunk.find(mark, int(newlines[line]))


def _clear_undecodable(
    flags: Bools, chunk: bytes, text: npt.NDArray[np.uint8], newlines: Int64s, starts: Int64s
) -> None:
    try:
        chunk.decode()
    except UnicodeDecodeError:
        for line in np.unique(np.searchsorted(newlines, np.flatnonzero(text >= 0x80))):
            try:
                chunk[starts[line] : newlines[line]].decode()
            except UnicodeDecodeError:
                flags[line] = False
