"""Visitors: distinct host and agent per day, as in GoAccess, identified by a hash.

Source of the definition: https://goaccess.io/faq ("unique visitors").

Which visitors requested which values is stored in one of three ways: `Pairs`, for any dimension;
`OneValueEach`, where a visitor has only one value, like its host; `Flags` of each visitor, where
there are few values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native import visitors as native
from glancemetrics.native.pairs import PairArray, count_turned
from glancemetrics.native.strings import codes_of, visible_hashes
from glancemetrics.native.visitors import MOST_GROUPS, VisitorTable, set_flags

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

HASH_BITS = (56, 48, 44, 40, 36)
"""Bits of the hash in a pair: fewer, the more values there are."""

_PAIRS_BEFORE_SORT = 1 << 20
_U = np.uint64


def visitor_hashes(batch: pa.RecordBatch, seconds: Int64s) -> Hashes:
    """Return a number for each record that stands for its host, agent and day.

    `seconds` are local: since the epoch, as if the zone were UTC.
    """
    host, agent = batch.column("host"), batch.column("agent")
    return native.visitor_hashes(
        seconds,
        codes_of(host),
        visible_hashes(host.dictionary),
        codes_of(agent),
        visible_hashes(agent.dictionary),
    )


@attrs.define(eq=False)
class Pairs:
    """Which visitors requested which values: pairs of a value's number and a visitor's hash.

    A pair is one 64-bit number, the value's number above some bits of the hash: 56 in a dimension
    with few values, 36 with millions. Among n visitors of one value, n^2/2^57 are mistaken for
    another on average, or n^2/2^37: 7 of a million in the largest dimensions.
    """

    bits: int = HASH_BITS[0]
    """Bits of the hash in a pair; the value's number is above them."""
    _array: PairArray = attrs.field(factory=PairArray)
    _distinct: int = 0
    """The first so many pairs are sorted and unique."""

    def __len__(self) -> int:
        return len(self._array)

    @property
    def nbytes(self) -> int:
        """Memory used."""
        return self._array.nbytes

    def add(self, codes: Int32s, numbers: Int64s, hashes: Hashes, size: int, level: int) -> None:
        """Add a pair for each row: its value is `numbers[code]`, below `size`; none for code -1.

        Only visitors of the given level are added.
        """
        self._narrow(size)
        self._array.add(codes, hashes, numbers, self.bits, level)
        if len(self) > max(_PAIRS_BEFORE_SORT, 2 * self._distinct):
            self._sort()

    def room_for(self, count: int, size: int) -> int:
        """Make room for pairs of values below `size`; returns where they are to be written.

        The values may turn out to be fewer; the bits of the hash remain as few as for so many.
        """
        self._narrow(size)
        return self._array.room_for(count)

    def written(self, count: int) -> None:
        """Take what was written into that room for pairs."""
        self._array.written(count)
        if len(self) > max(_PAIRS_BEFORE_SORT, 2 * self._distinct):
            self._sort()

    def merge(self, other: Pairs, numbers: Int64s, size: int) -> None:
        """Add other pairs, whose value i is `numbers[i]` here, or dropped if -1."""
        self._narrow(size)
        if other.bits < self.bits and len(other):
            self._narrow_to(other.bits)
        fresh = not len(self)
        other._sort()
        self._array.add_renumbered(other._array.pairs, other.bits, numbers, self.bits)
        if fresh and _increasing(numbers):
            # What was unique there is unique here.
            self._distinct = len(self)

    def counts(self, size: int) -> Int64s:
        """Count the distinct visitors of each value."""
        self._sort()
        return self._array.counts(self.bits, size)

    def group_counts(self, numbers: Int64s, size: int) -> Int64s:
        """Count the distinct visitors of each group: value i is in `numbers[i]`, or none if -1."""
        return self.grouped(numbers, size).counts(size)

    def grouped(self, numbers: Int64s, size: int) -> Pairs:
        """Return the pairs of groups, instead of values."""
        result = Pairs()
        result.merge(self, numbers, size)
        return result

    @contextmanager
    def in_order_of_visitors(self) -> Iterator[TurnedPairs]:
        """Order them for counting several groupings; meanwhile, nothing else may use them."""
        self._distinct = 0
        with self._array.turned(self.bits) as turned:
            yield TurnedPairs(self.bits, turned)

    def renumber(self, numbers: Int64s, size: int) -> None:
        """Number value i as `numbers[i]`; -1 drops it."""
        other = self.grouped(numbers, size)
        self.bits, self._array, self._distinct = other.bits, other._array, other._distinct

    def sample(self, level: int) -> None:
        """Keep only the visitors of a level."""
        self._sort()
        self._array.keep((self._array.pairs & _U((1 << level) - 1)) == 0)
        self._distinct = len(self)

    def settle(self) -> None:
        """Remove duplicates and free spare room."""
        self._sort()
        self._array.trim()

    def _sort(self) -> None:
        if self._distinct < len(self):
            self._array.sort_distinct()
            self._distinct = len(self)

    def _narrow(self, size: int) -> None:
        if size > 1 << (64 - self.bits):
            self._narrow_to(next(bits for bits in HASH_BITS if size <= 1 << (64 - bits)))

    def _narrow_to(self, bits: int) -> None:
        wide = Pairs(self.bits, self._array, self._distinct)
        wide._sort()
        pairs = wide._array.pairs
        # They are sorted: the last pair has the last value.
        same = np.arange(int(pairs[-1] >> _U(wide.bits)) + 1 if len(pairs) else 0)
        self.bits, self._array, self._distinct = bits, PairArray(), 0
        self._array.add_renumbered(pairs, wide.bits, same, bits)


@attrs.frozen(eq=False)
class TurnedPairs:
    """Pairs sorted by visitor: several groupings can be counted without sorting again."""

    bits: int
    turned: Hashes

    def group_counts(self, numbers: Int64s, size: int) -> Int64s:
        """Count the distinct visitors of each group: value i is in `numbers[i]`, or none if -1."""
        return count_turned(self.turned, self.bits, numbers, size)


@attrs.frozen(eq=False)
class OneValueEach:
    """Each visitor has one value, its host or agent, so it is in the sums of that.

    Groups of values have the sums of their values.
    """

    @property
    def nbytes(self) -> int:
        return 0  # part of the sums

    def renumber(self, numbers: Int64s, size: int) -> None:
        """Nothing to do: the sums are."""

    def settle(self) -> None:
        """Nothing to do: there are no duplicates."""

    def sample(self, level: int) -> None:
        """Nothing to do: those counted until now are, and each later one counts for several."""


@attrs.frozen(eq=False)
class Flags:
    """One flag per visitor and value, for dimensions with few values."""

    table: VisitorTable
    shift: int
    """The flag of value 0."""
    width: int
    """The number of flags."""

    @property
    def nbytes(self) -> int:
        return 0  # part of the table

    def set(self, flags: Hashes, codes: Int32s, numbers: Int64s) -> None:
        """Set the flag of each row's value, `numbers[code]`; none for code -1."""
        set_flags(flags, codes, _U(1) << (numbers + self.shift).astype(np.uint64))

    def counts(self, size: int) -> Int64s:
        return self.group_counts(np.arange(size), size)

    def group_counts(self, numbers: Int64s, size: int) -> Int64s:
        if size > MOST_GROUPS:
            return self.grouped(numbers, size).counts(size)
        return self.table.count_flags(self.shift, numbers, size)

    def grouped(self, numbers: Int64s, size: int) -> Pairs:
        result = Pairs()
        flags, hashes = self.table.column("flags"), self.table.column("hash")
        for value, number in enumerate(numbers.tolist()):
            if number >= 0:
                visits = hashes[(flags >> _U(self.shift + value)) & _U(1) == 1]
                result.add(np.zeros(len(visits), np.int32), np.array([number]), visits, size, 0)
        return result

    def renumber(self, numbers: Int64s, size: int) -> None:
        raise NotImplementedError("a dimension with so few values is never cut")

    def settle(self) -> None:
        """Nothing to do: there are no duplicates."""

    def sample(self, level: int) -> None:
        """Nothing to do: the table is sampled."""


VisitorsOfValues = Pairs | OneValueEach | Flags
"""Which visitors requested which values."""


def _increasing(numbers: Int64s) -> bool:
    """Return whether the numbers other than -1 are increasing."""
    inside = numbers[numbers >= 0]
    return bool((inside[1:] > inside[:-1]).all())
