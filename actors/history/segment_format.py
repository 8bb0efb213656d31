"""The bytes of a segment: an Arrow IPC file, as pandas, Polars and DuckDB read it.

It has one record batch, and buffers compressed with zstd
(https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format). Before the footer, where
readers of Arrow do not look, stand the contents: JSON that tells of each column where its buffers
are, and their checksums. So a few columns of many segments are read, and known to be whole, without
the others.
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
"""Of the format. It changes when a column has another type or meaning, not when one is added."""

_VERSION_KEY, _FIRST_KEY = b"glancemetrics.version", b"glancemetrics.first"

_END = struct.Struct("<I6s")
"""The length of the footer, and what stands last in every Arrow IPC file."""
_MAGIC = b"ARROW1"
_LENGTH = struct.Struct("<Q")
"""Of the contents; it stands behind them."""
_TAIL = 16 << 10
"""Bytes at the end that are read first: with the contents, unless there are many columns."""

_UNCOMPRESSED = -1
"""In place of the length that a buffer has without compression, if it is not compressed."""


class UnreadableBytesError(Exception):
    """The bytes are not what this version writes; says in a clause what they are."""


Read = Callable[[int, int], bytes]
"""Returns so many bytes from a position on in a file, or fewer where it ends."""


@attrs.frozen
class _Part:
    """A buffer as it is stored."""

    at: int
    length: int
    checksum: str
    """XXH3, 64 bits in hexadecimal digits."""

    def buffer(self, read: Read) -> pa.Buffer | None:
        """Return the buffer as it is in memory; `None` for one that is left out."""
        if not self.length:
            return None
        data = read(self.at, self.length)
        if len(data) != self.length or xxhash.xxh3_64_hexdigest(data) != self.checksum:
            raise UnreadableBytesError("is damaged")
        (size,) = struct.unpack_from("<q", data)
        stored = pa.py_buffer(data)[8:]
        return stored if size == _UNCOMPRESSED else pa.Codec("zstd").decompress(stored, size)


@attrs.frozen
class _Column:
    """A column as it is stored."""

    kind: str
    """As Arrow writes its type."""
    nulls: int
    """How many of its values are."""
    parts: tuple[_Part, ...]
    """Validity and values; of text the values are numbers, and offsets and data of texts follow."""
    texts: int
    """How many different ones it has."""

    def array(self, name: str, rows: int, read: Read) -> pa.Array:
        """Return the column, with as many rows as all have."""
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
        # Where all texts together have no byte the buffer is left out, but Arrow wants one.
        distinct = (
            pa.StringArray.from_buffers(self.texts, offsets, data or _NOTHING)
            if self.texts
            else _NO_TEXTS
        )
        return pa.DictionaryArray.from_arrays(numbers, distinct, safe=False)


_OTHER_VERSION = "is of another version of GlanceMetrics"
_JSON = json.JSONDecoder()
_NOTHING, _NO_TEXTS = pa.py_buffer(b""), pa.array([], pa.string())


@attrs.frozen
class Contents:
    """What a segment has, and where."""

    first: int
    """Ordinal of its first record."""
    rows: int
    columns: dict[str, _Column]

    def records(self, read: Read, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """Return some columns as they are asked for, or all that there are.

        A column that is not there is null. Raises `UnreadableBytesError`.
        """
        names = list(self.columns if columns is None else columns)
        there = {name.lower(): column for name, column in self.columns.items()}
        arrays = [
            pa.nulls(self.rows, column_type(name))
            if (column := there.get(name.lower())) is None
            else column.array(name, self.rows, read)
            for name in names
        ]
        if not arrays:  # it is still known how many there are
            return pa.RecordBatch.from_struct_array(pa.nulls(self.rows, pa.struct([])))
        return pa.RecordBatch.from_arrays(arrays, names=names)


def as_stored(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose dictionaries have the values of its records, no others, and no null.

    Raises `ValueError` for a column that is not of its type.
    """
    for field in batch.schema:
        if field.type != column_type(field.name):
            raise ValueError(
                f"column {field.name} is {field.type}, it has to be {column_type(field.name)}"
            )
    columns = [_with_used_texts(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def to_bytes(first: int, batch: pa.RecordBatch) -> tuple[bytes, str]:
    """Return a segment of a batch `as_stored`, the first of whose records has an ordinal.

    And its checksum: that of the contents and all behind them, 64 bits in hexadecimal digits. As
    the contents have those of the buffers, it is one of all records.
    """
    batch = batch.replace_schema_metadata({_VERSION_KEY: VERSION, _FIRST_KEY: str(first)})
    sink = pa.BufferOutputStream()
    # With threads it is no faster: most of the bytes are of one column.
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
    """Return the contents of a segment of so many bytes, with a checksum from `to_bytes`.

    Raises `UnreadableBytesError`.
    """
    last = read(max(0, size - _TAIL), _TAIL)
    if not last.endswith(_MAGIC):
        raise UnreadableBytesError("is cut short, as after a power failure")
    tail = _tail(read, size, last)
    if xxhash.xxh3_64_hexdigest(tail) != checksum:
        # Of version 1 it was that of the whole file.
        is_older = xxhash.xxh3_64_hexdigest(read(0, size)) == checksum
        raise UnreadableBytesError(_OTHER_VERSION if is_older else "is damaged")
    told, _ = _JSON.raw_decode(tail.decode("latin-1"))
    if told["version"] != VERSION:
        raise UnreadableBytesError(_OTHER_VERSION)
    columns = {
        name: _Column(
            kind=column["type"],
            nulls=column["nulls"],
            texts=column["texts"],
            parts=tuple(_Part(*part) for part in column["buffers"]),
        )
        for name, column in told["columns"].items()
    }
    return Contents(told["first"], told["rows"], columns)


def _tail(read: Read, size: int, last: bytes) -> bytes:
    """Return a file from its contents on, when some of its last bytes are known.

    Where lengths are damaged, it is something else.
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
