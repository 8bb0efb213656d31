"""SQL over records: what a person would guess works, and nothing gets out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from glancemetrics.errors import UsageError
from glancemetrics.formats.combined import decode
from glancemetrics.formats.reading import make_reading
from glancemetrics.records.schema import rows
from glancemetrics.selecting.filters import Filters
from glancemetrics.selecting.sql import Where, connect, query
from tests.lines import BASE, line

LOG = (
    line(status=503, request="GET /api/a HTTP/1.1", user="bob")
    + line(status=503, request="GET /b HTTP/1.1")
    + line(BASE + 60, request="GET /api/a?x=1 HTTP/1.1", size="-")
    + line(request="\\x16", status=400, host="2001:db8::1")
)


def kept(expression: str) -> list[int]:
    batch = decode(LOG).batch
    return [i for i, keep in enumerate(Where(expression).keeps(batch)) if keep]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("status >= 500 and path like '/api/%'", [0]),
        ("status = 503 or bytes is null", [0, 1, 2]),
        ("user = 'bob'", [0]),
        ("section = '/api'", [0, 2]),
        ("path is null", [3]),
        ("host like '2001:%'", [3]),
        ("query = 'x=1' -- a remark", [2]),
        ("time > '2026-09-21 14:13:30'", [2]),
        ("regexp_matches(path, '^/b')", [1]),
        ("status in (400, 404)", [3]),
        ("not (status >= 400)", [2]),
    ],
)
def test_expressions_over_the_columns(expression: str, expected: list[int]) -> None:
    assert kept(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "path = '=>' or true",
        "status = 404 or null",
        "not (status = 1) and 1 = 1",
        "path = '5xx' or null is null",
        "path in ('/', 'a/1') or status = 1",
    ],
)
def test_what_looks_like_a_mistake_and_is_none(expression: str) -> None:
    kept(expression)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("nope = 1", "columns: time, host"),
        ("status >=", "incomplete, or a bracket"),
        ("status", "must be a condition"),
        ("count(*) > 1", "a condition on single requests"),
        ("*", "must be a single expression"),
        ("columns(*) is null", "must be a single expression"),
        ("true) from log; drop view log; select (1", "must be a single SELECT"),
        ("exists(select * from read_text('/etc/passwd'))", "disabled"),
        ("exists(from '/etc/passwd')", "no table /etc/passwd"),
        ("exists(from secret)", "no table secret"),
        ("exists(select * from read_csv('http://192.0.2.1/'))", "disabled"),
        ("status => 500", "use >= for at least"),
        ("status =< 500", "use <= for at most"),
        ("status = '5xx'", "status is a number: use status between 500 and 599"),
        ("status = 5xx", "status is a number: use status between 500 and 599"),
        ("status ~ '^5'", "status is a number: use status between 500 and 599"),
        ("status like '5%'", "status is a number: use status between 500 and 599"),
        ("status in 404", r"use brackets: status in \(404, 500\)"),
        ("404 in status", r"use brackets: status in \(404, 500\)"),
        ("status is 404", "use = for a number"),
        ("status = 'many'", "'many' is not a number"),
        ("class = 5", "a class is text: class = '5xx'"),
        ("bytes > 10k", "numbers have no unit"),
        ("duration > 500ms", "numbers have no unit"),
        ("section=/api", "text goes in single quotes: path = '/login'"),
        ("path like /api%", "text goes in single quotes: path = '/login'"),
        ("path = ‘/api’", "use plain quotes: path = '/login'"),
        ("path = “/api”", "use plain quotes: path = '/login'"),
        ("path =~ '^/x'", r"for a regular expression use regexp_matches\(path"),
        ("host = 10.0.0.1", "text goes in single quotes: host = '10.0.0.1'"),
        ("path contains 'x'", "use like with %: path like"),
        ("status = 500 && bytes = 0", "use and, or instead of &&"),
        ("$status >= 500", "columns have no"),
        (".status >= 500", "columns have no"),
        ("status = ?", "is no wildcard"),
        ("status = 404;", "leave out the ;"),
        ("where status = 404", "give the condition alone"),
        ("status = 404 limit 5", "give the condition alone"),
        ("select * from log", "give the condition alone, or use glancemetrics sql"),
        ("foo(path) = 1", "no function foo"),
        ("status <=> 1", "no operator <=> for such values"),
        ("status = 404 or 500", "500 is no condition; repeat the comparison"),
        ("status = 404 or not 500", "500 is no condition; repeat the comparison"),
        ("not (bytes = 1 and 'x')", "x is no condition"),
        ("status = 404 and path", "path alone is no condition; compare it: path = ..., or path IS"),
        ("NOT Agent", "Agent alone is no condition"),
        ("status = 404 or log.class", "class alone is no condition"),
        ("status = 404 or pth", "no column 'pth'"),
        ("path = '/a\0b' or true", r"has a NUL character; write chr\(0\)"),
    ],
)
def test_a_wrong_or_curious_expression_is_one_sentence(expression: str, said: str) -> None:
    secret = decode(LOG).batch  # noqa: F841 - what a query must not see
    with pytest.raises(UsageError, match=said) as caught:
        kept(expression)
    assert "\n" not in str(caught.value)
    assert expression in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to '{path}'",
        "attach '{path}'",
        "export database '{path}'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
    ],
)
def test_nothing_is_written_or_loaded(statement: str, tmp_path: Path) -> None:
    path = tmp_path / "out"
    import duckdb

    with pytest.raises(duckdb.Error):
        connect().execute(statement.format(path=path))
    with pytest.raises(UsageError):
        query(statement.format(path=path), [], connect())
    assert list(tmp_path.iterdir()) == []


def answer(sql: str) -> list[dict[str, object]]:
    batch = decode(LOG).batch
    table = query(sql, iter([batch.slice(0, 2), batch.slice(2)]), connect())
    assert isinstance(table, pa.Table)
    return table.to_pylist()


def test_any_question_about_a_log() -> None:
    sections = answer("select section, count(*) as n from log group by all order by 2 desc, 1")
    assert sections == [
        {"section": "/api", "n": 2},
        {"section": "(malformed)", "n": 1},
        {"section": "/b", "n": 1},
    ]


def test_a_log_may_be_named_twice_and_is_no_logarithm() -> None:
    twice = answer("select count(*) as n from log a join log b on a.host = b.host")
    assert twice == [{"n": 10}]
    assert answer("select log(100) as two, count(*) as n from log") == [{"two": 2.0, "n": 4}]


def test_a_batch_without_records_keeps_none() -> None:
    batch = decode(LOG).batch.slice(0, 0)
    assert len(Where("status = 200").keeps(batch)) == 0
    assert rows(batch) == []


def cached() -> pa.RecordBatch:
    reading = make_reading("json", keep=["X-Cache,a.b"])
    lines = [
        {"time": BASE, "status": 200, "request": "GET /a HTTP/1.1", "X-Cache": state, "a.b": 1}
        for state in ("HIT", "MISS", None)
    ]
    log = "".join(f"{json.dumps(one)}\n" for one in lines).encode()
    assert reading.given is not None
    return reading.given.decode(log, reading.context).batch


KEPT = ("X-Cache", "a.b")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("\"X-Cache\" = 'MISS'", [1]),
        ("\"x-cache\" = 'MISS'", [1]),
        ('"X-Cache" is null', [2]),
        ("\"X-Cache\" = 'HIT' and \"a.b\"::int = 1 and section = '/a'", [0]),
    ],
)
def test_what_is_kept_is_a_column_whose_name_stands_in_quotes_if_it_must(
    expression: str, expected: list[int]
) -> None:
    batch = cached()
    flags = [False, False, False]
    for at in expected:
        flags[at] = True
    assert Where(expression, KEPT).keeps(batch).tolist() == flags
    together = Filters([expression, "true"], kept=KEPT).keeps(batch)
    assert together[expression].tolist() == flags


def test_what_is_not_kept_is_no_column_and_what_is_is_named() -> None:
    with pytest.raises(UsageError, match="no column"):
        Where("cache = 'HIT'")
    with pytest.raises(UsageError, match=r"source, server, X-Cache, a\.b"):
        Where("cache = 'HIT'", KEPT)


def test_a_query_sees_what_is_kept_also_without_a_record() -> None:
    asked = 'select "X-Cache", count(*) as n from log group by all order by n, 1'
    answer = query(asked, [cached()], connect(), KEPT).to_pylist()
    assert [row["X-Cache"] for row in answer] == ["HIT", "MISS", None]
    assert query(asked, [], connect(), KEPT).num_rows == 0
