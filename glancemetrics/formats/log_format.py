"""What a log format is: something that decodes chunks of lines to records and rejects."""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.rejects import Reject

Int64s = npt.NDArray[np.int64]

_SAMPLED_REJECTS = 8
"""Rejects of one chunk that are kept as samples; the rest are only counted."""


@attrs.frozen(eq=False)
class Decoded:
    """What became of the lines of one chunk: `lines == batch.num_rows + rejects`."""

    lines: int
    batch: pa.RecordBatch
    """The records, of `records.SCHEMA`, in file order."""
    rejects: int
    samples: tuple[Reject, ...]
    """Some of the rejects: the first, and the last ones."""
    format: str | None
    """What format the chunk's records are in; `None` without any."""


class LogFormat(Protocol):
    """One way to write access logs."""

    @property
    def expected(self) -> str:
        """What a line should be, as a noun: `a common or combined log line`."""

    def decode(self, chunk: bytes | memoryview) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""

    def line_times(self, block: bytes) -> tuple[Int64s, Int64s]:
        """Find the lines of a block that name a time: their offsets, and seconds since the epoch.

        The block may begin and end within a line.
        """


def sampled(rejected: Int64s) -> Int64s:
    """Choose which of the rejected lines are kept as samples."""
    if len(rejected) <= _SAMPLED_REJECTS:
        return rejected
    return np.concatenate([rejected[:1], rejected[1 - _SAMPLED_REJECTS :]])
