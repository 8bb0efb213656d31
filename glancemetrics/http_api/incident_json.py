"""Incidents, rules and silences as JSON; times in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glancemetrics.alerting.alerting import Alerts
from glancemetrics.history.metric_series import measures_of
from glancemetrics.incidents.incident import Incident, rule_title
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.metrics import Metric, Unit
from glancemetrics.rules.own_health import OWN_METRIC
from glancemetrics.rules.rule import Rule

SilencedUntil = Callable[[str], float | None]
"""Returns until when a rule is silenced; `None`: it is not."""


def alerts_json(
    alerts: Alerts,
    rules: Mapping[str, Rule],
    acknowledged: Mapping[str, float],
    silenced_until: SilencedUntil,
) -> dict[str, object]:
    """Return incidents, newest first, and breaches that may become some.

    `acknowledged`: {id: when} of incidents.
    """

    def of(incident: Incident) -> dict[str, object]:
        return _incident(incident, alerts, rules, acknowledged, silenced_until)

    return {
        "firing": [of(one) for one in alerts.firing],
        "ended": [of(one) for one in alerts.ended],
        "pending": [
            {
                "rule": one.rule,
                "title": rule_title(one.rule),
                "group": one.group,
                "since": one.since,
            }
            for one in alerts.pending
        ],
    }


def _incident(
    incident: Incident,
    alerts: Alerts,
    rules: Mapping[str, Rule],
    acknowledged: Mapping[str, float],
    silenced_until: SilencedUntil,
) -> dict[str, object]:
    rule = rules.get(incident.rule)
    latest = alerts.latest.get(incident.id)
    return {
        "incident": incident.id,
        "rule": incident.rule,
        "title": incident.title,
        "severity": incident.severity,
        "by": incident.by,
        "group": incident.group,
        "headline": incident.title if rule is None else rule.headline(incident),
        "bound": "" if rule is None else rule.bound,
        "hint": "" if rule is None else rule.hint,
        "value": incident.value,
        "value_text": _text(rule, incident.value),
        "peak": incident.peak,
        "peak_text": "" if rule is None else rule.worst_value(incident),
        "worst_text": "" if rule is None else rule.worst(incident),
        "latest": latest,
        "latest_text": "" if latest is None else _text(rule, latest),
        "threshold": incident.threshold,
        "window": incident.window_seconds,
        "triggered_at": incident.triggered_at,
        "recovered_at": incident.recovered_at,
        "duration": incident.duration_seconds,
        "flapping": incident.flapping,
        "expired": incident.expired,
        "cause": incident.cause,
        "acknowledged_at": acknowledged.get(incident.id),
        "silenced_until": silenced_until(incident.rule),
        "closes_at": alerts.closing.get(incident.id),
    }


def _text(rule: Rule | None, value: float) -> str:
    return f"{value:g}" if rule is None else rule.metric.format(value)


def rule_json(rule: Rule, silenced_until: SilencedUntil) -> dict[str, object]:
    """Return a rule, with how its metric is drawn over time."""
    condition = rule.condition
    return {
        "name": rule.name,
        "title": rule.title,
        "severity": rule.severity.value,
        "metric": rule.metric.name,
        "where": rule.where,
        "by": rule.by,
        "window": rule.window_seconds,
        "min_hits": rule.min_hits,
        "bound": rule.bound,
        "threshold": rule.threshold,
        "above": condition.is_above if isinstance(condition, Threshold) else not rule.is_of_little,
        "has_limit": isinstance(condition, Threshold),
        "is_own": rule.metric.name == OWN_METRIC,
        "chart": _chart(rule.metric),
        "silenced_until": silenced_until(rule.name),
    }


def _chart(metric: Metric) -> dict[str, Any] | None:
    """Return which measures of the history make a metric; `None` where it has none.

    `value`: the measure itself; `ratio`: the first divided by the second; `per_second`: divided by
    the seconds of a step; `count`: grows with the step, and so does its limit.
    """
    measures = measures_of(metric)
    if not measures:
        return None
    kind = "value"
    if metric.name == "bytes_rate":
        kind = "per_second"
    elif len(measures) > 1:
        kind = "ratio"
    elif metric.unit in {Unit.COUNT, Unit.BYTES} and metric.name != "visitors":
        kind = "count"
    return {"measures": list(measures), "kind": kind, "unit": metric.unit.name.lower()}
