"""The screen as it is printed: every table, the first rows of each. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console.cells import Row, fitted, in_ascii
from actors.outputs.console.context import Context
from actors.outputs.console.troubles import explanation
from actors.outputs.printed_screen import panels
from glancemetrics.charts.runs import Drawing
from glancemetrics.traffic.snapshot import Snapshot

_COLUMN_CELLS = 62
"""A column of tables is at least this wide."""
_GAP = 2
_TABLE_ROWS = 10
_CHART_ROWS = 6


def render_once(snapshot: Snapshot, context: Context, cells: int) -> list[Row]:
    """Return the screen as it is printed: every table, ten rows of each, and no outputs."""
    insights = snapshot.shown
    top = {dimension: rows[:_TABLE_ROWS] for dimension, rows in insights.top.items()}
    snapshot = attrs.evolve(snapshot, shown=attrs.evolve(insights, top=top))
    middle = explanation(snapshot, context, cells)
    if middle is None:
        middle = _tables(snapshot, cells)
    rows = [
        panels.title(snapshot, context, cells),
        *panels.health(snapshot, context, cells),
        *panels.chart(snapshot, context, cells, _CHART_ROWS),
        *panels.figures(snapshot, context, cells),
        *panels.alerts(snapshot, context, cells, ()),
        *middle,
    ]
    return [in_ascii(row) for row in rows] if context.drawing is Drawing.ASCII else rows


def _tables(snapshot: Snapshot, cells: int) -> list[Row]:
    """Tables in as many columns as fit, in the order of their titles from left to right."""
    tables = panels.tables(snapshot.shown)
    if not tables:
        return []
    columns = max(1, min(len(tables), cells // _COLUMN_CELLS))
    column_cells = (cells - _GAP * (columns - 1)) // columns
    drawn: list[list[Row]] = [[] for _ in range(columns)]
    for number, dimension in enumerate(tables):
        rows = len(snapshot.shown.top[dimension]) + 1
        drawn[number % columns] += panels.top_table(snapshot, dimension, column_cells, rows)
    blank = fitted([], column_cells)
    rows = max(map(len, drawn))
    return [_joined([column[i] if i < len(column) else blank for column in drawn])
            for i in range(rows)]  # fmt: skip


def _joined(rows: list[Row]) -> Row:
    joined = list(rows[0])
    for row in rows[1:]:
        joined += [("", " " * _GAP), *row]
    return joined
