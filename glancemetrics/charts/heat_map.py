"""A heat map: a row per group, such as a range of durations, and a cell per span of time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from glancemetrics.charts.ground import unknown_cell
from glancemetrics.charts.runs import EMPTY, Cell, Drawing, Line, joined
from glancemetrics.charts.scales import resampled

HEAT = "heat"
"""Ink of the characters that stand in for shades."""

_DENSITIES = {Drawing.UNICODE: "░▒▓█", Drawing.ASCII: ".:*#"}


def heat_map(
    rows_of_counts: Sequence[Sequence[float | None]],
    *,
    cells: int,
    shades: Sequence[str],
    drawing: Drawing = Drawing.UNICODE,
) -> list[Line]:
    """Return a line of `cells` cells for each row of counts, the top row first.

    A row has any number of counts from old to new; neighbours are joined by their mean. A cell's
    paper is one of the roles `shades`, weak to strong, by the square root of its share of the
    largest count of all rows: counts are uneven, and small ones are worth seeing. Zero has no
    paper, `None` and nan show a dot. Without `shades` (no colours), characters of different
    density with the ink `heat` take their place.
    """
    rows = [resampled(counts, cells) for counts in rows_of_counts]
    largest = max(
        (count for row in rows for count in row if count is not None and count < math.inf),
        default=0.0,
    )
    levels: list[Cell] = (
        [(" ", "", shade) for shade in shades]
        if shades
        else [(character, HEAT, "") for character in _DENSITIES[drawing]]
    )
    unknown = unknown_cell("", drawing)
    return [
        joined(unknown if count is None else _cell(count, largest, levels) for count in row)
        for row in rows
    ]


def _cell(count: float, largest: float, levels: list[Cell]) -> Cell:
    if count <= 0:
        return EMPTY
    strength = 1.0 if count >= largest else math.sqrt(count / largest)
    return levels[max(0, math.ceil(strength * len(levels)) - 1)]
