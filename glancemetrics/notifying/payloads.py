"""What is sent to targets. Events are as in the alert log (docs/reference/json.md)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from glancemetrics.incidents.incident import rule_title
from glancemetrics.notifying.targets import Target
from glancemetrics.rules.templates import fill
from glancemetrics.words.durations import written_span
from glancemetrics.words.humane import format_duration

SIGNATURE_HEADER = "X-GlanceMetrics-Signature"
KEY_HEADER = "Idempotency-Key"
"""The same value when a message is sent again."""
RESEND_SECONDS = 60.0
"""How often firing alerts are sent again to Alertmanager, and for a while resolved ones."""
RESEND_RESOLVED_SECONDS = 15 * 60.0
"""For how long, as Prometheus does (`resolvedRetention` in rules/alerting.go)."""

TEMPLATE_NAMES = (
    *("message", "mark", "count", "rule", "event", "severity", "incident", "by", "group", "value"),
    *("threshold", "peak", "window", "duration", "triggered_at", "time", "key"),
)
"""Names that a body may use."""

_SLACK_BODY = {"text": "{mark} {message}"}
_MARKS = {"triggered": "🔴", "flapping": "🔴", "ongoing": "🟠", "recovered": "🟢"}
_MOST_TOLD = 20
"""Events per message whose text is shown."""
_NEVER = "0001-01-01T00:00:00Z"
"""The end of a firing alert, as Alertmanager writes it."""
_STILL_FIRING = timedelta(seconds=4 * RESEND_SECONDS)
"""How long an alert fires unless it is sent again, as in Prometheus: three may get lost."""

Event = Mapping[str, Any]


def key_of(event: Event) -> str:
    """Return what identifies an event."""
    key = f"{event['incident']} {event['event']}"
    # An incident begins and ends once, but may have any number of reminders.
    return f"{key} {event['time']}" if event["event"] == "ongoing" else key


def key_of_all(events: Sequence[Event]) -> str:
    """Return what identifies a message."""
    key = key_of(events[0])
    return key if len(events) == 1 else f"{key} and {len(events) - 1} more"


def idempotency_key(events: Sequence[Event]) -> str:
    """Return a message's key for the header: SHA-256 of `key_of_all`, in hexadecimal.

    The plain key may hold the name of a group, which is text from a log.
    """
    return hashlib.sha256(key_of_all(events).encode("utf-8", "surrogatepass")).hexdigest()


def alert_of(event: Event) -> tuple[str, ...]:
    """Return what identifies an alert in Alertmanager; several incidents may share it."""
    return tuple(str(event.get(name)) for name in ("rule", "severity", "by", "group"))


def json_body(events: Sequence[Event], target: Target) -> bytes:
    """Return the event as JSON; if events are grouped, all of them."""
    key = key_of_all(events)
    if target.group_wait:
        return json.dumps({"key": key, "events": list(events)}).encode()
    return json.dumps({"key": key, **events[0]}).encode()


def webhook_body(events: Sequence[Event], target: Target) -> bytes:
    """Return the body for a webhook: JSON, Slack's format, Alertmanager's, or a filled-in template.

    Source: https://api.slack.com/reference/surfaces/formatting#escaping
    """
    is_slack = target.format == "slack"
    body = target.body
    if body is None and target.format == "alertmanager":
        return _as_alertmanager_sends(events, target)
    if body is None and not is_slack:
        return json_body(events, target)
    values = _values(events)
    if is_slack:
        values = {name: _for_slack(value) for name, value in values.items()}
    return json.dumps(_filled(body or _SLACK_BODY, values)).encode()


def title_and_text(events: Sequence[Event]) -> tuple[str, str]:
    """Return a one-line title and a text, for people."""
    values = _values(events)
    count = f" ({len(events)})" if len(events) > 1 else ""
    title = rule_title(str(values["rule"]))
    return f"{values['mark']} {title}: {values['event']}{count}", str(values["message"])


def alertmanager_body(events: Sequence[Event], now: float) -> bytes:
    """Return the body for `POST /api/v2/alerts` of Prometheus' Alertmanager.

    Only the last event of each alert counts: alerts are states. A firing one ends some minutes
    after `now` (seconds since the epoch), unless it is sent again before.

    Sources: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml,
    https://prometheus.io/docs/alerting/latest/clients/
    """
    last = {alert_of(event): event for event in events}
    current = datetime.fromtimestamp(now, UTC)
    alerts = []
    for event in last.values():
        begun = datetime.fromisoformat(event["triggered_at"])
        over = datetime.fromisoformat(event["time"])
        ends = min(over, current) if event["event"] == "recovered" else current + _STILL_FIRING
        # Alertmanager refuses an alert that ends before it begins, as with a fast server clock.
        alerts.append({**_alert(event), "endsAt": max(begun, ends).isoformat()})
    return json.dumps(alerts).encode()


def _as_alertmanager_sends(events: Sequence[Event], target: Target) -> bytes:
    """Return what Alertmanager itself sends to a webhook.

    Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
    """
    last = {event["incident"]: event for event in events}
    alerts = []
    for event in last.values():
        is_over = event["event"] == "recovered"
        alert = _alert(event)
        fingerprint = hashlib.sha256(json.dumps(alert["labels"], sort_keys=True).encode())
        alerts.append(
            {
                **alert,
                "status": "resolved" if is_over else "firing",
                "endsAt": event["time"] if is_over else _NEVER,
                "generatorURL": "",
                "fingerprint": fingerprint.hexdigest()[:16],
            }
        )
    is_firing = any(alert["status"] == "firing" for alert in alerts)
    return json.dumps(
        {
            "version": "4",
            "groupKey": f"glancemetrics {target.name}",
            "truncatedAlerts": 0,
            "status": "firing" if is_firing else "resolved",
            "receiver": target.name,
            "groupLabels": {},
            "commonLabels": _common([alert["labels"] for alert in alerts]),
            "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
            "externalURL": "",
            "alerts": alerts,
        }
    ).encode()


def _common(tables: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what all tables have in common."""
    first, *others = tables
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}


def _alert(event: Event) -> dict[str, Any]:
    labels = {"alertname": event["rule"], "severity": event["severity"], "job": "glancemetrics"}
    if event.get("group") is not None:
        labels[event["by"]] = event["group"]
    return {
        "labels": labels,
        "annotations": {"summary": event["message"], "incident": event["incident"]},
        "startsAt": event["triggered_at"],
    }


def signature(secret: str, second: int, body: bytes) -> str:
    """Sign `SECOND.body`, with the second of sending: HMAC-SHA256 (RFC 2104)."""
    digest = hmac.new(secret.encode(), b"%d." % second + body, hashlib.sha256).hexdigest()
    return f"t={second},v1={digest}"


def _values(events: Sequence[Event]) -> dict[str, object]:
    """Return the values for templates: those of the first event, all messages, and their count."""
    first = events[0]
    messages = [str(event["message"]) for event in events[:_MOST_TOLD]]
    if len(events) > _MOST_TOLD:
        messages.append(f"and {len(events) - _MOST_TOLD} more")
    duration = first["duration"]
    return {
        **{name: "" if first.get(name) is None else first[name] for name in TEMPLATE_NAMES},
        "window": written_span(first["window"]),
        "duration": "" if duration is None else format_duration(duration),
        "mark": _MARKS.get(first["event"], ""),
        "message": "\n".join(messages),
        "count": len(events),
        "key": key_of_all(events),
    }


def _for_slack(value: object) -> object:
    if not isinstance(value, str):
        return value
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        value = value.replace(plain, escaped)
    return value


def _filled(value: Any, values: Mapping[str, object]) -> Any:
    """Fill in the templates of a table; text from a log cannot leave its string."""
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    return value
