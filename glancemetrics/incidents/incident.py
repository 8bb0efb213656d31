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
    """The worst value so far: the highest, or the lowest if it is a breach below the threshold."""
    recovered_at: int | None = None
    """`None` while it is ongoing."""
    severity: str = "warning"
    by: str | None = None
    """The dimension of the rule's groups."""
    group: str | None = None
    """Which of them it is of; as it stands in the log, not yet escaped."""
    hits: int = 0
    """Requests in the window in which it triggered."""
    flapping: bool = False
    """Whether it came and went so often that it is told as one."""
    expired: bool = False
    """Whether it is over for want of data."""
    cause: str = ""
    """What we ourselves know of why there is too little: that a log cannot be read."""

    @property
    def duration_seconds(self) -> int | None:
        """How long it lasted; `None` while it is ongoing."""
        return None if self.recovered_at is None else self.recovered_at - self.triggered_at


def incident_id(rule: str, group: str | None, time: int) -> str:
    """Return the name of the incident that a rule's breach opens."""
    stamp = datetime.fromtimestamp(time, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{rule}-{stamp}" if group is None else f"{rule}[{group}]-{stamp}"
