"""Slow and obvious answers, record by record, to hold the fast ones against."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from glancemetrics.history.query import Query
from glancemetrics.records.schema import LogRecord
from tests.glancemetrics.reference import NAMES, failed, second_of

Condition = Callable[[LogRecord], bool | None]


def quantile(values: list[float], share: float) -> float | None:
    """The nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values) - 1e-9) - 1)] if values else None


def of_class(records: Sequence[LogRecord], number: int) -> int:
    return sum(r.status is not None and r.status // 100 == number for r in records)


def durations(records: Sequence[LogRecord]) -> list[float]:
    return [r.duration for r in records if r.duration is not None]


def total_time(records: Sequence[LogRecord]) -> float | None:
    values = durations(records)
    return sum(round(value * 1e6) for value in values) / 1e6 if values else None


def under(records: Sequence[LogRecord], seconds: float) -> int:
    return sum(duration < seconds for duration in durations(records))


MEASURES: dict[str, Callable[[Sequence[LogRecord]], Any]] = {
    "hits": len,
    "bytes": lambda records: sum(r.bytes or 0 for r in records),
    "errors": lambda records: sum(map(failed, records)),
    "error_ratio": lambda records: sum(map(failed, records)) / len(records) if records else None,
    "1xx": lambda records: of_class(records, 1),
    "2xx": lambda records: of_class(records, 2),
    "3xx": lambda records: of_class(records, 3),
    "4xx": lambda records: of_class(records, 4),
    "5xx": lambda records: of_class(records, 5),
    "visitors": lambda records: len({r.host for r in records} - {None}),
    "users": lambda records: len({r.user for r in records} - {None}),
    "p50": lambda records: quantile(durations(records), 0.5),
    "p90": lambda records: quantile(durations(records), 0.9),
    "p95": lambda records: quantile(durations(records), 0.95),
    "p99": lambda records: quantile(durations(records), 0.99),
    "timed": lambda records: len(durations(records)),
    "under_1ms": lambda records: under(records, 0.001),
    "under_300ms": lambda records: under(records, 0.3),
    "under_2.5s": lambda records: under(records, 2.5),
    "total_time": total_time,
    "first_seen": lambda records: min((r.time for r in records), default=None),
    "last_seen": lambda records: max((r.time for r in records), default=None),
}


def chosen(records: Sequence[LogRecord], query: Query, condition: Condition) -> list[LogRecord]:
    since, until = query.span.since, query.span.until
    return [
        record
        for record in records
        if (since is None or second_of(record) >= since)
        and (until is None or second_of(record) < until)
        and condition(record)
    ]


def group_of(record: LogRecord, query: Query) -> tuple[str, ...] | None:
    names = [NAMES[name](record) for name in query.by]
    return None if None in names else tuple(map(str, names))


def ordered(values: dict[tuple[str, ...], Any]) -> list[tuple[str, ...]]:
    """The largest first, what is not known last, else by name."""
    return sorted(values, key=lambda g: (values[g] is None, -number(values[g]), g))


def number(value: Any) -> float:
    if value is None:
        return 0
    return float(value.timestamp() if hasattr(value, "timestamp") else value)


def rows(records: Sequence[LogRecord], query: Query) -> list[dict[str, Any]]:
    """The rows of an answer about records that are chosen."""
    groups: dict[tuple[str, ...], list[LogRecord]] = defaultdict(list)
    for record in records:
        group = group_of(record, query)
        if group is not None:
            groups[group].append(record)
    if not query.by:
        groups.setdefault((), [])
    order = ordered({g: MEASURES[query.ordered_by](some) for g, some in groups.items()})
    answer = []
    for group in order[: query.limit]:
        if query.step is None:
            parts = {None: groups[group]}
        else:
            parts = defaultdict(list)
            for record in groups[group]:
                parts[second_of(record) // query.step * query.step].append(record)
        for start in sorted(parts, key=lambda at: at or 0):
            row: dict[str, Any] = {}
            if start is not None:
                row["time"] = datetime.fromtimestamp(start, UTC)
            row |= zip(query.by, group, strict=True)
            row |= {name: MEASURES[name](parts[start]) for name in query.measures}
            answer.append(row)
    return answer
