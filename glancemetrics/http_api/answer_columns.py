"""Answers as columns: small, and as charts need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from glancemetrics.history.ask import Answered
from glancemetrics.history.query import Answer, Query, Question
from glancemetrics.history.table_rows import rows_of


def epoch(value: datetime) -> float:
    """Return seconds since the epoch; whole ones as `int`, so that JSON has no `.0`."""
    seconds = value.astimezone(UTC).timestamp()
    return int(seconds) if seconds.is_integer() else round(seconds, 6)


def _plain(value: Any) -> Any:
    return epoch(value) if isinstance(value, datetime) else value


def answered_json(answered: Answered) -> dict[str, object]:
    """Return an answer for the page; times in seconds since the epoch."""
    question = answered.question
    span = None if question is None else question.span
    fields: dict[str, object] = {
        "columns": columns_of(answered.rows),
        "total": {name: _plain(value) for name, value in answered.total.items()},
        "groups": answered.groups,
        "has_more": answered.has_more,
        "ungrouped": answered.ungrouped,
        "grain": answered.grain,
        "since": None if span is None else span.since,
        "until": None if span is None else span.until,
        "covers_since": answered.known_since,
        "known": answered.known,
        "unread": answered.unread,
        "is_exact": answered.is_exact,
        "missing": answered.missing,
        "error": answered.error,
    }
    if isinstance(question, Query):
        fields["step"] = question.step
    return fields


def series_json(answer: Answer, question: Question) -> dict[str, object]:
    """Return a series for programs: its columns, and what is known of it."""
    covers = answer.covers
    return {
        "columns": columns_of(list(rows_of(answer.table))),
        "total": {name: _plain(value) for name, value in answer.total.items()},
        "step": question.step if isinstance(question, Query) else None,
        "groups": answer.groups,
        "since": covers.since,
        "until": covers.until,
        "known": answer.known,
        "unread": answer.unread,
        "grain": answer.grain,
        "exact": answer.is_exact,
        "missing": answer.missing or None,
    }


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Turn rows with the same names into columns; none without rows."""
    if not rows:
        return {}
    return {name: [_plain(row[name]) for row in rows] for name in rows[0]}
