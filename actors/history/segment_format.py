"""The bytes of a segment: an Arrow IPC file, readable by pandas, Polars and DuckDB.

It has one record batch, and buffers compressed with zstd
(https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format). Before the footer, where Arrow
readers do not look, are the contents: JSON with the positions and checksums of each column's
buffers. So a few columns of many segments can be read, and verified, without the others.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence

import attrs
import pyarrow as pa
import xxhash
from pyarrow import ipc

from actors.history.arrow_layout import Span, layout_of
from glancemetrics.native.strings import codes_of, indices_of, used_texts
from glancemetrics.records.schema import column_type

VERSION = "2"
"""Version of the format. It changes when a column's type or meaning changes, not for a new one."""

_VERSION_KEY, _FIRST_KEY = b"glancemetrics.version", b"glancemetrics.first"

_END = struct.Struct("<I6s")
"""Length of the footer, and the last bytes of every Arrow IPC file."""
_MAGIC = b"ARROW1"
_LENGTH = struct.Struct("<Q")
"""Length of the contents, stored behind them."""
_TAIL = 16 << 10
"""Bytes read first, from the end: they include the contents, unless there are many columns."""

_UNCOMPRESSED = -1
"""Stored instead of the uncompressed length if a buffer is not compressed."""


class UnreadableBytesError(Exception):
    """The bytes are not what this version writes; the message is a clause."""


Read = Callable[[int, int], bytes]
"""Returns bytes from a position and length in a file; fewer at its end."""


@attrs.frozen
class _Part:
    """A stored buffer."""

    at: int
    length: int
    checksum: str
    """XXH3, 64 bits in hexadecimal."""

    def buffer(self, read: Read) -> pa.Buffer | None:
        """Return the buffer in memory; `None` for one that is left out."""
        if not self.length:
            return None
        data = read(self.at, self.length)
        if len(data) != self.length or xxhash.xxh3_64_hexdigest(data) != self.checksum:
            raise UnreadableBytesError("damaged")
        (size,) = struct.unpack_from("<q", data)
        stored = pa.py_buffer(data)[8:]
        return stored if size == _UNCOMPRESSED else pa.Codec("zstd").decompress(stored, size)


@attrs.frozen
class _Column:
    """A stored column."""

    kind: str
    """Its Arrow type, as text."""
    nulls: int
    """Number of nulls."""
    parts: tuple[_Part, ...]
    """Validity and values; for text the values are numbers, then come offsets and data of texts."""
    texts: int
    """Number of distinct texts."""

    def array(self, name: str, rows: int, read: Read) -> pa.Array:
        """Return the column with the given number of rows."""
        kind = column_type(name)
        if self.kind != str(kind):
            raise UnreadableBytesError(_OTHER_VERSION)
        is_text = pa.types.is_dictionary(kind)
        validity, values, *texts = (part.buffer(read) for part in self.parts)
        numbers = pa.Array.from_buffers(
            kind.index_type if is_text else kind, rows, [validity, values], self.nulls
        )
        if not is_text:
            return numbers
        offsets, data = texts
        # If all texts are empty the buffer is left out, but Arrow requires one.
        distinct = (
            pa.StringArray.from_buffers(self.texts, offsets, data or _NOTHING)
            if self.texts
            else _NO_TEXTS
        )
        return pa.DictionaryArray.from_arrays(numbers, distinct, safe=False)


_OTHER_VERSION = "written by another version of GlanceMetrics"
_JSON = json.JSONDecoder()
_NOTHING, _NO_TEXTS = pa.py_buffer(b""), pa.array([], pa.string())


@attrs.frozen
class Contents:
    """The contents of a segment, and their positions."""

    first: int
    """Ordinal of the first record."""
    rows: int
    columns: dict[str, _Column]

    def records(self, read: Read, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """Return some columns, or all.

        Missing columns are null. Raises `UnreadableBytesError`.
        """
        names = list(self.columns if columns is None else columns)
        there = {name.lower(): column for name, column in self.columns.items()}
        arrays = [
            pa.nulls(self.rows, column_type(name))
            if (column := there.get(name.lower())) is None
            else column.array(name, self.rows, read)
            for name in names
        ]
        if not arrays:  # the number of rows still matters
            return pa.RecordBatch.from_struct_array(pa.nulls(self.rows, pa.struct([])))
        return pa.RecordBatch.from_arrays(arrays, names=names)


def as_stored(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose dictionaries hold exactly the values in use, and no null.

    Raises `ValueError` for a column with the wrong type.
    """
    for field in batch.schema:
        if field.type != column_type(field.name):
            raise ValueError(
                f"column {field.name} is {field.type}, must be {column_type(field.name)}"
            )
    columns = [_with_used_texts(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def to_bytes(first: int, batch: pa.RecordBatch) -> tuple[bytes, str]:
    """Return the segment for a batch from `as_stored`, with the ordinal of its first record.

    Also returns its checksum: of the contents and everything behind them, 64 bits in
    hexadecimal. As the contents include the buffers' checksums, it covers all records.
    """
    batch = batch.replace_schema_metadata({_VERSION_KEY: VERSION, _FIRST_KEY: str(first)})
    sink = pa.BufferOutputStream()
    # Threads do not help: most of the bytes belong to one column.
    options = ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with ipc.new_file(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    file = memoryview(sink.getvalue())
    (footer, _) = _END.unpack_from(file, len(file) - _END.size)
    footer_at = len(file) - _END.size - footer
    contents = json.dumps(_contents(first, batch, file), separators=(",", ":")).encode()
    tail = b"".join([contents, _LENGTH.pack(len(contents)), file[footer_at:]])
    return b"".join([file[:footer_at], tail]), xxhash.xxh3_64_hexdigest(tail)


def _contents(first: int, batch: pa.RecordBatch, file: memoryview) -> dict[str, object]:
    layout = layout_of(file)
    columns = {}
    dictionaries = 0

    def stored(span: Span) -> list[object]:
        at, length = span
        return [at, length, xxhash.xxh3_64_hexdigest(file[at : at + length])]

    for position, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        spans = layout.records[2 * position : 2 * position + 2]
        texts = 0
        if pa.types.is_dictionary(column.type):
            texts = len(column.dictionary)
            # Texts are never null.
            spans = [*spans, *layout.dictionaries[dictionaries][1:]]
            dictionaries += 1
        columns[name] = {
            "type": str(column.type),
            "nulls": column.null_count,
            "texts": texts,
            "buffers": [stored(span) for span in spans],
        }
    return {"version": VERSION, "first": first, "rows": batch.num_rows, "columns": columns}


def read_contents(read: Read, size: int, checksum: str) -> Contents:
    """Return the contents of a segment, given its size in bytes and its checksum.

    Raises `UnreadableBytesError`.
    """
    last = read(max(0, size - _TAIL), _TAIL)
    if not last.endswith(_MAGIC):
        raise UnreadableBytesError("cut short, as after a power failure")
    tail = _tail(read, size, last)
    if xxhash.xxh3_64_hexdigest(tail) != checksum:
        # In version 1 it was that of the whole file.
        is_older = xxhash.xxh3_64_hexdigest(read(0, size)) == checksum
        raise UnreadableBytesError(_OTHER_VERSION if is_older else "damaged")
    try:
        found, _ = _JSON.raw_decode(tail.decode("latin-1"))
    except ValueError:  # version 1 had no contents there
        raise UnreadableBytesError(_OTHER_VERSION) from None
    if found["version"] != VERSION:
        raise UnreadableBytesError(_OTHER_VERSION)
    columns = {
        name: _Column(
            kind=column["type"],
            nulls=column["nulls"],
            texts=column["texts"],
            parts=tuple(_Part(*part) for part in column["buffers"]),
        )
        for name, column in found["columns"].items()
    }
    return Contents(found["first"], found["rows"], columns)


def _tail(read: Read, size: int, last: bytes) -> bytes:
    """Return a file from its contents on, given its last bytes.

    With damaged lengths, it is something else.
    """

    def of_length(length: int) -> bytes:
        return read(size - length, length) if len(last) < length <= size else last[-length:]

    length = _LENGTH.size + _END.size
    if length > size:
        return b""
    length += _END.unpack(last[-_END.size :])[0]
    tail = of_length(length)
    if len(tail) < length:
        return b""
    return of_length(length + _LENGTH.unpack_from(tail)[0])


def _with_used_texts(column: pa.Array) -> pa.Array:
    if not pa.types.is_dictionary(column.type):
        return column
    codes, texts = used_texts(codes_of(column), column.dictionary)
    return pa.DictionaryArray.from_arrays(indices_of(codes), texts, safe=False)
