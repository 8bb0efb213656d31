"""Moving: the cursor in tables, between tables, and between views. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console.state import State, focused_among
from actors.outputs.console.tables import chosen_index, measures_shown, pinned, sorted_by, table_of

PAGE_ROWS = 10
"""Rows that Page Down moves."""


def move(state: State, rows: int) -> State:
    """Move by so many rows, whatever the page shows."""
    return state.page.moved(state, rows)


def move_cursor(state: State, rows: int) -> State:
    """Move the cursor of the table in focus; its rows keep their place from now on."""
    spec = state.focused
    if spec is None:
        return state
    found = table_of(state, spec).rows
    if not found:
        return state
    index = chosen_index(found, state.table(spec)) + rows
    index = max(0, min(len(found) - 1, index))
    return state.with_table(spec, pinned(state, spec, found[index].names))


def go_to_top(state: State) -> State:
    """Go to the first row; the rows are sorted anew at each refresh again."""
    spec = state.focused
    if spec is None or state.over:
        return state.page.moved(state, -1_000_000)
    table = attrs.evolve(state.table(spec), chosen=None, order=())
    return state.page.moved(state.with_table(spec, table), 0)


def focus(state: State, steps: int) -> State:
    """Go to another table of the page."""
    tables = state.page.tables(state)
    if not tables:
        return state.page.turned(state, steps)
    number = tables.index(focused_among(tables, state.focus.get(state.page.name))) + steps
    spec = tables[number % len(tables)]
    return attrs.evolve(state, focus={**state.focus, state.page.name: spec.key})


def go_to_view(state: State, number: int) -> State:
    """Show a view; what was open on top of another is closed."""
    return attrs.evolve(state, view=number % len(state.views), over=()).with_fresh_answers()


def go_to_view_called(state: State, name: str) -> State:
    names = [view.name for view in state.views]
    return go_to_view(state, names.index(name))


def offered_views(state: State) -> list[int]:
    """Return the numbers of the views that are listed: those with something to show."""
    return [
        number
        for number, view in enumerate(state.views)
        if number == state.view or view.is_offered(state)
    ]


def next_view(state: State, steps: int) -> State:
    numbers = offered_views(state)
    return go_to_view(state, numbers[(numbers.index(state.view) + steps) % len(numbers)])


def sort_by_next(state: State, steps: int) -> State:
    """Sort by another column."""
    spec = state.focused
    if spec is None:
        return state
    sort = state.table(spec).sort or spec.order
    measures = measures_shown(spec, table_of(state, spec))
    index = (measures.index(sort) + steps) % len(measures) if sort in measures else 0
    return sorted_by(state, spec, measures[index])


def reverse(state: State) -> State:
    """Sort the other way round."""
    spec = state.focused
    return state if spec is None else sorted_by(state, spec, state.table(spec).sort or spec.order)
