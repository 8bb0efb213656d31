"""Queries from named values: options of `glancemetrics query`, and parameters of the HTTP API.

Both have the same names, so both mean the same: `where`, `by`, `last`, `since`, `until`, `step`,
`measures`, `sort`, `reverse`, `limit`, `offset`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glancemetrics.errors import UsageError
from glancemetrics.history.measures import measure_called
from glancemetrics.history.query import Query, RecordQuery
from glancemetrics.records.time_span import TimeSpan

USUAL_MEASURES = ("hits", "visitors", "bytes", "errors", "error_ratio", "p95")
USUAL_OF_SERIES = ("hits", "errors", "p95")
"""Measures of a query with a step that names none."""


def query_of(values: Mapping[str, Any], span: TimeSpan, kept: tuple[str, ...]) -> Query:
    """Return the query of some values; `limit` must be one of them. Raises `UsageError`."""
    step, sort, measures = values["step"], values["sort"], values["measures"]
    if measures is None:
        measures = USUAL_MEASURES if step is None else USUAL_OF_SERIES
    if sort is not None and sort not in measures:
        measures = (*measures, measure_called(sort).name)
    called = {name.lower(): name for name in kept}
    return Query(
        span=span,
        where=values["where"],
        by=tuple(called.get(name.lower(), name) for name in values["by"] or ()),
        step=step,
        measures=measures,
        order=sort,
        is_ascending=values["reverse"],
        limit=values["limit"],
        kept=kept,
    )


def record_query_of(
    values: Mapping[str, Any], span: TimeSpan, kept: tuple[str, ...]
) -> RecordQuery:
    """Return the query for requests of some values. Raises `UsageError`."""
    return RecordQuery(
        span=span,
        where=values["where"],
        limit=values["limit"],
        offset=values["offset"],
        is_oldest_first=values["reverse"],
        kept=kept,
    )


def span_of(
    values: Mapping[str, Any], now: float, second: Callable[[str, str], int], *, dashes: str = ""
) -> TimeSpan:
    """Return the time span of some values, from 1970 on. Raises `UsageError`.

    `second` parses a time to seconds since the epoch; it gets the value's name and the text.
    `dashes` stand before names in errors.
    """
    since, until = values["since"], values["until"]
    if values["last"] is not None:
        if since is not None or until is not None:
            raise UsageError(
                f"{dashes}last: cannot be combined with {dashes}since or {dashes}until"
            )
        after = int(now) + 1
        return TimeSpan(max(0, after - values["last"]), after)
    start = None if since is None else second("since", since)
    end = None if until is None else second("until", until)
    if start is not None and end is not None and start >= end:
        raise UsageError(f"{dashes}since {since}: is not before {dashes}until {until}")
    return TimeSpan(*(None if one is None else max(0, one) for one in (start, end)))
