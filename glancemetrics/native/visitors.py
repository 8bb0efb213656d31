"""Visitors: their hashes, and a table of them."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from glancemetrics.native.library import Address, Count, address, array_at, checked, library, quick

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_VISITOR = np.dtype(
    [("hash", np.uint64), ("flags", np.uint64), ("host", np.int32), ("agent", np.int32)]
)
_ONLY = ("host", "agent")
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
library.gm_visitors_enter.argtypes = [Address, Address, Count, *[Address] * 5, Count]
library.gm_visitors_enter.restype = Count
library.gm_visitors_sample.argtypes = [Address, Count]
library.gm_visitors_sample.restype = Count
library.gm_count_only.argtypes = [Address, Count, Address]
library.gm_count_flags.argtypes = [Address, Count, Count, Address, Address]
quick.gm_set_flags.argtypes = [Address, Count, Address, Address]
quick.gm_visitor_hashes.argtypes = [Address, Count, *[Address] * 5]


class VisitorTable:
    """Distinct visitors: hash, 64 flags, number of the host and of the agent (-1 for none)."""

    def __init__(self) -> None:
        handle = library.gm_visitors_new()
        if not handle:
            raise MemoryError
        self._handle = handle
        self._counted: dict[tuple[str, int], Int64s] = {}
        weakref.finalize(self, library.gm_visitors_free, handle)

    def __len__(self) -> int:
        return int(quick.gm_visitors_count(self._handle))

    @property
    def nbytes(self) -> int:
        """Memory use in bytes."""
        return int(quick.gm_visitors_memory(self._handle))

    def entering(self) -> int:
        """Return the library's handle, for adding visitors."""
        self._counted.clear()
        return int(self._handle)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return `hash`, `flags`, `host` or `agent` of all visitors, as a strided view."""
        rows = quick.gm_visitors_rows(self._handle)
        if not rows:
            rows = address(_NOBODY)
        column: npt.NDArray[Any] = array_at(rows, len(self), _VISITOR)[name]
        return column

    def enter(
        self,
        hashes: Hashes,
        hosts: tuple[Int32s, Int64s],
        agents: tuple[Int32s, Int64s],
        flags: Hashes,
        level: int,
    ) -> None:
        """Add the visitor of each row; its flags are added to its existing ones.

        Hosts and agents are codes (-1 for none) and the numbers of the codes. With a level, only
        visitors whose hash ends in that many zeros are added.
        """
        checked(
            library.gm_visitors_enter(
                self._handle,
                address(hashes),
                len(hashes),
                *[address(array) for array in (*hosts, *agents, flags)],
                level,
            )
        )
        self._counted.clear()

    def sample(self, level: int) -> None:
        """Remove visitors whose hash does not end in `level` zeros."""
        self._counted.clear()
        checked(library.gm_visitors_sample(self._handle, level))

    def count_only(self, name: str, size: int) -> Int64s:
        """Count the visitors of each `host` or `agent`; the result is cached."""
        counts = self._counted.get((name, size))
        if counts is None:
            counts = np.zeros(size, np.int64)
            library.gm_count_only(self._handle, _ONLY.index(name), address(counts))
            counts.setflags(write=False)
            self._counted[name, size] = counts
        return counts

    def renumber_only(self, name: str, numbers: Int64s) -> None:
        """Renumber each `host` or `agent` i to `numbers[i]`; -1 removes it."""
        values = self.column(name)
        # The last entry is for visitors without one.
        values[:] = np.append(numbers, -1)[values]
        self._counted.clear()

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
