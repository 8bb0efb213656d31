"""The schema of records that every format fills, and a readable row view of it.

Records are passed as `pyarrow.RecordBatch` of `SCHEMA`; `LogRecord` is for people and for tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.columns import column_of
from glancemetrics.native.strings import joined_texts
from glancemetrics.words.escaping import in_utf8

Int64s = npt.NDArray[np.int64]

TEXT = pa.dictionary(pa.int32(), pa.string())
"""Strings are dictionary-encoded: logs are repetitive."""

TIME = pa.timestamp("us", tz="UTC")

MOST_BYTES = 1 << 46
"""Larger sizes become null: 70 TB take a day at 6 Gbit/s, and the largest S3 object is 50 TB.
Sums are exact for up to 131,000 of the largest; beyond that they stay at the maximum."""
MOST_SECONDS = 366 * 86_400
"""Longer durations become null: no request takes a year, but a number in another unit, or one set
by a client, may look like it. In microseconds, sums of up to 290,000 of the largest are exact."""

SCHEMA = pa.schema(
    [
        ("time", TIME),
        ("host", TEXT),
        ("identity", TEXT),
        ("user", TEXT),
        ("method", TEXT),
        ("path", TEXT),
        ("query", TEXT),
        ("protocol", TEXT),
        ("request", TEXT),
        ("status", pa.uint16()),
        ("bytes", pa.int64()),
        ("referrer", TEXT),
        ("agent", TEXT),
        ("vhost", TEXT),
        ("duration", pa.float64()),
        ("upstream_duration", pa.float64()),
    ]
)

SOURCE = "source"
"""An additional column of records of several logs: the name of the log."""
SERVER = "server"
"""An additional column of records that came from other servers: the name of the server."""
ORIGIN = (SOURCE, SERVER)
"""The columns that say where a record came from."""


@attrs.frozen
class LogRecord:
    """One parsed request: a row of `SCHEMA`."""

    time: datetime
    """The logged time of the request, UTC."""
    host: str | None
    """Client address."""
    identity: str | None
    """RFC 1413 identity; `None` for `-`."""
    user: str | None
    """Authenticated user; `None` for `-`."""
    method: str | None
    """Request method, upper case; `None` when there is no well-formed request line."""
    path: str | None
    """Path of the request target, without the query, as logged."""
    query: str | None
    """The text after the first `?`; `None` without a `?`."""
    protocol: str | None
    """`HTTP/1.1` and so on; `HTTP/0.9` for a request line without a version."""
    request: str | None
    """The raw request line, only when it is malformed."""
    status: int | None
    """HTTP status; `None` when the server logged none."""
    bytes: int | None
    """Response size in bytes, up to `MOST_BYTES`; `None` for `-` and for invalid sizes."""
    referrer: str | None
    agent: str | None
    vhost: str | None
    """The authority of an absolute request target, or the logged virtual host."""
    duration: float | None
    """Seconds, up to `MOST_SECONDS`."""
    upstream_duration: float | None
    """Seconds, up to `MOST_SECONDS`."""


def schema_with(kept: Iterable[str] = ()) -> pa.Schema:
    """Return `SCHEMA` plus a text column for each `--keep` field."""
    return pa.schema([*SCHEMA, *(pa.field(name, TEXT) for name in kept)])


def empty_batch(kept: Iterable[str] = ()) -> pa.RecordBatch:
    """Return a batch without rows."""
    return pa.RecordBatch.from_pylist([], schema=schema_with(kept)) if kept else _EMPTY


def with_kept(batch: pa.RecordBatch, kept: Iterable[str]) -> pa.RecordBatch:
    """Add empty columns for kept fields to records."""
    for name in kept:
        batch = batch.append_column(pa.field(name, TEXT), pa.nulls(batch.num_rows, TEXT))
    return batch


def with_source(batch: pa.RecordBatch, name: str, server: str = "") -> pa.RecordBatch:
    """Add the source column to the records of one log, and that of the server if it is known."""
    batch = batch.append_column(pa.field(SOURCE, TEXT), _same(name, batch.num_rows))
    if not server:
        return batch
    return batch.append_column(pa.field(SERVER, TEXT), _same(server, batch.num_rows))


def with_origins(
    batch: pa.RecordBatch, origins: Sequence[tuple[str, str]], rows: Sequence[int]
) -> pa.RecordBatch:
    """Add source and server to the records of several logs, so many rows of each in order.

    A server that is not known is empty.
    """
    for column, names in zip(ORIGIN, zip(*origins, strict=True), strict=True):
        if not any(names):
            continue
        numbers = {name: number for number, name in enumerate(dict.fromkeys(filter(None, names)))}
        codes = np.repeat([numbers.get(name, -1) for name in names], rows).astype(np.int32)
        texts = pa.DictionaryArray.from_arrays(
            column_of(codes, codes < 0), pa.array(map(in_utf8, numbers), pa.string())
        )
        batch = batch.append_column(pa.field(column, TEXT), texts)
    return batch


def _same(text: str, rows: int) -> pa.DictionaryArray:
    """Return a column with the same text in each row."""
    return pa.DictionaryArray.from_arrays(
        column_of(np.zeros(rows, np.int32)), pa.array([in_utf8(text)], pa.string())
    )


def column_type(name: str) -> pa.DataType:
    """Return the type of a column: as in `SCHEMA`, or text for other columns."""
    position = SCHEMA.get_field_index(name)
    return TEXT if position < 0 else SCHEMA.field(position).type


def with_all(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
    """Return columns of a batch under the given names; missing columns are null.

    Names ignore case, as in SQL.
    """
    there = {name.lower(): i for i, name in enumerate(batch.schema.names)}
    found = [
        pa.nulls(batch.num_rows, column_type(name))
        if (at := there.get(name.lower())) is None
        else batch.column(at)
        for name in columns
    ]
    return pa.RecordBatch.from_arrays(found, names=list(columns))


def in_order(names: Iterable[str]) -> list[str]:
    """Return distinct names of columns; those of `SCHEMA` come first."""
    found = distinct_names(names)
    others = [name for name in found if name not in SCHEMA.names]
    return [name for name in SCHEMA.names if name in found] + others


def distinct_names(names: Iterable[str]) -> list[str]:
    """Return distinct names, ignoring case as in SQL; the first spelling counts."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.lower(), name)
    return list(found.values())


def joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Join at least one batch into one.

    Columns that a batch lacks are null; those of `SCHEMA` come first.
    """
    names = in_order(name for batch in batches for name in batch.schema.names)
    batches = [with_all(batch, names) for batch in batches]
    columns = [
        joined_texts(parts) if pa.types.is_dictionary(parts[0].type) else pa.concat_arrays(parts)
        for i in range(len(names))
        if (parts := [batch.column(i) for batch in batches])
    ]
    return pa.RecordBatch.from_arrays(columns, names=names)


def with_own_texts(table: pa.Table) -> pa.Table:
    """Return a table in one piece whose dictionaries have its own texts only, by first use.

    Rows taken from larger tables keep all of their texts: a page of requests would be as large as
    the history that it comes from. Equal rows become equal bytes, wherever they come from.
    """
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        parts = column.combine_chunks()
        if isinstance(parts, pa.ChunkedArray):  # without any chunk
            parts = pa.concat_arrays(parts.chunks or [pa.array([], field.type)])
        if pa.types.is_dictionary(field.type):
            parts = pc.cast(pc.dictionary_encode(pc.cast(parts, field.type.value_type)), field.type)
        columns.append(parts)
    return pa.Table.from_arrays(columns, schema=table.schema)


def microseconds(records: pa.RecordBatch | pa.Table) -> Int64s:
    """Return each record's time in microseconds since the epoch."""
    times: Int64s = pc.cast(records.column("time"), pa.int64()).to_numpy()
    return times


def seconds(records: pa.RecordBatch | pa.Table) -> Int64s:
    """Return each record's time in whole seconds since the epoch."""
    return microseconds(records) // 1_000_000


def statuses(batch: pa.RecordBatch) -> Int64s:
    """Return the status of each record; 0 if unknown."""
    column = batch.column("status")
    if column.null_count:
        column = pc.fill_null(column, _NO_STATUS)
    filled: Int64s = column.to_numpy().astype(np.int64)
    return filled


def sizes(batch: pa.RecordBatch) -> Int64s:
    """Return the response size of each record in bytes; 0 if unknown."""
    column = batch.column("bytes")
    if column.null_count:
        column = pc.fill_null(column, _NO_SIZE)
    filled: Int64s = column.to_numpy()
    return filled


def are_errors(statuses: Int64s) -> npt.NDArray[np.bool_]:
    """Tell which statuses are client or server errors (4xx or 5xx)."""
    errors: npt.NDArray[np.bool_] = (statuses >= 400) & (statuses < 600)
    return errors


def rows(batch: pa.RecordBatch) -> list[LogRecord]:
    """Return the row view of a batch of `SCHEMA`."""
    return [LogRecord(**row) for row in batch.to_pylist()]


_NO_STATUS, _NO_SIZE = pa.scalar(0, pa.uint16()), pa.scalar(0, pa.int64())
_EMPTY = pa.RecordBatch.from_pylist([], schema=SCHEMA)
