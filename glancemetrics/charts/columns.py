"""Stacked columns: how a total is made up, cell by cell, such as requests by status over time."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

import attrs

from glancemetrics.charts.ground import empty_column, mark_of, row_of_share, unknown_cell
from glancemetrics.charts.runs import Cell, Drawing, Line, joined
from glancemetrics.charts.scales import resampled

_EIGHTHS = " ▁▂▃▄▅▆▇"
_FULL = "█"
_LETTER = "#"
_LEAST_ALONE = 0.25
"""Share from which a part may stand for a whole column."""


@attrs.frozen
class Series:
    """Values over time that stand for one thing."""

    role: str
    """What they stand for, such as `5xx`: the ink they are drawn with."""
    values: Sequence[float | None]
    """From old to new. `None` and nan: no data."""


def stacked_columns(
    series: Sequence[Series],
    *,
    cells: int,
    rows: int,
    top: float,
    limit: float | None = None,
    marked: Sequence[str] = (),
    drawing: Drawing = Drawing.UNICODE,
    letters: Mapping[str, str] = {},
) -> list[Line]:
    """Return `rows` lines of `cells` cells, the top row first, with the series stacked upwards.

    `series` stand on each other in this order, with one value per cell. `top` is the value of the
    upper edge; a column that is higher is drawn at full height with its parts in proportion.
    `limit` is the value of a dashed line behind the columns. `marked` has a role per cell (empty:
    none), which is the paper of what is empty in that column. Where a series has no data, the
    lowest empty cell shows a dot. `letters` maps roles to their characters in ASCII.

    The height of a column is exact to an eighth of a cell; anything above zero is at least that
    high. A cell can show a single boundary: where two would share a cell, the lower one moves down.
    Each part keeps at least an eighth, taken from a larger one. A column with too few cells for
    all of its parts shows the last series (put errors there) and the largest.
    """
    if cells <= 0 or rows <= 0:
        return [()] * max(0, rows)
    if not top > 0:
        top = 1.0
    is_split = drawing is Drawing.UNICODE
    steps = rows * 8 if is_split else rows
    roles = [one.role for one in series]
    full: list[Cell] = [
        (_FULL if is_split else letters.get(role, _LETTER), role, "") for role in roles
    ]
    limit_row = None
    if limit is not None and 0 <= limit <= top and limit < math.inf:
        limit_row = row_of_share(limit / top, rows)
    grounds = {
        mark: empty_column(rows, limit_row, mark, drawing)
        for mark in {"", *(mark_of(marked, cell) for cell in range(cells))}
    }
    columns: list[list[Cell]] = []
    for cell, values in enumerate(_by_cell(series, cells)):
        mark = mark_of(marked, cell)
        parts, is_unknown = _parts(values)
        column: list[Cell] = []
        if parts:
            kept, boundaries = _boundaries(parts, top, steps, len(series) - 1, is_split)
            if is_split:
                column = _split_cells(kept, boundaries, full, roles, mark)
            else:
                for index, boundary in zip(kept, boundaries, strict=True):
                    column += [full[index]] * (boundary - len(column))
        height = len(column)
        column += grounds[mark][height:]
        if is_unknown and height < rows:
            column[height] = unknown_cell(mark, drawing)
        columns.append(column)
    return [joined(row) for row in reversed(list(zip(*columns, strict=True)))]


def without_small_parts(
    series: Sequence[Series], least: Sequence[float], step: float = 0.0, cell: float = 0.0
) -> list[Series]:
    """Return the series without parts that are too small for their columns.

    The smallest part that can be drawn would make them look larger than they are: a part below
    its share `least` of the column, or below half of `step`, the value of that smallest part, is
    counted as the first series. So is one below a quarter in a column below `cell`, the value of a
    cell, which has room for one part only.
    """
    columns = zip(*(one.values for one in series), strict=True)
    kept = [_larger_parts(values, least, step, cell) for values in columns]
    by_series = zip(*kept, strict=True) if kept else [()] * len(series)
    return [Series(one.role, tuple(values)) for one, values in zip(series, by_series, strict=True)]


def _larger_parts(
    values: Sequence[float | None], least: Sequence[float], step: float, cell: float
) -> list[float | None]:
    total = sum(value or 0.0 for value in values)
    alone = _LEAST_ALONE if total < cell else 0.0
    kept = list(values)
    for number in range(1, len(kept)):
        value = kept[number]
        share = max(least[number], alone)
        if value is not None and 0 < value < max(share * total, step / 2):
            kept[0] = (kept[0] or 0.0) + value
            kept[number] = 0.0
    return kept


def smallest_step(top: float, rows: int, drawing: Drawing) -> float:
    """Return the value of the smallest part of a column that can be drawn."""
    return top / max(1, rows) / (8 if drawing is Drawing.UNICODE else 1)


def _by_cell(series: Sequence[Series], cells: int) -> Sequence[Sequence[float | None]]:
    """Return the values of each cell, in the order of the series."""
    if not series:
        return [()] * cells
    fitting = (
        one.values if len(one.values) == cells else resampled(one.values, cells) for one in series
    )
    return list(zip(*fitting, strict=True))


def _parts(values: Sequence[float | None]) -> tuple[list[tuple[int, float]], bool]:
    """Return index and value of the series that are above zero, and whether one has no data."""
    parts = []
    is_unknown = False
    largest = sys.float_info.max / (len(values) + 1)  # their sum is a float, too
    for index, value in enumerate(values):
        if value is None or math.isnan(value):
            is_unknown = True
        elif value > 0:
            parts.append((index, min(value, largest)))
    return parts, is_unknown


def _boundaries(
    parts: list[tuple[int, float]], top: float, steps: int, last: int, is_split: bool
) -> tuple[list[int], list[int]]:
    """Return which series are drawn, and the step at which each of them ends.

    A step is an eighth of a cell if cells are split, else a cell. There are `steps` in a column.
    """
    total = sum([value for _, value in parts])
    height = steps if total >= top else max(1, round(total / top * steps))
    # A cell has room for two parts, one that is partly empty for one.
    room = height // 8 * 2 + (height % 8 > 0) if is_split else height
    if len(parts) > room:
        parts = sorted(sorted(parts, key=lambda one: (one[0] != last, -one[1]))[:room])
        total = sum([value for _, value in parts])
    ends = []
    reached = 0.0
    for _, value in parts:
        reached += value
        ends.append(round(height * (reached / total)))
    ends[-1] = height
    # From the top down, so that parts above keep at least a step and no cell has two boundaries.
    for below in range(len(parts) - 2, -1, -1):
        above = ends[below + 1]
        highest = above - 1
        lowest = below + 1
        if is_split:
            if above % 8:
                highest = above - above % 8
            lowest = lowest // 2 * 8 + lowest % 2
        ends[below] = max(lowest, min(ends[below], highest))
    return [index for index, _ in parts], ends


def _split_cells(
    kept: list[int], boundaries: list[int], full: list[Cell], roles: list[str], mark: str
) -> list[Cell]:
    """Return the cells of a column from the bottom, up to its last that is not empty."""
    column: list[Cell] = []
    for at, boundary in enumerate(boundaries):
        index = kept[at]
        whole, rest = divmod(boundary, 8)
        if whole > len(column):
            column += [full[index]] * (whole - len(column))
        if rest:
            paper = roles[kept[at + 1]] if at + 1 < len(kept) else mark
            column.append((_EIGHTHS[rest], roles[index], paper))
    return column
