"""Decoding that a single line cannot break.

Lines are hostile, and libraries raise unexpected errors: `RecursionError` for nested objects,
`OverflowError` and `ValueError` for times, `MemoryError`. Such a line is rejected, and no other
line is lost with it.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.formats.lines import line_bounds
from glancemetrics.formats.log_format import (
    UNKNOWN,
    Decoded,
    LineContext,
    LogFormat,
    directives_after,
    joined,
    nothing_decoded,
)

Int32s = npt.NDArray[np.int32]

_MOST_UNREADABLE = 64
"""Maximum unreadable lines in a chunk; with more, the error is a bug in the format."""


def guarded_decode(
    log_format: LogFormat, chunk: bytes | memoryview, context: LineContext = UNKNOWN
) -> Decoded:
    """Decode a chunk of whole lines, each ended by a newline.

    A line for which the format raises is rejected. If that happens for too many lines, the error
    is raised.
    """
    try:
        return log_format.decode(chunk, context)
    except Exception as error:
        return _Apart(log_format, bytes(chunk), context, error).decoded()


class _Apart:
    """Finds the lines for which a format raises, by bisection."""

    def __init__(
        self, log_format: LogFormat, chunk: bytes, context: LineContext, error: Exception
    ) -> None:
        self._format = log_format
        self._chunk = chunk
        self._context = context
        self._error = error
        self._starts, self._ends = line_bounds(chunk)
        self._parts: list[tuple[Decoded, Int32s]] = []
        self._unreadable = 0

    def decoded(self) -> Decoded:
        count = len(self._starts)
        self._split(0, count)
        rejected = [numbers[decoded.rejected] for decoded, numbers in self._parts]
        return joined(
            count, self._parts, np.sort(np.concatenate(rejected)).astype(np.int32), self._context
        )

    def _split(self, first: int, last: int) -> None:
        if last - first == 1:
            self._unreadable += 1
            if self._unreadable > _MOST_UNREADABLE:
                raise self._error
            self._parts.append((nothing_decoded(self._context, 1), np.array([first], np.int32)))
            return
        middle = (first + last) // 2
        for begin, end in ((first, middle), (middle, last)):
            numbers = np.arange(begin, end, dtype=np.int32)
            lines = self._chunk[self._starts[begin] : self._ends[end - 1] + 1]
            try:
                part = self._format.decode(lines, self._context_of(numbers))
            except Exception:
                self._split(begin, end)
            else:
                self._parts.append((part, numbers))

    def _context_of(self, numbers: Int32s) -> LineContext:
        known = self._context.of_lines(numbers)
        prefixes = self._format.directives
        if not prefixes:
            return known
        before = self._chunk[: self._starts[numbers[0]]]
        return attrs.evolve(known, directives=directives_after(known.directives, before, prefixes))
