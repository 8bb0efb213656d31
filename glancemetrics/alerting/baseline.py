"""The usual value at each time of a season, learned continuously.

Each part of a season has a mean and a mean deviation, smoothed exponentially from season to season
(the seasonal part of C. C. Holt's and P. R. Winters' method; deviations as in D. W. Trigg,
"Monitoring a forecasting system", 1964).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glancemetrics.state.tree import State

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_PARTS = 288
"""Per season: five minutes of a day."""
_SMOOTHING = 0.3
_SMOOTHING_IN_BREACH = 0.05
"""An outage is hardly learned as usual, but a lasting change is, eventually."""
_SEASONS_TO_LEARN = 3
"""Until then no value is usual."""
_SIGMA = 1.25
"""Standard deviations per mean deviation, for normally distributed values."""
_LEAST_SHARE = 0.05
"""Share of the mean: the narrowest band."""


class Baseline:
    """A mean and a deviation for each part of a season."""

    def __init__(self, season: int) -> None:
        """`season` in seconds."""
        self._part_seconds = max(1, season // _PARTS)
        self._mean = np.zeros(_PARTS)
        self._deviation = np.zeros(_PARTS)
        self._learnt = np.zeros(_PARTS, np.int64)
        self._now: int | None = None
        """The part being collected, numbered from the epoch."""
        self._sum = 0.0
        self._count = self._breached = 0

    def to_state(self) -> State:
        """Return what has been learned."""
        return {
            "mean": self._mean,
            "deviation": self._deviation,
            "learnt": self._learnt,
            "now": self._now,
            "gathered": [self._sum, self._count, self._breached],
        }

    def restore(self, state: State) -> None:
        """Take over what was learned before."""
        self._mean = state["mean"]
        self._deviation = state["deviation"]
        self._learnt = state["learnt"]
        self._now = state["now"]
        self._sum, self._count, self._breached = state["gathered"]

    def usual(
        self, times: Int64s, values: Float64s, deviations: float
    ) -> tuple[Float64s, Float64s]:
        """Return mean and half the band's width at each time; NaN while it is not learned yet.

        Then learn from the values. Times are seconds since the epoch, in order.
        """
        parts = times // self._part_seconds
        means, widths = np.full(len(times), np.nan), np.full(len(times), np.nan)
        starts = np.flatnonzero(np.append(True, parts[1:] != parts[:-1])).tolist()
        for start, end in zip(starts, [*starts[1:], len(parts)], strict=True):
            self._begin(int(parts[start]))
            mean, width = self._band(deviations)
            means[start:end], widths[start:end] = mean, width
            known = values[start:end][~np.isnan(values[start:end])]
            self._sum += float(known.sum())
            self._count += len(known)
            self._breached += int(np.count_nonzero(np.abs(known - mean) > width))
        return means, widths

    def _band(self, deviations: float) -> tuple[float, float]:
        assert self._now is not None
        at = self._now % _PARTS
        if self._learnt[at] < _SEASONS_TO_LEARN:
            return np.nan, np.nan
        mean = float(self._mean[at])
        return mean, deviations * max(_SIGMA * float(self._deviation[at]), _LEAST_SHARE * mean)

    def _begin(self, part: int) -> None:
        if part == self._now:
            return
        if self._now is not None and self._count:
            self._learn(self._now % _PARTS, self._sum / self._count)
        self._now, self._sum, self._count, self._breached = part, 0.0, 0, 0

    def _learn(self, at: int, value: float) -> None:
        in_breach = 2 * self._breached > self._count
        smoothing = _SMOOTHING_IN_BREACH if in_breach else _SMOOTHING
        off = value - self._mean[at]
        if not self._learnt[at]:
            self._mean[at] = value
        else:
            first = self._learnt[at] == 1
            self._deviation[at] += (1 if first else smoothing) * (abs(off) - self._deviation[at])
            self._mean[at] += smoothing * off
        self._learnt[at] += 1
