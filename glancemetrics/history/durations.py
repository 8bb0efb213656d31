"""Durations of a span of time: a DDSketch, with the buckets used everywhere.

Source: see `records.duration_bins`.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.records.duration_bins import first_bucket_from, quantiles

Int16s = npt.NDArray[np.int16]
Int64s = npt.NDArray[np.int64]
Counts = npt.NDArray[np.unsignedinteger]

_SAME = attrs.cmp_using(eq=np.array_equal)


@attrs.frozen
class Durations:
    """The number of durations in each bucket."""

    buckets: Int16s = attrs.field(eq=_SAME)
    """Non-empty buckets, in order."""
    counts: Counts = attrs.field(eq=_SAME)
    """Of the smallest type that fits: there are very many such arrays."""

    @classmethod
    def of(cls, buckets: Int64s, counts: Int64s) -> Durations:
        """Return durations from distinct buckets in order, and their counts."""
        if not len(buckets):
            return _NONE
        smallest = np.min_scalar_type(int(counts.max()))
        return cls(buckets.astype(np.int16), counts.astype(smallest))

    @property
    def count(self) -> int:
        """The number of durations."""
        return int(self.counts.sum())

    def under(self, seconds: float) -> int:
        """Return the number of durations below one; that limit is within one percent."""
        end = np.searchsorted(self.buckets, first_bucket_from(seconds))
        return int(self.counts[:end].sum())

    def quantile(self, share: float) -> float | None:
        """Return the seconds that a share (0 to 1) of all does not exceed; `None` without any.

        By nearest rank, within one percent.
        """
        if not len(self.buckets):
            return None
        (seconds,) = quantiles(
            self.buckets.astype(np.int64), self.counts.astype(np.int64), (share,)
        )
        return seconds


_NONE = Durations(np.zeros(0, np.int16), np.zeros(0, np.uint8))


def merged_durations(parts: Iterable[Durations]) -> Durations:
    """Merge the durations of several spans."""
    there = [part for part in parts if len(part.buckets)]
    if not there:
        return _NONE
    # Most spans fill a few hundred neighbouring buckets; all 4,096 take several times as long.
    lowest = min(int(part.buckets[0]) for part in there)
    highest = max(int(part.buckets[-1]) for part in there)
    counts = np.zeros(highest - lowest + 1, np.int64)
    for part in there:
        counts[part.buckets - lowest] += part.counts.astype(np.int64)
    (filled,) = counts.nonzero()
    return Durations.of(filled + lowest, counts[filled])
