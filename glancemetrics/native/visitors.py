"""Visitors: their hashes, and a table of them."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.native.library import (
    Address,
    Count,
    address,
    array_at,
    check_size,
    checked,
    library,
    quick,
)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_VISITOR = np.dtype([("hash", np.uint64), ("flags", np.uint64)])
_NOBODY = np.zeros(1, _VISITOR)
"""The address of an empty table's rows."""

MOST_GROUPS = 64
"""Maximum groups of flags counted at once."""

library.gm_visitors_new.restype = Address
library.gm_visitors_free.argtypes = [Address]
for _name in ("gm_visitors_count", "gm_visitors_memory"):
    getattr(quick, _name).argtypes = [Address]
    getattr(quick, _name).restype = Count
quick.gm_visitors_rows.argtypes = [Address]
quick.gm_visitors_rows.restype = Address
library.gm_visitors_enter.restype = Count
library.gm_visitors_sample.argtypes = [Address, Count]
library.gm_visitors_sample.restype = Count
library.gm_visitors_settle.argtypes = [Address]
library.gm_count_flags.argtypes = [Address, Count, Count, Address, Address]
quick.gm_set_flags.argtypes = [Address, Count, Address, Address]
quick.gm_visitor_hashes.argtypes = [Address, Count, *[Address] * 5]


class _Only(ctypes.Structure):
    _fields_ = (("codes", Address), ("numbers", Address), ("sums", Address), ("width", Count))


check_size("gm_only", _Only)
library.gm_visitors_enter.argtypes = [
    *(Address, Address, Count),
    *[ctypes.POINTER(_Only)] * 2,
    *(Address, Count),
]


@attrs.frozen(eq=False)
class Only:
    """Of each row the one value that its visitor has, such as the host."""

    codes: Int32s
    """By row; -1 for none."""
    numbers: Int64s
    """Of each code."""
    sums: Int64s
    """By number, with visitors: new ones are counted there."""

    def addresses(self) -> _Only:
        """Return where they are."""
        arrays = self.codes, self.numbers, self.sums
        return _Only(*[address(array) for array in arrays], self.sums.shape[1])


class VisitorTable:
    """Distinct visitors: a hash and 64 flags."""

    def __init__(self) -> None:
        handle = library.gm_visitors_new()
        if not handle:
            raise MemoryError
        self._handle = handle
        weakref.finalize(self, library.gm_visitors_free, handle)

    def __len__(self) -> int:
        return int(quick.gm_visitors_count(self._handle))

    @property
    def nbytes(self) -> int:
        """Memory use in bytes."""
        return int(quick.gm_visitors_memory(self._handle))

    @property
    def handle(self) -> int:
        """The library's handle, for adding visitors."""
        return int(self._handle)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return `hash` or `flags` of all visitors, as a strided view."""
        rows = quick.gm_visitors_rows(self._handle)
        if not rows:
            rows = address(_NOBODY)
        column: npt.NDArray[Any] = array_at(rows, len(self), _VISITOR)[name]
        return column

    def enter(
        self, hashes: Hashes, host: Only | None, agent: Only | None, flags: Hashes, level: int
    ) -> None:
        """Add the visitor of each row; its flags are added to its existing ones.

        A new visitor is counted for its host and its agent, if rows have some. With a level, only
        visitors whose hash ends in that many zeros are added, and each counts for 2^level.
        """
        only = [None if of is None else of.addresses() for of in (host, agent)]
        checked(
            library.gm_visitors_enter(
                self._handle,
                address(hashes),
                len(hashes),
                *only,
                address(flags),
                level,
            )
        )

    def sample(self, level: int) -> None:
        """Remove visitors whose hash does not end in `level` zeros."""
        checked(library.gm_visitors_sample(self._handle, level))

    def settle(self) -> None:
        """Free what is only needed for adding visitors, until some are added."""
        library.gm_visitors_settle(self._handle)

    def count_flags(self, shift: int, groups: Int64s, size: int) -> Int64s:
        """Count the visitors of each group of flags: `groups[i]` is the group of `shift + i`."""
        counts = np.zeros(size, np.int64)
        library.gm_count_flags(self._handle, shift, len(groups), address(groups), address(counts))
        return counts


def set_flags(flags: Hashes, codes: Int32s, values: Hashes) -> None:
    """Add `values[code]` to each row's flags; nothing for code -1."""
    quick.gm_set_flags(address(codes), len(codes), address(values), address(flags))


def visitor_hashes(
    seconds: Int64s, hosts: Int32s, host_hashes: Hashes, agents: Int32s, agent_hashes: Hashes
) -> Hashes:
    """Return a hash of each row's host, agent and (local) day.

    Hosts and agents are codes into their hashes; -1 for none.
    """
    hashes = np.empty(len(seconds), np.uint64)
    quick.gm_visitor_hashes(
        address(seconds),
        len(seconds),
        address(hosts),
        address(host_hashes),
        address(agents),
        address(agent_hashes),
        address(hashes),
    )
    return hashes
