"""Sums by value: hits, bytes, errors and maybe visitors, side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glancemetrics.native.library import Address, Count, address, for_items, library, quick

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

HITS, BYTES, ERRORS, VISITORS = range(4)
FIELDS = 3
WITH_VISITORS = 4
"""Fields of values of which each visitor has one, like its host."""
LARGEST = (1 << 63) - 1
"""Larger sums stay at this maximum."""
_BEFORE = 2
"""Numbers before the first row: large blocks of glibc begin 16 bytes after the beginning of a
page, so that with 16 more no row with visitors is in two lines of the processor's cache."""

quick.gm_sum.argtypes = [Address, Count, Address, Address, Address]
library.gm_add.argtypes = [Address, Count, Address, Address]
for _library in (library, quick):
    _library.gm_add_sums.argtypes = [Address, Count, Count, Address, Address, Count]


class SumTable:
    """Sums by number, which can become more.

    `rows`, of the shape `(size, fields)`, is valid until it grows.
    """

    def __init__(self, size: int = 0, fields: int = FIELDS) -> None:
        self.fields = fields
        self._numbers = np.zeros(_BEFORE + size * fields, np.int64)
        self.rows = self._rows()

    def grow(self, size: int) -> None:
        """Make it larger; new sums are 0."""
        # Nothing else has the array, except for `rows`.
        self._numbers.resize(_BEFORE + size * self.fields, refcheck=False)
        self.rows = self._rows()

    def _rows(self) -> Int64s:
        return self._numbers[_BEFORE:].reshape(-1, self.fields)


def sums_by_code(codes: Int32s, sizes: Int64s, errors: npt.NDArray[np.bool_], size: int) -> Int64s:
    """Sum rows by code (below `size`; -1 is skipped). The shape is `(size, FIELDS)`."""
    sums = np.zeros((size, FIELDS), np.int64)
    quick.gm_sum(address(codes), len(codes), address(sizes), address(errors), address(sums))
    return sums


def saturated(sums: Int64s, added: Int64s) -> Int64s:
    """Add non-negative numbers; sums that overflow become `LARGEST`."""
    made = sums + added
    made[made < 0] = LARGEST
    return made


def sum_groups(values: Int64s, numbers: Int64s, size: int) -> Int64s:
    """Sum the values of each group: value i is in group `numbers[i]`, or in none if -1."""
    sums = np.zeros(size, np.int64)
    library.gm_add(address(values), len(values), address(numbers), address(sums))
    return sums


def add_sums(sums: Int64s, added: Int64s, numbers: Int64s) -> None:
    """Add row i of `added` to row `numbers[i]` of `sums`; skipped if -1.

    If only one of them has visitors, these are left out.
    """
    for_items(len(added)).gm_add_sums(
        address(added), added.shape[1], len(added), address(numbers), address(sums), sums.shape[1]
    )
