"""Lines that are JSON objects, of which some values become columns of text."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.library import Address, Count, address, checked, library, text_addresses
from glancemetrics.native.strings import StringTable

Int32s = npt.NDArray[np.int32]

NO_OBJECT, OBJECT, BROKEN = range(3)
"""What a line is: something else, an object, or the beginning of one."""

Path = tuple[str, ...]
"""The keys that lead to a value; `0` is the first item of an array."""

_BY_LENGTH = 32


class _Node(ctypes.Structure):
    _fields_ = (
        ("key", ctypes.c_char_p),
        ("key_length", Count),
        ("value", Count),
        ("first", ctypes.c_int32 * _BY_LENGTH),
        ("next", Count),
    )


library.gm_read_json.argtypes = [
    Address,
    Address,
    Count,
    ctypes.POINTER(_Node),
    ctypes.POINTER(Address),
    ctypes.POINTER(Address),
    Count,
    Address,
    Address,
]
library.gm_read_json.restype = Count


@attrs.frozen(eq=False)
class ReadObjects:
    """What lines hold."""

    kinds: npt.NDArray[np.uint8]
    """What each line is."""
    codes: list[Int32s]
    """By path and line, the number of the text in the path's table; -1 for none and null."""
    seen: npt.NDArray[np.bool_]
    """Which paths are in any line."""


class JsonPaths:
    """Some paths in objects, made ready."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._count = len(paths)
        made: list[_Node] = [_Node(value=-1)]
        for number, path in enumerate(paths):
            at = 0
            for key in path:
                at = _child(made, at, key.encode())
            made[at].value = number
        self._made = made  # they keep the keys
        self._nodes = (_Node * len(made))(*made)

    def read(self, lines: pa.StringArray, tables: Sequence[StringTable]) -> ReadObjects:
        """Read lines, each of which has its newline, and enter values in the table of their path.

        Strings are without their escapes; numbers and truth values are as they were written.
        """
        size = len(lines)
        kinds = np.empty(size, np.uint8)
        seen = np.zeros(self._count, np.bool_)
        codes = list(np.full((self._count, size), -1, np.int32))
        offsets, data = text_addresses(lines)
        checked(
            library.gm_read_json(
                data,
                offsets,
                size,
                self._nodes,
                (Address * self._count)(*(table.handle for table in tables)),
                (Address * self._count)(*map(address, codes)),
                self._count,
                address(kinds),
                address(seen),
            )
        )
        return ReadObjects(kinds, codes, seen)


def _child(nodes: list[_Node], parent: int, key: bytes) -> int:
    """Return the number of a node inside another; it is made if there is none."""
    bucket = len(key) % _BY_LENGTH
    at: int = nodes[parent].first[bucket]
    while at and nodes[at].key != key:
        at = nodes[at].next
    if not at:
        at = len(nodes)
        nodes.append(
            _Node(key=key, key_length=len(key), value=-1, next=nodes[parent].first[bucket])
        )
        nodes[parent].first[bucket] = at
    return at
