"""Targets: who is told of incidents, of which, when and how."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import attrs

from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident
from glancemetrics.notifying.hours import Hours
from glancemetrics.notifying.secret import Secret
from glancemetrics.rules.rule import Severity


class TargetKind(enum.Enum):
    """How a target is told."""

    WEBHOOK = "webhook"
    ALERTMANAGER = "alertmanager"
    EXEC = "exec"
    APPRISE = "apprise"


class GroupBy(enum.Enum):
    """What is told in one message."""

    RULE = "rule"
    SEVERITY = "severity"
    ALL = "all"


@attrs.frozen
class Target:
    """Somebody who is told."""

    name: str
    kind: TargetKind
    url: Secret | None = None
    command: tuple[str, ...] = ()
    """The program and its arguments."""
    environment: tuple[tuple[str, Secret], ...] = ()
    """Variables that the program gets beside `PATH`, `HOME`, `LANG` and `TZ`."""
    severity: Severity = Severity.INFO
    """What matters less is not told."""
    rules: tuple[str, ...] = ("*",)
    """Patterns of the names of rules."""
    hours: Hours | None = None
    """In others nothing is told; `None` for always."""
    recovered: bool = True
    """Whether the end of an incident is told too."""
    group_wait: int = 0
    """Seconds in which events are gathered into one message; 0: each is told by itself."""
    group_by: GroupBy = GroupBy.RULE
    repeat: int | None = None
    """Seconds after which an incident that goes on is told again."""
    format: str = "json"
    body: Mapping[str, Any] | None = None
    """What a webhook is sent, with templates as its texts."""
    headers: tuple[tuple[str, Secret], ...] = ()
    secret: Secret | None = None
    """With which messages are signed."""
    timeout: int = 10
    """Seconds."""
    place: str = attrs.field(default="", eq=False)
    """Where the configuration says how it is notified: file, line and table."""

    def wants(self, event: AlertEvent) -> bool:
        """Tell whether an event is for this target."""
        if event.incident is None or (
            event.kind is AlertEventKind.RECOVERED and not self.recovered
        ):
            return False
        return self.watches(event.incident)

    def watches(self, incident: Incident) -> bool:
        """Tell whether this target is told of an incident."""
        if Severity(incident.severity).rank > self.severity.rank:
            return False
        return any(fnmatchcase(incident.rule, pattern) for pattern in self.rules)

    def is_on_duty(self, now: float) -> bool:
        """Tell whether anything is told at a moment, in seconds since the epoch."""
        return self.hours is None or self.hours.hold(now)

    def group_of(self, incident: Incident) -> str:
        """Name what an incident is told together with."""
        match self.group_by:
            case GroupBy.RULE:
                return incident.rule
            case GroupBy.SEVERITY:
                return incident.severity
            case GroupBy.ALL:
                return ""
