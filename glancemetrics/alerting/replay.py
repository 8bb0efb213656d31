"""Replay: which incidents rules would have raised over old logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.counting import RuleCounts, merged
from glancemetrics.incidents.incident import Incident
from glancemetrics.rules.conditions import Change, Threshold
from glancemetrics.rules.metrics import Unit
from glancemetrics.rules.rule import Rule

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

CHART_POINTS = 600
"""Points per chart; each shows the worst value of its part of the time."""
_ALL_INCIDENTS = 10_000_000
_SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999)
"""Quantiles of the values that are proposed as limits."""
_MARGIN = 1.25
"""Times the highest value: a limit that would never have been reached."""


@attrs.frozen(eq=False)
class Chart:
    """A rule's values over the time of a replay."""

    times: Int64s
    """Seconds since the epoch."""
    values: Float64s
    """The worst of all groups; NaN without data."""
    limits: Float64s
    """What they were compared with; for a band, its upper edge."""
    lows: Float64s
    """The lower edge of a band; NaN without one."""


@attrs.frozen(eq=False)
class Replay:
    """The result of a replay."""

    start: int
    end: int
    """Seconds since the epoch: the log's first second, and the one after its last."""
    rules: tuple[Rule, ...]
    incidents: tuple[Incident, ...]
    """Ordered by start. One that has not recovered was ongoing at the end."""
    charts: dict[str, Chart]
    """By rule name."""


@attrs.frozen
class Suggestion:
    """A limit, and what it would have raised."""

    rule: Rule
    limit: float
    incidents: int
    seconds: int
    """Total time in which there was an incident."""


def replay(rules: Sequence[Rule], counts: Iterable[RuleCounts]) -> Replay | None:
    """Run rules over the counts of whole logs; `None` without any record."""
    parts = merged(counts)
    if not parts:
        return None
    start = min(int(part.seconds[0]) for part in parts)
    end = max(int(part.seconds[-1]) for part in parts) + 1
    drawing = _Drawing(start, end)
    alerting = Alerting(rules, incident_limit=_ALL_INCIDENTS, trace=drawing.trace)
    alerting.close(ClosedSeconds(end, tuple(parts)))
    alerts = alerting.alerts
    incidents = sorted(
        [*alerts.firing, *alerts.recovered], key=lambda i: (i.triggered_at, i.rule, i.group or "")
    )
    return Replay(start, end, tuple(rules), tuple(incidents), drawing.charts())


def suggest(rules: Sequence[Rule], counts: Iterable[RuleCounts]) -> list[Suggestion]:
    """Propose limits for rules with a threshold, with the incidents that each would have raised."""
    parts = merged(counts)
    wanted = [rule for rule in rules if isinstance(rule.condition, Threshold)]
    if not parts or not wanted:
        return []
    values: dict[str, list[Float64s]] = {rule.name: [] for rule in wanted}

    def gather(
        rule: Rule, times: Int64s, of_rule: Float64s, limits: Float64s, band: Float64s | None
    ) -> None:
        del times, limits, band
        values[rule.name].append(of_rule[~np.isnan(of_rule)])

    end = max(int(part.seconds[-1]) for part in parts) + 1
    Alerting(wanted, trace=gather).close(ClosedSeconds(end, tuple(parts)))
    tried: list[tuple[Rule, Rule]] = []
    for rule in wanted:
        for limit in _limits(rule, np.concatenate([np.zeros(0), *values[rule.name]])):
            assert isinstance(rule.condition, Threshold)
            condition = _moved(rule.condition, limit)
            tried.append(
                (rule, attrs.evolve(rule, name=f"{rule.name}\0{limit!r}", condition=condition))
            )
    found = replay([candidate for _, candidate in tried], parts)
    assert found is not None
    suggestions = []
    for rule, candidate in tried:
        raised = [incident for incident in found.incidents if incident.rule == candidate.name]
        seconds = sum((i.recovered_at or found.end) - i.triggered_at for i in raised)
        suggestions.append(Suggestion(rule, candidate.threshold, len(raised), seconds))
    return suggestions


def _moved(condition: Threshold, limit: float) -> Threshold:
    """Return a threshold with another limit; its hysteresis keeps its relative width."""
    recover = condition.recover
    if recover is not None:
        recover = limit * (recover / condition.limit) if condition.limit else limit
    return attrs.evolve(condition, limit=limit, recover=recover)


def _limits(rule: Rule, values: Float64s) -> list[float]:
    assert isinstance(rule.condition, Threshold)
    limits = [rule.condition.limit]
    if len(values):
        shares = _SHARES if rule.condition.is_above else [1 - share for share in _SHARES]
        limits += np.quantile(values, shares).tolist()
        worst = values.max() * _MARGIN if rule.condition.is_above else values.min() / _MARGIN
        limits.append(float(worst))
    if rule.metric.unit is Unit.SHARE:
        limits = [min(limit, 1.0) for limit in limits]
    rounded = [limits[0], *(float(f"{limit:.2g}") for limit in limits[1:])]
    return sorted({limit for limit in rounded if limit > 0})


class _Drawing:
    """Builds charts: the worst value at each point."""

    def __init__(self, start: int, end: int) -> None:
        self._start = start
        self._width = max(1, -(-(end - start) // CHART_POINTS))
        self._points = -(-(end - start) // self._width) + 1
        self._charts: dict[str, tuple[Float64s, Float64s, Float64s]] = {}

    def trace(
        self,
        rule: Rule,
        times: Int64s,
        values: Float64s,
        limits: Float64s,
        band: Float64s | None,
    ) -> None:
        """Add values of a rule."""
        condition = rule.condition.factor if isinstance(rule.condition, Change) else rule.condition
        below = isinstance(condition, Threshold) and not condition.is_above
        if rule.name not in self._charts:
            unknown = np.full((3, self._points), np.nan)
            self._charts[rule.name] = unknown[0], unknown[1], unknown[2]
        worst_values, worst_limits, worst_lows = self._charts[rule.name]
        of_group = np.where(np.isnan(values), np.inf if below else -np.inf, values)
        worst = of_group.argmin(axis=0) if below else of_group.argmax(axis=0)
        columns = np.arange(values.shape[1])
        value, limit = values[worst, columns], limits[worst, columns]
        points = np.clip((times - 1 - self._start) // self._width, 0, self._points - 1)
        for point in np.unique(points).tolist():
            there = np.flatnonzero((points == point) & ~np.isnan(value))
            if not len(there):
                continue
            at = there[value[there].argmin() if below else value[there].argmax()]
            known = worst_values[point]
            if np.isnan(known) or (value[at] < known if below else value[at] > known):
                width = 0.0 if band is None else band[0, at]
                worst_values[point], worst_limits[point] = value[at], limit[at] + width
                if band is not None:
                    worst_lows[point] = limit[at] - width

    def charts(self) -> dict[str, Chart]:
        """Return the charts."""
        times = self._start + np.arange(self._points) * self._width
        return {
            name: Chart(times, values, limits, lows)
            for name, (values, limits, lows) in self._charts.items()
        }
