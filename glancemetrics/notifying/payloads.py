"""What targets are sent. Events are as the alert log has them (docs/json.md)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

SIGNATURE_HEADER = "X-GlanceMetrics-Signature"
KEY_HEADER = "Idempotency-Key"
"""Has the same value when an event is sent again."""

_STILL_FIRING = timedelta(days=30)
"""Alertmanager takes an alert for resolved when it hears no more of it; we tell when it is."""

Event = Mapping[str, Any]


def key_of(event: Event) -> str:
    """Return what an event is told by from all others."""
    return f"{event['incident']} {event['event']}"


def webhook_body(event: Event, written: str) -> bytes:
    """Return the body for a webhook: the event as JSON, or a message for Slack and the like.

    Source: https://api.slack.com/reference/surfaces/formatting#escaping
    """
    if written == "slack":
        marks = {"triggered": "🔴", "flapping": "🔴", "recovered": "🟢"}
        text = f"{marks.get(event['event'], '')} {event['message']}".strip()
        for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(plain, escaped)
        return json.dumps({"text": text}).encode()
    return json.dumps({"key": key_of(event), **event}).encode()


def alertmanager_body(event: Event) -> bytes:
    """Return the body for `POST /api/v2/alerts` of Prometheus' Alertmanager.

    Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
    """
    labels = {"alertname": event["rule"], "severity": event["severity"], "job": "glancemetrics"}
    if event.get("group") is not None:
        labels[event["by"]] = event["group"]
    begun = datetime.fromisoformat(event["triggered_at"])
    over = datetime.fromisoformat(event["time"])
    ends = over if event["event"] == "recovered" else begun + _STILL_FIRING
    alert = {
        "labels": labels,
        "annotations": {"summary": event["message"], "incident": event["incident"]},
        "startsAt": begun.isoformat(),
        "endsAt": ends.isoformat(),
    }
    return json.dumps([alert]).encode()


def signature(secret: str, second: int, body: bytes) -> str:
    """Sign `SECOND.body`, with the second in which it is sent: HMAC-SHA256 (RFC 2104)."""
    digest = hmac.new(secret.encode(), b"%d." % second + body, hashlib.sha256).hexdigest()
    return f"t={second},v1={digest}"
