"""Targets: who is notified of which incidents, when and how."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import attrs

from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident, is_called, rule_title
from glancemetrics.notifying.hours import Hours
from glancemetrics.notifying.secret import Secret
from glancemetrics.rules.rule import Severity
from glancemetrics.words.suggestions import closest


class TargetKind(enum.Enum):
    """How a target is notified."""

    WEBHOOK = "webhook"
    ALERTMANAGER = "alertmanager"
    EXEC = "exec"
    APPRISE = "apprise"


class GroupBy(enum.Enum):
    """Which events share a message."""

    RULE = "rule"
    SEVERITY = "severity"
    ALL = "all"


@attrs.frozen
class Target:
    """A receiver of notifications."""

    name: str
    kind: TargetKind
    url: Secret | None = None
    command: tuple[str, ...] = ()
    """The program and its arguments."""
    environment: tuple[tuple[str, Secret], ...] = ()
    """Variables of the program besides `PATH`, `HOME`, `LANG` and `TZ`."""
    severity: Severity = Severity.INFO
    """Less severe incidents are not notified."""
    rules: tuple[str, ...] = ("*",)
    """Patterns for rule names."""
    hours: Hours | None = None
    """Outside of them nothing is notified; `None`: always."""
    recovered: bool = True
    """Whether recoveries are notified too."""
    group_wait: int = 0
    """Seconds for which events are collected into one message; 0: one message per event."""
    group_by: GroupBy = GroupBy.RULE
    repeat: int | None = None
    """Seconds after which an ongoing incident is notified again."""
    format: str = "json"
    body: Mapping[str, Any] | None = None
    """The body for a webhook, with templates as its texts."""
    headers: tuple[tuple[str, Secret], ...] = ()
    secret: Secret | None = None
    """The key that messages are signed with."""
    timeout: int = 10
    """Seconds."""
    place: str = attrs.field(default="", eq=False)
    """Where the configuration defines the target: file, line and table."""

    def wants(self, event: AlertEvent) -> bool:
        """Return whether an event is for this target."""
        if event.incident is None or (
            event.kind is AlertEventKind.RECOVERED and not self.recovered
        ):
            return False
        return self.watches(event.incident)

    def watches(self, incident: Incident) -> bool:
        """Return whether an incident is for this target."""
        if Severity(incident.severity).rank > self.severity.rank:
            return False
        return any(is_called(incident.rule, pattern) for pattern in self.rules)

    def is_on_duty(self, now: float) -> bool:
        """Return whether it is notified at a time, in seconds since the epoch."""
        return self.hours is None or self.hours.hold(now)

    def group_of(self, incident: Incident) -> str:
        """Return the group of an incident: events of a group share a message."""
        match self.group_by:
            case GroupBy.RULE:
                return incident.rule
            case GroupBy.SEVERITY:
                return incident.severity
            case GroupBy.ALL:
                return ""


def unmatched(targets: Iterable[Target], names: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each pattern of a target that matches none of the rules' names."""
    for target in targets:
        for pattern in target.rules:
            if not any(is_called(name, pattern) for name in names):
                close = closest(pattern, map(rule_title, names))
                hint = f"; did you mean {close!r}?" if close else ""
                yield f"{target.place}: rules: no rule matches {pattern!r}{hint}"
