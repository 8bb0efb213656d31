"""`Tally`: everything counted of a log, at a size that its distinct values give, not its lines.

Slices of batches come in; now and then they are merged: values get numbers that hold for the whole
log, and what was counted per row becomes counts per value and *pairs* (value, visitor), each kept
once, so that the visitors of any value, or of any group of values, can be told.

A pair is one 64-bit number, the value's number above some bits of the visitor's hash: 56 bits in a
dimension of few values, 36 where there are millions. Of n visitors of one value that takes
n^2/2^57 for another in the mean, or n^2/2^37: 7 of a million in the largest of dimensions.

Past a ceiling the tally gives way, and says what it gave:

- Visitors are sampled: of all visitors half is kept, those whose hash ends in a 0, then a quarter,
  and so on; counts of visitors are then multiplied (P. B. Gibbons, "Distinct Sampling for
  Highly-Accurate Answers to Distinct Values Queries and Event Reports", VLDB 2001).
- The rarer half of a dimension's values is folded into `(other)` (as in G. S. Manku and
  R. Motwani, "Approximate Frequency Counts over Data Streams", VLDB 2002): a value that comes back
  begins anew, so its hits may be short by `Dimension.short`, the sum of the cuts. What panels
  group these values by (sections of paths, browsers of agents) is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.dimensions import OTHER
from glancemetrics.grouping import sum_by
from glancemetrics.native.pairs import count_pairs, distinct, paired, renumbered
from glancemetrics.native.strings import StringTable
from glancemetrics.reporting.slices import Base, Int32s, Slice, Slices
from glancemetrics.reporting.visitors import Hashes

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""`map`, or one that uses several threads."""

Groups = Mapping[Base, tuple[Callable[[pa.Array], pa.Array], ...]]
"""How panels group the values of a dimension; null for a value that is in no group."""

Key = TypeVar("Key")

_PENDING_ROWS = 1 << 20
_PAIRS_BEFORE_SORT = 1 << 22
_VALUES_KEPT = 2048
"""Values of a dimension that are never let go."""
_MINUTES_LIMIT = 4096
_HOUR = 3600
_SUMS = ("hits", "bytes", "errors", "micros")
_HASH_BITS = (56, 48, 44, 40, 36)
_SHIFT = 32
_LOW = (1 << _SHIFT) - 1
_NONE: Int64s = np.zeros(0, np.int64)
_U = np.uint64


@attrs.define(eq=False)
class Pairs:
    """Which visitors came to which values: pairs of a value's number and a visitor's hash."""

    bits: int = _HASH_BITS[0]
    """Bits of the hash in a pair; the value's number stands above them."""
    count: int = 0
    _parts: list[Hashes] = attrs.field(factory=list)
    """In the last ones a pair may stand that another part has too."""
    _distinct_count: int = 0

    def add(self, codes: Int32s, numbers: Int64s, hashes: Hashes, size: int) -> None:
        """Add a pair for each row; its value is `numbers[code]`, which is below `size`."""
        self._narrow(size)
        self._append(paired(codes, hashes, numbers, self.bits))

    def add_all(self, hashes: Hashes) -> None:
        """Add visitors of one value, the only one."""
        self._append(hashes & _U((1 << self.bits) - 1))

    def merge(self, other: Pairs, numbers: Int64s, size: int, *, disjoint: bool = False) -> None:
        """Add another's pairs, whose values are called `numbers[i]` here, or left out if -1.

        `disjoint` says that there each visitor has but one value.
        """
        self._narrow(size)
        if other.bits < self.bits and other.count:
            self._narrow_to(other.bits)
        fresh = not self._parts
        pairs = other._distinct()
        self._append(renumbered(pairs, other.bits, numbers, self.bits))
        if fresh and (disjoint or _all_different(numbers)):
            # What was distinct there is so here: no need to look again.
            self._distinct_count = self.count

    def split(self) -> tuple[Int64s, Hashes]:
        """Return value and hash of each distinct pair."""
        pairs = self._distinct()
        mask = _U((1 << self.bits) - 1)
        return (pairs >> _U(self.bits)).astype(np.int64), pairs & mask

    def visitors(self, size: int) -> Int64s:
        """Count the distinct visitors of each value."""
        return count_pairs(self._distinct(), self.bits, size)

    def sample(self, level: int) -> None:
        """Keep only the visitors of a level."""
        pairs = self._distinct()
        self._parts[:] = [pairs[are_sampled(pairs, level)]]
        self.count = self._distinct_count = len(self._parts[0])

    def settle(self) -> None:
        """Let each pair stand once."""
        self._distinct()

    def _distinct(self) -> Hashes:
        if len(self._parts) != 1 or self._distinct_count != self.count:
            self._parts[:] = [distinct(self._parts)]
            self.count = self._distinct_count = len(self._parts[0])
        return self._parts[0]

    def _append(self, pairs: Hashes) -> None:
        self._parts.append(pairs)
        self.count += len(pairs)
        if self.count > max(_PAIRS_BEFORE_SORT, 2 * self._distinct_count):
            self._distinct()

    def _narrow(self, size: int) -> None:
        if size > 1 << (64 - self.bits):
            self._narrow_to(next(bits for bits in _HASH_BITS if size <= 1 << (64 - bits)))

    def _narrow_to(self, bits: int) -> None:
        values, hashes = self.split()
        self.bits = bits
        self._parts, self.count, self._distinct_count = [], 0, 0
        if len(values):
            mask = _U((1 << bits) - 1)
            self._append((values.astype(np.uint64) << _U(bits)) | (hashes & mask))


def are_sampled(hashes: Hashes, level: int) -> Bools:
    """Tell which visitors belong to a sample of one in 2^level."""
    sampled: Bools = (hashes & _U((1 << level) - 1)) == 0
    return sampled


@attrs.define(eq=False)
class Dimension:
    """Counts by value of one dimension: row i of each array is about `names[i]`."""

    _names: pa.Array | None
    """`None` while they are in the table."""
    hits: Int64s = attrs.field(factory=_NONE.copy)
    bytes: Int64s = attrs.field(factory=_NONE.copy)
    errors: Int64s = attrs.field(factory=_NONE.copy)
    micros: Int64s = attrs.field(factory=_NONE.copy)
    """Sum of the durations, in microseconds."""
    pairs: Pairs = attrs.field(factory=Pairs)
    buckets: Int64s = attrs.field(factory=_NONE.copy)
    """Value's number, shifted left by 32, and duration's bucket; in order, each once."""
    bucket_counts: Int64s = attrs.field(factory=_NONE.copy)
    short: int = 0
    """By how much the hits of a value may be short, because rare ones were let go."""
    disjoint: bool = False
    """Whether a visitor can have but one value, as it has one host."""
    _table: StringTable | None = None
    """Finds the number of a name; there from the first time that some are entered."""
    _visitor_counts: Int64s | None = None
    """Where they are known without pairs: sums of disjoint values."""

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def names(self) -> pa.Array:
        """By number: int64 for `Base.TIME`, strings for all others."""
        if self._names is None:
            assert self._table is not None
            self._names, self._table = self._table.array(), None
        return self._names

    def add(self, slices: list[Slice], level: int) -> None:
        """Merge slices in; of their visitors one in 2^level."""
        numbers = self._enter([part.names for part in slices], slices)
        size = len(self)
        durations = []
        at = 0
        for part in slices:
            own = numbers[at : at + len(part.names)]
            at += len(part.names)
            codes, visitors = part.codes, part.visitors
            if level:
                sampled = are_sampled(visitors, level)
                codes, visitors = codes[sampled], visitors[sampled]
            self.pairs.add(codes, own, visitors, size)
            if len(part.durations):
                durations.append(
                    (own[part.durations >> _SHIFT] << _SHIFT) | (part.durations & _LOW)
                )
        if durations:
            new = np.concatenate(durations)
            self._add_buckets(new, np.ones(len(new), np.int64))

    def merge(self, other: Dimension) -> None:
        """Add another tally of the same dimension, whose visitors have the same numbers."""
        numbers = self._enter([other.names], [other])
        self.pairs.merge(other.pairs, numbers, len(self))
        if len(other.buckets):
            keys = (numbers[other.buckets >> _SHIFT] << _SHIFT) | (other.buckets & _LOW)
            self._add_buckets(keys, other.bucket_counts)
        self.short = max(self.short, other.short)

    def visitors(self) -> Int64s:
        """Count the visitors of each value, those that are sampled."""
        if self._visitor_counts is not None:
            return self._visitor_counts
        return self.pairs.visitors(len(self))

    def regrouped(self, groups: pa.Array) -> Dimension:
        """Count by groups instead: `groups` names one for each value, or none (null)."""
        encoded, numbers = _numbered(groups)
        return self._renumbered(encoded.dictionary, numbers, with_pairs=True)

    def summed(self, groups: pa.Array) -> Dimension:
        """Count by groups to look at the result, not to add to it: faster where it can be."""
        encoded, numbers = _numbered(groups)
        result = self._renumbered(encoded.dictionary, numbers, with_pairs=not self.disjoint)
        if self.disjoint:
            inside = numbers >= 0
            result._visitor_counts = sum_by(numbers[inside], self.visitors()[inside], len(result))
        return result

    def selected(self, kept: Bools) -> Dimension:
        """Return the counts of some of the values."""
        numbers = np.where(kept, np.cumsum(kept) - 1, -1)
        return self._renumbered(self.names.filter(pa.array(kept)), numbers, with_pairs=True)

    def quantile_buckets(self, number: int) -> tuple[Int64s, Int64s]:
        """Return the buckets of one value's durations, in order, and how many are in each."""
        first, last = np.searchsorted(self.buckets, [number << _SHIFT, (number + 1) << _SHIFT])
        return self.buckets[first:last] & _LOW, self.bucket_counts[first:last]

    @property
    def value_bytes(self) -> int:
        names = self._table or self._names
        assert names is not None
        return int(names.nbytes) + 32 * len(self) + 16 * len(self.buckets)

    def _enter(self, names: list[pa.Array], counts: Sequence[Slice | Dimension]) -> Int64s:
        """Take names in, with what is summed for them; returns the numbers they have here."""
        known = len(self)
        numbers, size = self._number(names)
        for field in _SUMS:
            sums = np.zeros(size, np.int64)
            sums[:known] = getattr(self, field)
            new = np.concatenate([getattr(part, field) for part in counts])
            if new.any():  # mostly there are no durations
                np.add.at(sums, numbers, new)
            setattr(self, field, sums)
        return numbers

    def _number(self, names: list[pa.Array]) -> tuple[Int64s, int]:
        """Return the numbers of names, entering those that are new, and how many there are now."""
        if self._names is not None and not pa.types.is_string(self._names.type):
            merged = pa.concat_arrays([self._names, *names]).dictionary_encode()
            self._names = merged.dictionary
            return merged.indices.to_numpy().astype(np.int64)[len(self) :], len(self._names)
        if self._table is None:
            self._table = StringTable()
            self._table.enter(self.names)
        self._names = None
        numbers = [self._table.enter(part).astype(np.int64) for part in names]
        return np.concatenate(numbers), len(self._table)

    def _renumbered(self, names: pa.Array, numbers: Int64s, *, with_pairs: bool) -> Dimension:
        """Give value i the number `numbers[i]`, that of others too, or leave it out if it is -1."""
        result = Dimension(names, short=self.short, disjoint=self.disjoint)
        inside = numbers >= 0
        for field in _SUMS:
            setattr(
                result, field, sum_by(numbers[inside], getattr(self, field)[inside], len(names))
            )
        if with_pairs:
            result.pairs.merge(self.pairs, numbers, len(names), disjoint=self.disjoint)
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


@attrs.define(eq=False)
class Tally:
    """What has been counted of a log so far."""

    ceiling: int
    """Bytes that the tally may take; what needs more is estimated."""
    groups: Groups = attrs.field(factory=dict)
    each: Each = map
    pending_limit: int = 1 << 62
    """Bytes of slices that may wait to be merged."""
    records: int = 0
    bytes: int = 0
    errors: int = 0
    client_errors: int = 0
    server_errors: int = 0
    oldest: int | None = None
    """Microseconds since the epoch."""
    newest: int | None = None
    by: dict[Base, Dimension] = attrs.field(factory=dict)
    let_go: dict[tuple[Base, int], Dimension] = attrs.field(factory=dict)
    """What was counted for values that were let go, by dimension and number of the grouping."""
    time_step: int = 60
    """Seconds of a value of `Base.TIME`."""
    level: int = 0
    """One visitor of 2^level is kept."""
    nameless: Pairs = attrs.field(factory=lambda: Pairs(bits=63))
    """Visitors whose host is not known, as those of one value; all others are those of hosts."""
    _pending: list[Slices] = attrs.field(factory=list)
    _pending_rows: int = 0
    _pending_bytes: int = 0

    def add(self, slices: Slices) -> bool:
        """Count a batch; tells whether what was pending has been merged."""
        if not slices.records:
            return False
        self.records += slices.records
        self.bytes += slices.bytes
        self.errors += slices.errors
        self.client_errors += slices.client_errors
        self.server_errors += slices.server_errors
        self.oldest = slices.oldest if self.oldest is None else min(self.oldest, slices.oldest)
        self.newest = slices.newest if self.newest is None else max(self.newest, slices.newest)
        self._pending.append(slices)
        self._pending_rows += slices.records
        self._pending_bytes += slices.nbytes
        # As much again as there is: each value is then numbered anew only a few times.
        enough = max(_PENDING_ROWS, self._visitor_pairs())
        if self._pending_rows < enough and self._pending_bytes < self.pending_limit:
            return False
        self.settle()
        return True

    def settle(self) -> None:
        """Merge what has come; everything below counts what is merged."""
        pending, self._pending = self._pending, []
        self._pending_rows = self._pending_bytes = 0
        for slices in pending:
            hashes = slices.nameless[are_sampled(slices.nameless, self.level)]
            self.nameless.add_all(hashes)
            for base, part in slices.by.items():
                if base not in self.by:
                    self.by[base] = Dimension(
                        pa.array([], part.names.type), disjoint=base in (Base.HOST, Base.AGENT)
                    )

        def add(base: Base) -> None:
            parts = [slices.by[base] for slices in pending if base in slices.by]
            if parts:
                self.by[base].add(parts, self.level)

        # What takes the longest first, so that threads end together.
        list(self.each(add, sorted(self.by, key=lambda base: -len(self.by[base]))))
        self._coarsen_time()
        while self.size_bytes() > self.ceiling and self._give_way():
            pass

    def visitor_count(self) -> int:
        """Count the distinct visitors; an estimate where `level` is not 0."""
        hosts = self.by.get(Base.HOST)
        if hosts is None:
            return len(self.nameless.split()[1]) << self.level
        if not hosts.short:
            count = len(self.nameless.split()[1]) + int(hosts.visitors().sum())
            return count << self.level
        # A host that was let go may have come back.
        mask = _U((1 << hosts.pairs.bits) - 1)
        both = [hosts.pairs.split()[1], self.nameless.split()[1] & mask]
        return len(distinct(both)) << self.level

    def _visitor_pairs(self) -> int:
        return self.by[Base.HOST].pairs.count if Base.HOST in self.by else 0

    def _coarsen_time(self) -> None:
        times = self.by.get(Base.TIME)
        if times is None:
            return
        minutes = times.names.to_numpy()
        if self.time_step < _HOUR and len(minutes) > _MINUTES_LIMIT:
            self.time_step = _HOUR
        if self.time_step == _HOUR and (minutes % _HOUR).any():
            self.by[Base.TIME] = times.regrouped(pa.array(minutes // _HOUR * _HOUR))

    def _all(self) -> Iterable[Dimension]:
        yield from self.by.values()
        yield from self.let_go.values()

    def size_bytes(self) -> int:
        """Return how much what has been counted takes, but for what is not settled."""
        return self._pair_bytes() + sum(kept.value_bytes for kept in self._all())

    def _pair_bytes(self) -> int:
        return 8 * (self.nameless.count + sum(kept.pairs.count for kept in self._all()))

    def _give_way(self) -> bool:
        """Halve what takes the most; false if there is nothing left to halve."""
        before = self.size_bytes()
        for kept in self._all():
            kept.pairs.settle()
        self.nameless.settle()
        if self.size_bytes() < before:
            return True
        if self._pair_bytes() >= before / 2:
            return self._sample_visitors()
        base = _largest({k: v for k, v in self.by.items() if k is not Base.TIME})
        group = _largest(self.let_go)
        if base is None and group is None:
            return self._sample_visitors()
        if group is None or (
            base is not None and self.by[base].value_bytes >= self.let_go[group].value_bytes
        ):
            assert base is not None
            self.by[base] = self._with_rest(base, self.by[base])
        else:
            self.let_go[group], _ = _cut(self.let_go[group])
        return True

    def _sample_visitors(self) -> bool:
        if self._visitor_pairs() + self.nameless.count < 2 or self.level >= _HASH_BITS[-1] - 4:
            return False
        self.level += 1
        for kept in self._all():
            kept.pairs.sample(self.level)
        self.nameless.sample(self.level)
        return True

    def _with_rest(self, base: Base, dimension: Dimension) -> Dimension:
        """Let go of the rarer half of the values; their groups are kept."""
        kept, gone = _cut(dimension)
        # In a group nothing is missing: what was let go before is in it as well.
        gone.short = 0
        if base is Base.HOST:
            hashes = gone.pairs.split()[1]
            self.nameless.add_all(hashes)
        for index, group in enumerate(self.groups.get(base, ())):
            grouped = gone.regrouped(group(gone.names))
            if (base, index) in self.let_go:
                self.let_go[base, index].merge(grouped)
            else:
                self.let_go[base, index] = grouped
        return kept


def _largest(dimensions: Mapping[Key, Dimension]) -> Key | None:
    """Return the dimension that takes the most memory and has values to let go."""
    sizes = {
        key: dimension.value_bytes
        for key, dimension in dimensions.items()
        if len(dimension) > _VALUES_KEPT
    }
    return max(sizes, key=sizes.__getitem__, default=None)


def _cut(dimension: Dimension) -> tuple[Dimension, Dimension]:
    """Fold the rarer half of the values into `(other)`; returns what is left, and that half."""
    size = len(dimension)
    # At least half goes, and with it all that are as rare: none is kept by chance ...
    cut = int(np.partition(dimension.hits, size // 2)[size // 2])
    rare = dimension.hits <= cut
    if np.count_nonzero(~rare) < _VALUES_KEPT // 2:
        # ... unless hardly any would be left.
        rare = np.zeros(size, np.bool_)
        rare[np.argsort(dimension.hits, kind="stable")[: size // 2]] = True
    other = dimension.names.index(OTHER).as_py()
    if other >= 0:
        rare[other] = False
    gone = dimension.selected(rare)
    kept = dimension.selected(~rare)
    kept.short += int(gone.hits.max(initial=0))
    rest = gone.regrouped(pa.array([OTHER] * len(gone), pa.string()))
    # How many of its visitors come again for another value is not known.
    rest.pairs = Pairs()
    kept.merge(rest)
    return kept, gone


def _numbered(groups: pa.Array) -> tuple[pa.DictionaryArray, Int64s]:
    """Return groups as a dictionary, and for each value the number of its own, or -1."""
    encoded = groups if pa.types.is_dictionary(groups.type) else groups.dictionary_encode()
    numbers = encoded.indices.fill_null(pa.scalar(-1, pa.int32())).to_numpy().astype(np.int64)
    return encoded, numbers


def _all_different(numbers: Int64s) -> bool:
    """Tell whether no number but -1 stands twice."""
    counts = np.bincount(numbers[numbers >= 0])
    return bool(counts.max(initial=0) <= 1)
