"""Alerting: rules evaluated for every closed second, in order, and the incidents they open."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from glancemetrics.alert_events import AlertEvent, AlertEventKind, iso_time
from glancemetrics.closed_seconds import ClosedSeconds
from glancemetrics.incidents import Incident, open_incident
from glancemetrics.metric_series import MetricSeries
from glancemetrics.rules.rule import Metrics, Rule


@attrs.frozen
class Alerts:
    """The incidents that are shown."""

    firing: tuple[Incident, ...] = ()
    """Ongoing, the newest first."""
    recovered: tuple[Incident, ...] = ()
    """The last that are over, the newest first."""


class Alerting:
    """Evaluates rules over closed seconds. Holds what the longest rule needs, and no more."""

    def __init__(self, rules: Sequence[Rule], *, reach_seconds: int, incident_limit: int) -> None:
        """`reach_seconds`: how far past the closed seconds records may already have come."""
        self._rules = tuple(rules)
        self._longest = max((rule.window_seconds for rule in rules), default=1)
        size = 2 * self._longest + reach_seconds
        self._metrics = Metrics(MetricSeries(size), MetricSeries(size), MetricSeries(size))
        self._open: dict[str, Incident] = {}
        self._recovered: deque[Incident] = deque(maxlen=incident_limit)
        self._end: int | None = None

    @property
    def alerts(self) -> Alerts:
        return Alerts(
            tuple(sorted(self._open.values(), key=lambda i: i.triggered_at, reverse=True)),
            tuple(self._recovered),
        )

    def close(self, closed: ClosedSeconds) -> list[AlertEvent]:
        """Take in what was counted, evaluate what has closed, and return what happened."""
        if self._end is None:
            first = int(closed.seconds[0]) if len(closed.seconds) else closed.end
            self._end = min(first, closed.end)
        events: list[AlertEvent] = []
        added = 0
        for start, end in self._stretches(closed):
            # No further than needed: the series forget what is a window behind the newest.
            upto = int(np.searchsorted(closed.seconds, end))
            self._add(closed, added, upto)
            added = upto
            for rule in self._rules:
                events.extend(self._evaluate(rule, start, end))
        self._add(closed, added, len(closed.seconds))
        self._end = max(self._end, closed.end)
        return events

    def _stretches(self, closed: ClosedSeconds) -> Iterator[tuple[int, int]]:
        """Yield the spans to evaluate, none longer than the longest window.

        Where all windows are empty no value changes, so that a gap of years costs nothing.
        """
        assert self._end is not None
        start = self._end
        while start < closed.end:
            end = min(start + self._longest, closed.end)
            yield start, end
            if not self._metrics.hits.total(end - self._longest, end):
                ahead = int(np.searchsorted(closed.seconds, end))
                if ahead == len(closed.seconds):
                    return
                end = min(int(closed.seconds[ahead]), closed.end)
            start = end

    def _add(self, closed: ClosedSeconds, start: int, end: int) -> None:
        part = slice(start, end)
        for series, values in (
            (self._metrics.hits, closed.hits),
            (self._metrics.bytes, closed.bytes),
            (self._metrics.errors, closed.errors),
        ):
            series.add(closed.seconds[part], values[part])

    def _evaluate(self, rule: Rule, start: int, end: int) -> Iterator[AlertEvent]:
        values = rule.values(self._metrics, start, end).tolist()
        for time, value in enumerate(values, start + 1):
            incident = self._open.get(rule.name)
            breached = rule.breached(value)
            if incident is None:
                if breached:
                    yield self._trigger(rule, time, value)
            elif breached is False:
                yield self._recover(rule, incident, time)
            elif value > incident.peak:
                self._open[rule.name] = attrs.evolve(incident, peak=value)

    def _trigger(self, rule: Rule, time: int, value: float) -> AlertEvent:
        incident = open_incident(rule.name, rule.threshold, rule.window_seconds, time, value)
        self._open[rule.name] = incident
        message = rule.triggered_message(incident, iso_time(time))
        return AlertEvent(AlertEventKind.TRIGGERED, time, message, incident)

    def _recover(self, rule: Rule, incident: Incident, time: int) -> AlertEvent:
        over = attrs.evolve(incident, recovered_at=time)
        del self._open[rule.name]
        self._recovered.appendleft(over)
        message = rule.recovered_message(over, iso_time(time))
        return AlertEvent(AlertEventKind.RECOVERED, time, message, over)
