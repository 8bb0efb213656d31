"""What a record can be counted by, against what is told of each record by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.records.dimensions import (
    BY_SERVER,
    BY_SOURCE,
    DIMENSIONS,
    Dimension,
    code,
    dictionary_of,
    kept_dimension,
)
from glancemetrics.records.schema import SCHEMA, LogRecord, joined, with_source
from tests.glancemetrics.reference import NAMES

NOTHING = dict.fromkeys((field.name for field in attrs.fields(LogRecord)), None)

RECORDS = st.builds(
    lambda **values: LogRecord(**{**NOTHING, **values}),
    time=st.just(datetime(2026, 11, 20, tzinfo=UTC)),
    host=st.none()
    | st.ip_addresses(v=4).map(str)
    | st.sampled_from(["2001:db8:1:2::3", "::1", "a.example"]),
    user=st.none() | st.sampled_from(["eve", "u v"]),
    path=st.none()
    | st.lists(
        st.sampled_from(["", "a", "7", "007", "x7", "é", "c0ffee", "c0ffee" * 3, "C0FFEE" * 3])
        | st.uuids().map(str),
        min_size=1,
        max_size=4,
    ).map(lambda parts: "/" + "/".join(parts))
    | st.sampled_from(["*", "a/b:1"]),
    status=st.none() | st.integers(0, 999),
    method=st.none() | st.sampled_from(["GET", "PUT"]),
    protocol=st.none() | st.sampled_from(["HTTP/1.1"]),
    vhost=st.none() | st.sampled_from(["a.example", "b.example"]),
    referrer=st.none()
    | st.sampled_from(
        [
            "https://A.example:443/x",
            "http://u:p@b.example?q",
            "android-app://c/",
            "d.example",
            "://",
        ]
    ),
    agent=st.none()
    | st.sampled_from(["curl/8.5", "kube-probe/1.29", "Googlebot/2.1", "Firefox/120.0", ""]),
)


def batch_of(records: list[LogRecord]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([attrs.asdict(one) for one in records], schema=SCHEMA)


def names_of(batch: pa.RecordBatch, dimension: Dimension) -> list[str | None]:
    names: list[str | None] = dictionary_of(code(batch, dimension)).to_pylist()
    return names


@pytest.mark.parametrize(
    "dimension", [one for one in DIMENSIONS if one.name in NAMES], ids=lambda one: one.name
)
@given(records=st.lists(RECORDS, max_size=8))
def test_a_record_is_counted_as_what_it_is(dimension: Dimension, records: list[LogRecord]) -> None:
    name_of = NAMES[dimension.name]
    assert names_of(batch_of(records), dimension) == [name_of(record) for record in records]


def test_every_dimension_is_held_against_what_is_told_row_by_row() -> None:
    assert {one.name for one in DIMENSIONS} - set(NAMES) == {"source", "server"}


def test_the_source_of_a_record_is_the_log_that_it_is_of() -> None:
    nothing = LogRecord(**{**NOTHING, "time": datetime(2026, 11, 20, tzinfo=UTC)})
    batch = with_source(batch_of([nothing] * 2), "/var/log/access.log")
    assert names_of(batch, BY_SOURCE) == ["/var/log/access.log"] * 2
    assert names_of(batch_of([nothing]), BY_SOURCE) == [None]


def test_the_server_of_a_record_is_known_where_its_log_came_from_another_one() -> None:
    nothing = LogRecord(**{**NOTHING, "time": datetime(2026, 11, 20, tzinfo=UTC)})
    there = with_source(batch_of([nothing]), "web1:/var/log/access.log", "web1")
    here = with_source(batch_of([nothing]), "/var/log/access.log")
    assert names_of(there, BY_SERVER) == ["web1"]
    assert names_of(here, BY_SERVER) == [None]
    assert names_of(joined([there, here, there]), BY_SERVER) == ["web1", None, "web1"]


def test_a_field_that_is_kept_is_counted_by_its_own_column() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"cache": pa.array(["HIT", None, "MISS", "HIT"]).dictionary_encode()}
    )
    assert names_of(batch, kept_dimension("cache")) == ["HIT", None, "MISS", "HIT"]


def test_no_two_have_a_name() -> None:
    assert len({one.name for one in DIMENSIONS}) == len(DIMENSIONS)
    assert len({one.plural for one in DIMENSIONS}) == len(DIMENSIONS)
