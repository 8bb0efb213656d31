"""Alert events: the steps of incidents, and of the monitoring itself, that outputs are told."""

from __future__ import annotations

import enum
from datetime import UTC, datetime

import attrs

from glancemetrics.incidents import Incident


class AlertEventKind(enum.Enum):
    """What happened."""

    MONITORING_STARTED = "monitoring_started"
    MONITORING_STOPPED = "monitoring_stopped"
    TRIGGERED = "triggered"
    RECOVERED = "recovered"


@attrs.frozen
class AlertEvent:
    """One step of an incident, or the start or end of the monitoring."""

    kind: AlertEventKind
    time: int
    """Seconds since the epoch."""
    message: str
    """For people; its times are UTC."""
    incident: Incident | None = None
    """As it was at this step; `None` for the monitoring's own events."""

    def to_json(self) -> dict[str, object]:
        """Return the event as a line of the alert log has it; times as ISO 8601 in UTC."""
        line: dict[str, object] = {"time": iso_time(self.time), "event": self.kind.value}
        if self.incident is not None:
            line |= {
                "rule": self.incident.rule,
                "incident": self.incident.id,
                "value": self.incident.value,
                "threshold": self.incident.threshold,
                "window": self.incident.window_seconds,
                "triggered_at": iso_time(self.incident.triggered_at),
                "duration": self.incident.duration_seconds,
                "peak": self.incident.peak,
            }
        return line | {"message": self.message}


def iso_time(seconds: float) -> str:
    """Return an instant as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
