"""What a chart shows in the cells where nothing is drawn: the limit's line, marked spans."""

from __future__ import annotations

from collections.abc import Sequence

from glancemetrics.charts.runs import Cell, Drawing

LIMIT = "limit"
"""Ink of the line at the limit."""
UNKNOWN = "unknown"
"""Ink of the mark for missing data."""

_DASH = {Drawing.UNICODE: "╌", Drawing.ASCII: "-"}
_UNKNOWN_MARK = {Drawing.UNICODE: "·", Drawing.ASCII: "?"}


def empty_column(rows: int, limit_row: int | None, mark: str, drawing: Drawing) -> list[Cell]:
    """Return the empty cells of a column, the lowest first; `limit_row` counts from the bottom."""
    column: list[Cell] = [(" ", "", mark)] * rows
    if limit_row is not None:
        column[limit_row] = (_DASH[drawing], LIMIT, mark)
    return column


def unknown_cell(mark: str, drawing: Drawing) -> Cell:
    return (_UNKNOWN_MARK[drawing], UNKNOWN, mark)


def mark_of(marked: Sequence[str], cell: int) -> str:
    """Return the role by which a column is marked, or an empty string."""
    return marked[cell] if cell < len(marked) else ""


def row_of_share(share: float, rows: int) -> int:
    """Return the row, counted from the bottom, in which a share (0 to 1) of the height lies."""
    return min(rows - 1, int(share * rows))
