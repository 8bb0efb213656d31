"""A snapshot with something in every part of it."""

from __future__ import annotations

from glancemetrics.alerting.alerting import Alerts
from glancemetrics.health.health import Health, OutputHealth, OutputState, SourceHealth, SourceState
from glancemetrics.incidents.incident import Incident
from glancemetrics.records.dimensions import (
    AGENT,
    HOST,
    METHOD,
    PATH,
    REFERRER,
    SECTION,
    STATUS,
    USER,
)
from glancemetrics.traffic.insights import Insights, TopRow
from glancemetrics.traffic.snapshot import Snapshot
from tests.lines import BASE

NAMES = {
    SECTION: "/s{}",
    PATH: "/path/{}",
    HOST: "203.0.113.{}",
    USER: "user{}",
    STATUS: "20{}",
    METHOD: "M{}",
    REFERRER: "https://example.com/{}",
    AGENT: "Agent/{}.0",
}

FIRING = Incident("high_traffic-1", "high_traffic", 10.0, 120, BASE - 20, 12.5, 14.0)
RECOVERED = Incident(
    "high_traffic-0", "high_traffic", 10.0, 120, BASE - 900, 11.0, 20.0, BASE - 600
)


def insights(rows: int = 20, **fields: object) -> Insights:
    values: dict[str, object] = {
        "end": BASE,
        "window_seconds": 10,
        "hits": 1284,
        "bytes": 91_100,
        "visitors": 321,
        "known_users": 4,
        "client_errors": 30,
        "server_errors": 12,
        "status_classes": {"1xx": 0, "2xx": 1200, "3xx": 42, "4xx": 30, "5xx": 12, "other": 0},
        "top": {
            dimension: tuple(
                TopRow(name.format(i), 100 - i, 1000 - i, 3 if i == 0 else 0) for i in range(rows)
            )
            for dimension, name in NAMES.items()
        },
        "estimated": frozenset(),
    }
    return Insights(**(values | fields))  # type: ignore[arg-type]


def health(**fields: object) -> Health:
    values: dict[str, object] = {
        "lines": 12_345,
        "records": 12_345,
        "delay": 0.5,
        "sources": (SourceHealth("/var/log/access.log", SourceState.FOLLOWING, format="combined"),),
        "outputs": (
            OutputHealth("alert log", OutputState.WORKING, "/state/alerts.jsonl"),
            OutputHealth("console", OutputState.WORKING),
        ),
        "newest": BASE - 1,
    }
    return Health(**(values | fields))  # type: ignore[arg-type]


def snapshot(**fields: object) -> Snapshot:
    values: dict[str, object] = {
        "time": float(BASE),
        "insights": insights(),
        "health": health(),
        "alerts": Alerts((FIRING,), (RECOVERED,)),
        "rates": tuple(range(600)),
    }
    return Snapshot(**(values | fields))  # type: ignore[arg-type]
