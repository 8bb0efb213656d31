"""Visitors: what tells them apart, and a table of them."""

from __future__ import annotations

import ctypes
import weakref

import numpy as np
import numpy.typing as npt

from glancemetrics.native.library import Address, Count, address, checked, library

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

MOST_GROUPS = 64
"""Groups of flags that can be counted at once."""

library.gm_visitors_new.restype = Address
library.gm_visitors_free.argtypes = [Address]
for _name in ("gm_visitors_count", "gm_visitors_memory"):
    getattr(library, _name).argtypes = [Address]
    getattr(library, _name).restype = Count
for _name, _item in (
    ("hashes", ctypes.c_uint64),
    ("hosts", ctypes.c_int32),
    ("agents", ctypes.c_int32),
    ("flags", ctypes.c_uint64),
):
    getattr(library, f"gm_visitors_{_name}").argtypes = [Address]
    getattr(library, f"gm_visitors_{_name}").restype = ctypes.POINTER(_item)
library.gm_visitors_enter.argtypes = [Address, Address, Count, *[Address] * 5, Count]
library.gm_visitors_enter.restype = Count
library.gm_visitors_sample.argtypes = [Address, Count]
library.gm_visitors_sample.restype = Count
library.gm_count_flags.argtypes = [Address, Count, Count, Count, Address, Address]
library.gm_set_flags.argtypes = [Address, Count, Address, Address]
library.gm_visitor_hashes.argtypes = [Address, Count, *[Address] * 5]


class VisitorTable:
    """Visitors, each once: hash, number of the host and of the agent, and 64 flags.

    The columns are views, good until visitors are entered or left out.
    """

    def __init__(self) -> None:
        handle = library.gm_visitors_new()
        if not handle:
            raise MemoryError
        self._handle = handle
        weakref.finalize(self, library.gm_visitors_free, handle)

    def __len__(self) -> int:
        return int(library.gm_visitors_count(self._handle))

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return int(library.gm_visitors_memory(self._handle))

    @property
    def hashes(self) -> Hashes:
        return self._column("hashes")

    @property
    def flags(self) -> Hashes:
        return self._column("flags")

    @property
    def hosts(self) -> Int32s:
        """By number; -1 where it is not known, or not any more."""
        return self._column("hosts")

    @property
    def agents(self) -> Int32s:
        """The same."""
        return self._column("agents")

    def enter(
        self,
        hashes: Hashes,
        hosts: tuple[Int32s, Int64s],
        agents: tuple[Int32s, Int64s],
        flags: Hashes,
        level: int,
    ) -> None:
        """Enter the visitor of each row; its flags are added to those that it has.

        Hosts and agents are codes, -1 for none, and the numbers of these. With a level only those
        visitors are entered whose hash ends in so many zeros.
        """
        checked(
            library.gm_visitors_enter(
                self._handle,
                address(hashes),
                len(hashes),
                *map(address, (*hosts, *agents)),
                address(flags),
                level,
            )
        )

    def sample(self, level: int) -> None:
        """Leave out those whose hash does not end in so many zeros."""
        checked(library.gm_visitors_sample(self._handle, level))

    def count_flags(self, shift: int, groups: Int64s, size: int) -> Int64s:
        """Count the visitors of each group of flags: `groups[i]` is that of flag `shift + i`."""
        counts = np.zeros(size, np.int64)
        flags = self.flags
        library.gm_count_flags(
            address(flags), len(flags), shift, len(groups), address(groups), address(counts)
        )
        return counts

    def _column(self, name: str) -> npt.NDArray[np.generic]:
        pointer = getattr(library, f"gm_visitors_{name}")(self._handle)
        if not len(self):
            return np.zeros(0, np.dtype(pointer._type_))
        return np.ctypeslib.as_array(pointer, (len(self),))


def set_flags(flags: Hashes, codes: Int32s, values: Hashes) -> None:
    """Set each row's `values[code]` among its flags; none for code -1."""
    library.gm_set_flags(address(codes), len(codes), address(values), address(flags))


def visitor_hashes(
    seconds: Int64s, hosts: Int32s, host_hashes: Hashes, agents: Int32s, agent_hashes: Hashes
) -> Hashes:
    """Return for each row a number that stands for its host, agent and (local) day.

    Hosts and agents are codes into their hashes; -1 where there is none.
    """
    hashes = np.empty(len(seconds), np.uint64)
    library.gm_visitor_hashes(
        address(seconds),
        len(seconds),
        *map(address, (hosts, host_hashes, agents, agent_hashes, hashes)),
    )
    return hashes
