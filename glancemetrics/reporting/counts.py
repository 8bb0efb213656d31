"""`ValueCounts`: the counts of one dimension of a whole log, by value."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.strings import StringTable, codes_of
from glancemetrics.native.sums import (
    BYTES,
    ERRORS,
    FIELDS,
    HITS,
    VISITORS,
    WITH_VISITORS,
    SumTable,
    add_sums,
    saturated,
    sum_groups,
)
from glancemetrics.records.dimensions import OTHER
from glancemetrics.reporting.slices import Slice
from glancemetrics.reporting.visitors import (
    Flags,
    OneValueEach,
    Pairs,
    TurnedPairs,
    VisitorsOfValues,
)

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

VALUES_KEPT = 2048
"""Values of a dimension that are always kept."""

_SHIFT = 32
_LOW = (1 << _SHIFT) - 1
_NONE: Int64s = np.zeros(0, np.int64)


@attrs.define(eq=False)
class ValueCounts:
    """Counts by value; values are numbered from 0."""

    _names: pa.Array | None
    """`None` while they are in the table."""
    visits: VisitorsOfValues = attrs.field(factory=Pairs)
    """Which visitors requested which values."""
    buckets: Int64s = attrs.field(factory=_NONE.copy)
    """Number of the value, shifted left by 32, and duration bucket; sorted, each once."""
    bucket_counts: Int64s = attrs.field(factory=_NONE.copy)
    short: int = 0
    """By how much the hits of a value may be too low, because rare values were dropped."""
    _size: int = 0
    _sums: SumTable = attrs.field()
    """With room for more values."""
    _micros: Int64s = attrs.field(factory=_NONE.copy)
    """Only up to the last value that has durations."""
    _table: StringTable | None = None
    """Finds the number of a name; exists once names were added."""
    _times: dict[int, int] | None = None
    """The same for `Base.TIME`."""
    _visitor_counts: Int64s | None = None
    """If only sums of visitors are known: those."""

    @_sums.default
    def _no_sums(self) -> SumTable:
        return SumTable(0, WITH_VISITORS if isinstance(self.visits, OneValueEach) else FIELDS)

    def __len__(self) -> int:
        return self._size

    @property
    def names(self) -> pa.Array:
        """By number: int64 for `Base.TIME`, strings for all others."""
        if self._names is None:
            assert self._table is not None
            self._names, self._table = self._table.sealed(), None
        return self._names

    @property
    def other(self) -> int:
        """The number of `(other)`, -1 if nothing was dropped."""
        return int(self.names.index(OTHER).as_py()) if self.short else -1

    @property
    def hits(self) -> Int64s:
        """By number, like the next three."""
        return self._sums.rows[: self._size, HITS]

    @property
    def bytes(self) -> Int64s:
        return self._sums.rows[: self._size, BYTES]

    @property
    def errors(self) -> Int64s:
        return self._sums.rows[: self._size, ERRORS]

    @property
    def micros(self) -> Int64s:
        """Sum of the durations, in microseconds."""
        micros = np.zeros(self._size, np.int64)
        micros[: len(self._micros)] = self._micros
        return micros

    def add(self, part: Slice) -> Int64s:
        """Count a slice, except for its visitors; returns the number of each of its values."""
        numbers = self._enter(part.names, part.sums, part.micros)
        if len(part.durations):
            keys = (numbers[part.durations >> _SHIFT] << _SHIFT) | (part.durations & _LOW)
            self._add_buckets(keys, np.ones(len(keys), np.int64))
        return numbers

    def numbers_of(self, names: pa.Array) -> Int64s:
        """Return the numbers of names, which get one if they have none; nothing is counted."""
        numbers, self._size = self._number(names)
        return numbers

    def table(self) -> StringTable:
        """Return the table of names, for adding some; `resize` takes them over."""
        if self._table is None:
            self._table = StringTable()
            self._table.enter(self.names)
            self._names = None
        return self._table

    def sums_for(self, more: int) -> Int64s:
        """Return the sums, by number, with room for `more` new names."""
        self._grow(len(self) + more)
        return self._sums.rows

    def resize(self) -> None:
        """Take over names that were added to the table."""
        self._size = len(self.table())

    def leave_flags(self) -> None:
        """Store visitors as pairs if there are more values than flags."""
        if isinstance(self.visits, Flags) and len(self) > self.visits.width:
            known = self.visits.width
            self.visits = self.visits.grouped(np.arange(known), known)

    def merge(self, other: ValueCounts) -> None:
        """Add counts of the same dimension, whose visitors are pairs with the same hashes."""
        numbers = self._enter(other.names, other._sums.rows[: len(other)], other._micros)
        if isinstance(other.visits, Pairs) and len(other.visits):
            assert isinstance(self.visits, Pairs)
            self.visits.merge(other.visits, numbers, len(self))
        if len(other.buckets):
            keys = (numbers[other.buckets >> _SHIFT] << _SHIFT) | (other.buckets & _LOW)
            self._add_buckets(keys, other.bucket_counts)
        self.short = max(self.short, other.short)

    def visitors(self, level: int = 0) -> Int64s:
        """Count the visitors of each value, of which one of 2^level was kept."""
        if isinstance(self.visits, OneValueEach):
            return self._sums.rows[: self._size, VISITORS]
        kept = self._visitor_counts
        if kept is None:
            kept = self.visits.counts(len(self))
        return kept << level

    def regrouped(self, groups: pa.Array) -> ValueCounts:
        """Return counts by group: `groups` has a name for each value, or null for none."""
        encoded, numbers = _numbered(groups)
        return self._renumbered(encoded.dictionary, numbers, with_visitors=True)

    def summed(self, groups: pa.Array) -> ValueCounts:
        """Return counts by group that nothing can be added to: faster, if possible."""
        return self._summed(groups, self.visits)

    def summed_each(self, groupings: Sequence[pa.Array]) -> list[ValueCounts]:
        """Return such counts for each of several groupings.

        Meanwhile, nothing else may use these counts.
        """
        if not isinstance(self.visits, Pairs):
            return [self.summed(groups) for groups in groupings]
        with self.visits.in_order_of_visitors() as visits:
            return [self._summed(groups, visits) for groups in groupings]

    def _summed(self, groups: pa.Array, visits: VisitorsOfValues | TurnedPairs) -> ValueCounts:
        encoded, numbers = _numbered(groups)
        result = self._renumbered(encoded.dictionary, numbers, with_visitors=False)
        if isinstance(visits, OneValueEach):
            result.visits = visits
        else:
            result._visitor_counts = visits.group_counts(numbers, len(result))
        return result

    def cut(self) -> ValueCounts:
        """Fold the rarer half of the values into `(other)`; returns what was counted for them.

        The visitors of `(other)` are unknown: they may also have requested other values.
        """
        rare = self._rare()
        gone = self._selected(rare)
        rest = gone._renumbered(
            pa.array([OTHER], pa.string()), np.zeros(len(gone), np.int64), with_visitors=False
        )
        kept = self._selected(~rare, with_visitors=False)
        self.visits.renumber(np.where(rare, -1, np.cumsum(~rare) - 1), len(kept))
        self._names, self._table = kept.names, None
        self._sums, self._micros, self._size = kept._sums, kept._micros, len(kept)
        self.buckets, self.bucket_counts = kept.buckets, kept.bucket_counts
        self.short += int(gone.hits.max(initial=0))
        self.merge(rest)
        return gone

    def settle(self) -> None:
        """Remove duplicates, and what is only needed for adding more."""
        self.visits.settle()
        _ = self.names

    def quantile_buckets(self, number: int) -> tuple[Int64s, Int64s]:
        """Return the buckets of a value's durations, sorted, and their counts."""
        if not len(self.buckets):
            return self.buckets, self.bucket_counts
        first, last = np.searchsorted(self.buckets, [number << _SHIFT, (number + 1) << _SHIFT])
        return self.buckets[first:last] & _LOW, self.bucket_counts[first:last]

    @property
    def value_bytes(self) -> int:
        """Memory used by the values, without their visitors."""
        names = self._names if self._table is None else self._table
        assert names is not None
        # Room that a chunk may need is used again by the next one, and does not count.
        sums = min(self._sums.rows.nbytes, 8 * self._sums.fields * (len(self) * 9 // 8))
        return int(names.nbytes) + sums + self._micros.nbytes + 16 * len(self.buckets)

    @property
    def text_bytes(self) -> int:
        """Length of all names together."""
        return self._table.text_bytes if self._table is not None else 0

    def _rare(self) -> Bools:
        size = len(self)
        # At least half is dropped, with all that are equally rare: none is kept by chance ...
        limit = int(np.partition(self.hits, size // 2)[size // 2])
        rare = self.hits <= limit
        if np.count_nonzero(~rare) < VALUES_KEPT // 2:
            # ... unless hardly any would remain.
            rare = np.zeros(size, np.bool_)
            rare[np.argsort(self.hits, kind="stable")[: size // 2]] = True
        other = self.other
        if other >= 0:
            rare[other] = False
        return rare

    def _enter(self, names: pa.Array, sums: Int64s, micros: Int64s) -> Int64s:
        """Add names with their sums; returns their numbers here."""
        numbers, size = self._number(names)
        self._grow(size)
        self._size = size
        add_sums(self._sums.rows, np.ascontiguousarray(sums), numbers)
        if len(micros):
            known, self._micros = self._micros, sum_groups(micros, numbers[: len(micros)], size)
            self._micros[: len(known)] = saturated(self._micros[: len(known)], known)
        return numbers

    def _number(self, names: pa.Array) -> tuple[Int64s, int]:
        """Return the numbers of names, adding new ones, and how many there are now."""
        if self._names is not None and not pa.types.is_string(self._names.type):
            if self._times is None:
                self._times = {time: i for i, time in enumerate(self._names.to_pylist())}
            times, known = self._times, len(self._times)
            numbers = [times.setdefault(time, len(times)) for time in names.to_pylist()]
            if len(times) > known:
                fresh = pa.array(itertools.islice(times, known, None), self._names.type)
                self._names = pa.concat_arrays([self._names, fresh])
            return np.array(numbers, np.int64), len(times)
        table = self.table()
        return table.enter(names).astype(np.int64), len(table)

    def _grow(self, size: int) -> None:
        room = len(self._sums.rows)
        if size > room:
            self._sums.grow(max(size, room * 9 // 8))

    def _selected(self, kept: Bools, *, with_visitors: bool = True) -> ValueCounts:
        numbers = np.where(kept, np.cumsum(kept) - 1, -1)
        names = pc.filter(self.names, pa.array(kept))
        return self._renumbered(names, numbers, with_visitors=with_visitors)

    def _renumbered(self, names: pa.Array, numbers: Int64s, *, with_visitors: bool) -> ValueCounts:
        """Number value i as `numbers[i]`, which others may share; -1 drops it."""
        result = ValueCounts(names, short=self.short)
        result._size = len(names)
        result._sums = SumTable(len(names), self._sums.fields)
        add_sums(result._sums.rows, self._sums.rows[: len(self)], numbers)
        if len(self._micros):
            result._micros = sum_groups(self._micros, numbers[: len(self._micros)], len(names))
        if isinstance(self.visits, OneValueEach):
            result.visits = self.visits
        elif with_visitors:
            result.visits = self.visits.grouped(numbers, len(names))
        if len(self.buckets):
            keys = numbers[self.buckets >> _SHIFT]
            kept = keys >= 0
            keys = (keys[kept] << _SHIFT) | (self.buckets[kept] & _LOW)
            result._add_buckets(keys, self.bucket_counts[kept])
        return result

    def _add_buckets(self, keys: Int64s, counts: Int64s) -> None:
        keys = np.concatenate([self.buckets, keys])
        counts = np.concatenate([self.bucket_counts, counts])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        self.buckets = keys[firsts]
        self.bucket_counts = np.add.reduceat(counts[order], firsts) if len(firsts) else _NONE


def _numbered(groups: pa.Array) -> tuple[pa.DictionaryArray, Int64s]:
    """Return groups as a dictionary, and for each value the number of its group, or -1."""
    encoded = pc.dictionary_encode(groups)
    return encoded, codes_of(encoded).astype(np.int64)
