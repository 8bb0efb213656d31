"""The whole screen: what stands above and below every page, and the page between. Pure."""

from __future__ import annotations

from actors.outputs.console import headline, themes
from actors.outputs.console.cells import Click, Row, filled, fitted, padded, row_width, safe, width
from actors.outputs.console.commands import hints
from actors.outputs.console.headline import (
    most_troubles,
    title,
    top_rows,
    trouble_rows,
)
from actors.outputs.console.moving import go_to_view
from actors.outputs.console.palette import palette_rows
from actors.outputs.console.prompts import PALETTE
from actors.outputs.console.scope import Ask, distinct
from actors.outputs.console.state import State
from glancemetrics.charts.runs import Drawing


def asks(state: State) -> tuple[Ask, ...]:
    """Return the questions whose answers are shown; those about the window before come last."""
    if state.shown is None:
        return ()
    under = state.views[state.view]
    pages = (state.page,) if state.page is under else (under, state.page)
    found = distinct([*headline.asks(state), *(ask for page in pages for ask in page.asks(state))])
    return tuple(sorted(found, key=lambda ask: ask.shift > 0))


def render(state: State) -> list[Row]:
    """Return exactly as many rows of exactly as many cells as the terminal has."""
    cells, rows = state.cells, state.rows
    if cells <= 0 or rows <= 0:
        return []
    drawn = _drawn(state, cells, rows)
    return [in_ascii(row) for row in drawn] if state.context.drawing is Drawing.ASCII else drawn


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
        page = palette_rows(state.prompt.text, cells, room)
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
    tabs = _tabs(state, cells)
    return fitted([*tabs, *_hints(state, cells - row_width(tabs))], cells, themes.BAR)


def _tabs(state: State, cells: int) -> Row:
    """The views by number; on a narrow screen only the name of this one."""
    names = [view.title for view in state.views]
    whole = sum(width(name) + 4 for name in names)
    row: Row = []
    for number, name in enumerate(names):
        is_current = number == state.view
        shown = name if is_current or whole <= cells else ""
        style = themes.CURRENT if is_current else themes.BAR
        text = f" {number + 1} {shown} " if shown else f" {number + 1} "
        row.append((style, text, _to(number)))
    return row


def _to(number: int) -> Click:
    return lambda state: go_to_view(state, number)


def _hints(state: State, cells: int) -> Row:
    """As many keys of this page as fit; the help always."""
    row: Row = []
    for key, text in hints(state):
        if row_width(row) + width(key) + width(text) + 3 > cells:
            break
        row += [(f"{themes.BAR} {themes.KEY}", f" {key}"), (themes.BAR, f" {text} ")]
    return row


_ASCII = str.maketrans(
    {
        **dict.fromkeys("─╌", "-"),
        **dict.fromkeys("│┤├", "|"),
        **dict.fromkeys("╭╮╰╯└┘┌┐", "+"),
        **dict.fromkeys("▏▎▍▌▋▊▉█▁▂▃▄▅▆▇", "#"),
        "░": ".", "▒": ":", "▓": "*",
        "●": "*", "▲": "^", "▼": "v", "▾": "v", "▴": "^", "✖": "x", "✓": "+", "▸": ">",
        "›": ">", "‹": "<", "…": ".", "–": "-", "−": "-", "·": ".", "■": "#",
        "←": "<", "→": ">", "↑": "^", "↓": "v",
    }
)  # fmt: skip
"""Our own characters as a terminal without them shows them, each in one cell."""


def in_ascii(row: Row) -> Row:
    """Return a row in ASCII; other characters are question marks, as wide as they are."""
    return [(fragment[0], _only_ascii(fragment[1]), *fragment[2:]) for fragment in row]


def _only_ascii(text: str) -> str:
    if text.isascii():
        return text
    text = text.translate(_ASCII)
    return "".join(one if one.isascii() else "?" * width(one) for one in text)
