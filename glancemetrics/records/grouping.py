"""Groups rows by a key, with exact sums."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

_LOW_BITS = 32
_Key = TypeVar("_Key", bound=np.integer)


def sum_by(group: Int64s, values: Int64s, groups: int) -> Int64s:
    """Sum the values of each group, numbered from 0. Exact, unlike `bincount` with weights."""
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, group, values)
    return sums


def exact_sums_by(group: Int64s, values: Int64s, groups: int) -> list[int]:
    """Sum non-negative values by group, even if a sum exceeds an int64."""
    if not len(values) or int(values.max()) < (1 << 63) // len(values):
        sums: list[int] = sum_by(group, values, groups).tolist()
        return sums
    high = sum_by(group, values >> _LOW_BITS, groups).tolist()
    low = sum_by(group, values & ((1 << _LOW_BITS) - 1), groups).tolist()
    return [(upper << _LOW_BITS) + lower for upper, lower in zip(high, low, strict=True)]


def distinct_keys(keys: Int64s) -> tuple[Int64s, Int64s]:
    """Return the sorted distinct keys, and each row's position among them.

    Keys must be non-negative, and there must be at least one.
    """
    top = int(keys.max()) + 1
    if top > 8 * len(keys) + 1024:
        return np.unique(keys, return_inverse=True)
    return compact(keys, top)


def sorted_distinct(keys: npt.NDArray[_Key]) -> npt.NDArray[_Key]:
    """Return the sorted distinct keys, several times faster than `np.unique`."""
    ordered = np.sort(keys)
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]


def compact(codes: Int64s, size: int) -> tuple[Int64s, Int64s]:
    """Return the sorted codes in use (all below `size`), and each row's position among them."""
    present = np.zeros(size, np.bool_)
    present[codes] = True
    used = np.flatnonzero(present)
    if len(used) == size:
        return used, codes
    return used, (np.cumsum(present) - 1)[codes]
