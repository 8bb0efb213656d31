"""Counts for tests: of seconds, as the aggregator would send them."""

from __future__ import annotations

import numpy as np

from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.counting import RuleCounts, Stream
from glancemetrics.rules.metrics import HITS, Measure


def counts(
    hits: dict[int, int],
    measure: Measure = HITS,
    stream: Stream = Stream(),  # noqa: B008 - frozen
    group: str = "",
) -> RuleCounts:
    """Counts of one group, by second."""
    seconds = np.array(sorted(hits), np.int64)
    zeros = np.zeros(len(seconds), np.int64)
    sums = np.array([hits[second] for second in seconds.tolist()], np.int64)
    return RuleCounts(stream, measure, seconds, zeros, zeros, sums, [group])


def closed(end: int, *parts: RuleCounts) -> ClosedSeconds:
    """Seconds that are closed before `end`."""
    return ClosedSeconds(end, tuple(part for part in parts if len(part.seconds)))
