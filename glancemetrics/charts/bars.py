"""Charts one row high: a bar for a share, a sparkline for values over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from glancemetrics.charts.ground import unknown_cell
from glancemetrics.charts.runs import Drawing
from glancemetrics.charts.scales import resampled

_LEFT_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = {Drawing.UNICODE: " ▁▂▃▄▅▆▇█", Drawing.ASCII: " .:-=+*#"}


def bar(share: float, cells: int, drawing: Drawing = Drawing.UNICODE) -> str:
    """Return exactly `cells` characters, filled from the left up to `share` (0 to 1).

    A share above zero shows at least the thinnest mark; nan is zero.
    """
    share = min(share, 1.0) if share > 0 else 0.0
    steps = 8 if drawing is Drawing.UNICODE else 1
    filled = max(round(share * cells * steps), 1 if share else 0)
    whole, rest = divmod(filled, steps)
    if drawing is Drawing.ASCII:
        return ("#" * whole).ljust(cells)[: max(0, cells)]
    drawn = "█" * whole + (_LEFT_EIGHTHS[rest] if rest else "")
    return drawn.ljust(cells)[: max(0, cells)]


def sparkline(
    values: Sequence[float | None], cells: int, drawing: Drawing = Drawing.UNICODE
) -> str:
    """Return values as exactly `cells` characters of different height, the newest to the right.

    The largest is as high as the row, zero and less are a space. Where values share a cell, the
    largest is shown. Unknown values are `·`, in ASCII `?`.
    """
    heights = _HEIGHTS[drawing]
    unknown, _, _ = unknown_cell("", drawing)
    shown = resampled(values, cells, "max")
    top = max((value for value in shown if value is not None and value < math.inf), default=0.0)
    return "".join(
        unknown if value is None else heights[_height(value, top, len(heights) - 1)]
        for value in shown
    )


def _height(value: float, top: float, highest: int) -> int:
    if value <= 0:
        return 0
    return highest if value >= top else max(1, round(value / top * highest))
