"""Incidents: a rule's breach from trigger to recovery."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs


@attrs.frozen
class Incident:
    """A rule's breach from trigger to recovery. All times are event time."""

    id: str
    """Made of the rule and the time, so that a replay of the same log gives the same."""
    rule: str
    threshold: float
    window_seconds: int
    triggered_at: int
    """Seconds since the epoch: the end of the window that was in breach."""
    value: float
    """The rule's value when it triggered."""
    peak: float
    """The highest value so far."""
    recovered_at: int | None = None
    """`None` while it is ongoing."""

    @property
    def duration_seconds(self) -> int | None:
        """How long it lasted; `None` while it is ongoing."""
        return None if self.recovered_at is None else self.recovered_at - self.triggered_at


def open_incident(
    rule: str, threshold: float, window_seconds: int, time: int, value: float
) -> Incident:
    """Return the incident that a rule's breach opens."""
    stamp = datetime.fromtimestamp(time, UTC).strftime("%Y%m%dT%H%M%SZ")
    return Incident(f"{rule}-{stamp}", rule, threshold, window_seconds, time, value, value)
