"""The window that fits a quiet log: the shortest of a few that holds enough requests to look at.

A site with a request every few seconds has nothing to show for the last ten. The newest records
are kept, few enough to count them anew for any window; where the shortest window holds enough
requests, nothing is counted here.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.records.dimensions import Dimension
from glancemetrics.records.schema import joined
from glancemetrics.traffic.insights import Insights
from glancemetrics.traffic.log_series import DISTINCT_LIMIT
from glancemetrics.traffic.span_counts import SpanCounts

Int64s = npt.NDArray[np.int64]

LADDER = (60, 300, 3600)
"""Seconds of the windows that are tried after the usual one."""

ENOUGH_HITS = 100
"""A window with so many requests is shown."""
_SURELY_ENOUGH = 150
"""A shorter window than the one that is shown must have so many, lest they take turns."""

_MOST_RECORDS = 5000
_MOST_BATCHES = 64


class FittingWindow:
    """The newest records, and the window of them to show."""

    def __init__(
        self,
        window_seconds: int,
        distinct_limit: int = DISTINCT_LIMIT,
        dimensions: Iterable[Dimension] | None = None,
        since: int | None = None,
    ) -> None:
        """`window_seconds` is the usual window; `since` is from when on all records come."""
        self._window_seconds = window_seconds
        self._distinct_limit = distinct_limit
        self._dimensions = None if dimensions is None else list(dimensions)
        self._batches: list[pa.RecordBatch] = []
        self._seconds: list[Int64s] = []
        self._complete_since = since
        """Records from this second on are all kept; `None`: all that there were."""
        self._shown = window_seconds
        self.knows_groups = False

    def add(self, batch: pa.RecordBatch, seconds: Int64s) -> None:
        """Keep the records of a batch as long as they are among the newest."""
        if not len(seconds):
            return
        if len(seconds) > _MOST_RECORDS:
            self._note_dropped(seconds[:-_MOST_RECORDS])
            rows = pa.array(np.arange(len(seconds) - _MOST_RECORDS, len(seconds)))
            batch, seconds = pc.take(batch, rows), seconds[-_MOST_RECORDS:]
        self._batches.append(batch)
        self._seconds.append(seconds)
        if len(self._batches) > _MOST_BATCHES:
            self._join()
        surplus = sum(map(len, self._seconds)) - _MOST_RECORDS
        while surplus > 0:
            first = self._seconds[0]
            self._note_dropped(first[:surplus])
            if len(first) <= surplus:
                self._batches.pop(0)
                self._seconds.pop(0)
            else:
                self._batches[0] = self._batches[0].slice(surplus)
                self._seconds[0] = first[surplus:]
            surplus -= len(first)

    def fitted(self, usual: Insights, limits: dict[Dimension, int]) -> Insights:
        """Return the insights to show where `usual` are those of the usual window."""
        start = self._start(usual)
        if start is None:
            self._shown = self._window_seconds
            return usual
        end = usual.end
        self._shown = end - start
        counts = SpanCounts(self._distinct_limit, self._dimensions)
        if self.knows_groups:
            counts.learn_groups()
        batch, seconds = self._join()
        rows = np.flatnonzero((seconds >= start) & (seconds < end))
        counts.add(pc.take(batch, pa.array(rows)), seconds[rows])
        return counts.insights(limits, start, end)

    def _join(self) -> tuple[pa.RecordBatch, Int64s]:
        """Join what is kept, which is counted quicker, and return it."""
        if len(self._batches) > 1:
            self._batches = [joined(self._batches)]
            self._seconds = [np.concatenate(self._seconds)]
        return self._batches[0], self._seconds[0]

    def _start(self, usual: Insights) -> int | None:
        """Return the first second of the window to show; `None` for the usual window."""
        if usual.hits >= self._enough(self._window_seconds) or not self._seconds:
            return None
        _, seconds = self._join()
        seconds = seconds[seconds < usual.end]
        best, most = None, usual.hits
        for length in LADDER:
            start = usual.end - length
            if length <= self._window_seconds or not self._knows_all_since(start):
                continue
            hits = int(np.count_nonzero(seconds >= start))
            if hits > most:
                best, most = start, hits
            if hits >= self._enough(length):
                return best
        if len(seconds) > most:  # all that is kept
            first = int(seconds.min()) if self._complete_since is None else self._complete_since
            if int(np.count_nonzero(seconds >= first)) > most and first < usual.end:
                return first
        return best

    def _enough(self, length: int) -> int:
        return _SURELY_ENOUGH if length < self._shown else ENOUGH_HITS

    def _knows_all_since(self, second: int) -> bool:
        return self._complete_since is None or self._complete_since <= second

    def _note_dropped(self, seconds: Int64s) -> None:
        newest = int(seconds.max()) + 1
        known = self._complete_since
        self._complete_since = newest if known is None else max(known, newest)
