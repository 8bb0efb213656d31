"""Counts of records whatever their time: of a whole log, or of a span that is chosen afterwards."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.records.dimensions import Dimension
from glancemetrics.traffic.insights import Insights
from glancemetrics.traffic.log_series import DISTINCT_LIMIT, LogSeries

Int64s = npt.NDArray[np.int64]

_MOST_STEPS = 1200
"""Numbers of a chart; with more, steps become twice as long."""


class SpanCounts:
    """The insights of all records that were added.

    Memory is bounded as that of a window is: by the limit on distinct values.
    """

    def __init__(
        self,
        distinct_limit: int = DISTINCT_LIMIT,
        dimensions: Iterable[Dimension] | None = None,
    ) -> None:
        # A window of one second, to which all records belong.
        self._series = LogSeries(1, distinct_limit, dimensions)
        self._series.advance(1)
        self.first: int | None = None
        """Second of the oldest record."""
        self.last: int | None = None
        """Second of the newest record."""

    def learn_groups(self) -> None:
        """Begin to classify user agents; see `LogSeries`."""
        self._series.learn_groups()

    def add(self, batch: pa.RecordBatch, seconds: Int64s) -> None:
        """Count the records of a batch; `seconds` are those of its `time`."""
        if not len(seconds):
            return
        oldest, newest = int(seconds.min()), int(seconds.max())
        self.first = oldest if self.first is None else min(self.first, oldest)
        self.last = newest if self.last is None else max(self.last, newest)
        self._series.add(batch, np.zeros(len(seconds), np.int64))

    def insights(
        self, limits: dict[Dimension, int], start: int | None = None, end: int | None = None
    ) -> Insights:
        """Return what was counted, as of a span from `start` up to, not with, `end`.

        By default that is from the oldest to the newest record.
        """
        first = self.first if start is None else start
        last = self.last if end is None else end - 1
        assert first is not None
        assert last is not None
        counted = self._series.insights(limits)
        return attrs.evolve(counted, end=last + 1, window_seconds=max(1, last + 1 - first))


class SpanRates:
    """Hits over a span of any length, in steps that grow with it."""

    def __init__(self) -> None:
        self.step = 1
        """Seconds of a step: a power of two."""
        self._hits: dict[int, int] = {}

    def add(self, seconds: Int64s, hits: Int64s) -> None:
        """Add hits to their seconds."""
        for second, count in zip((seconds // self.step).tolist(), hits.tolist(), strict=True):
            self._hits[second] = self._hits.get(second, 0) + count
        while self._hits and max(self._hits) - min(self._hits) >= _MOST_STEPS:
            self.step *= 2
            coarser: dict[int, int] = {}
            for second, count in self._hits.items():
                coarser[second // 2] = coarser.get(second // 2, 0) + count
            self._hits = coarser

    def values(self) -> tuple[float, ...]:
        """Return the hits per second of each step, oldest first."""
        if not self._hits:
            return ()
        first, last = min(self._hits), max(self._hits)
        return tuple(self._hits.get(step, 0) / self.step for step in range(first, last + 1))
