"""Lines over time, drawn with braille dots: two across and four down in each cell."""

from __future__ import annotations

from collections.abc import Sequence

from glancemetrics.charts.columns import Series
from glancemetrics.charts.ground import empty_column, mark_of, row_of_share
from glancemetrics.charts.runs import Cell, Drawing, Line, joined
from glancemetrics.charts.scales import axis_ends, resampled, share_on_axis

_BRAILLE = 0x2800


def _dots(bits_upwards: tuple[int, int, int, int]) -> list[int]:
    """Return the braille bits of all 16 sets of dots in half a cell; bit 0 is the lowest dot."""
    return [sum(bit for at, bit in enumerate(bits_upwards) if dots >> at & 1) for dots in range(16)]


_LEFT = _dots((0x40, 0x04, 0x02, 0x01))
_RIGHT = _dots((0x80, 0x20, 0x10, 0x08))
PENS = "*+ox"
"""In ASCII, characters of the series in their order."""


def line_chart(
    series: Sequence[Series],
    *,
    cells: int,
    rows: int,
    top: float,
    bottom: float = 0.0,
    limit: float | None = None,
    marked: Sequence[str] = (),
    is_log: bool = False,
    drawing: Drawing = Drawing.UNICODE,
) -> list[Line]:
    """Return `rows` lines of `cells` cells, the top row first, with a line per series.

    A series has any number of values, from old to new over the whole width; two per cell are
    drawn (one in ASCII), and jumps are connected. `None` and nan break the line. `top` and
    `bottom` are the values of the edges; values outside are drawn on the edge. On a logarithmic
    axis (`is_log`) values up to zero sit on the bottom, which is a thousandth of `top` if it is
    given as zero. In a cell with several series, the last has its ink.
    `limit` is the value of a dashed line behind the others. `marked` has a role per cell (empty:
    none), which is the paper of that column.
    """
    if cells <= 0 or rows <= 0:
        return [()] * max(0, rows)
    low, high = axis_ends(top, bottom, is_log)
    is_braille = drawing is Drawing.UNICODE
    limit_row = None
    if limit is not None and low <= limit <= high:
        limit_row = row_of_share(share_on_axis(limit, low, high, is_log), rows)
    marks = [mark_of(marked, cell) for cell in range(cells)]
    # By column from the left, then by row from the bottom.
    drawn = [empty_column(rows, limit_row, mark, drawing) for mark in marks]
    across, up = (2 * cells, 4 * rows) if is_braille else (cells, rows)
    dots: dict[tuple[int, int], int] = {}  # {(column, row): braille bits}
    for number, one in enumerate(series):
        heights = _heights(resampled(one.values, across), low, high, is_log, up)
        columns = _columns(heights)
        if is_braille:
            _draw_braille(columns, one.role, marks, drawn, dots)
        else:
            _draw_ascii(columns, (PENS[number % len(PENS)], one.role), marks, drawn)
    return [joined(row) for row in reversed(list(zip(*drawn, strict=True)))]


def _heights(
    values: Sequence[float | None], low: float, high: float, is_log: bool, up: int
) -> list[int | None]:
    """Return the height of each value in dots from the bottom, below `up`."""
    highest = up - 1
    return [
        None if value is None else round(share_on_axis(value, low, high, is_log) * highest)
        for value in values
    ]


def _columns(heights: Sequence[int | None]) -> list[int]:
    """Return the dots of each column as bits, the lowest first; each reaches to its left neighbour.

    A jump of one dot needs no connection: the dots touch at their corners.
    """
    columns = []
    before: int | None = None
    for height in heights:
        if height is None:
            columns.append(0)
        elif before is None or before == height:
            columns.append(1 << height)
        elif before < height:
            columns.append((2 << height) - (2 << before))
        else:
            columns.append((1 << before) - (1 << height))
        before = height
    return columns


def _draw_braille(
    columns: list[int],
    role: str,
    marks: list[str],
    drawn: list[list[Cell]],
    dots: dict[tuple[int, int], int],
) -> None:
    for cell, mark in enumerate(marks):
        left, right = columns[2 * cell], columns[2 * cell + 1]
        both = left | right
        if not both:
            continue
        column = drawn[cell]
        lowest = ((both & -both).bit_length() - 1) // 4
        for row in range(lowest, (both.bit_length() + 3) // 4):
            bits = _LEFT[left >> 4 * row & 15] | _RIGHT[right >> 4 * row & 15]
            bits |= dots.get((cell, row), 0)
            dots[cell, row] = bits
            column[row] = (chr(_BRAILLE + bits), role, mark)


def _draw_ascii(
    columns: list[int], pen: tuple[str, str], marks: list[str], drawn: list[list[Cell]]
) -> None:
    for bits, mark, column in zip(columns, marks, drawn, strict=True):
        for row in range(bits.bit_length()):
            if bits >> row & 1:
                column[row] = (*pen, mark)
