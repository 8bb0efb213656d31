"""The whole screen: what stands above and below every page, and the page between. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from actors.outputs.console import figures, themes
from actors.outputs.console.cells import (
    Click,
    Row,
    filled,
    fitted,
    in_ascii,
    padded,
    row_width,
    safe,
    width,
)
from actors.outputs.console.commands import hints
from actors.outputs.console.headline import (
    most_troubles,
    title,
    top_rows,
    trouble_rows,
)
from actors.outputs.console.moving import go_to_view, offered_views
from actors.outputs.console.palette import palette_rows
from actors.outputs.console.prompts import PALETTE
from actors.outputs.console.state import State
from glancemetrics.charts.runs import Drawing
from glancemetrics.history.ask import Ask, distinct


def asks(state: State) -> tuple[Ask, ...]:
    """Return the questions whose answers are shown; those about the window before come last."""
    if state.shown is None:
        return ()
    under = state.views[state.view]
    pages = (state.page,) if state.page is under else (under, state.page)
    found = distinct([*figures.asks(state), *(ask for page in pages for ask in page.asks(state))])
    return tuple(sorted(found, key=lambda ask: ask.shift > 0))


def render(state: State) -> list[Row]:
    """Return exactly as many rows of exactly as many cells as the terminal has."""
    cells, rows = state.cells, state.rows
    if cells <= 0 or rows <= 0:
        return []
    drawn = _drawn(state, cells, rows)
    return [in_ascii(row) for row in drawn] if state.context.drawing is Drawing.ASCII else drawn


def undrawable(state: State, why: str) -> list[Row]:
    """Return a screen that says why there is no other, and which keys lead back."""
    keys = [
        hint
        for action, words in (
            ("live", "live"),
            ("show-all", "all requests"),
            ("show-overview", "Overview"),
            ("quit", "quit"),
        )
        if (hint := state.context.hint(action, words))
    ]
    rows: list[Row] = [
        [(themes.TITLE_CRITICAL, f" This cannot be shown: {safe(why)}")],
        [],
        [("", "  GlanceMetrics continues. " + "  ".join(keys))],
    ]
    return filled(rows, state.cells, state.rows)


def _drawn(state: State, cells: int, rows: int) -> list[Row]:
    if rows == 1:
        return [title(state, cells)]
    if state.shown is None:
        above: list[Row] = [title(state, cells), [("", " Reading the log …")]]
        return [*filled(above, cells, rows - 1), _footer(state, cells)]
    above = top_rows(state, cells)
    below = trouble_rows(state, cells, most_troubles(rows))
    room = rows - 1 - len(above) - len(below)
    if room < 1:
        return [*padded([*above, *below], cells, rows - 1), _footer(state, cells)]
    if state.prompt is not None and state.prompt.kind == PALETTE:
        page = palette_rows(state, state.prompt.text, cells, room)
    else:
        page = state.page.render(state, cells, room)
    return [*padded([*above, *page, *below], cells, rows - 1), _footer(state, cells)]


def _footer(state: State, cells: int) -> Row:
    if state.notice:
        return fitted([(themes.BAR, f" {safe(state.notice)}")], cells, themes.BAR)
    if state.over:
        row: Row = [(themes.CURRENT, f" {state.page.title} "), (themes.BAR, " ")]
        return fitted(
            [*row, *_hints(state, cells - width(state.page.title) - 3)], cells, themes.BAR
        )
    names = {number: state.views[number].title for number in offered_views(state)}
    whole = sum(map(width, names.values()))
    if whole + 4 * len(names) <= cells - _LEAST_HINTS:
        tabs = _tabs(state, names, " {} ", "{} ")
    elif whole + 2 * len(names) <= cells - _LEAST_CLOSE_HINTS:
        tabs = _tabs(state, names, "{}", "{} ")
        close = _hints(state, cells - row_width(tabs), is_close=True)
        return fitted([*tabs, *close], cells, themes.BAR)
    else:
        names = {number: name if number == state.view else "" for number, name in names.items()}
        tabs = _tabs(state, names, " {} ", "{} ")
    return fitted([*tabs, *_hints(state, cells - row_width(tabs))], cells, themes.BAR)


_LEAST_HINTS, _LEAST_CLOSE_HINTS = width(" ? help  q quit "), width("?help q quit")
"""Room for the keys that are always shown."""


def _tabs(state: State, names: Mapping[int, str], key_form: str, name_form: str) -> Row:
    """The views by number, and by name where they have one."""
    row: Row = []
    for number, name in names.items():
        is_current = number == state.view
        style = themes.CURRENT if is_current else themes.BAR
        key = style if is_current or not name else f"{themes.BAR} {themes.KEY}"
        row.append((key, key_form.format(number + 1), _to(number)))
        if name:
            row.append((style, name_form.format(name), _to(number)))
    return row


def _to(number: int) -> Click:
    return lambda state: go_to_view(state, number)


def _hints(state: State, cells: int, *, is_close: bool = False) -> Row:
    """As many keys of this page as fit; the help always."""
    row: Row = []
    for key, word in hints(state):
        before, between, after = _close_spaces(key, row) if is_close else (" ", " ", " ")
        text = f"{between}{word}{after}"
        if row_width(row) + width(before) + width(key) + width(text) > cells:
            break
        row += [(f"{themes.BAR} {themes.KEY}", f"{before}{key}"), (themes.BAR, text)]
    return row


def _close_spaces(key: str, row: Row) -> tuple[str, str, str]:
    """`?help q quit`: a letter would be read as one of the word."""
    return " " if row else "", " " if key[-1].isalpha() else "", ""
