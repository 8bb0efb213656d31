"""Limits of questions: so much time, so many at once. Nobody who looks holds up the flow."""

from __future__ import annotations

from datetime import UTC, tzinfo

import attrs
import trio

from actors.outputs.desk import Answers
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.history.query import Answer, Question

ANSWER_SECONDS = 10.0
"""Time limit of a question."""
MOST_WAITING = 16
"""Questions of the API that wait for an answer at the same time; another one is refused."""


class BusyError(GlanceMetricsError):
    """Too many questions wait already."""


def as_seen(answer: Answers, *, is_anonymized: bool) -> Answers:
    """Return a function that answers as viewers may see it."""
    if not is_anonymized:
        return answer

    async def ask(question: Question, zone: tzinfo = UTC) -> Answer:
        return await answer(attrs.evolve(question, is_anonymized=True), zone)

    return ask


def limited(answer: Answers, most: int = MOST_WAITING) -> Answers:
    """Return a function that answers within limits. It raises `UsageError`, and `BusyError`."""
    waiting = 0

    async def ask(question: Question, zone: tzinfo = UTC) -> Answer:
        nonlocal waiting
        if waiting >= most:
            raise BusyError("too many queries at once; try again in a few seconds")
        waiting += 1
        try:
            with trio.move_on_after(ANSWER_SECONDS):
                return await answer(question, zone)
        finally:
            waiting -= 1
        raise UsageError(
            f"query timed out after {ANSWER_SECONDS:g} s; narrow the time span or the filter"
        )

    return ask
