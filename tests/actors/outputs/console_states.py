"""States of the console, with an answer to every question that its pages ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from actors.outputs.console.context import Context
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.screen import asks
from actors.outputs.console.state import State
from glancemetrics.errors import UsageError
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.history.measures import Unit, measure_called
from glancemetrics.history.query import Question
from glancemetrics.records.schema import SCHEMA
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.traffic.snapshot import Snapshot
from tests.actors.outputs.snapshots import NAMES, snapshot
from tests.lines import BASE

CONTEXT = Context(
    version="0.1.0",
    started_at=BASE - 123.0,
    rules={"high_traffic": high_traffic(10.0, 120)},
    incident_limit=3,
    expected="in the combined format",
    zone=UTC,
)
TEXTS = tuple(name.format(number) for number in range(3) for name in NAMES.values())


def state_of(
    shown: Snapshot | None = None,
    *,
    view: int | str = 0,
    context: Context = CONTEXT,
    answers: Sequence[str] | None = TEXTS,
    **fields: Any,
) -> State:
    """Return the state of a view; with `answers`, all of its questions are answered."""
    shown = snapshot() if shown is None else shown
    number = view if isinstance(view, int) else [one.name for one in VIEWS].index(view)
    values: dict[str, Any] = {"latest": shown, "shown": shown, "view": number} | fields
    state = State(context=context, views=VIEWS, **values)
    return state if answers is None else answered(state, answers)


def answered(state: State, texts: Sequence[str], *, rounds: int = 3) -> State:
    """Answer all questions with rows of these texts; an answer may lead to another question."""
    for _ in range(rounds):
        new = {ask: answer(ask, state.now, texts) for ask in asks(state)}
        state = attrs.evolve(state, answers={**state.answers, **new})
    return state


def answer(ask: Ask, now: int, texts: Sequence[str], **fields: Any) -> Answered:
    """Return an answer of the form that the history gives, with these texts in its rows."""
    if ask.is_records:
        rows: list[dict[str, Any]] = [request_of(i, now, texts) for i in range(len(texts))]
    elif ask.step is not None:
        end = now if ask.until is None else ask.until
        first = -(-(end - ask.seconds) // ask.step) * ask.step
        rows = [
            {"time": datetime.fromtimestamp(start, UTC), **_measures(ask, number)}
            for number, start in enumerate(range(max(0, first), end, ask.step))
        ]
    elif ask.by:
        rows = [
            {
                **{name: texts[(i + j) % len(texts)] for j, name in enumerate(ask.by)},
                **_measures(ask, len(texts) - i),
            }
            for i in range(len(texts))
        ]
    else:
        rows = [_measures(ask, 3)]
    values: dict[str, Any] = {"total": _measures(ask, 9), "groups": len(rows)}
    return Answered(_question(ask, now), rows, **(values | fields))


def failed(state: State, error: str) -> State:
    """Answer all questions with an error."""
    answers = {ask: Answered(_question(ask, state.now), error=error) for ask in asks(state)}
    return attrs.evolve(state, answers=answers)


def _question(ask: Ask, now: int) -> Question | None:
    """Return the query; `None` for one that is invalid, as the console has it."""
    try:
        return ask.question(now)
    except UsageError:
        return None


def _measures(ask: Ask, number: int) -> dict[str, Any]:
    kinds = {
        Unit.COUNT: 3 * number,
        Unit.BYTES: 1000 * number,
        Unit.SHARE: number / (number + 1),
        Unit.SECONDS: 0.01 * number if number % 5 else None,
        Unit.RATE: 0.3 * number,
        Unit.TIME: datetime.fromtimestamp(BASE - number, UTC),
    }
    return {
        name: 2 * number if name.startswith("under_") or name == "timed" else
        kinds[measure_called(name).unit]
        for name in ask.measures
    }  # fmt: skip


def request_of(number: int, now: int, texts: Sequence[str]) -> dict[str, Any]:
    """Return a request; some have a field that could not be read."""
    plain: dict[str, Any] = {
        "time": datetime.fromtimestamp(now - number, UTC),
        "status": (200, 404, 503, None)[number % 4],
        "bytes": (512, None)[number % 2],
        "duration": (0.25, None)[number % 2],
        "upstream_duration": None,
    }
    names = [name for name in (*SCHEMA.names, "source") if name not in plain]
    said: dict[str, Any] = {name: texts[(number + i) % len(texts)] for i, name in enumerate(names)}
    if number % 3 == 2:
        said["path"] = None
    return plain | said
