"""Alert events: steps of incidents and of monitoring itself, which outputs receive."""

from __future__ import annotations

import enum

import attrs

from glancemetrics.incidents.incident import Incident
from glancemetrics.state.tree import State
from glancemetrics.words.instants import iso_time


class AlertEventKind(enum.Enum):
    """What happened."""

    MONITORING_STARTED = "monitoring_started"
    MONITORING_STOPPED = "monitoring_stopped"
    TRIGGERED = "triggered"
    FLAPPING = "flapping"
    """Triggered too often to be reported each time."""
    ONGOING = "ongoing"
    """Still firing. Only for outputs that want reminders; nothing has happened."""
    RECOVERED = "recovered"


@attrs.frozen
class AlertEvent:
    """One step of an incident, or the start or end of monitoring."""

    kind: AlertEventKind
    time: int
    """Seconds since the epoch."""
    message: str
    """For people; its times are UTC."""
    incident: Incident | None = None
    """As it was at this step; `None` for the start and stop of monitoring."""

    def to_state(self) -> State:
        """Return it as plain values, for `from_state`."""
        incident = None if self.incident is None else attrs.asdict(self.incident)
        return [self.kind.value, self.time, self.message, incident]

    @classmethod
    def from_state(cls, state: State) -> AlertEvent:
        """Return it from the values of `to_state`."""
        kind, time, message, incident = state
        return cls(
            AlertEventKind(kind), time, message, None if incident is None else Incident(**incident)
        )

    def to_json(self) -> dict[str, object]:
        """Return the event as a line of the alert log; times are ISO 8601 in UTC."""
        line: dict[str, object] = {"time": iso_time(self.time), "event": self.kind.value}
        incident = self.incident
        if incident is not None:
            line |= {
                "rule": incident.rule,
                "incident": incident.id,
                "severity": incident.severity,
                **({} if incident.group is None else {"by": incident.by, "group": incident.group}),
                "value": incident.value,
                "threshold": incident.threshold,
                "window": incident.window_seconds,
                "triggered_at": iso_time(incident.triggered_at),
                "duration": incident.duration_seconds,
                "peak": incident.peak,
            }
        return line | {"message": self.message}
