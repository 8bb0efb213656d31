"""Narrowing: what the screen is about, by rows, by a filter, and in time. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console.scope import Left, Narrowing, Scope, joined
from actors.outputs.console.state import Names, RequestsState, State, TableSpec, TableState
from actors.outputs.console.tables import chosen_index, table_of
from glancemetrics.selecting.value_conditions import condition_of, excluded
from glancemetrics.traffic.snapshot import Shown
from glancemetrics.traffic.windows import WINDOWS


def chosen_names(state: State) -> tuple[TableSpec, Names] | None:
    """Return the row under the cursor, and its table."""
    spec = state.focused
    if spec is None:
        return None
    rows = table_of(state, spec).rows
    if not rows:
        return None
    return spec, rows[chosen_index(rows, state.table(spec))].names


def _nothing_chosen(state: State) -> State:
    """Say so: a key may come before the answer that it needs."""
    where = "there is no table here" if state.focused is None else "there is no row here yet"
    return state.told(where)


def narrow_to_row(state: State) -> State:
    """Narrow everything to the row under the cursor."""
    found = chosen_names(state)
    if found is None:
        return _nothing_chosen(state)
    spec, names = found
    scope = state.scope
    left = Left(state.page.name, spec.key, names)
    for name, value in zip(spec.by, names, strict=True):
        scope = scope.within(Narrowing(_label(name, value), condition_of(name, value), left))
    if scope == state.scope:
        return state.told("this is all that is shown already")
    narrowed = with_scope(state, scope)
    # Its table has this one row now: go on in the next one.
    keys = [one.key for one in state.page.tables(state)]
    following = keys[(keys.index(spec.key) + 1) % len(keys)]
    return attrs.evolve(narrowed, focus={**state.focus, state.page.name: following})


def exclude_row(state: State) -> State:
    """Leave the row under the cursor out of everything."""
    found = chosen_names(state)
    if found is None:
        return _nothing_chosen(state)
    spec, names = found
    condition = joined(
        *(condition_of(name, value) for name, value in zip(spec.by, names, strict=True))
    )
    assert condition is not None
    label = "not " + ", ".join(map(_label, spec.by, names))
    return with_scope(state, state.scope.within(Narrowing(label, excluded(condition))))


def _label(name: str, value: str) -> str:
    return f"{name} {value}"


def widen(state: State) -> State:
    """Undo the last narrowing."""
    if not state.scope.narrowed:
        return state.told("nothing is narrowed")
    left = state.scope.narrowed[-1].left
    state = with_scope(state, state.scope.wider())
    if left is None:
        return state
    table = attrs.evolve(state.tables.get(left.table, TableState()), chosen=left.names)
    return attrs.evolve(
        state,
        focus={**state.focus, left.page: left.table},
        tables={**state.tables, left.table: table},
    )


def filter_by(state: State, text: str, label: str = "") -> State:
    """Show only requests that match a condition; an empty one: all of them.

    `label`: what a person has typed for it.
    """
    text = text.strip()
    narrowed = (Narrowing(label or text, text),) if text else ()
    return with_scope(state, attrs.evolve(state.scope, narrowed=narrowed))


def with_scope(state: State, scope: Scope) -> State:
    """Show another scope; cursors begin at the top."""
    if scope == state.scope:
        return state
    tables = {
        key: attrs.evolve(table, chosen=None, order=()) for key, table in state.tables.items()
    }
    state = attrs.evolve(state, scope=scope, tables=tables, requests=RequestsState())
    return state.with_fresh_answers()


def lengthen(state: State, steps: int) -> State:
    """Choose a longer or a shorter window."""
    seconds = state.seconds
    if steps > 0:
        found = [one for one in WINDOWS if one > seconds][steps - 1 : steps]
    else:
        found = [one for one in WINDOWS if one < seconds][steps:][:1]
    if not found:
        return state.told(
            "this is the longest window" if steps > 0 else "this is the shortest window"
        )
    return with_scope(state, state.scope.lasting(found[0], state.newest))


def cycle_window(state: State) -> State:
    """Choose the next longer window; after the longest, the one that follows the traffic."""
    longer = [one for one in WINDOWS if one > state.seconds]
    if longer:
        return with_scope(state, state.scope.lasting(longer[0], state.newest))
    shortest = None if state.is_live else WINDOWS[0]
    return with_scope(state, state.scope.lasting(shortest, state.newest))


def go_back(state: State, windows: int) -> State:
    """Show the window before; or, with negative numbers, the one after."""
    is_all = state.shown is not None and state.shown.shown_as is Shown.WHOLE_LOG
    if is_all and state.scope.seconds is None:
        hint = state.context.hint("shorter", "a shorter window")
        return state.told(f"the whole log is shown already {hint}".rstrip())
    until = state.now - windows * state.seconds
    if until >= state.newest:
        return go_live(state)
    return with_scope(state, state.scope.at(max(1, until), state.seconds))


def go_live(state: State) -> State:
    """Show what happens now."""
    state = with_scope(state, state.scope.live())
    return attrs.evolve(state, is_paused=False, shown=state.latest, requests=RequestsState())
