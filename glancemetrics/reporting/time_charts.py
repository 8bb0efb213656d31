"""Charts of reports and answers over time: columns or lines, values at the left, times below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from glancemetrics.charts.axis import AXIS_CELLS, with_axes
from glancemetrics.charts.columns import Series, smallest_step, stacked_columns, without_small_parts
from glancemetrics.charts.lines import PENS, line_chart
from glancemetrics.charts.runs import Drawing, Line, cells_in
from glancemetrics.charts.values import Quantity, Scale, value_scale
from glancemetrics.reporting.looks import Look

LETTERS = {"errors": "!", "1xx": ".", "2xx": "#", "3xx": "=", "4xx": "4", "5xx": "5"}
"""In ASCII, what the parts of a column are drawn with; others with `#`."""
_MOST_CELLS = 6
"""Cells of a column; wider ones would look like blocks."""
_FEWEST_CELLS = 10
_LEAST_SHARE = 0.01
"""Errors below this share of a column are not drawn."""


def steps_per_column(steps: int, width: int) -> int:
    """Return how many steps share a column, so that all have room in `width` cells."""
    return max(1, -(-steps // _room(width)))


def chart_cells(columns: int, width: int) -> int:
    """Return the cells that a chart of so many columns has without its axis."""
    return min(_room(width), columns * _MOST_CELLS)


def _room(width: int) -> int:
    return max(_FEWEST_CELLS, width - AXIS_CELLS)


def inked_as(role: str, look: Look) -> str:
    """Return the legend of a part of columns: `errors in red`, in ASCII `errors: !`."""
    return f"{role}: {LETTERS[role]}" if look.drawing is Drawing.ASCII else f"{role} in red"


def line_names(series: Sequence[Series], look: Look) -> str:
    """Return the legend of lines: their names in their colours, in ASCII with what draws them."""
    if look.drawing is Drawing.ASCII:
        return "  ".join(
            f"{one.role}: {pen}" for one, pen in zip(series, cycle(PENS), strict=False)
        )
    return "  ".join(look.inked(one.role, one.role) for one in series)


def column_chart(
    series: Sequence[Series], below: Line, *, rows: int, quantity: Quantity, look: Look
) -> list[str]:
    """Draw columns above their time axis, the series stacked on each other."""
    cells = cells_in(below)
    totals = [
        sum(value for value in values if value is not None)
        for values in zip(*(one.values for one in series), strict=True)
    ]
    scale = value_scale(max(totals, default=0.0), rows, quantity)
    step = smallest_step(scale.top, rows, look.drawing)
    least = [_LEAST_SHARE] * len(series)
    series = without_small_parts(series, least, step, scale.top / max(1, rows))
    lines = stacked_columns(
        series, cells=cells, rows=rows, top=scale.top, drawing=look.drawing, letters=LETTERS
    )
    return _framed(lines, scale, below, look)


def lines_over_time(
    series: Sequence[Series], below: Line, *, rows: int, quantity: Quantity, look: Look
) -> list[str]:
    """Draw a line for each series above their time axis."""
    cells = cells_in(below)
    values = [value for one in series for value in one.values if value is not None]
    scale = value_scale(max(values, default=0.0), rows, quantity)
    lines = line_chart(series, cells=cells, rows=rows, top=scale.top, drawing=look.drawing)
    return _framed(lines, scale, below, look)


def _framed(lines: Sequence[Line], scale: Scale, below: Line, look: Look) -> list[str]:
    return [look.line(line) for line in with_axes(lines, scale, below, drawing=look.drawing)]
