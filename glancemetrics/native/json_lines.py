"""Reads values from lines that are JSON objects into columns."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.library import (
    Address,
    Count,
    address,
    check_size,
    checked,
    library,
    text_addresses,
)
from glancemetrics.native.strings import StringTable
from glancemetrics.native.values import (
    DECIMAL_KINDS,
    KEPT,
    NATIVE_COLUMN,
    Kind,
    Numbers,
    Rows,
    State,
    TextRows,
    Wanted,
)

Int32s = npt.NDArray[np.int32]

NO_OBJECT, OBJECT, BROKEN = range(3)
"""The kind of a line: not an object, an object, or a broken object."""

Path = tuple[str, ...]
"""The keys that lead to a value; `0` is the first item of an array."""

_BY_LENGTH = 32


class _Node(ctypes.Structure):
    _fields_ = (
        ("key", ctypes.c_char_p),
        ("key_length", Count),
        ("value", Count),
        ("kept", Count),
        ("first", ctypes.c_int32 * _BY_LENGTH),
        ("next", Count),
    )


check_size("gm_json_node", _Node)


library.gm_read_json.argtypes = [
    Address,
    Address,
    Count,
    ctypes.POINTER(_Node),
    Address,
    Count,
    Address,
    Address,
]
library.gm_read_json.restype = Count


@attrs.frozen(eq=False)
class ReadObjects:
    """The contents of lines."""

    kinds: npt.NDArray[np.uint8]
    """The kind of each line."""
    columns: dict[int, Rows]
    """The values of each line by number of the path, for paths that occur in any line."""


class _Room:
    """Buffers for columns, one per row; all states are ABSENT between uses."""

    def __init__(self, texts: int, others: int, lines: int) -> None:
        self.codes = np.empty((texts, lines), np.int32)
        self.numbers = np.empty((others, lines), np.int64)
        self.states = np.zeros((others, lines), np.uint8)


_LEAST_ROOM = 8
"""Minimum lines, as a power of two."""
_MOST_ROOM = 1 << 16
"""Maximum lines of a reused buffer; larger ones are freed after use."""


class JsonPaths:
    """Paths in objects, prepared for reading."""

    def __init__(self, paths: Sequence[tuple[Path, Wanted]], kept: Sequence[Path] = ()) -> None:
        """`paths`: paths with the kind of their values.

        `kept`: distinct paths whose text is kept as it is, objects and arrays as their JSON. Their
        numbers follow those of `paths`.
        """
        self._wanted = [*(wanted for _, wanted in paths), *(KEPT for _ in kept)]
        self._is_text = np.array([wanted.kind is Kind.TEXT for wanted in self._wanted], np.bool_)
        self._place = np.where(
            self._is_text, np.cumsum(self._is_text) - 1, np.cumsum(~self._is_text) - 1
        )
        """The index of each path among the texts or among the numbers."""
        self._rooms = threading.local()
        self._columns = np.zeros(len(self._wanted), NATIVE_COLUMN)
        """A template of the columns: filling it each time takes a millisecond for many paths."""
        self._columns["kind"] = [wanted.kind for wanted in self._wanted]
        self._columns["nothing"] = [wanted.nothing for wanted in self._wanted]
        self._columns["port"] = [wanted.port for wanted in self._wanted]
        made: list[_Node] = [_Node(value=-1, kept=-1)]
        for number, (path, _) in enumerate(paths):
            made[_node(made, path)].value = number
        for number, path in enumerate(kept, len(paths)):
            made[_node(made, path)].kept = number
        self._made = made  # keeps the keys alive
        self._nodes = (_Node * len(made))(*made)

    def read(self, lines: pa.StringArray, tables: Sequence[StringTable | None]) -> ReadObjects:
        """Read lines, each with its newline; texts are added to the table of their path.

        Escapes in strings are decoded; numbers and truth values are kept as written.
        """
        size, count = len(lines), len(self._wanted)
        kinds = np.empty(size, np.uint8)
        seen = np.zeros(count, np.bool_)
        room = self._room_for(size)
        codes, numbers, states = room.codes, room.numbers, room.states
        columns = self._columns.copy()
        columns["texts"] = [0 if table is None else table.handle for table in tables]
        for name, array, those in (
            ("codes", codes, self._is_text),
            ("numbers", numbers, ~self._is_text),
            ("states", states, ~self._is_text),
        ):
            begins = address(array) + np.arange(len(array)) * array.strides[0]
            columns[name][those] = begins
        offsets, data = text_addresses(lines)
        checked(
            library.gm_read_json(
                data,
                offsets,
                size,
                self._nodes,
                address(columns.view(np.int64)),
                count,
                address(kinds),
                address(seen),
            )
        )
        found: dict[int, Rows] = {}
        for i in np.flatnonzero(seen).tolist():
            at = self._place[i]
            table = tables[i]
            if table is not None:
                found[i] = TextRows(codes[at, :size].copy(), table)
            else:
                is_decimal = self._wanted[i].kind in DECIMAL_KINDS
                dtype = np.float64 if is_decimal else np.int64
                found[i] = Numbers(numbers[at, :size].copy().view(dtype), states[at, :size].copy())
                states[at, :size] = State.ABSENT
        return ReadObjects(kinds, found)

    def _room_for(self, size: int) -> _Room:
        """Return buffers for the columns of `size` lines.

        Most paths occur in no line, and untouched memory costs nothing. Allocating the rest each
        time would take a tenth of the reading time.
        """
        room: _Room | None = getattr(self._rooms, "room", None)
        if room is None or room.codes.shape[1] < size:
            texts = int(self._is_text.sum())
            lines = 1 << max(_LEAST_ROOM, (size - 1).bit_length())
            room = _Room(texts, len(self._is_text) - texts, lines)
            self._rooms.room = room if lines <= _MOST_ROOM else None
        return room


def _node(nodes: list[_Node], path: Path) -> int:
    """Return the number of the node of a path; creates it if it is missing."""
    at = 0
    for key in path:
        at = _child(nodes, at, key.encode())
    return at


def _child(nodes: list[_Node], parent: int, key: bytes) -> int:
    """Return the number of a child node; creates it if it is missing."""
    bucket = len(key) % _BY_LENGTH
    at: int = nodes[parent].first[bucket]
    while at and nodes[at].key != key:
        at = nodes[at].next
    if not at:
        at = len(nodes)
        nodes.append(
            _Node(key=key, key_length=len(key), value=-1, kept=-1, next=nodes[parent].first[bucket])
        )
        nodes[parent].first[bucket] = at
    return at
