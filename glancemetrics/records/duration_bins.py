"""Durations in buckets of growing width, so that quantiles are accurate to one percent.

Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees" (VLDB 2019).
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

RELATIVE_ERROR = 0.01
_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SHORTEST = 1e-6
"""Seconds; shorter durations count as 0."""
BUCKETS = 4096
"""The number of buckets; the last one is for all longer durations (10^29 seconds)."""


def bucket_of(seconds: Float64s) -> Int64s:
    """Return the bucket of each duration; 0 for zero durations."""
    long_enough = seconds >= _SHORTEST
    ratios = np.where(long_enough, seconds / _SHORTEST, 1.0)
    buckets = np.ceil(np.log(ratios) / math.log(_GROWTH)).astype(np.int64) + 1
    return np.where(long_enough, np.minimum(buckets, BUCKETS - 1), 0)


def seconds_of(bucket: int) -> float:
    """Return the representative duration of a bucket, within one percent of any in it."""
    if bucket <= 0:
        return 0.0
    return float(_SHORTEST * 2 * _GROWTH ** (bucket - 1) / (_GROWTH + 1))


@functools.lru_cache(1024)  # looked up for each cell of a series
def first_bucket_from(seconds: float) -> int:
    """Return the first bucket whose representative duration is not below a duration.

    Earlier buckets have the durations below it, within one percent.
    """
    (bucket,) = bucket_of(np.array([seconds])).tolist()
    return int(bucket) if seconds_of(bucket) >= seconds else int(bucket) + 1


def quantiles(buckets: Int64s, counts: Int64s, shares: tuple[float, ...]) -> tuple[float, ...]:
    """Return quantiles (shares from 0 to 1) by nearest rank.

    `buckets` are sorted; `counts` are the numbers of durations in them.
    """
    reached = np.cumsum(counts)
    ranks = [max(1, math.ceil(share * int(reached[-1]) - 1e-9)) for share in shares]
    return tuple(seconds_of(int(buckets[np.searchsorted(reached, rank)])) for rank in ranks)
