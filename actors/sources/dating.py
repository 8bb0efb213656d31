"""The times of lines, which is all that a source knows about their format."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from glancemetrics.lines.line_ends import ReadAt
    from glancemetrics.lines.sample import Sample

    Int64s = npt.NDArray[np.int64]


class DatedLog(Protocol):
    """Finds the times of the lines of one log."""

    def times(self, block: bytes, /) -> tuple[Int64s, Int64s]:
        """Find the lines of a block that have a time; see `LineTimes`."""

    def lines_before(self, read_at: ReadAt, offset: int) -> bytes:
        """Return the directives before an offset that describe the lines after it."""

    def has_requests(self, lines: bytes) -> bool:
        """Tell whether any of some lines is a request."""


LineDating = Callable[["Sample"], DatedLog]
"""Returns the dating of a log, from a sample of it. Called from any thread."""


class _Undated:
    def times(self, block: bytes, /) -> tuple[Int64s, Int64s]:
        del block
        import numpy as np  # late: an agent has none

        return np.zeros(0, np.int64), np.zeros(0, np.int64)

    def lines_before(self, read_at: ReadAt, offset: int) -> bytes:
        del read_at, offset
        return b""

    def has_requests(self, lines: bytes) -> bool:
        del lines
        return True


def undated(sample: Sample) -> DatedLog:
    """Return a dating for which no line has a time."""
    del sample
    return _Undated()
