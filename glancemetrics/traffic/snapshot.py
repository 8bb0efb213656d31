"""Snapshots: insights, alerts and health at one instant, and their JSON."""

from __future__ import annotations

import enum

import attrs

from glancemetrics.alerting.alerting import Alerts
from glancemetrics.health.health import Health, SourceHealth
from glancemetrics.incidents.incident import Incident
from glancemetrics.records.dimensions import BY_SERVER
from glancemetrics.traffic.insights import Insights
from glancemetrics.traffic.totals import TotalsSnapshot
from glancemetrics.words.instants import iso_time

_SOURCE_FIELDS = tuple(field.name for field in attrs.fields(SourceHealth))


class Shown(enum.Enum):
    """Which span of time the insights of a snapshot cover."""

    WINDOW = "window"
    """The last seconds before the window's end."""
    WHOLE_LOG = "whole log"
    """All of a log whose records are old."""


@attrs.frozen
class Snapshot:
    """Everything to show at one instant."""

    time: float
    """Time of the snapshot, in seconds since the epoch."""
    insights: Insights
    """Of the window that is set, or of a whole log."""
    health: Health
    alerts: Alerts = attrs.field(factory=Alerts)
    rates: tuple[float, ...] = ()
    """Hits per second of each of the last steps up to the window's end, oldest first."""
    silent: int = 0
    """Seconds up to the window's end without a request, where that is unusual; else 0."""
    shown_as: Shown = Shown.WINDOW
    shown: Insights = attrs.field(
        default=attrs.Factory(lambda self: self.insights, takes_self=True)
    )
    """The insights for people: of a window that fits a quiet log."""
    totals: TotalsSnapshot | None = None
    """Since the start; `None` if no output wants them."""

    @property
    def has_servers(self) -> bool:
        """Whether there are servers to compare: agents, or requests of several servers."""
        return bool(self.health.agents) or len(self.shown.top.get(BY_SERVER, ())) > 1

    def to_json(self) -> dict[str, object]:
        """Return the snapshot as a line of `--json`. Field names are stable."""
        insights = self.insights
        return {
            "time": iso_time(self.time),
            "window": {
                "start": iso_time(insights.end - insights.window_seconds),
                "end": iso_time(insights.end),
                "seconds": insights.window_seconds,
            },
            "hits": insights.hits,
            "hit_rate": insights.hit_rate,
            "bytes": insights.bytes,
            "visitors": insights.visitors,
            "known_users": insights.known_users,
            "errors": insights.errors,
            "client_errors": insights.client_errors,
            "server_errors": insights.server_errors,
            "status_classes": insights.status_classes,
            "top": {
                dimension.plural: [attrs.asdict(row) for row in rows]
                for dimension, rows in insights.top.items()
            },
            "estimated": sorted(dimension.plural for dimension in insights.estimated),
            "alerts": {
                "firing": [_incident(incident) for incident in self.alerts.firing],
                "recovered": [_incident(incident) for incident in self.alerts.recovered],
            },
            "health": self._health(),
        }

    def _health(self) -> dict[str, object]:
        health = self.health
        return {
            "lines": health.lines,
            "records": health.records,
            "rejects": health.rejects,
            "foreign": health.foreign,
            "damaged": health.damaged,
            "filtered": health.filtered,
            "late": health.late,
            "early": health.early,
            "delay": health.delay,
            "lag_bytes": health.lag_bytes,
            "lag_seconds": health.lag_seconds,
            "memory": health.memory,
            "memory_limit": health.memory_limit,
            "gaps": health.gaps,
            "last_gap": health.last_gap,
            "clock": "wall" if health.live else "log",
            "sources": [
                # There may be tens of thousands of logs; `attrs.asdict` takes ten times as long.
                {name: getattr(source, name) for name in _SOURCE_FIELDS}
                | {"state": source.state.value}
                for source in health.sources
            ],
            "agents": [agent.to_json() for agent in health.agents],
            "outputs": [
                {**attrs.asdict(output), "state": output.state.value} for output in health.outputs
            ],
            "reject_samples": [attrs.asdict(reject) for reject in health.reject_samples],
        }


def _incident(incident: Incident) -> dict[str, object]:
    return {
        "incident": incident.id,
        "rule": incident.rule,
        "value": incident.value,
        "threshold": incident.threshold,
        "window": incident.window_seconds,
        "triggered_at": iso_time(incident.triggered_at),
        "recovered_at": None if incident.recovered_at is None else iso_time(incident.recovered_at),
        "duration": incident.duration_seconds,
        "peak": incident.peak,
    }
