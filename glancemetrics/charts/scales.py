"""From values to cells: one value per cell, places on an axis."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Literal

_LOG_RANGE = 1000
"""A logarithmic axis that would begin at zero begins this many times below its top."""


def resampled(
    values: Sequence[float | None], cells: int, how: Literal["max", "mean", "sum"] = "mean"
) -> list[float | None]:
    """Return exactly `cells` values: neighbours joined if there are more, repeated if fewer.

    `None` and nan are unknown: of several values those known are joined, and `None` is returned
    where none is known. A value that is repeated is repeated whole, also with `sum`.
    """
    count = len(values)
    if cells <= 0:
        return []
    if not count:
        return [None] * cells
    if count <= cells:
        return [_known(values[cell * count // cells]) for cell in range(cells)]
    return [
        _joined(values[cell * count // cells : (cell + 1) * count // cells], how)
        for cell in range(cells)
    ]


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _joined(values: Sequence[float | None], how: Literal["max", "mean", "sum"]) -> float | None:
    known = [value for value in values if value is not None and not math.isnan(value)]
    if not known:
        return None
    if how == "max":
        return max(known)
    return _known(sum(known) if how == "sum" else sum(known) / len(known))


def axis_ends(top: float, bottom: float, is_log: bool) -> tuple[float, float]:
    """Return the values of the lower and the upper end of an axis: finite, lower below upper.

    A logarithmic axis begins above zero.
    """
    if not math.isfinite(bottom):
        bottom = 0.0
    if is_log and bottom <= 0:
        bottom = top / _LOG_RANGE if 0 < top < math.inf else 1.0
        bottom = max(bottom, sys.float_info.min)
    if not bottom < top < math.inf:
        top = bottom * 10 if is_log else bottom + 1
    # Past the range in which floats tell such neighbours apart, any axis will do.
    return (bottom, top) if bottom < top < math.inf else (1.0, 10.0)


def share_on_axis(value: float, low: float, high: float, is_log: bool) -> float:
    """Return where a value is on an axis: 0.0 is its lower end, 1.0 its upper end.

    A value outside sits on the end that is nearer; so does one of zero on a logarithmic axis.
    """
    if value <= low:
        return 0.0
    if value >= high:
        return 1.0
    if is_log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    if math.isinf(high - low):
        low, high, value = low / 2, high / 2, value / 2
    return (value - low) / (high - low)
