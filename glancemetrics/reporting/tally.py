"""`Tally`: all counts of a log; its size depends on the number of distinct values, not lines.

Slices of batches are added. Their values are numbered for the whole log, and what was counted per
row becomes counts per value, a table of visitors, and pairs of value and visitor, so that the
visitors of any value or group of values can be counted.

At its memory limit a tally gets less exact, and says how:

- Visitors are sampled: half of them are kept, those whose hash ends in a 0, then a quarter, and so
  on; counts of visitors are then multiplied (P. B. Gibbons, "Distinct Sampling for
  Highly-Accurate Answers to Distinct Values Queries and Event Reports", VLDB 2001). Those of hosts
  and agents stay as they are, and each later visitor counts for as many.
- The rarer half of a dimension's values is folded into `(other)` (as in G. S. Manku and
  R. Motwani, "Approximate Frequency Counts over Data Streams", VLDB 2002): a value that returns
  starts at 0, so its hits may be too low by `ValueCounts.short`, the sum of the cuts, and the
  visitors of a host or an agent are those that are new since. Groups of these values (sections of
  paths, browsers of agents) stay exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.columns import column_of
from glancemetrics.native.visitors import Only, VisitorTable
from glancemetrics.reporting.counts import VALUES_KEPT, ValueCounts
from glancemetrics.reporting.slices import Base, Counted, Slice, Slices
from glancemetrics.reporting.visitors import HASH_BITS, Flags, OneValueEach, Pairs, VisitorsOfValues

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map`, or a version that uses several threads."""

Groups = Mapping[Counted, tuple[Callable[[pa.Array], pa.Array], ...]]
"""How panels group the values of a dimension; null for values without a group."""

Key = TypeVar("Key")

_FLAGS = {Base.STATUS: (0, 32), Base.METHOD: (32, 16), Base.PROTOCOL: (48, 16)}
"""Dimensions with few values: their first flag, and the number of flags."""
_MINUTES_LIMIT = 4096
_MINUTE, _HOUR = 60, 3600
_SETTLED_SHARE = 0.75
"""Of the limit: if more remains after removing duplicates, values are dropped too."""


@attrs.frozen
class Extent:
    """How large some counts are."""

    size: int
    """Memory in bytes, without the table of visitors."""
    longest: int
    """Bytes of the names of one dimension, of the one with the most."""


def extent_of(some: Iterable[ValueCounts]) -> Extent:
    """Measure counts."""
    size = longest = 0
    for counts in some:
        size += counts.value_bytes + counts.visits.nbytes
        longest = max(longest, counts.text_bytes)
    return Extent(size, longest)


@attrs.define(eq=False)
class Tally:
    """Everything counted so far."""

    ceiling: int
    """Memory limit in bytes; past it, numbers are estimated."""
    groups: Groups = attrs.field(factory=dict)
    each: Each = map
    text_limit: int = 1 << 30
    """Bytes of one dimension's names; an Arrow array holds at most twice as many."""
    records: int = 0
    bytes: int = 0
    client_errors: int = 0
    server_errors: int = 0
    oldest: int | None = None
    """Microseconds since the epoch."""
    newest: int | None = None
    by: dict[Counted, ValueCounts] = attrs.field(factory=dict)
    dropped: dict[tuple[Counted, int], ValueCounts] = attrs.field(factory=dict)
    """Counts of dropped values, by dimension and number of the grouping."""
    time_step: int = _MINUTE
    """Seconds per value of `Base.TIME`."""
    level: int = 0
    """One of 2^level visitors is kept."""
    visitors: VisitorTable = attrs.field(factory=VisitorTable)

    def add(self, slices: Slices) -> None:
        """Count a batch."""
        if not slices.records:
            return
        self.saw(slices.records, slices.oldest, slices.newest)
        self.sum_up(slices.bytes, slices.client_errors, slices.server_errors)
        flags = np.zeros(slices.records, np.uint64)
        only: dict[Counted, Only] = {}
        for base, part in self._in_steps(slices.by).items():
            if base not in self.by:
                self.by[base] = self.new_counts(base, part.names.type)
            counts = self.by[base]
            numbers = counts.add(part)
            counts.leave_flags()
            match counts.visits:
                case Pairs() as pairs:
                    pairs.add(part.codes, numbers, part.visitors, len(counts), self.level)
                case Flags() as own:
                    own.set(flags, part.codes, numbers)
                case OneValueEach():
                    only[base] = Only(part.codes, numbers, counts.sums_for(0))
        self.visitors.enter(
            slices.visitors,
            only.get(Base.HOST),
            only.get(Base.AGENT),
            flags,
            self.level,
        )
        self.coarsen_time()
        self.hold_limits()

    def saw(self, records: int, oldest: int, newest: int) -> None:
        """Count records in all; times are in microseconds since the epoch."""
        self.records += records
        self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)
        self.newest = newest if self.newest is None else max(self.newest, newest)

    def sum_up(self, size: int, client_errors: int, server_errors: int) -> None:
        """Add the bytes and errors of some records."""
        self.bytes += size
        self.client_errors += client_errors
        self.server_errors += server_errors

    def new_counts(self, base: Counted, kind: pa.DataType) -> ValueCounts:
        """Return counts without values for a dimension."""
        return ValueCounts(pa.array([], kind), self._new_visits(base))

    def in_steps(self, minutes: pa.Array) -> pa.Array:
        """Return the beginnings of minutes as those of steps, which may occur several times."""
        return minutes if self.time_step == _MINUTE else _starts(minutes, self.time_step)

    def coarsen_time(self) -> None:
        """Count by hour if there are very many minutes."""
        times = self.by[Base.TIME]
        if self.time_step < _HOUR and len(times) > _MINUTES_LIMIT:
            self.time_step = _HOUR
            self.by[Base.TIME] = times.regrouped(_starts(times.names, _HOUR))

    def allows(self, extents: Iterable[Extent]) -> bool:
        """Tell whether all counts together, in parts, leave `hold_limits` nothing to do."""
        size = self.visitors.nbytes
        for extent in extents:
            if extent.longest > self.text_limit:
                return False
            size += extent.size
        return size <= self.ceiling

    def hold_limits(self) -> None:
        """Drop texts and visitors until the limits are kept, if there are more than allowed."""
        for base, counts in self.by.items():
            if counts.text_bytes > self.text_limit:
                self._cut(base)
        for counts in self.dropped.values():
            if counts.text_bytes > self.text_limit:
                counts.cut()
        while self.size_bytes() > self.ceiling and self._give_way():
            pass

    def settle(self, base: Counted) -> None:
        """Remove a dimension's duplicates, and what is only needed for adding more."""
        for counts in (
            self.by.get(base),
            *(v for (of, _), v in self.dropped.items() if of == base),
        ):
            if counts is not None:
                counts.settle()

    @property
    def errors(self) -> int:
        """Client and server errors."""
        return self.client_errors + self.server_errors

    def visitor_count(self) -> int:
        """Count the distinct visitors; estimated if `level` is not 0."""
        return min(len(self.visitors) << self.level, self.records)

    def size_bytes(self) -> int:
        """Return the memory used by the counts."""
        return self.visitors.nbytes + extent_of(self._all()).size

    def _new_visits(self, base: Counted) -> VisitorsOfValues:
        match base:
            case Base.HOST | Base.AGENT:
                return OneValueEach()
            case _ if base in _FLAGS:
                return Flags(self.visitors, *_FLAGS[base])
            case _:
                return Pairs()

    def _in_steps(self, by: dict[Counted, Slice]) -> dict[Counted, Slice]:
        """Return the slices with the time in steps."""
        times = by[Base.TIME]
        return by | {Base.TIME: attrs.evolve(times, names=self.in_steps(times.names))}

    def _all(self) -> Iterable[ValueCounts]:
        yield from self.by.values()
        yield from self.dropped.values()

    def _visitor_bytes(self) -> int:
        return self.visitors.nbytes + sum(counts.visits.nbytes for counts in self._all())

    def _give_way(self) -> bool:
        """Halve the largest part; false if nothing is left to halve."""
        before = self.size_bytes()
        for counts in self._all():
            counts.visits.settle()
        if self.size_bytes() < min(before, _SETTLED_SHARE * self.ceiling):
            return True
        if self._visitor_bytes() >= self.size_bytes() / 2:
            return self._sample_visitors()
        base = _largest({k: v for k, v in self.by.items() if k != Base.TIME})
        group = _largest(self.dropped)
        if base is None and group is None:
            return self._sample_visitors()
        if group is None or (
            base is not None and self.by[base].value_bytes >= self.dropped[group].value_bytes
        ):
            assert base is not None
            self._cut(base)
        else:
            self.dropped[group].cut()
        return True

    def _sample_visitors(self) -> bool:
        if len(self.visitors) < 2 or self.level >= HASH_BITS[-1] - 4:
            return False
        self.level += 1
        for counts in self._all():
            counts.visits.sample(self.level)
        self.visitors.sample(self.level)
        return True

    def _cut(self, base: Counted) -> None:
        """Drop the rarer half of the values; their groups are kept."""
        gone = self.by[base].cut()
        # Groups are complete: what was dropped earlier is in them as well.
        gone.short = 0
        for index, group in enumerate(self.groups.get(base, ())):
            grouped = gone.regrouped(group(gone.names))
            if (base, index) in self.dropped:
                self.dropped[base, index].merge(grouped)
            else:
                self.dropped[base, index] = grouped


def _starts(times: pa.Array, step: int) -> pa.Array:
    """Return the start of each time's step."""
    return column_of(times.to_numpy() // step * step)


def _largest(counted: Mapping[Key, ValueCounts]) -> Key | None:
    """Return the one that uses the most memory and has values to drop."""
    sizes = {
        key: counts.value_bytes for key, counts in counted.items() if len(counts) > VALUES_KEPT
    }
    return max(sizes, key=sizes.__getitem__, default=None)
