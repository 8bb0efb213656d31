"""What a source may ask of lines: when they were written. How they are written it does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from glancemetrics.lines.sample import Sample
from glancemetrics.lines.time_bisect import ReadAt

Int64s = npt.NDArray[np.int64]


class DatedLog(Protocol):
    """Tells when the lines of one log were written."""

    def times(self, block: bytes, /) -> tuple[Int64s, Int64s]:
        """Find the lines of a block that name a time, as `LineTimes` does."""

    def lines_before(self, read_at: ReadAt, offset: int) -> bytes:
        """Return the lines before an offset that say how those after it are written."""

    def has_requests(self, lines: bytes) -> bool:
        """Tell whether any of some lines is a request."""


LineDating = Callable[[Sample], DatedLog]
"""Returns what dates the lines of a log, by a sample of it. Called in any thread."""


class _Undated:
    def times(self, block: bytes, /) -> tuple[Int64s, Int64s]:
        del block
        return np.zeros(0, np.int64), np.zeros(0, np.int64)

    def lines_before(self, read_at: ReadAt, offset: int) -> bytes:
        del read_at, offset
        return b""

    def has_requests(self, lines: bytes) -> bool:
        del lines
        return True


def undated(sample: Sample) -> DatedLog:
    """Tell that it is not known when any line was written."""
    del sample
    return _Undated()
