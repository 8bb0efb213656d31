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
library.gm_pair.argtypes = [Address, Address, Count, Address, Count, Address]


def distinct(parts: list[Hashes]) -> Hashes:
    """Return all numbers of some arrays, sorted and each once."""
    if not parts:
        return np.zeros(0, np.uint64)
    numbers = np.concatenate(parts)
    numbers.sort()
    count = library.gm_distinct(address(numbers), len(numbers))
    return numbers if count == len(numbers) else numbers[:count].copy()


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
    return written if count == len(written) else written[:count].copy()


def paired(codes: Int32s, visitors: Hashes, numbers: Int64s, bits: int) -> Hashes:
    """Return for each row the pair of `numbers[code]` and the visitor."""
    written = np.empty(len(codes), np.uint64)
    library.gm_pair(
        address(codes), address(visitors), len(codes), address(numbers), bits, address(written)
    )
    return written
