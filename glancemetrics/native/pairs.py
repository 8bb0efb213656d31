"""Pairs of a value and a visitor: the value's number in the high bits, a visitor's hash below."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from glancemetrics.native.library import Address, Count, address, array_at, library, quick

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

quick.gm_pairs_room.argtypes = [Address, Count]
quick.gm_pairs_room.restype = Address
library.gm_pairs_free.argtypes = [Address]
library.gm_distinct.argtypes = [Address, Count]
library.gm_distinct.restype = Count
library.gm_count_pairs.argtypes = [Address, Count, Count, Address]
library.gm_turn.argtypes = [Address, Count, Count]
library.gm_count_turned.argtypes = [Address, Count, Count, Address, Address, Address]
library.gm_renumber.argtypes = [Address, Count, Count, Address, Count, Address]
library.gm_renumber.restype = Count
library.gm_pair.argtypes = [Address, Address, Count, Address, Count, Count, Address]
library.gm_pair.restype = Count


class PairArray:
    """A growable array of pairs, which are 64-bit numbers."""

    def __init__(self) -> None:
        self._at: int | None = None
        self._room = self._count = 0

    def __del__(self) -> None:
        library.gm_pairs_free(self._at)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Memory use in bytes."""
        return 8 * self._room

    @property
    def pairs(self) -> Hashes:
        """All pairs; valid until more are added."""
        if self._at is None:
            return np.zeros(0, np.uint64)
        return array_at(self._at, self._count, np.uint64)

    def add(
        self, codes: Int32s, visitors: Hashes, numbers: Int64s, bits: int, level: int = 0
    ) -> None:
        """Add the pair of `numbers[code]` and the visitor (`bits` bits of its hash) for each row.

        Rows with code -1 or number -1 are skipped, and hashes that do not end in `level` zeros.
        """
        self._count += library.gm_pair(
            address(codes),
            address(visitors),
            len(codes),
            address(numbers),
            bits,
            level,
            self.room_for(len(codes)),
        )

    def add_renumbered(self, pairs: Hashes, bits: int, numbers: Int64s, new_bits: int) -> None:
        """Add pairs with `numbers[value]` instead of value; those with -1 are skipped."""
        self._count += library.gm_renumber(
            address(pairs),
            len(pairs),
            bits,
            address(numbers),
            new_bits,
            self.room_for(len(pairs)),
        )

    def written(self, count: int) -> None:
        """Take what was written after the last pair for pairs."""
        self._count += count

    def sort_distinct(self) -> None:
        """Sort the pairs and remove duplicates."""
        self.pairs.sort()
        self._count = library.gm_distinct(self._at, self._count)

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep some of the pairs."""
        chosen = self.pairs[kept]
        self._count = len(chosen)
        self.pairs[:] = chosen
        self.trim()

    def trim(self) -> None:
        """Free unused memory."""
        self._set_room(self._count)

    def counts(self, bits: int, size: int) -> Int64s:
        """Count the pairs of each value; values are below `size`."""
        counts = np.zeros(size, np.int64)
        library.gm_count_pairs(self._at, self._count, bits, address(counts))
        return counts

    @contextmanager
    def turned(self, bits: int) -> Iterator[Hashes]:
        """Turn the pairs, so that the hash is in the high bits, and sort them, for a while.

        Meanwhile, nothing else may use them; afterwards, they are not sorted by value.
        """
        pairs = self.pairs
        library.gm_turn(address(pairs), len(pairs), bits)
        try:
            pairs.sort()
            yield pairs
        finally:
            library.gm_turn(address(pairs), len(pairs), 64 - bits)

    def room_for(self, count: int) -> int:
        """Make room for more pairs; returns the address after the last one."""
        needed = self._count + count
        if needed > self._room or self._at is None:
            self._set_room(needed if not self._count else max(needed, self._room * 9 // 8))
        assert self._at is not None
        return self._at + 8 * self._count

    def _set_room(self, room: int) -> None:
        at = quick.gm_pairs_room(self._at, room)
        if not at:
            raise MemoryError
        self._at, self._room = at, room


def count_turned(turned: Hashes, bits: int, numbers: Int64s, size: int) -> Int64s:
    """Count the visitors of groups: value i is in group `numbers[i]`, or in none if -1."""
    counts, last = np.zeros((2, size), np.int64)
    library.gm_count_turned(
        address(turned), len(turned), bits, address(numbers), address(last), address(counts)
    )
    return counts
