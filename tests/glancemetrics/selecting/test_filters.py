"""Filters together say what each says alone, however often, and of however many values."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.formats.combined import decode
from glancemetrics.records.schema import SCHEMA
from glancemetrics.selecting.filters import UNSTEADY, Filters
from glancemetrics.selecting.sql import Where, connect
from tests.glancemetrics.selecting.test_sql import LOG
from tests.lines import line


def test_filters_together_say_what_each_does_alone() -> None:
    expressions = [
        *("path like '/api/%'", "path is null", "PATH = '/b'", "section = '/api'"),
        *("status >= 500 and path like '/api/%'", "user = 'bob' or host like '2001%'", "true"),
        *("lower(agent) like 'curl%'", "bytes is null", "query = 'x=1' -- a remark"),
        "coalesce(user, '-') = '-'",
    ]
    batch = decode(LOG).batch
    kept = Filters(expressions).keeps(batch)
    assert {text: flags.tolist() for text, flags in kept.items()} == {
        text: Where(text).keeps(batch).tolist() for text in expressions
    }


def test_a_column_may_be_named_with_its_table() -> None:
    expressions = ["log.path = '/a'", "log.status = 404"]
    batch = decode(line(request="GET /a HTTP/1.1") + line(request="GET /b HTTP/1.1")).batch
    kept = Filters(expressions).keeps(batch)
    assert [kept[one].tolist() for one in expressions] == [[True, False], [False, False]]


def of_requests(requests: list[tuple[int | None, str | None]]) -> pa.RecordBatch:
    rows = [dict.fromkeys(SCHEMA.names) | {"status": s, "path": p} for s, p in requests]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


OF_ONE_COLUMN = (
    *("status >= 500", "status is null", "status % 100 = 4", "coalesce(status, 500) < 300"),
    *("path like '%b'", "path is null", "section = '/a'", "length(path) > 3 and path < '/b'"),
    "status >= 500 and path like '%b'",
)
ALONE = [Where(text) for text in OF_ONE_COLUMN]
REQUESTS = st.tuples(
    st.one_of(st.none(), st.sampled_from([0, 200, 404, 500, 503, 65_535]), st.integers(0, 999)),
    st.one_of(st.none(), st.text("ab/", max_size=4).map("/".__add__)),
)


@given(st.lists(st.lists(REQUESTS, max_size=12), max_size=6))
def test_what_is_remembered_is_what_is_so(
    batches: list[list[tuple[int | None, str | None]]],
) -> None:
    filters = Filters(OF_ONE_COLUMN, CONNECTION)
    for requests in batches:
        batch = of_requests(requests)
        kept = filters.keeps(batch)
        for where in ALONE:
            assert kept[where.expression].tolist() == where.keeps(batch).tolist()


CONNECTION = connect()


def test_many_texts_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glancemetrics.selecting.filters._MOST_KNOWN", 2_500)
    filters = Filters(["path like '%7'"], CONNECTION)
    for first, count in ((0, 1_500), (1_000, 1_500), (0, 5_000), (4_000, 100), (0, 1_500)):
        numbers = range(first, first + count)
        kept = filters.keeps(of_requests([(200, f"/{number}") for number in numbers]))
        assert kept["path like '%7'"].tolist() == [number % 10 == 7 for number in numbers]


def test_long_texts_are_not_remembered() -> None:
    """Whoever sends long paths takes no memory by it."""
    filters = Filters(["length(path) > 60"], CONNECTION)
    for number in range(80):
        requests = [(200, f"/{number}/{i}/" + "x" * 9_000 * (i % 2)) for i in range(40)]
        kept = filters.keeps(of_requests(requests))
        assert kept["length(path) > 60"].tolist() == [False, True] * 20
    known = [text or "" for texts in filters._of_texts.values() for text in texts.known]
    assert 0 < sum(map(len, known)) <= 5_000_000


def test_a_filter_that_fails_of_what_there_is_fails_then_and_only_then() -> None:
    filters = Filters(["status::UTINYINT = 200"], CONNECTION)
    filters.keeps(of_requests([(200, "/")]))
    for _ in range(2):
        with pytest.raises(UsageError, match="where in a rule: "):
            filters.keeps(of_requests([(200, "/"), (500, "/")]))
    assert filters.keeps(of_requests([(200, "/")]))["status::UTINYINT = 200"].tolist() == [True]


def test_what_is_not_always_the_same_is_not_remembered() -> None:
    asked = ["status = 200 and random() < 0.5", "path = '/' and random() < 0.5"]
    filters = Filters(asked, CONNECTION)
    batch = of_requests([(200, "/")])
    said = [filters.keeps(batch) for _ in range(100)]
    for text in asked:
        assert {kept[text].tolist()[0] for kept in said} == {True, False}


def test_all_such_functions_are_known() -> None:
    """Of this version of DuckDB."""
    rows = CONNECTION.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_type = 'scalar' "
        "GROUP BY ALL HAVING bool_and(stability <> 'CONSISTENT')"
    ).fetchall()
    assert {"now", "random"} < {name for (name,) in rows} <= UNSTEADY


def test_several_threads_may_ask() -> None:
    """Each batch has values that none has had."""
    filters = Filters(["status % 2 = 1", "status % 3 = 1", "path like '%1'"], CONNECTION)
    wrong = []

    def ask(first: int) -> None:
        for start in range(first, 60_000, 400):
            statuses = np.arange(start, start + 100)
            batch = of_requests([(int(status), f"/{status}") for status in statuses])
            kept = filters.keeps(batch)
            for name, expected in (
                ("status % 2 = 1", statuses % 2 == 1),
                ("status % 3 = 1", statuses % 3 == 1),
                ("path like '%1'", statuses % 10 == 1),
            ):
                if kept[name].tolist() != expected.tolist():
                    wrong.append((start, name))

    threads = [threading.Thread(target=ask, args=(100 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []
