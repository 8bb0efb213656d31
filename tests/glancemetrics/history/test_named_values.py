"""Queries of named values: the same from the command line and from the API."""

from __future__ import annotations

from typing import Any

import pytest

from glancemetrics.errors import UsageError
from glancemetrics.history.named_values import query_of, record_query_of, span_of
from glancemetrics.records.time_span import TimeSpan

NOTHING: dict[str, Any] = {
    "where": None, "by": None, "last": None, "since": None, "until": None, "step": None,
    "measures": None, "sort": None, "reverse": False, "limit": 9, "offset": 0,
}  # fmt: skip


def span(dashes: str = "", **values: object) -> TimeSpan:
    return span_of(NOTHING | values, 1000.9, lambda _, text: int(text), dashes=dashes)


def test_a_span_of_time() -> None:
    assert span() == TimeSpan()
    assert span(last=60) == TimeSpan(941, 1001)
    assert span(last=5000) == TimeSpan(0, 1001)
    assert span(since="5", until="9") == TimeSpan(5, 9)
    assert span(since="-5") == TimeSpan(0)
    for dashes in ("", "--"):
        with pytest.raises(UsageError, match=f"^{dashes}since 9: is not before {dashes}until 9$"):
            span(dashes, since="9", until="9")
        with pytest.raises(UsageError, match=f"^{dashes}last: cannot be combined with {dashes}si"):
            span(dashes, last=5, until="9")


def test_what_is_not_named_is_usual() -> None:
    plain = query_of(NOTHING, TimeSpan(), ())
    assert plain.measures == ("hits", "visitors", "bytes", "errors", "error_ratio", "p95")
    series = query_of(NOTHING | {"step": 60}, TimeSpan(), ())
    assert series.measures == ("hits", "errors", "p95")
    assert (plain.limit, plain.by, plain.order) == (9, (), None)


def test_the_measure_that_it_is_sorted_by_is_one_of_the_columns() -> None:
    values = NOTHING | {"sort": "p99", "measures": ("hits",), "by": ("CACHE", "path")}
    query = query_of(values, TimeSpan(), ("Cache",))
    assert (query.measures, query.order, query.by) == (("hits", "p99"), "p99", ("Cache", "path"))
    with pytest.raises(UsageError, match="name at least one measure"):
        query_of(NOTHING | {"measures": ()}, TimeSpan(), ())


def test_requests() -> None:
    query = record_query_of(NOTHING | {"reverse": True, "offset": 3}, TimeSpan(1, 2), ("x",))
    assert (query.is_oldest_first, query.offset, query.kept) == (True, 3, ("x",))
