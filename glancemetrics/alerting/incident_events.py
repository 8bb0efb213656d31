"""Makes the events for the start and end of incidents."""

from __future__ import annotations

import attrs

from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident, incident_id
from glancemetrics.incidents.lifecycle import Step, StepKind
from glancemetrics.rules.rule import Rule
from glancemetrics.words.escaping import visible
from glancemetrics.words.instants import iso_time

GONE = "the rule was changed or removed"
"""Why an incident is no longer watched."""


def begun(
    rule: Rule,
    group: str | None,
    step: Step,
    value: float,
    *,
    threshold: float,
    hits: int = 0,
    cause: str = "",
) -> tuple[Incident, AlertEvent]:
    """Return the incident that a step begins, and its event."""
    incident = Incident(
        incident_id(rule.name, group, step.time),
        rule.name,
        threshold,
        rule.window_seconds,
        step.time,
        value,
        value,
        severity=rule.severity.value,
        by=rule.by,
        group=group,
        hits=hits,
        flapping=step.kind is StepKind.FLAPPING,
        cause=cause,
    )
    kind = AlertEventKind.FLAPPING if incident.flapping else AlertEventKind.TRIGGERED
    message = rule.triggered_message(incident, iso_time(step.time))
    return incident, AlertEvent(kind, step.time, message, incident)


def over(rule: Rule, incident: Incident, step: Step) -> tuple[Incident, AlertEvent]:
    """Return the incident that a step ends, and its event."""
    incident = attrs.evolve(incident, recovered_at=step.time, expired=step.kind is StepKind.EXPIRED)
    message = rule.recovered_message(incident, iso_time(step.time))
    return incident, AlertEvent(AlertEventKind.RECOVERED, step.time, message, incident)


def ended(incident: Incident, time: int, why: str) -> AlertEvent:
    """Return the end event of an incident that is no longer watched; `why` is the reason."""
    last = attrs.evolve(incident, recovered_at=max(time, incident.triggered_at), expired=True)
    message = f"{visible(incident.title)}: {why} - no longer watched"
    return AlertEvent(AlertEventKind.RECOVERED, time, message, last)
