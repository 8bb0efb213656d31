"""The bytes of a segment: an Arrow IPC file, as pandas, Polars and DuckDB read it.

It has one record batch, and buffers compressed with zstd
(https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format). The metadata of its schema
tells which version of GlanceMetrics can read it, and the ordinal of its first record.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from glancemetrics.records.schema import SCHEMA, TEXT, joined

END = b"ARROW1"
"""With which the file ends that is whole."""

VERSION = "1"
"""Of the format. It changes when a column has another type or meaning, not when one is added."""

_VERSION_KEY, _FIRST_KEY = b"glancemetrics.version", b"glancemetrics.first"


class ForeignSegmentError(Exception):
    """The bytes are whole, but not what this version writes."""


def column_type(name: str) -> pa.DataType:
    """Return the type of a column: that of `SCHEMA`, and text for all that is not in it."""
    position = SCHEMA.get_field_index(name)
    return TEXT if position < 0 else SCHEMA.field(position).type


def as_stored(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose dictionaries have the values of its records, no others, and no null.

    Raises `ValueError` for a column that is not of its type.
    """
    for field in batch.schema:
        if field.type != column_type(field.name):
            raise ValueError(
                f"column {field.name} is {field.type}, it has to be {column_type(field.name)}"
            )
    columns = [_with_used_values(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def to_bytes(first: int, batch: pa.RecordBatch) -> pa.Buffer:
    """Return a segment of a batch `as_stored`, the first of whose records has an ordinal."""
    batch = batch.replace_schema_metadata({_VERSION_KEY: VERSION, _FIRST_KEY: str(first)})
    sink = pa.BufferOutputStream()
    # With threads it is no faster: most of the bytes are of one column.
    options = ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with ipc.new_file(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def from_bytes(data: bytes, first: int, columns: Sequence[str] | None = None) -> pa.RecordBatch:
    """Return the records of a segment: some columns as they are asked for, or all that it has.

    A column that the segment does not have is null. The bytes must be as `to_bytes` made them: of
    damaged ones Arrow may make other records. Raises `ForeignSegmentError`.
    """
    try:
        schema = ipc.open_file(pa.py_buffer(data)).schema
        told = schema.metadata or {}
        if told.get(_VERSION_KEY) != VERSION.encode() or told.get(_FIRST_KEY) != b"%d" % first:
            raise ForeignSegmentError(f"its metadata is {told}")
        wanted = schema.names if columns is None else columns
        # Where none is included Arrow reads all: it is still known how many records there are.
        included = sorted({schema.get_field_index(name) for name in wanted} - {-1})
        for field in map(schema.field, included):
            if field.type != column_type(field.name):
                raise ForeignSegmentError(f"its {field.name} is {field.type}")
        options = ipc.IpcReadOptions(included_fields=included, use_threads=False)
        reader = ipc.open_file(pa.py_buffer(data), options=options)
        return _with_columns(reader.get_batch(0), wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise ForeignSegmentError(str(error)) from None


def joined_any(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of batches, which have some, as one; a column that one has not is null."""
    found = dict.fromkeys(name for batch in batches for name in batch.schema.names)
    names = [name for name in SCHEMA.names if name in found]
    names += [name for name in found if name not in names]
    return joined([_with_columns(batch, names) for batch in batches])


def _with_columns(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    for name in names:
        if batch.schema.get_field_index(name) < 0:
            batch = batch.append_column(name, pa.nulls(batch.num_rows, column_type(name)))
    return batch.select(list(names)).replace_schema_metadata(None)


def _with_used_values(column: pa.Array) -> pa.Array:
    if not pa.types.is_dictionary(column.type):
        return column
    numbers = column.indices.fill_null(0).to_numpy()
    is_known = column.indices.is_valid().to_numpy(zero_copy_only=False)
    has_text = column.dictionary.is_valid().to_numpy(zero_copy_only=False)
    if not has_text.all():
        is_known = is_known & np.append(has_text, False)[numbers]
    is_used = np.zeros(len(has_text), bool)
    is_used[numbers[is_known]] = True
    if is_used.all() and is_known.all():
        return column
    # What stands under a null is 0: Polars refuses -1 there, which the parsers have.
    renumbered = np.zeros(len(column), np.int32)
    renumbered[is_known] = (np.cumsum(is_used) - 1)[numbers[is_known]]
    return pa.DictionaryArray.from_arrays(
        pa.array(renumbered, mask=~is_known), column.dictionary.filter(pa.array(is_used))
    )
