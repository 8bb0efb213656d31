"""A few lines of a log, by which it is told how all of them are written."""

from __future__ import annotations

import attrs

from glancemetrics.lines.time_bisect import ReadAt

SAMPLE_BYTES = 1 << 16
"""Looked at on each side."""


@attrs.frozen
class Sample:
    """Whole lines of a log."""

    head: bytes
    """Those at its beginning."""
    end: bytes
    """Those at its end that are not among them."""

    @property
    def lines(self) -> bytes:
        """All of them, each ended by a newline."""
        return self.head + self.end


def sample_of(read_at: ReadAt, size: int) -> Sample:
    """Take a sample of a log of so many bytes."""
    head = read_at(0, SAMPLE_BYTES)
    end = read_at(max(len(head), size - SAMPLE_BYTES), SAMPLE_BYTES)
    end = end[end.find(b"\n") + 1 :]  # it may begin within a line
    return Sample(head[: head.rfind(b"\n") + 1], end[: end.rfind(b"\n") + 1])
