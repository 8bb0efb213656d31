"""Answers from records, against those that are worked out record by record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.history.answering import count
from glancemetrics.history.finding import find
from glancemetrics.history.held_records import HeldRecords, put_together
from glancemetrics.history.query import Query, RecordQuery
from glancemetrics.records.schema import SCHEMA, LogRecord, rows, with_source
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.selecting.sql import connect
from tests.glancemetrics.history import reference
from tests.glancemetrics.records.test_dimensions import NOTHING

BASE = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = int(BASE.timestamp())

RECORDS = st.builds(
    lambda **values: LogRecord(**{**NOTHING, **values}),
    time=st.integers(0, 40_000).map(lambda ms: BASE + timedelta(milliseconds=ms)),
    host=st.none() | st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1"]),
    user=st.none() | st.sampled_from(["eve", "u v"]),
    path=st.none() | st.sampled_from(["/", "/a/b", "/a/7", "/checkout/x", "*"]),
    status=st.none() | st.sampled_from([101, 200, 304, 404, 500, 503, 999]),
    bytes=st.none() | st.integers(0, 1 << 46),
    method=st.none() | st.sampled_from(["GET", "PUT"]),
    referrer=st.none() | st.sampled_from(["https://a.example/x", "b"]),
    agent=st.none() | st.sampled_from(["curl/8.5", "kube-probe/1.29", "Firefox/120.0"]),
    duration=st.none() | st.integers(0, 5000).map(lambda ms: ms / 1000),
)

CONDITIONS: dict[str | None, reference.Condition] = {
    None: lambda r: True,
    "status >= 500": lambda r: r.status is not None and r.status >= 500,
    "status >= 500 and section = '/checkout'": lambda r: (
        r.status is not None and r.status >= 500 and (r.path or "").startswith("/checkout")
    ),
    "class = '4xx' or path like '/a/%'": lambda r: (
        (r.status is not None and r.status // 100 == 4) or (r.path or "").startswith("/a/")
    ),
    "bot is not null and bytes > 5 and method = 'GET'": lambda r: (
        r.agent == "kube-probe/1.29" and (r.bytes or 0) > 5 and r.method == "GET"
    ),
    "not (status < 500) and (duration > 1 or host is null)": lambda r: (
        r.status is not None
        and r.status >= 500
        and ((r.duration is not None and r.duration > 1) or r.host is None)
    ),
}

BY = [(), ("path",), ("section",), ("host",), ("status",), ("class", "method"), ("network",)] + [
    ("browser",),
    ("bot", "route"),
    ("referring_site",),
]

SPANS = st.builds(
    lambda since, length: TimeSpan(
        None if since is None else START + since,
        None if length is None else START + (since or 0) + length,
    ),
    st.none() | st.integers(-5, 45),
    st.none() | st.integers(1, 50),
)

QUERIES = st.builds(
    lambda measures, order, **values: Query(
        measures=measures, order=measures[order % len(measures)], **values
    ),
    measures=st.lists(
        st.sampled_from(list(reference.MEASURES)), min_size=1, max_size=4, unique=True
    ),
    order=st.integers(0, 9),
    span=SPANS,
    where=st.sampled_from(list(CONDITIONS)),
    by=st.sampled_from(BY),
    step=st.none() | st.sampled_from([1, 7, 10, 60]),
    limit=st.integers(1, 5),
)


@pytest.fixture(scope="module")
def connection() -> Any:
    return connect()


def batch_of(records: list[LogRecord], source: str = "a.log") -> pa.RecordBatch:
    rows = [attrs.asdict(one) for one in records]
    return with_source(pa.RecordBatch.from_pylist(rows, schema=SCHEMA), source)


def held(batches: list[list[LogRecord]]) -> list[HeldRecords]:
    first, made = 0, []
    for records in batches:
        if records:
            made.append(HeldRecords.of(first, batch_of(records)))
            first += len(records)
    return made


def listed(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


@settings(max_examples=400)
@given(batches=st.lists(st.lists(RECORDS, max_size=8), max_size=4), query=QUERIES)
def test_an_answer_is_what_counting_record_by_record_gives(
    connection: Any, batches: list[list[LogRecord]], query: Query
) -> None:
    everything = [record for records in batches for record in records]
    wanted = reference.chosen(everything, query, CONDITIONS[query.where])
    counted = count(query, held(batches), connection)
    expected = reference.rows(wanted, query)
    assert [flat(row) for row in listed(counted.table)] == [flat(row) for row in expected]
    assert flat(counted.total) == flat(
        {name: reference.MEASURES[name](wanted) for name in query.measures}
    )


def flat(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
        for name, value in row.items()
    }


@given(batches=st.lists(st.lists(RECORDS, min_size=1, max_size=8), min_size=1, max_size=4))
def test_joined_they_are_the_same(connection: Any, batches: list[list[LogRecord]]) -> None:
    query = Query(measures=("hits", "bytes", "p50"), by=("path",))
    apart = held(batches)
    together = [put_together(apart)]
    assert count(query, together, connection).table.equals(count(query, apart, connection).table)


@given(
    batches=st.lists(st.lists(RECORDS, max_size=8), max_size=4),
    span=SPANS,
    where=st.sampled_from(list(CONDITIONS)),
    limit=st.integers(1, 9),
    offset=st.integers(0, 9),
)
def test_records_come_newest_first_a_page_at_a_time(
    connection: Any,
    batches: list[list[LogRecord]],
    span: TimeSpan,
    where: str | None,
    limit: int,
    offset: int,
) -> None:
    everything = [record for records in batches for record in records]
    wanted = reference.chosen(everything, Query(span=span), CONDITIONS[where])
    wanted = sorted(enumerate(wanted), key=lambda item: (item[1].time, item[0]), reverse=True)
    query = RecordQuery(span=span, where=where, limit=limit, offset=offset)
    found = find(query, held(batches), connection).table
    assert found.column("source").to_pylist() == ["a.log"] * found.num_rows
    assert found.column("server").null_count == found.num_rows
    plain = [row for b in found.drop_columns(["source", "server"]).to_batches() for row in rows(b)]
    assert plain == [record for _, record in wanted[offset : offset + limit]]
