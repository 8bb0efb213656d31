"""Durations in buckets whose width grows with them, so that quantiles are exact to one percent.

Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees" (VLDB 2019).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

RELATIVE_ERROR = 0.01
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SHORTEST = 1e-6
"""Seconds; what is shorter counts as 0."""
BUCKETS = 4096
"""How many there are; the last one takes all that is longer: 10^29 seconds."""


def bucket_of(seconds: Float64s) -> Int64s:
    """Return the bucket of each duration, 0 for those of no length."""
    long_enough = seconds >= _SHORTEST
    ratios = np.where(long_enough, seconds / _SHORTEST, 1.0)
    buckets = np.ceil(np.log(ratios) / math.log(_GROWTH)).astype(np.int64) + 1
    return np.where(long_enough, np.minimum(buckets, BUCKETS - 1), 0)


def seconds_of(bucket: int) -> float:
    """Return the duration that stands for a bucket: within one percent of any in it."""
    if bucket <= 0:
        return 0.0
    return float(_SHORTEST * 2 * _GROWTH ** (bucket - 1) / (_GROWTH + 1))


def quantiles(buckets: Int64s, counts: Int64s, shares: tuple[float, ...]) -> tuple[float, ...]:
    """Return the durations that shares (0 to 1) of all do not exceed, by nearest rank.

    `buckets` are in order, `counts` say how many durations are in each.
    """
    reached = np.cumsum(counts)
    ranks = [max(1, math.ceil(share * int(reached[-1]) - 1e-9)) for share in shares]
    return tuple(seconds_of(int(buckets[np.searchsorted(reached, rank)])) for rank in ranks)
