"""Rules: what is watched, when it is a breach, and what is said of it."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from glancemetrics.incidents.alert_events import iso_time
from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.lifecycle import Timing
from glancemetrics.rules.conditions import (
    Absence,
    Anomaly,
    BurnRate,
    Change,
    Condition,
    Threshold,
    Unseen,
)
from glancemetrics.rules.metrics import Metric, Per
from glancemetrics.rules.templates import fill
from glancemetrics.words.durations import written_span
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_duration

Words = Callable[["Rule", Incident, str], str]
"""Say what happened at a time, which is written already."""


class Severity(enum.Enum):
    """How much it matters, the most first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for what matters most."""
        return list(Severity).index(self)


MESSAGE_NAMES = (
    *("rule", "severity", "group", "value", "threshold", "hits", "peak", "window", "time"),
)
"""What a message may name, beside the dimension of the groups."""


_LAST_SECOND = 253_402_300_799
"""The last of year 9999, after which `datetime` has no time."""


@attrs.frozen(kw_only=True)
class Rule:
    """One rule, as a person wrote it."""

    name: str
    metric: Metric
    condition: Condition
    window_seconds: int
    timing: Timing = attrs.field(factory=Timing)
    where: str | None = None
    """An SQL expression: only records for which it is true are watched."""
    by: str | None = None
    """A dimension: each of its values is watched by itself."""
    is_exact: bool = False
    """Whether it is evaluated every second, however long its window is."""
    min_hits: int = 0
    """In the window; with fewer nothing is known."""
    severity: Severity = Severity.WARNING
    message: str | None = None
    """A template (`templates.py`) for its beginning."""
    triggered_words: Words | None = attrs.field(default=None, eq=False, repr=False)
    recovered_words: Words | None = attrs.field(default=None, eq=False, repr=False)
    worst_words: Callable[[Incident], str] | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def key(self) -> str:
        """What tells it from what it was before it was changed, in a later version too.

        It has what is judged by, and nothing of the words. What has its usual value is left out, so
        that a version which knows more of rules takes this one for the same.
        """
        told = {
            "version": _KEY_VERSION,
            "metric": self.metric.name,
            "condition": [_CONDITIONS[type(self.condition)], _unusual(self.condition)],
            "window": self.window_seconds,
            "timing": _unusual(self.timing),
            "where": self.where,
            "by": self.by,
            "is_exact": self.is_exact,
            "min_hits": self.min_hits,
            "severity": self.severity.value,
        }
        known = {name: value for name, value in told.items() if value not in (None, False, 0, {})}
        return json.dumps(known, sort_keys=True)

    @property
    def threshold(self) -> float:
        """What the value is held against."""
        match self.condition:
            case Threshold(limit):
                return limit
            case Change(factor):
                return factor.limit
            case BurnRate(factor):
                return factor
            case Anomaly(deviations):
                return deviations
            case _:
                return 0

    @property
    def is_of_little(self) -> bool:
        """Whether it is a breach that there is too little: as when a log cannot be read."""
        match self.condition:
            case Threshold(_, is_above) | Change(Threshold(_, is_above)):
                return not is_above
            case Absence():
                return True
            case _:
                return False

    def triggered_message(self, incident: Incident, time: str) -> str:
        """Say that it began; `time` is when, written."""
        said = self._triggered(incident, time)
        if incident.cause and self.is_of_little:
            said += f" ({visible(incident.cause)})"
        return said + self._flapping(incident)

    def _flapping(self, incident: Incident) -> str:
        """Say that it came and went too often, and until when it stays open for that."""
        if not incident.flapping:
            return ""
        within = written_span(self.timing.flap_within)
        earliest = iso_time(min(incident.triggered_at + self.timing.flap_within, _LAST_SECOND))
        return (
            f" - flapping ({self.timing.flap_times} times within {within}): stays open until it "
            f"has been clear for {within}, {earliest} at the earliest"
        )

    def _triggered(self, incident: Incident, time: str) -> str:
        if self.triggered_words is not None:
            return self.triggered_words(self, incident, time)
        if self.message is None:
            return f"{self._subject(incident)}: {self._breach(incident)}, triggered at {time}"
        group = visible(incident.group or "")
        return fill(
            self.message,
            {
                "rule": self.name,
                "severity": self.severity.value,
                "group": group,
                self.by or "group": group,
                "value": incident.value,
                "threshold": incident.threshold,
                "hits": incident.hits,
                "peak": incident.peak,
                "window": written_span(self.window_seconds),
                "time": time,
            },
        )

    def recovered_message(self, incident: Incident, time: str) -> str:
        """Say that it is over."""
        if self.recovered_words is not None:
            return self.recovered_words(self, incident, time)
        assert incident.duration_seconds is not None
        lasted = f"lasted {format_duration(incident.duration_seconds)}"
        if incident.expired:
            return f"{self._subject(incident)}: no more data at {time} - {lasted}"
        worst = self.worst(incident)
        told = f"{lasted}, {worst}" if worst else lasted
        return f"{self._subject(incident)}: recovered at {time} - {told}"

    def worst(self, incident: Incident) -> str:
        """Say how bad it was, or nothing where that has no number."""
        if self.worst_words is not None:
            return self.worst_words(incident)
        match self.condition:
            case Absence() | Unseen():
                return ""
            case BurnRate():
                return f"at worst {incident.peak:.3g} times too fast"
            case _:
                return f"at worst {self.metric.format(incident.peak)}"

    def _subject(self, incident: Incident) -> str:
        if incident.group is None:
            return self.name
        return f"{self.name} ({self.by} {visible(incident.group)})"

    def _breach(self, incident: Incident) -> str:
        window = written_span(self.window_seconds)
        value = self.metric.format(incident.value)
        match self.condition:
            case Threshold(limit, is_above):
                than = "above" if is_above else "below"
                return f"{value} over {window}, {than} {self._plain(limit)}"
            case Change(factor, before):
                than = "more" if factor.is_above else "less"
                usual = self._plain(incident.threshold)
                return (
                    f"{value} over {window}, {than} than {factor.limit:g} times what it was "
                    f"{spans(before)} before ({usual})"
                )
            case BurnRate(factor, objective, short):
                return (
                    f"the error budget of {100 * objective:g} % is used up {incident.value:.3g} "
                    f"times too fast over {window} and {written_span(short)} (above {factor:g})"
                )
            case Absence():
                what = "line at all" if self.metric.per is Per.NOTHING_WITH_RECORDS else "request"
                return f"no {what} for {window}"
            case Unseen():
                return f"{self.by} {visible(incident.group or '')} has not been seen before"
            case Anomaly():
                return (
                    f"{value} over {window}, far from the usual {self._plain(incident.threshold)}"
                )

    def _plain(self, value: float) -> str:
        return self.metric.format(value).removesuffix(f" {self.metric.noun}")


_KEY_VERSION = 1
"""Counted up when the same key would come to mean something else."""
_CONDITIONS: dict[type, str] = {
    Threshold: "threshold",
    Change: "change",
    Absence: "absence",
    BurnRate: "burn rate",
    Unseen: "unseen",
    Anomaly: "anomaly",
}


def _unusual(value: Any) -> dict[str, object]:
    """Return the fields of an attrs object that have not their usual values, as plain values."""
    found: dict[str, object] = {}
    for field in attrs.fields(type(value)):
        inner = getattr(value, field.name)
        if inner != field.default:
            found[field.name] = _unusual(inner) if attrs.has(type(inner)) else inner
    return found


def spans(seconds: Iterable[int]) -> str:
    """Write several spans."""
    return " and ".join(map(written_span, seconds))


def reach_of(rule: Rule) -> int:
    """Return how many seconds back a rule looks."""
    before = max(rule.condition.before) if isinstance(rule.condition, Change) else 0
    return rule.window_seconds + before
