"""Requests: the live log, parsed; it keeps its place while a person reads it. Pure."""

from __future__ import annotations

from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Click, Row, filled, fitted, safe
from actors.outputs.console.context import clock_near
from actors.outputs.console.effects import FindRawLine
from actors.outputs.console.layout import first_shown
from actors.outputs.console.pages.plain import PlainPage
from actors.outputs.console.pages.request_detail import RequestDetail
from actors.outputs.console.pages.requests_list import RowForm, request_logged, request_row
from actors.outputs.console.state import RequestsState, State
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.words.humane import format_count

_LEAST_SECONDS = 86_400
_PAGE = 100
"""Requests are asked for in steps of so many."""


class RequestsView(PlainPage):
    """See the module's docstring."""

    name = "requests"
    title = "Requests"

    def asks(self, state: State) -> tuple[Ask, ...]:
        return (records_ask(state),)

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        ask = records_ask(state)
        answered = state.answers.get(ask)
        if answered is None:
            return filled([[(themes.DIM, " …")]], cells, rows)
        if answered.error or not answered.rows:
            text = safe(answered.error) or "no request in this window"
            return filled([[(themes.DIM, f" {text}")]], cells, rows)
        drawn = [_heading(state, answered, ask, cells)]
        room = rows - 1
        chosen = state.requests.chosen - ask.offset
        first = first_shown(chosen, len(answered.rows), room)
        form = RowForm.of(state, answered.rows)
        for number, record in enumerate(answered.rows[first : first + max(0, room)], first):
            drawn.append(
                request_row(
                    state,
                    record,
                    cells,
                    form,
                    is_chosen=number == chosen,
                    click=_choosing(ask.offset + number),
                )
            )
        return filled(drawn, cells, rows)

    def moved(self, state: State, rows: int) -> State:
        chosen = state.requests.chosen + rows
        if chosen <= 0 and rows < 0:
            return attrs.evolve(state, requests=RequestsState())
        return choose(state, chosen)

    def opened(self, state: State) -> State:
        record = chosen_record(state)
        if record is None:
            return state
        state = state.pushed(RequestDetail(record))
        source = record.get("source")
        return state.wanting(FindRawLine(str(source or ""), record["time"], record))

    def copied(self, state: State) -> str:
        record = chosen_record(state)
        return "" if record is None else request_logged(record)


def records_ask(state: State) -> Ask:
    """Return the question for the requests around the cursor."""
    requests = state.requests
    offset = max(0, (requests.chosen - _PAGE // 2) // _PAGE * _PAGE)
    until = state.scope.until if requests.until is None else requests.until
    # The newest few without a window: a quiet log shows its last requests too.
    return state.ask(
        is_records=True,
        seconds=max(state.seconds, _LEAST_SECONDS),
        until=until,
        offset=offset,
        limit=3 * _PAGE if offset or requests.chosen else _PAGE,
    )


def choose(state: State, number: int) -> State:
    """Put the cursor on a request; from now on they keep their place."""
    ask = records_ask(state)
    answered = state.answers.get(ask)
    if answered is None or not answered.rows:
        return state
    last = ask.offset + len(answered.rows) - 1
    number = max(0, min(number, last))
    until = state.requests.until
    if until is None:
        # The end of what is on the screen, which may be older than now.
        question = answered.question
        asked = None if question is None else question.span.until
        until = state.now if asked is None else asked
    return attrs.evolve(
        state,
        requests=RequestsState(number, until),
        answers={**state.answers, **_kept(state, ask, answered, number, until)},
    )


def _kept(
    state: State, ask: Ask, answered: Answered, number: int, until: int
) -> dict[Ask, Answered]:
    """Keep what is shown under the question that is asked from now on."""
    after = attrs.evolve(state, requests=RequestsState(number, until))
    new = records_ask(after)
    return {} if new in state.answers or new.offset != ask.offset else {new: answered}


def chosen_record(state: State) -> dict[str, Any] | None:
    """Return the request under the cursor."""
    ask = records_ask(state)
    answered = state.answers.get(ask)
    if answered is None:
        return None
    index = state.requests.chosen - ask.offset
    return dict(answered.rows[index]) if 0 <= index < len(answered.rows) else None


def _choosing(number: int) -> Click:
    return lambda state: choose(state, number)


def _heading(state: State, answered: Answered, ask: Ask, cells: int) -> Row:
    until = state.requests.until
    if until is None:
        is_of_now = state.shown is not None and state.shown.health.live
        is_following = state.is_live and not state.is_paused and is_of_now
        text = "newest first, live" if is_following else "newest first"
        if state.seconds < _LEAST_SECONDS:
            text += ", of the last day"
    else:
        at = clock_near(until, state.shown.time if state.shown else until, state.context)
        text = f"stopped at {at} {state.context.hint('first', 'the newest again')}".rstrip()
    more = "+" if answered.has_more else ""
    count = format_count(ask.offset + len(answered.rows))
    row: Row = [(themes.HEADING, f"  Requests {count}{more}"), (themes.DIM, f"  {text}")]
    return fitted(row, cells)
