"""Conditions for values, against the groups that queries count."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.formats.combined import decode
from glancemetrics.history.answering import Counted, count
from glancemetrics.history.held_records import HeldRecords
from glancemetrics.history.query import Query
from glancemetrics.records.dimensions import (
    DIMENSIONS,
    MALFORMED,
    PATH,
    STATUS,
    Dimension,
    kept_dimension,
)
from glancemetrics.records.schema import ORIGIN, SCHEMA, TEXT, schema_with, with_kept, with_source
from glancemetrics.selecting.sql import check_no_comment, connect
from glancemetrics.selecting.value_conditions import condition_of, excluded, joined_conditions
from tests.lines import line

KEPT = ("X-Cache", "order", "cache", 'a "b"', "é", "1st", "http.host", "plain")
NAMES = [*(one.name for one in DIMENSIONS), *KEPT]
WITH_ALL = schema_with((*KEPT, *ORIGIN))

ODD = [
    "",
    "'",
    "''",
    "it's",
    '"',
    "\\",
    "\\'",
    "a\0b",
    "\0",
    "--",
    "/*",
    " or 1 = 1",
    "$1",
    "?",
    "%",
]
ODD += [
    "\n",
    "\u00a0",
    "e\u0301",
    "é",
    "💡",
    "\ufeff",
    "\x1b[2J",
    "NULL",
    "404",
    "(other)",
    "section",
]
PLAIN = {
    "path": ["/", "/a/7", "/a/8?x", "/it's/here", "a'b", "*", "/\0", "/(malformed)"],
    "host": ["10.0.0.1", "10.0.0.2", "2001:db8::1", "::1'"],
    "referrer": ["https://A.example/x", "http://o'b.example/", "https://é.example"],
    "agent": [
        "curl/8.5",
        "kube-probe/1.29",
        "Googlebot/2.1",
        "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0",
    ],
    "status": [0, 99, 200, 404, 599, 600, 65_535],
}
ODD_TEXTS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def values_of(name: str) -> st.SearchStrategy[Any]:
    """Values of a column; a path is never called like requests without one."""
    if name == "time":
        return st.just(datetime(2026, 11, 20, tzinfo=UTC))
    if name == "status":
        return st.none() | st.sampled_from(PLAIN[name])
    if WITH_ALL.field(name).type != TEXT:
        return st.none()
    texts = st.none() | ODD_TEXTS | st.sampled_from(PLAIN.get(name, ["x"]))
    return texts.filter(lambda text: text != MALFORMED)


ROWS = st.fixed_dictionaries({name: values_of(name) for name in WITH_ALL.names})


@pytest.fixture(scope="module")
def connection() -> Any:
    return connect()


def counted(connection: Any, batch: pa.RecordBatch, **asked: Any) -> Counted:
    """Ask about a batch, and about as many groups as there may be."""
    query = Query(kept=KEPT, limit=1000, **asked)
    return count(query, [HeldRecords.of(0, batch)], connection)


def check(connection: Any, batch: pa.RecordBatch, by: tuple[str, ...]) -> list[str]:
    """Hold the conditions of all groups against their hits; returns the conditions."""
    groups = counted(connection, batch, by=by)
    conditions = []
    for row in groups.table.to_pylist():
        where = joined_conditions(condition_of(name, row[name]) for name in by)
        assert where is not None
        check_no_comment(where)
        hits = row["hits"]
        assert counted(connection, batch, where=where).records == hits, where
        others = excluded(where)
        assert counted(connection, batch, where=others).records == batch.num_rows - hits, others
        conditions.append(where)
    return conditions


@settings(max_examples=60)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=6),
    by=st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(tuple),
)
def test_a_condition_selects_the_requests_of_its_group(
    connection: Any, rows: list[dict[str, Any]], by: tuple[str, ...]
) -> None:
    check(connection, pa.RecordBatch.from_pylist(rows, schema=WITH_ALL), by)


@pytest.mark.parametrize("name", NAMES)
def test_of_each_field_any_value_can_be_asked_for(connection: Any, name: str) -> None:
    column = next((one.column for one in DIMENSIONS if one.name == name), name)
    values = [
        None,
        *PLAIN.get(column, []),
        *([] if column == "status" else ODD[: 5 if name in KEPT else None]),
    ]
    time = datetime(2026, 11, 20, tzinfo=UTC)
    nothing = {**dict.fromkeys(WITH_ALL.names), "time": time}
    rows = [{**nothing, column: value} for value in values]
    batch = pa.RecordBatch.from_pylist(rows, schema=WITH_ALL)
    conditions = check(connection, batch, (name,))
    assert len(set(conditions)) == len(conditions) > 1


def test_malformed_requests_are_asked_for_as_they_are_counted(connection: Any) -> None:
    log = line(request="GET /a HTTP/1.1") * 3 + line(request="\\x16\\x03") + line(request="-")
    batch = with_source(with_kept(decode(log).batch, KEPT), "/var/log/it's.log")
    for name in ("path", "section", "route"):
        assert counted(connection, batch, where=condition_of(name, MALFORMED)).records == 2
        assert (
            counted(connection, batch, where=excluded(condition_of(name, MALFORMED))).records == 3
        )
    check(connection, batch, ("source", "path"))


@pytest.mark.parametrize(
    ("dimension", "value", "condition"),
    [
        ("path", "/it's", "path = '/it''s'"),
        (PATH, "(malformed)", "path IS NULL"),
        ("section", "(malformed)", "section = '(malformed)'"),
        (STATUS, "404", "status = 404"),
        ("status", "000", "status = 0"),
        ("status", "4xx", "status = '4xx'"),
        ("class", "4xx", "class = '4xx'"),
        ("user", "null", "user = 'null'"),
        ("agent", "", "agent = ''"),
        ("path", "/a\0b'", "path = '/a' || chr(0) || 'b'''"),
        ("path", "\0", "path = chr(0)"),
        ("source", "/var/log/a.log", "source = '/var/log/a.log'"),
        ("X-Cache", "HIT", "\"X-Cache\" = 'HIT'"),
        (kept_dimension("order"), "1", "\"order\" = '1'"),
        ('a "b"', "(malformed)", '"a ""b""" = \'(malformed)\''),
        ("plain", "404", "plain = '404'"),
    ],
)
def test_conditions_are_written_as_people_do(
    dimension: Dimension | str, value: str, condition: str
) -> None:
    assert condition_of(dimension, value) == condition


@pytest.mark.parametrize(
    ("condition", "others"),
    [
        ("path = '/it''s'", "path IS DISTINCT FROM '/it''s'"),
        ("status=404", "status IS DISTINCT FROM 404"),
        ("path is null", "path IS NOT NULL"),
        ("path IS NOT NULL", "path IS NULL"),
        ("\"X-Cache\" IS DISTINCT FROM 'HIT'", "\"X-Cache\" = 'HIT'"),
        ("status >= 500", "(status >= 500) IS NOT TRUE"),
        ("path = 'a' or user = 'b'", "(path = 'a' or user = 'b') IS NOT TRUE"),
        ("status >= 500 -- failed", "(status >= 500 -- failed\n) IS NOT TRUE"),
        ("path like '%--%'", "(path like '%--%') IS NOT TRUE"),
    ],
)
def test_all_others_are_those_without_a_value_too(
    connection: Any, condition: str, others: str
) -> None:
    assert excluded(condition) == others
    texts = [None, "/it's", "a", "--", "b"]
    rows = [
        {"path": text, "user": text, "X-Cache": "HIT" if text else None, "status": status}
        for text in texts
        for status in (None, 404, 503)
    ]
    names = [field.name for field in WITH_ALL]
    batch = pa.RecordBatch.from_pylist(
        [dict.fromkeys(names) | {"time": 0} | row for row in rows], schema=WITH_ALL
    )
    hits = counted(connection, batch, where=condition).records
    assert 0 < hits < len(rows)
    assert counted(connection, batch, where=others).records == len(rows) - hits


@pytest.mark.parametrize(
    ("conditions", "joined"),
    [
        ([], None),
        (["  "], None),
        (["a = 1 or b = 2"], "a = 1 or b = 2"),
        (["", "status = 404", "path = '/x'"], "status = 404 AND path = '/x'"),
        (["a = 1 OR b = 2", "c = 3"], "(a = 1 OR b = 2) AND c = 3"),
        (["(a = 1 or b = 2) and c", "d"], "(a = 1 or b = 2) and c AND d"),
        (["path = 'x or y'", "\"or\" = 'é'"], "path = 'x or y' AND \"or\" = 'é'"),
        ([r"path = E'it\'s' or a = 'b'", "d"], r"(path = E'it\'s' or a = 'b') AND d"),
        (["é = 'ä' or b", "order_by = 1"], "(é = 'ä' or b) AND order_by = 1"),
        (["a = 1 -- c", "d"], "(a = 1 -- c\n) AND d"),
        (["a) or (b", "d"], "(a) or (b) AND d"),
        (["\udc80 = 1", "d"], "\udc80 = 1 AND d"),
    ],
)
def test_conditions_are_joined_with_parentheses_only_where_needed(
    conditions: list[str], joined: str | None
) -> None:
    assert joined_conditions(iter(conditions)) == joined


def test_all_columns_of_records_are_there() -> None:
    assert set(SCHEMA.names) < set(WITH_ALL.names)
