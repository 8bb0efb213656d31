"""The high-traffic rule: requests per second, averaged over the alert window, above a threshold."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.humane import format_duration, format_rate
from glancemetrics.incidents import Incident
from glancemetrics.rules.rule import Metrics


@attrs.frozen
class HighTraffic:
    """Breached above the threshold, over below it; at exactly the threshold nothing changes."""

    threshold: float
    """Requests per second."""
    window_seconds: int
    """The average is over the whole window from the first second on."""
    name: str = "high_traffic"

    def values(self, metrics: Metrics, start: int, end: int) -> npt.NDArray[np.float64]:
        hits = metrics.hits.values(start + 1 - self.window_seconds, end)
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(hits)])
        totals = sums[self.window_seconds :] - sums[: -self.window_seconds]
        averages: npt.NDArray[np.float64] = totals / self.window_seconds
        return averages

    def breached(self, value: float) -> bool | None:
        if value == self.threshold:
            return None
        return value > self.threshold

    def triggered_message(self, incident: Incident, time: str) -> str:
        hits = _told_apart(incident.value, self.threshold)
        return f"High traffic generated an alert - hits = {hits}, triggered at {time}"

    def recovered_message(self, incident: Incident, time: str) -> str:
        assert incident.duration_seconds is not None
        return (
            f"High traffic alert recovered at {time} - "
            f"lasted {format_duration(incident.duration_seconds)}, "
            f"highest rate {format_rate(incident.peak)} requests/s"
        )


def _told_apart(value: float, threshold: float) -> str:
    """The value with so many decimals that nobody reads it as the threshold that it exceeds."""
    for decimals in range(2, 9):
        text = format_rate(value, decimals)
        if float(text) > threshold:
            return text
    return repr(value)
