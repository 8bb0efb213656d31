"""Conditions: when the value of a metric is a breach, and when it is clear of one."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.incidents.lifecycle import Signal

Float64s = npt.NDArray[np.float64]
Signals = npt.NDArray[np.int8]


@attrs.frozen
class Threshold:
    """Above a number, or below one. At exactly the number nothing changes."""

    limit: float
    is_above: bool
    recover: float | None = None
    """Where it is clear: below this if it is a breach above the limit, and the other way round;
    `None`: at the limit."""

    def signals(self, values: Float64s, scale: Float64s | float = 1) -> Signals:
        """Return signals of values; the threshold of each is the limit, so many times."""
        sign = 1 if self.is_above else -1
        recover = self.limit if self.recover is None else self.recover
        signals = np.full(values.shape, Signal.BETWEEN, np.int8)
        signals[sign * values < sign * np.asarray(scale) * recover] = Signal.CLEAR
        signals[sign * values > sign * np.asarray(scale) * self.limit] = Signal.BREACH
        return signals


@attrs.frozen
class Change:
    """So many times what it was before: more, or less.

    Of several moments before, that counts which makes it the least change: a spike an hour ago
    makes no drop of what is as usual now.
    """

    factor: Threshold
    """Its limit is the factor."""
    before: tuple[int, ...]
    """Seconds ago."""


@attrs.frozen
class Absence:
    """No record for the whole window."""


@attrs.frozen
class BurnRate:
    """An error budget is used up so many times too fast, over a long window and a short one.

    Source: B. Beyer et al., "The Site Reliability Workbook" (O'Reilly 2018), chapter 5, "Alerting
    on SLOs", approach 6: multiwindow, multi-burn-rate alerts.
    """

    factor: float
    objective: float
    """Share of requests that must be good, from 0 to 1."""
    short_window: int
    """Seconds."""


@attrs.frozen
class Unseen:
    """A value of the group that has not come since the watching began."""

    warm_up: int
    """Seconds in which all values are new and none is told."""


@attrs.frozen
class Anomaly:
    """Further from what is usual at this time of the season than so many deviations.

    The usual is learnt by exponential smoothing of what came at the same time of the seasons before
    (C. C. Holt, P. R. Winters; the seasonal part alone).
    """

    deviations: float
    season: int
    """Seconds."""


Condition = Threshold | Change | Absence | BurnRate | Unseen | Anomaly
