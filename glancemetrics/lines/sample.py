"""A sample of the lines of a log, for detecting its format."""

from __future__ import annotations

import attrs

from glancemetrics.lines.line_ends import ReadAt

SAMPLE_BYTES = 1 << 16
"""Bytes sampled at each end."""


@attrs.frozen
class Sample:
    """Whole lines of a log."""

    head: bytes
    """Lines at the beginning."""
    end: bytes
    """Lines at the end, without those in `head`."""

    @property
    def lines(self) -> bytes:
        """All lines, each ended by a newline."""
        return self.head + self.end


def sample_of(read_at: ReadAt, size: int) -> Sample:
    """Take a sample of a log of `size` bytes."""
    head = read_at(0, SAMPLE_BYTES)
    end = read_at(max(len(head), size - SAMPLE_BYTES), SAMPLE_BYTES)
    end = end[end.find(b"\n") + 1 :]  # it may begin inside a line
    return Sample(head[: head.rfind(b"\n") + 1], end[: end.rfind(b"\n") + 1])
