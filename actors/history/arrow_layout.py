"""Positions of the buffers in an Arrow IPC file, so that some can be read without the others.

Arrow's own reader reads and decompresses all dictionaries of a file, whichever columns are wanted.
Messages and their metadata are described at https://arrow.apache.org/docs/format/Columnar.html
("Encapsulated message format"; `Message.fbs`, in the encoding of
https://flatbuffers.dev/internals/).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import attrs

_MAGIC, _CONTINUATION = b"ARROW1\0\0", 0xFFFFFFFF
_DICTIONARY, _RECORDS = 2, 3
"""Kinds of messages."""
_KIND, _HEADER, _BODY_LENGTH = 1, 2, 3
_ID, _DATA = 0, 1
_BUFFERS = 2
"""Positions of fields in the tables `Message`, `DictionaryBatch` and `RecordBatch`."""

Span = tuple[int, int]
"""Position and length of some bytes in a file."""


@attrs.frozen
class Layout:
    """The buffers of a file with one record batch."""

    dictionaries: dict[int, list[Span]]
    """{number of a field among those with dictionaries: validity, offsets and data of its texts}"""
    records: list[Span]
    """Validity and numbers of each field."""


def layout_of(file: memoryview) -> Layout:
    """Return the positions of the buffers in a whole file; its fields must not be nested.

    Raises `ValueError` or `struct.error` for other bytes.
    """
    if file[:8] != _MAGIC:
        raise ValueError("not an Arrow IPC file")
    dictionaries: dict[int, list[Span]] = {}
    records: list[Span] = []
    for message, body in _messages(file):
        header = _Table(file, message.followed(_HEADER))
        kind = message.byte(_KIND)
        if kind == _DICTIONARY:
            data = _Table(file, header.followed(_DATA))
            dictionaries[header.number(_ID)] = [_moved(span, body) for span in data.spans(_BUFFERS)]
        elif kind == _RECORDS:
            records += [_moved(span, body) for span in header.spans(_BUFFERS)]
    return Layout(dictionaries, records)


def _messages(file: memoryview) -> Iterator[tuple[_Table, int]]:
    """Yield the messages of a file, each with the start of its body."""
    at = len(_MAGIC)
    while True:
        continuation, length = struct.unpack_from("<Ii", file, at)
        if continuation != _CONTINUATION:
            raise ValueError(f"no Arrow message at {at}")
        if not length:
            return
        start, body = at + 8, at + 8 + length
        message = _Table(file, start + struct.unpack_from("<I", file, start)[0])
        yield message, body
        at = body + message.number(_BODY_LENGTH)


def _moved(span: Span, by: int) -> Span:
    return span[0] + by, span[1]


@attrs.frozen
class _Table:
    """A table of FlatBuffers: its fields are found by a table of their positions."""

    file: memoryview
    at: int

    def byte(self, field: int) -> int:
        """Return a one-byte number; 0 if missing."""
        place = self._place(field)
        return self.file[place] if place else 0

    def number(self, field: int) -> int:
        """Return an eight-byte number; 0 if missing."""
        place = self._place(field)
        return int(struct.unpack_from("<q", self.file, place)[0]) if place else 0

    def followed(self, field: int) -> int:
        """Return the position that a field points to."""
        place = self._place(field)
        return place + int(struct.unpack_from("<I", self.file, place)[0])

    def spans(self, field: int) -> list[Span]:
        """Return a list of pairs of eight-byte numbers."""
        at = self.followed(field)
        (count,) = struct.unpack_from("<I", self.file, at)
        return list(struct.iter_unpack("<qq", self.file[at + 4 : at + 4 + 16 * count]))

    def _place(self, field: int) -> int:
        places = self.at - struct.unpack_from("<i", self.file, self.at)[0]
        (size,) = struct.unpack_from("<H", self.file, places)
        entry = 4 + 2 * field
        if entry >= size:
            return 0
        (place,) = struct.unpack_from("<H", self.file, places + entry)
        return self.at + int(place) if place else 0
