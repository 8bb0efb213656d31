"""Pairs of a value and a visitor: the value's number above some bits of the visitor's hash."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glancemetrics.native.library import Address, Count, address, library

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

library.gm_distinct.argtypes = [Address, Count]
library.gm_distinct.restype = Count
library.gm_count_pairs.argtypes = [Address, Count, Count, Address]
library.gm_renumber.argtypes = [Address, Count, Count, Address, Count, Address]
library.gm_renumber.restype = Count
library.gm_pair.argtypes = [Address, Address, Count, Address, Count, Count, Address]
library.gm_pair.restype = Count


def distinct(parts: list[Hashes]) -> Hashes:
    """Return all numbers of some arrays, sorted and each once; a single array is reused."""
    if not parts:
        return np.zeros(0, np.uint64)
    numbers = parts[0] if len(parts) == 1 else np.concatenate(parts)
    numbers.sort()
    return _cut(numbers, library.gm_distinct(address(numbers), len(numbers)))


def _cut(numbers: Hashes, count: int) -> Hashes:
    """Keep the first ones; nobody else may look at the array, for its memory is given back."""
    if count < len(numbers):
        numbers.resize(count, refcheck=False)
    return numbers


def count_pairs(pairs: Hashes, bits: int, size: int) -> Int64s:
    """Count the pairs of each value; values are below `size`."""
    counts = np.zeros(size, np.int64)
    library.gm_count_pairs(address(pairs), len(pairs), bits, address(counts))
    return counts


def renumbered(pairs: Hashes, bits: int, numbers: Int64s, new_bits: int) -> Hashes:
    """Return pairs of `numbers[value]` instead of value, without those where that is -1."""
    written = np.empty(len(pairs), np.uint64)
    count = library.gm_renumber(
        address(pairs), len(pairs), bits, address(numbers), new_bits, address(written)
    )
    return _cut(written, count)


def paired(codes: Int32s, visitors: Hashes, numbers: Int64s, bits: int, level: int = 0) -> Hashes:
    """Return for each row the pair of `numbers[code]` and the visitor.

    There is none for code -1 and for number -1, nor where the hash does not end in `level` zeros.
    """
    written = np.empty(len(codes), np.uint64)
    count = library.gm_pair(
        address(codes),
        address(visitors),
        len(codes),
        address(numbers),
        bits,
        level,
        address(written),
    )
    return _cut(written, count)
