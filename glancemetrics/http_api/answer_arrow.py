"""Answers as an Arrow IPC stream: the table, and the rest of the answer as metadata of its schema.

Source: the Arrow columnar format, "IPC streaming format"; the media type is registered with IANA.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pyarrow as pa

from glancemetrics.errors import GlanceMetricsError
from glancemetrics.history.query import Answer
from glancemetrics.records.schema import with_own_texts
from glancemetrics.records.time_span import TimeSpan

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
_KEY = b"glancemetrics"
_PLAIN = ("groups", "records", "has_more", "ungrouped", "known", "grain", "is_exact", "missing")


def arrow_of(answer: Answer) -> bytes:
    """Return an answer as a stream."""
    about: dict[str, Any] = {name: getattr(answer, name) for name in _PLAIN}
    about["unread"] = answer.unread
    about["covers"] = [answer.covers.since, answer.covers.until]
    about["total"] = {
        name: {"time": value.isoformat()} if isinstance(value, datetime) else value
        for name, value in answer.total.items()
    }
    table = with_own_texts(answer.table).replace_schema_metadata({_KEY: json.dumps(about).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def answer_of(data: bytes) -> Answer:
    """Return the answer in a stream. Raises `GlanceMetricsError` if it is none of ours."""
    try:
        table = pa.ipc.open_stream(data).read_all()
        about = json.loads(table.schema.metadata[_KEY])
        since, until = about["covers"]
        total = {
            name: datetime.fromisoformat(value["time"]) if isinstance(value, dict) else value
            for name, value in about["total"].items()
        }
        plain = {name: about[name] for name in _PLAIN}
        unread = tuple((begin, end) for begin, end in about["unread"])
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise GlanceMetricsError(f"not an answer of GlanceMetrics: {error}") from None
    return Answer(
        table=table.replace_schema_metadata(None),
        total=total,
        covers=TimeSpan(since, until),
        unread=unread,
        **plain,
    )
