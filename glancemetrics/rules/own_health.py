"""Built-in rules about GlanceMetrics' own health: the monitor is monitored too."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from glancemetrics.health.changes import clock_text
from glancemetrics.health.health import Health, OutputState
from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.lifecycle import Timing
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.metrics import HITS, Metric, Per, Unit
from glancemetrics.rules.rule import Rule, Severity
from glancemetrics.words.addresses import called
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import events_text, format_duration

OWN_METRIC = "own health"
"""The name of the metric of all these rules."""
SHORT_OF_MEMORY = 0.9
"""Share of the kernel's memory limit."""
LONGEST_LAG = 60
"""Seconds that the display may be behind."""

Measured = Mapping[str | None, tuple[float, str]]
"""By group: how bad it is, and the cause as far as it is known."""


@attrs.frozen
class OwnRule:
    """A rule, and how its value is read from the health."""

    rule: Rule
    measure: Callable[[Health], Measured]
    is_count: bool = False
    """Whether the value only grows: then an increase is what counts."""


def own_rules() -> tuple[OwnRule, ...]:
    """Return the built-in rules about own health."""
    return (
        _own("Own lag", "warning", _lag, LONGEST_LAG, hold=60, keep=30, text=_lag_text),
        _own("Log unreadable", "critical", _unreadable, 0, hold=60, by="source",
             text=lambda i: f"{_named(i)}: {visible(i.cause)}" if i.cause else _named(i)),
        _own("Agent silent", "critical", _silent, 0, hold=25, keep=5, by="server",
             text=lambda i: f"{_named(i)} is silent: no contact with its agent"),
        _own("Server clock", "warning", _clock, 0, hold=60, keep=60, by="source",
             text=lambda i: f"{_named(i)} {visible(i.cause)}"),
        _own("Output failing", "warning", _failing, 0, hold=120, keep=30, by="output",
             text=lambda i: f"{_named(i)} is failing: {visible(i.cause)}"),
        _own("Own memory", "warning", _memory, SHORT_OF_MEMORY, hold=60, keep=60,
             text=lambda i: f"using {100 * i.value:.0f} % of the memory limit"),
        _own("Events lost", "critical", _lost, 0, keep=600, by="output", is_count=True,
             text=lambda i: f"{_named(i)} lost {events_text(int(i.value))}"),
        _own("Lines not counted", "warning", _gaps, 0, keep=600, is_count=True,
             text=lambda i: visible(i.cause)),
    )  # fmt: skip


def _own(
    name: str,
    severity: str,
    measure: Callable[[Health], Measured],
    limit: float,
    *,
    text: Callable[[Incident], str],
    hold: int = 0,
    keep: int = 0,
    by: str | None = None,
    is_count: bool = False,
) -> OwnRule:
    def triggered(rule: Rule, incident: Incident, time: str) -> str:
        return f"{rule.name}: {text(incident)}, noticed at {time}"

    def recovered(rule: Rule, incident: Incident, time: str) -> str:
        of = f" ({_named(incident)})" if incident.group else ""
        lasted = format_duration(incident.duration_seconds or 0)
        return f"{rule.name}{of}: over at {time} - lasted {lasted}"

    rule = Rule(
        name=name,
        metric=Metric(OWN_METRIC, HITS, Per.NOTHING, Unit.COUNT, ""),
        condition=Threshold(limit, is_above=True),
        window_seconds=1,
        timing=Timing(hold, keep, flap_times=0),
        by=by,
        severity=Severity(severity),
        triggered_words=triggered,
        recovered_words=recovered,
        worst_words=lambda _: "",
        what_words=text,
    )
    return OwnRule(rule, measure, is_count)


def _named(incident: Incident) -> str:
    return visible(called(incident.group or ""))


def _lag_text(incident: Incident) -> str:
    behind = format_duration(incident.value)
    return f"the display is {behind} behind: newer lines are not read yet"


def _lag(health: Health) -> Measured:
    return {None: (health.lag_seconds or 0.0, "")}


def _memory(health: Health) -> Measured:
    return {None: (health.memory_share, "")}


def _unreadable(health: Health) -> Measured:
    return {source.name: (float(source.is_unread), source.detail) for source in health.sources}


def _silent(health: Health) -> Measured:
    return {agent.name: (float(agent.is_silent), "") for agent in health.agents}


def _clock(health: Health) -> Measured:
    return {
        source.name: (float(abs(source.behind)), clock_text(source) if source.behind else "")
        for source in health.sources
    }


def _failing(health: Health) -> Measured:
    return {
        output.name: (float(output.state is OutputState.RETRYING), output.detail)
        for output in health.outputs
    }


def _lost(health: Health) -> Measured:
    return {output.name: (float(output.lost), "") for output in health.outputs}


def _gaps(health: Health) -> Measured:
    return {None: (float(health.gaps), health.last_gap)}
