"""Conditions: when a metric's value breaches a rule, and when it is clear again."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.incidents.lifecycle import Signal

Float64s = npt.NDArray[np.float64]
Signals = npt.NDArray[np.int8]


@attrs.frozen
class Threshold:
    """Above a limit, or below one. Exactly at the limit nothing changes."""

    limit: float
    is_above: bool
    recover: float | None = None
    """Clear below this value (above it, for a rule with `below`); `None`: clear at the limit."""

    def signals(self, values: Float64s, scale: Float64s | float = 1) -> Signals:
        """Return a signal for each value; `scale` multiplies the limit."""
        sign = 1 if self.is_above else -1
        recover = self.limit if self.recover is None else self.recover
        signals = np.full(values.shape, Signal.BETWEEN, np.int8)
        signals[sign * values < sign * np.asarray(scale) * recover] = Signal.CLEAR
        signals[sign * values > sign * np.asarray(scale) * self.limit] = Signal.BREACH
        return signals


@attrs.frozen
class Change:
    """More, or less, than a factor times an earlier value.

    With several earlier moments the one with the smallest change counts: a spike an hour ago does
    not make normal traffic now look like a drop.
    """

    factor: Threshold
    """Its limit is the factor."""
    before: tuple[int, ...]
    """Seconds ago."""


@attrs.frozen
class Absence:
    """No requests during the whole window."""


@attrs.frozen
class BurnRate:
    """An error budget burns too fast, over a long and a short window.

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
    """A value of the group that has not been seen since watching began."""

    warm_up: int
    """Seconds at the start during which new values raise no alert."""


@attrs.frozen
class Anomaly:
    """Further from the usual value for this time of the season than the given number of deviations.

    The usual value is learned by exponential smoothing of the same time in earlier seasons
    (C. C. Holt, P. R. Winters; only the seasonal part).
    """

    deviations: float
    season: int
    """Seconds."""


Condition = Threshold | Change | Absence | BurnRate | Unseen | Anomaly
