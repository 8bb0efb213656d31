"""Finds the lines of a chunk and the quotes in each, by whole columns of positions."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NEWLINE, _RETURN, _QUOTE = b'\n\r"'
_BLOCK = 1 << 18
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@attrs.frozen(eq=False)
class LineScan:
    """The lines of one chunk, in file order."""

    starts: Int64s
    """Offset of each line's first byte."""
    ends: Int64s
    """Offset after each line's last byte, the newline and a carriage return before it left off."""
    marks: Int64s
    """Offsets of all double quotes and newlines, as they stand."""
    first_marks: Int64s
    """Where in `marks` each line's first one is."""
    quote_counts: Int64s
    """Double quotes in each line."""
    plain: Bools
    """Which lines are UTF-8 without a byte order mark: their bytes can be taken as they are."""

    def __len__(self) -> int:
        return len(self.starts)

    def quotes(self, lines: Int64s, count: int) -> list[Int64s]:
        """Offsets of the first, second ... quote of lines that have at least `count`."""
        first = self.first_marks[lines]
        return [self.marks[first + i] for i in range(count)]


def scan_lines(chunk: bytes) -> LineScan:
    """Scan a chunk of whole lines, each ended by a newline."""
    text = np.frombuffer(chunk, np.uint8)
    marks = _positions(text)
    line_marks = np.flatnonzero(text[marks] == _NEWLINE)
    newlines = marks[line_marks]
    starts = np.concatenate([np.zeros(min(1, len(newlines)), np.int64), newlines[:-1] + 1])
    ends = newlines
    if b"\r" in chunk:
        ends = newlines - ((newlines > starts) & (text[newlines - 1] == _RETURN))
    plain = np.ones(len(newlines), np.bool_)
    if not chunk.isascii():
        _clear_marked(plain, chunk, newlines)
        _clear_undecodable(plain, chunk, text, newlines, starts)
    quote_counts = np.diff(line_marks, prepend=-1) - 1
    return LineScan(starts, ends, marks, line_marks - quote_counts, quote_counts, plain)


def _positions(text: npt.NDArray[np.uint8]) -> Int64s:
    """Find quotes and newlines, a block at a time: so what is compared stays in the cache."""
    quote, newline = np.empty((2, _BLOCK), np.bool_)
    parts = []
    for at in range(0, len(text), _BLOCK):
        block = text[at : at + _BLOCK]
        size = len(block)
        marked = np.equal(block, _QUOTE, out=quote[:size])
        np.logical_or(marked, np.equal(block, _NEWLINE, out=newline[:size]), out=marked)
        found = np.flatnonzero(marked)
        found += at
        parts.append(found)
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _clear_marked(flags: Bools, chunk: bytes, newlines: Int64s) -> None:
    found = chunk.find(_BYTE_ORDER_MARK)
    while found >= 0:
        line = int(np.searchsorted(newlines, found))
        flags[line] = False
        found = chunk.find(_BYTE_ORDER_MARK, int(newlines[line]))


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
