"""Pairs of a value and a visitor: the value's number above some bits of the visitor's hash."""

from __future__ import annotations

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
library.gm_turn.argtypes = [Address, Count, Count, Address]
library.gm_count_turned.argtypes = [Address, Count, Count, Address, Address, Address]
library.gm_renumber.argtypes = [Address, Count, Count, Address, Count, Address]
library.gm_renumber.restype = Count
library.gm_pair.argtypes = [Address, Address, Count, Address, Count, Count, Address]
library.gm_pair.restype = Count


class PairArray:
    """Pairs one after the other, with room for more. They are 64-bit numbers."""

    def __init__(self) -> None:
        self._at: int | None = None
        self._room = self._count = 0

    def __del__(self) -> None:
        library.gm_pairs_free(self._at)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return 8 * self._room

    @property
    def pairs(self) -> Hashes:
        """All of them; good until others are added."""
        if self._at is None:
            return np.zeros(0, np.uint64)
        return array_at(self._at, self._count, np.uint64)

    def add(
        self, codes: Int32s, visitors: Hashes, numbers: Int64s, bits: int, level: int = 0
    ) -> None:
        """Add for each row the pair of `numbers[code]` and the visitor, below `bits` bits.

        There is none for code -1 and for number -1, nor where the hash does not end in `level`
        zeros.
        """
        self._count += library.gm_pair(
            address(codes),
            address(visitors),
            len(codes),
            address(numbers),
            bits,
            level,
            self._room_for(len(codes)),
        )

    def add_renumbered(self, pairs: Hashes, bits: int, numbers: Int64s, new_bits: int) -> None:
        """Add pairs of `numbers[value]` instead of value, without those where that is -1."""
        self._count += library.gm_renumber(
            address(pairs),
            len(pairs),
            bits,
            address(numbers),
            new_bits,
            self._room_for(len(pairs)),
        )

    def sort_distinct(self) -> None:
        """Sort them, and let each stand once."""
        self.pairs.sort()
        self._count = library.gm_distinct(self._at, self._count)

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep some of them."""
        chosen = self.pairs[kept]
        self._count = len(chosen)
        self.pairs[:] = chosen
        self.trim()

    def trim(self) -> None:
        """Give back the room for more."""
        self._set_room(self._count)

    def counts(self, bits: int, size: int) -> Int64s:
        """Count the pairs of each value; values are below `size`."""
        counts = np.zeros(size, np.int64)
        library.gm_count_pairs(self._at, self._count, bits, address(counts))
        return counts

    def turned(self, bits: int) -> Hashes:
        """Return the pairs with the hash above the value's number, in order."""
        turned = np.empty(len(self), np.uint64)
        library.gm_turn(self._at, len(self), bits, address(turned))
        turned.sort()
        return turned

    def _room_for(self, count: int) -> int:
        """Make room; returns the address behind the last one."""
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
    """Count the visitors of groups: value i is in `numbers[i]`, in none if that is -1."""
    counts, last = np.zeros((2, size), np.int64)
    library.gm_count_turned(
        address(turned), len(turned), bits, address(numbers), address(last), address(counts)
    )
    return counts
