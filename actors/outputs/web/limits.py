"""Limits of questions: so much time, so many at once. Nobody who looks holds up the flow."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, tzinfo

import attrs
import trio

from actors.outputs.desk import Answers
from actors.state.turns import OWN
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.history.query import Answer, Query, Question

ANSWER_SECONDS = 10.0
"""Time limit of a question."""
MOST_WAITING, MOST_OF_ONE = 64, 16
"""Questions of the API that wait for an answer at the same time: of all, and of one who asks."""
MOST_VALUES = 1_000_000
"""Values of an answer: its rows times its columns."""


class BusyError(GlanceMetricsError):
    """Too many questions wait already."""


def as_seen(answer: Answers, *, is_anonymized: bool) -> Answers:
    """Return a function that answers as viewers may see it."""
    if not is_anonymized:
        return answer

    async def ask(question: Question, zone: tzinfo = UTC, asker: str = OWN) -> Answer:
        return await answer(attrs.evolve(question, is_anonymized=True), zone, asker)

    return ask


def limited(answer: Answers, most: int = MOST_WAITING, most_of_one: int = MOST_OF_ONE) -> Answers:
    """Return a function that answers within limits. It raises `UsageError`, and `BusyError`."""
    waiting: Counter[str] = Counter()

    async def ask(question: Question, zone: tzinfo = UTC, asker: str = OWN) -> Answer:
        if waiting[asker] >= most_of_one or waiting.total() >= most:
            raise BusyError("too many queries at once; try again in a few seconds")
        waiting[asker] += 1
        try:
            with trio.move_on_after(ANSWER_SECONDS):
                if isinstance(question, Query):
                    question = attrs.evolve(question, most_values=MOST_VALUES)
                return await answer(question, zone, asker)
        finally:
            waiting[asker] -= 1
            if not waiting[asker]:
                del waiting[asker]
        raise UsageError(
            f"query timed out after {ANSWER_SECONDS:g} s; narrow the time span or the filter"
        )

    return ask
