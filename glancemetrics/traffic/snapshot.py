"""Snapshots: insights, alerts and health at one instant, and their JSON."""

from __future__ import annotations

import enum
import math

import attrs

from glancemetrics.alerting.alerting import Alerts
from glancemetrics.incidents.alert_events import iso_time
from glancemetrics.incidents.incident import Incident
from glancemetrics.records.rejects import Reject
from glancemetrics.traffic.insights import Insights


class SourceState(enum.Enum):
    """What the tailer of a source is doing."""

    WAITING = "waiting"
    """The file does not exist (yet, or any more)."""
    READING = "reading"
    """Behind the end of the file."""
    FOLLOWING = "following"
    """At the end of the file."""
    BLOCKED = "blocked"
    """The file cannot be read; `detail` says why and what to do."""
    ENDED = "ended"
    """Standard input has ended."""


@attrs.frozen
class SourceHealth:
    """One source."""

    name: str
    """Path as it was given, or `-`."""
    state: SourceState
    detail: str = ""
    """One sentence, where there is something to say."""
    format: str | None = None
    """Name of the format of its newest records; `None` before any."""
    lag_bytes: int = 0
    """Bytes written to it that have not been read."""
    unparsed: int = 0
    """Rejects since its last record."""
    behind: int = 0
    """Seconds by which most of its records are dated before they were written, where that is more
    than any server takes to write them: its clock is slow. Negative: they are dated ahead of this
    machine's clock. 0 where neither is so."""
    opened: bool = True
    """Whether it has been looked into; its bytes count as lag until then."""
    last_record: int | None = None
    """Second of the last record in the log, where that was before the window when the following
    began and nothing has come since."""

    @property
    def is_unread(self) -> bool:
        """Whether it is missing, or may not be read."""
        return self.state in (SourceState.WAITING, SourceState.BLOCKED)

    @property
    def is_unknown(self) -> bool:
        """Whether it has lines, and none in a known format."""
        return self.format is None and self.unparsed > 0


_SOURCE_FIELDS = tuple(field.name for field in attrs.fields(SourceHealth))


class OutputState(enum.Enum):
    """How an output fares."""

    STARTING = "starting"
    WORKING = "working"
    RETRYING = "retrying"
    """It failed and will be tried again; `detail` says why."""


@attrs.frozen
class OutputHealth:
    """One output."""

    name: str
    state: OutputState
    detail: str = ""
    """Where it writes to; when it fails, why."""
    lost: int = 0
    """Alert events that did not fit its queue."""
    restarts: int = 0
    waiting: int = 0
    """Alert events that it has not delivered yet."""


@attrs.frozen
class Health:
    """What GlanceMetrics knows of itself. `lines == records + rejects + foreign`, always."""

    lines: int = 0
    """Lines read since the start."""
    records: int = 0
    """Lines that are a request."""
    rejects: int = 0
    """Lines that no format accepts."""
    foreign: int = 0
    """Lines of other programs in the same logs."""
    damaged: int = 0
    """Records with a field that could not be read, and is unknown."""
    filtered: int = 0
    """Records that are not counted because a filter (`--where`) was asked for."""
    late: int = 0
    """Records older than the longest window when they came; in no window."""
    early: int = 0
    """Records too far in the future; in no window."""
    gaps: int = 0
    """Spans of logs that could not be read and never will be."""
    last_gap: str = ""
    """The last of them, in a sentence."""
    delay: float | None = None
    """Seconds by which windows end before now, so that they are complete; `None` if unknown."""
    lag_bytes: int = 0
    """Bytes written to the sources that have not been read."""
    lag_seconds: float | None = 0.0
    """How far the newest record read is behind now while bytes wait; `None` on a log of the past,
    where it has no meaning."""
    sources: tuple[SourceHealth, ...] = ()
    outputs: tuple[OutputHealth, ...] = ()
    reject_samples: tuple[Reject, ...] = ()
    """The first reject, then the last ones, the newest last."""
    memory: int | None = None
    """Bytes of memory that this program takes; `None` if unknown."""
    memory_limit: int | None = None
    """Bytes past which the kernel slows or ends it; `None` if there is no such limit."""
    newest: int | None = None
    """Second of the newest record read."""
    live: bool = True
    """Whether windows follow the wall clock; else the records' own times."""

    @property
    def blindness(self) -> str:
        """Why no log at all is being read, in a sentence; empty where one is."""
        lost = [source for source in self.sources if source.is_unread or source.is_unknown]
        if not lost or len(lost) < len(self.sources):
            return ""
        more = f" (and {len(lost) - 1:,} more)" if len(lost) > 1 else ""
        why = lost[0].detail if lost[0].is_unread else "has lines in no known format"
        return f"no log can be read: {lost[0].name} {why}{more}"

    @property
    def memory_share(self) -> float:
        """The part that is taken of the memory that may be; 0 where there is no limit."""
        return (self.memory or 0) / (self.memory_limit or math.inf)


@attrs.frozen
class Snapshot:
    """Everything there is to show at one instant."""

    time: float
    """When it was taken: seconds since the epoch."""
    insights: Insights
    health: Health
    alerts: Alerts = attrs.field(factory=Alerts)
    rates: tuple[int, ...] = ()
    """Hits of each of the last seconds up to the window's end, oldest first."""

    def to_json(self) -> dict[str, object]:
        """Return the snapshot as a line of `--json` has it. Field names are stable."""
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
                dimension.value: [attrs.asdict(row) for row in rows]
                for dimension, rows in insights.top.items()
            },
            "estimated": sorted(dimension.value for dimension in insights.estimated),
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
                # Logs come by the ten thousand; `attrs.asdict` takes ten times as long.
                {name: getattr(source, name) for name in _SOURCE_FIELDS}
                | {"state": source.state.value}
                for source in health.sources
            ],
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
