"""Questions whose span of time moves on with the clock, and their answers for a screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from glancemetrics.history.query import Answer, Query, Question, RecordQuery
from glancemetrics.records.time_span import TimeSpan


@attrs.frozen(kw_only=True)
class Ask:
    """A question about the scope, whose span of time moves on with the clock."""

    where: str | None = None
    seconds: int
    """Length of the span."""
    until: int | None = None
    """End of the span; `None`: now."""
    shift: int = 0
    """How many seconds the span ends earlier than that."""
    by: tuple[str, ...] = ()
    measures: tuple[str, ...] = ("hits",)
    order: str | None = None
    is_ascending: bool = False
    limit: int = 200
    step: int | None = None
    is_records: bool = False
    """Whether it is for the requests themselves, newest first."""
    offset: int = 0
    kept: tuple[str, ...] = ()

    def question(self, now: int) -> Question:
        """Return the query at a time. Raises `UsageError`."""
        end = (now if self.until is None else self.until) - self.shift
        since = end - self.seconds
        if self.step is not None:
            # Whole steps, so that columns of a chart keep their place.
            since = -(-since // self.step) * self.step
        span = TimeSpan(max(0, since), max(0, end))
        if self.is_records:
            return RecordQuery(
                span=span, where=self.where, limit=self.limit, offset=self.offset, kept=self.kept
            )
        return Query(
            span=span,
            where=self.where,
            by=self.by,
            step=self.step,
            measures=self.measures,
            order=self.order,
            is_ascending=self.is_ascending,
            limit=self.limit,
            kept=self.kept,
        )


@attrs.frozen(eq=False)
class Answered:
    """The answer to an `Ask`: a table as rows, or why there is none."""

    question: Question | None
    rows: Sequence[Mapping[str, Any]] = ()
    total: Mapping[str, Any] = attrs.field(factory=dict)
    groups: int = 0
    has_more: bool = False
    ungrouped: int = 0
    """Requests without a group, because they have no such value."""
    grain: int = 0
    """Seconds of the coarsest rollup used; 0: from records."""
    missing: str = ""
    """Which part of the span is missing, in a sentence."""
    known_since: int | None = None
    """The first second of the span that is known; `None`: unknown."""
    known: int | None = None
    """How many seconds of the span are known; `None`: all of them."""
    unread: tuple[tuple[int, int], ...] = ()
    """The parts of what is known of which nothing was read: in order, each up to a second."""
    is_exact: bool = True
    """Whether visitors and quantiles are counted, and not estimated from rollups."""
    error: str = ""
    """Why it could not be answered, in a sentence."""
    seconds: float = 0.0
    """How long it took to answer."""
    size: int = 0
    """About how many bytes its rows have."""

    @property
    def until(self) -> int:
        """The end of the span that was asked about; 0: unknown."""
        span = None if self.question is None else self.question.span
        return 0 if span is None or span.until is None else span.until

    def known_by(self, now: int, seconds: int) -> int:
        """Return how many of the last seconds are known, at least one: rates are over these.

        All that has passed since the answer is.
        """
        if self.known is None:
            return seconds
        return max(1, min(seconds, self.known + max(0, now - self.until)))

    @classmethod
    def of(cls, question: Question, answer: Answer, seconds: float) -> Answered:
        """Keep what a screen needs of an answer."""
        return cls(
            question,
            rows=answer.table.to_pylist(),
            total=answer.total,
            groups=answer.groups,
            has_more=answer.has_more,
            ungrouped=answer.ungrouped,
            grain=answer.grain,
            missing=answer.missing,
            known_since=None if isinstance(question, RecordQuery) else answer.covers.since,
            known=answer.known,
            unread=answer.unread,
            is_exact=answer.is_exact,
            size=answer.table.nbytes,
            seconds=seconds,
        )

    def says_the_same(self, other: Answered) -> bool:
        """Tell whether a screen shows the same of both."""
        return (
            (self.total, self.groups, self.has_more) == (other.total, other.groups, other.has_more)
            and (self.missing, self.error) == (other.missing, other.error)
            and (self.known, self.unread, self.is_exact)
            == (other.known, other.unread, other.is_exact)
            and self.rows == other.rows
        )


def distinct(asks: Iterable[Ask]) -> tuple[Ask, ...]:
    """Return each question once, in their order."""
    return tuple(dict.fromkeys(asks))
