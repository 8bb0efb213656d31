"""The record schema that every format fills, and the readable row view of it.

Records travel as `pyarrow.RecordBatch` of `SCHEMA`; `LogRecord` is for people and for tests.
"""

from __future__ import annotations

from datetime import datetime

import attrs
import pyarrow as pa

TEXT = pa.dictionary(pa.int32(), pa.string())
"""Strings are dictionary-encoded: a log repeats itself."""

SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("us", tz="UTC")),
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


@attrs.frozen
class LogRecord:
    """One parsed request: a row of `SCHEMA`."""

    time: datetime
    """When the server says the request was logged, UTC."""
    host: str | None
    """Client address."""
    identity: str | None
    """RFC 1413 identity; `None` for `-`."""
    user: str | None
    """Authenticated user; `None` for `-`."""
    method: str | None
    """Request method, upper case; `None` when there is no well-formed request line."""
    path: str | None
    """Path of the request target, without the query, as written."""
    query: str | None
    """What follows the first `?`; `None` where there is no `?`."""
    protocol: str | None
    """`HTTP/1.1` and so on; `HTTP/0.9` for a request line without a version."""
    request: str | None
    """The raw request line, only when it is malformed."""
    status: int | None
    """HTTP status; `None` when the server logged none."""
    bytes: int | None
    """Response size in bytes; `None` for `-`."""
    referrer: str | None
    agent: str | None
    vhost: str | None
    """The authority of an absolute request target, or the virtual host where the format has it."""
    duration: float | None
    """Seconds."""
    upstream_duration: float | None
    """Seconds."""


def empty_batch() -> pa.RecordBatch:
    """Return a batch of `SCHEMA` without rows."""
    return _EMPTY


def rows(batch: pa.RecordBatch) -> list[LogRecord]:
    """Return the row view of a batch of `SCHEMA`."""
    return [LogRecord(**row) for row in batch.to_pylist()]


_EMPTY = pa.RecordBatch.from_pylist([], schema=SCHEMA)
