"""The metrics for other programs, each declared once, in `FAMILIES`.

Prometheus, OTLP and the reference read that list. Names follow Prometheus ("Metric and label
naming") and OpenMetrics 1.0, section "Metric Naming and Namespaces".
"""

from __future__ import annotations

import enum
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from glancemetrics.health.health import (
    AgentHealth,
    AgentState,
    Health,
    OutputHealth,
    OutputState,
    SourceHealth,
    SourceState,
)
from glancemetrics.incidents.incident import rule_title
from glancemetrics.rules.rule import Rule
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.traffic.totals import DurationTotals, TotalsSnapshot
from glancemetrics.version import __version__
from glancemetrics.words.escaping import visible

LABEL_LENGTH = 128
"""Characters of a label's value; longer ones are cut."""
SOURCE_LIMIT = 100
"""Logs with metrics of their own."""
AGENT_LIMIT = 1000
"""Agents with metrics of their own."""

_PREFIX = "glancemetrics_"


class Kind(enum.Enum):
    """Types of metrics (OpenMetrics 1.0, section "Metric Types")."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


_SUFFIXES = {Kind.COUNTER: "_total", Kind.INFO: "_info"}


@attrs.frozen(kw_only=True)
class Observed:
    """What metrics are read from."""

    started_at: float
    """When this process started, in seconds since the epoch."""
    rules: Mapping[str, Rule]
    """All rules by name."""
    snapshot: Snapshot | None = None
    """The latest; `None` before the first one."""


@attrs.frozen
class Point:
    """One series of a family, and its value."""

    labels: tuple[str, ...]
    """Values of the family's labels, in their order."""
    value: float | DurationTotals
    """Durations are the value of histograms only."""


Read = Callable[[Observed], Iterable[Point]]


@attrs.frozen(kw_only=True)
class Family:
    """Series that differ in their labels only."""

    name: str
    """Without the suffix `_total` of counters and `_info` of facts."""
    kind: Kind
    help: str
    unit: str = ""
    """`seconds` or `bytes`, which the name ends in; empty: a number of something."""
    labels: tuple[str, ...] = ()
    read: Read = attrs.field(eq=False)
    is_resumed: bool = False
    """Whether a counter continues after a restart from a checkpoint; others start at 0 again."""
    is_of_totals: bool = False
    """Whether it is read from the totals, which know when they began."""
    joined: Callable[[Iterable[Any]], Any] = attrs.field(default=sum, eq=False)
    """Joins the values of series whose labels are the same once they are escaped and cut."""

    @property
    def full_name(self) -> str:
        """The name with its suffix, as in queries."""
        return self.name + _SUFFIXES.get(self.kind, "")

    def points(self, observed: Observed) -> list[Point]:
        """Return all series; each combination of labels occurs once."""
        values: dict[tuple[str, ...], list[float | DurationTotals]] = {}
        for point in self.read(observed):
            labels = tuple(label_value(value) for value in point.labels)
            values.setdefault(labels, []).append(point.value)
        return [
            Point(labels, of_labels[0] if len(of_labels) == 1 else self.joined(of_labels))
            for labels, of_labels in values.items()
        ]


def label_value(text: str) -> str:
    """Return a text of a log or a configuration as a label: escaped, and not too long."""
    shown = visible(text)
    return shown if len(shown) <= LABEL_LENGTH else f"{shown[: LABEL_LENGTH - 1]}…"


def _family(
    name: str,
    kind: Kind,
    help_text: str,
    read: Read,
    *labels: str,
    **more: Any,
) -> Family:
    unit = next((unit for unit in ("seconds", "bytes") if name.endswith(f"_{unit}")), "")
    return Family(
        name=_PREFIX + name, kind=kind, help=help_text, read=read, labels=labels, unit=unit, **more
    )


def _build(observed: Observed) -> Iterator[Point]:
    del observed
    python = ".".join(map(str, sys.version_info[:3]))
    yield Point((__version__, python), 1)


def _once(value: Callable[[Snapshot], float | None]) -> Read:
    """Read one number without labels from a snapshot; `None`: it is unknown, and left out."""

    def read(observed: Observed) -> Iterator[Point]:
        number = None if observed.snapshot is None else value(observed.snapshot)
        if number is not None:
            yield Point((), number)

    return read


def _health(value: Callable[[Health], float | None]) -> Read:
    return _once(lambda snapshot: value(snapshot.health))


def _totals(points: Callable[[TotalsSnapshot], Iterable[Point]]) -> Read:
    def read(observed: Observed) -> Iterable[Point]:
        totals = None if observed.snapshot is None else observed.snapshot.totals
        return () if totals is None else points(totals)

    return read


def _requests(totals: TotalsSnapshot) -> Iterator[Point]:
    for labels, count in totals.requests.items():
        yield Point((labels.status_class, labels.method, labels.vhost), count)


def _response_bytes(totals: TotalsSnapshot) -> Iterator[Point]:
    for vhost, size in totals.response_bytes.items():
        yield Point((vhost,), size)


def _durations(column: Callable[[TotalsSnapshot], DurationTotals]) -> Read:
    """Read a histogram; without any duration there is none, instead of an empty one."""
    return _totals(lambda totals: [Point((), column(totals))] if column(totals).count else [])


def _source_states(observed: Observed) -> Iterator[Point]:
    if observed.snapshot is not None:
        counts = Counter(source.state for source in observed.snapshot.health.sources)
        for state in SourceState:
            yield Point((state.value,), counts[state])


def _sources(value: Callable[[SourceHealth], float]) -> Read:
    def read(observed: Observed) -> Iterator[Point]:
        if observed.snapshot is not None:
            for source in observed.snapshot.health.sources[:SOURCE_LIMIT]:
                yield Point((source.name,), value(source))

    return read


def _agent_states(observed: Observed) -> Iterator[Point]:
    """Yield how many agents are in each state; nothing without a fleet."""
    agents = () if observed.snapshot is None else observed.snapshot.health.agents
    if agents:
        counts = Counter(agent.state for agent in agents)
        for state in AgentState:
            yield Point((state.value,), counts[state])


def _agents(value: Callable[[AgentHealth], float | None]) -> Read:
    """Return how to read a value of each agent of which it is known now."""

    def read(observed: Observed) -> Iterator[Point]:
        if observed.snapshot is not None:
            for agent in observed.snapshot.health.agents[:AGENT_LIMIT]:
                found = None if agent.state is AgentState.UNKNOWN else value(agent)
                if found is not None:
                    yield Point((agent.name,), found)

    return read


def _outputs(value: Callable[[OutputHealth], float]) -> Read:
    def read(observed: Observed) -> Iterator[Point]:
        if observed.snapshot is not None:
            for output in observed.snapshot.health.outputs:
                yield Point((output.name,), value(output))

    return read


def _by_rule(observed: Observed, counts: Mapping[str, int]) -> Iterator[Point]:
    """Yield a point for every rule, and for rules that are no longer known."""
    for name in dict.fromkeys([*observed.rules, *counts]):
        rule = observed.rules.get(name)
        # Its title, as in the console, on the page and in notifications.
        labels = rule_title(name), "" if rule is None else rule.severity.value
        yield Point(labels, counts.get(name, 0))


def _firing(observed: Observed) -> Iterable[Point]:
    if observed.snapshot is None:
        return ()
    firing = observed.snapshot.alerts.firing
    return _by_rule(observed, Counter(incident.rule for incident in firing))


def _begun(observed: Observed) -> Iterable[Point]:
    return () if observed.snapshot is None else _by_rule(observed, observed.snapshot.alerts.begun)


_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

FAMILIES: Sequence[Family] = (
    _family("build", Kind.INFO, "Version of GlanceMetrics.", _build, "version", "python"),
    _family(
        "start_time_seconds",
        _G,
        "When this process started, in seconds since the epoch.",
        lambda observed: [Point((), observed.started_at)],
    ),
    _family(
        "snapshot_timestamp_seconds",
        _G,
        "When these values were taken, in seconds since the epoch.",
        _once(lambda snapshot: snapshot.time),
    ),
    _family(
        "requests",
        _C,
        "Requests in the logs. The first 100 virtual hosts are counted separately, the others as "
        "(other).",
        _totals(_requests),
        *("class", "method", "vhost"),
        is_resumed=True,
        is_of_totals=True,
    ),
    _family(
        "response_bytes",
        _C,
        "Response sizes as logged; requests without a size add 0.",
        _totals(_response_bytes),
        "vhost",
        is_resumed=True,
        is_of_totals=True,
    ),
    _family(
        "request_duration_seconds",
        _H,
        "Response times, if the log has them.",
        _durations(lambda totals: totals.durations),
        is_resumed=True,
        is_of_totals=True,
    ),
    _family(
        "upstream_duration_seconds",
        _H,
        "Response times of the upstream server, if the log has them.",
        _durations(lambda totals: totals.upstream_durations),
        is_resumed=True,
        is_of_totals=True,
    ),
    _family(
        "window_seconds",
        _G,
        "Length of the window (--timewindow); of an old log, the time it covers.",
        _once(lambda snapshot: snapshot.insights.window_seconds),
    ),
    _family(
        "window_end_timestamp_seconds",
        _G,
        "End of the window, in seconds since the epoch.",
        _once(lambda snapshot: snapshot.insights.end),
    ),
    _family(
        "window_requests",
        _G,
        "Requests in the window of glancemetrics_window_seconds.",
        _once(lambda snapshot: snapshot.insights.hits),
    ),
    _family(
        "visitors",
        _G,
        "Distinct client addresses in the window of glancemetrics_window_seconds.",
        _once(lambda snapshot: snapshot.insights.visitors),
    ),
    *(
        _family(name, _C, help_text, _health(value), is_resumed=True)
        for name, help_text, value in (
            ("lines", "Lines read.", lambda health: health.lines),
            ("records", "Lines parsed as a request.", lambda health: health.records),
            ("rejects", "Lines that could not be parsed.", lambda health: health.rejects),
            ("foreign_lines", "Lines of other programs.", lambda health: health.foreign),
            (
                "damaged_records",
                "Requests with an unreadable field.",
                lambda health: health.damaged,
            ),
            (
                "filtered_records",
                "Requests excluded by a filter (--where).",
                lambda health: health.filtered,
            ),
            (
                "late_records",
                "Requests logged too late for the longest window.",
                lambda health: health.late,
            ),
            (
                "early_records",
                "Requests logged with a time too far in the future; not counted as requests.",
                lambda health: health.early,
            ),
            (
                "gaps",
                "Parts of logs that could not be read and are lost.",
                lambda health: health.gaps,
            ),
        )
    ),
    _family(
        "lag_bytes",
        _G,
        "Bytes in the logs that are not read yet.",
        _health(lambda health: health.lag_bytes),
    ),
    _family(
        "lag_seconds",
        _G,
        "Age of the newest request read while bytes are not read yet, 0 otherwise.",
        _health(lambda health: health.lag_seconds),
    ),
    _family(
        "delay_seconds",
        _G,
        "How far windows end behind real time, so that they are complete.",
        _health(lambda health: health.delay),
    ),
    _family(
        "newest_record_timestamp_seconds",
        _G,
        "Time of the newest request read, in seconds since the epoch.",
        _health(lambda health: health.newest),
    ),
    _family("sources", _G, "Logs by state.", _source_states, "state"),
    _family(
        "source_up",
        _G,
        "1 if the log can be read and its format is known, 0 if not. Only the first "
        f"{SOURCE_LIMIT} logs.",
        _sources(lambda source: int(not (source.is_unread or source.is_unknown))),
        "source",
        joined=min,
    ),
    _family(
        "source_lag_bytes",
        _G,
        f"Bytes in the log that are not read yet. Only the first {SOURCE_LIMIT} logs.",
        _sources(lambda source: source.lag_bytes),
        "source",
    ),
    _family("agents", _G, "Agents of the fleet by state.", _agent_states, "state"),
    _family(
        "agent_up",
        _G,
        "0 if the agent is silent or has ended, or if what it sends is not counted; 1 otherwise. "
        "Absent while the hub cannot reach Redis. "
        f"Only the first {AGENT_LIMIT:,} agents.",
        _agents(lambda agent: int(agent.state in {AgentState.OK, AgentState.WAITING})),
        "server",
        joined=min,
    ),
    _family(
        "agent_lag_bytes",
        _G,
        f"Bytes in the agent's logs that it has not sent. Only the first {AGENT_LIMIT:,} agents.",
        _agents(lambda agent: agent.lag),
        "server",
    ),
    _family(
        "agent_clock_offset_seconds",
        _G,
        "How far the server's clock is ahead of this machine's. "
        f"Only the first {AGENT_LIMIT:,} agents.",
        _agents(lambda agent: agent.ahead),
        "server",
        joined=max,
    ),
    _family(
        "output_up",
        _G,
        "0 while the output fails and is retried, 1 otherwise. The history counts as an output.",
        _outputs(lambda output: int(output.state is not OutputState.RETRYING)),
        "output",
        joined=min,
    ),
    _family(
        "output_lost_events",
        _C,
        "Alert events that will never be delivered.",
        _outputs(lambda output: output.lost),
        "output",
    ),
    _family(
        "output_waiting_events",
        _G,
        "Alert events not delivered yet.",
        _outputs(lambda output: output.waiting),
        "output",
    ),
    _family(
        "output_restarts",
        _C,
        "Restarts of the output after a failure.",
        _outputs(lambda output: output.restarts),
        "output",
    ),
    _family(
        "memory_bytes",
        _G,
        "Memory used by this process.",
        _health(lambda health: health.memory),
    ),
    _family(
        "memory_limit_bytes",
        _G,
        "Memory at which the kernel slows or kills this process.",
        _health(lambda health: health.memory_limit),
    ),
    _family(
        "incidents_firing",
        _G,
        "Ongoing incidents; 0 for every other rule.",
        _firing,
        *("rule", "severity"),
    ),
    _family(
        "incidents",
        _C,
        "Incidents that have begun.",
        _begun,
        *("rule", "severity"),
        is_resumed=True,
    ),
)
"""All families, in the order in which they are exposed."""


def since(family: Family, observed: Observed) -> float:
    """Return when a counter or histogram was 0, in seconds since the epoch; 0: unknown.

    What a checkpoint has resumed may have begun in a run that kept no totals.
    """
    totals = None if observed.snapshot is None else observed.snapshot.totals
    if not family.is_resumed:
        return observed.started_at
    return totals.since if family.is_of_totals and totals is not None else 0.0
