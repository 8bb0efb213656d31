"""Rules: what is watched, when it is a breach, and the sentences about it."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from glancemetrics.incidents.incident import Incident, rule_title
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
from glancemetrics.rules.metrics import Metric, Per, Unit, rate_text
from glancemetrics.rules.templates import fill
from glancemetrics.words.durations import written_span
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import format_duration
from glancemetrics.words.instants import iso_time

Words = Callable[["Rule", Incident, str], str]
"""The sentence about an incident at a time, which is already formatted."""


class Severity(enum.Enum):
    """How urgent an incident is, most urgent first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Severity).index(self)


MESSAGE_NAMES = (
    *("rule", "severity", "group", "value", "threshold", "hits", "peak", "window", "time"),
)
"""Names that a message template may use, besides the field of the groups."""


_LAST_SECOND = 253_402_300_799
"""The last second of year 9999: `datetime` ends there."""


@attrs.frozen(kw_only=True)
class Rule:
    """One rule, as configured."""

    name: str
    metric: Metric
    condition: Condition
    window_seconds: int
    timing: Timing = attrs.field(factory=Timing)
    where: str | None = None
    """An SQL expression: only records for which it is true count."""
    by: str | None = None
    """A field: each of its values is watched separately."""
    is_exact: bool = False
    """Whether it is evaluated every second, however long its window is."""
    min_hits: int = 0
    """With fewer requests in the window the rule says nothing."""
    severity: Severity = Severity.WARNING
    message: str | None = None
    """A template (`templates.py`) for the message when it triggers."""
    hint: str = attrs.field(default="", eq=False)
    """What to do about the rule itself, such as set its limit; ends the summary."""
    triggered_words: Words | None = attrs.field(default=None, eq=False, repr=False)
    recovered_words: Words | None = attrs.field(default=None, eq=False, repr=False)
    worst_words: Callable[[Incident], str] | None = attrs.field(default=None, eq=False, repr=False)
    what_words: Callable[[Incident], str] | None = attrs.field(default=None, eq=False, repr=False)
    """Says what is wrong, where no number with a limit does."""

    @property
    def title(self) -> str:
        """The name as shown to people: `High traffic`."""
        return rule_title(self.name)

    @property
    def key(self) -> str:
        """What identifies the rule's behaviour: a restart resumes incidents only if it is the same.

        It holds what is evaluated, not the wording. Values at their defaults are left out, so that
        a later version with more settings still recognizes the rule.
        """
        fields = {
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
        known = {name: value for name, value in fields.items() if value not in (None, False, 0, {})}
        return json.dumps(known, sort_keys=True)

    @property
    def threshold(self) -> float:
        """The limit that values are compared with."""
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
        """Whether too little traffic is the breach; an unreadable log looks the same."""
        match self.condition:
            case Threshold(_, is_above) | Change(Threshold(_, is_above)):
                return not is_above
            case Absence():
                return True
            case _:
                return False

    def triggered_message(self, incident: Incident, time: str) -> str:
        """Return the message when it triggers; `time` is formatted."""
        message = self._triggered(incident, time)
        if incident.cause and self.is_of_little:
            message += f" ({visible(incident.cause)})"
        return message + self._flapping(incident)

    def summary(self, incident: Incident) -> str:
        """Return what is wrong, without a time: `High traffic: 158 req/s over 2 min (limit 10)`."""
        return f"{self._what(incident)}{self.hint_text}"

    def headline(self, incident: Incident) -> str:
        """Return what is wrong for a screen, without the hint: its own message, or the summary."""
        own_words = self.message is not None and self.triggered_words is None
        text = self._triggered(incident, "") if own_words else self._what(incident)
        if incident.cause and self.is_of_little:
            text += f" ({visible(incident.cause)})"
        return text + self._flapping(incident)

    def recovery(self, incident: Incident) -> str:
        """Return how an incident that is over went: `High traffic: 51 s, peak 311 req/s`."""
        assert incident.duration_seconds is not None
        how = format_duration(incident.duration_seconds)
        worst = "no more data" if incident.expired else self.worst(incident)
        return f"{self._subject(incident)}: {how}" + (f", {worst}" if worst else "")

    @property
    def hint_text(self) -> str:
        """What ends a sentence about the rule; empty without a hint."""
        return f" – {self.hint}" if self.hint else ""

    @property
    def bound(self) -> str:
        """When it triggers, in words: `limit 10 req/s`, `limit 3x the requests of 1 h ago`."""
        match self.condition:
            case Threshold(limit, is_above):
                return f"{'limit' if is_above else 'minimum'} {self.metric.format(limit)}"
            case Change(factor, before):
                earlier = " and ".join(map(_span_text, before))
                kind = "limit" if factor.is_above else "minimum"
                return f"{kind} {factor.limit:g}x the {self.metric.quantity} of {earlier} ago"
            case BurnRate(factor, objective):
                return f"limit {factor:g}x the error budget of {100 * objective:g} %"
            case Absence():
                return "nothing at all"
            case Unseen():
                return "a new value"
            case Anomaly(deviations, season):
                usual = f"the usual value, by {_span_text(season)}"
                return f"limit {deviations:g} deviations of the {self.metric.quantity} from {usual}"

    def _what(self, incident: Incident) -> str:
        if self.what_words is not None:
            return f"{self.title}: {self.what_words(incident)}"
        return f"{self._subject(incident)}: {self._breach(incident)}"

    def _flapping(self, incident: Incident) -> str:
        """Say that it triggers too often, and until when it stays open for that."""
        if not incident.flapping:
            return ""
        within = _span_text(self.timing.flap_within)
        earliest = iso_time(min(incident.triggered_at + self.timing.flap_within, _LAST_SECOND))
        return (
            f" - flapping ({self.timing.flap_times} times in {within}): stays open until it "
            f"has been clear for {within}, {earliest} at the earliest"
        )

    def _triggered(self, incident: Incident, time: str) -> str:
        if self.triggered_words is not None:
            return self.triggered_words(self, incident, time)
        if self.message is None:
            return f"{self.summary(incident)}, triggered at {time}"
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
        """Return the message when it is over; `time` is formatted."""
        if self.recovered_words is not None:
            return self.recovered_words(self, incident, time)
        assert incident.duration_seconds is not None
        lasted = f"lasted {format_duration(incident.duration_seconds)}"
        if incident.expired:
            return f"{self._subject(incident)}: no more data at {time} - {lasted}"
        worst = self.worst(incident)
        how = f"{lasted}, {worst}" if worst else lasted
        return f"{self._subject(incident)}: recovered at {time} - {how}"

    def worst(self, incident: Incident) -> str:
        """Return the worst value in words: `peak 311 req/s`; nothing where there is no number."""
        if self.worst_words is not None:
            return self.worst_words(incident)
        value = self.worst_value(incident)
        match self.condition:
            case Threshold(_, is_above) | Change(Threshold(_, is_above)) if not is_above:
                return f"lowest {value}"
            case _:
                return f"peak {value}" if value else ""

    def worst_value(self, incident: Incident) -> str:
        """Return the worst value alone: `311 req/s`; nothing where there is no number."""
        match self.condition:
            case Absence() | Unseen():
                return ""
            case BurnRate():
                return f"{incident.peak:.3g}x"
            case _:
                is_counted = self.metric.unit in {Unit.COUNT, Unit.RATE}
                text = self.metric.format if is_counted else self.metric.bare
                return text(incident.peak)

    def _subject(self, incident: Incident) -> str:
        if incident.group is None:
            return self.title
        return f"{self.title} ({self.by} {visible(incident.group)})"

    def _breach(self, incident: Incident) -> str:
        metric, window = self.metric, _span_text(self.window_seconds)
        value, limit = metric.format(incident.value), metric.bare(incident.threshold)
        match self.condition:
            case Threshold(_, is_above):
                if is_above and metric.unit is Unit.RATE and metric.bare(incident.value) == limit:
                    value = f"{rate_text(incident.value, incident.threshold)} {metric.noun}/s"
                bound = f"{'limit' if is_above else 'minimum'} {limit}"
                is_rate = metric.unit in {Unit.RATE, Unit.BYTES_RATE}
                text = f"{value} over {window} ({bound})"
                return text if is_rate else f"{value} ({bound}, {window})"
            case Change(factor, before):
                bound = f"{'limit' if factor.is_above else 'minimum'} {limit}"
                earlier = " and ".join(map(_span_text, before))
                return f"{value} over {window} ({bound}: {factor.limit:g}x the value {earlier} ago)"
            case BurnRate(factor, objective, short):
                windows = f"{window} and {_span_text(short)}"
                return (
                    f"error budget of {100 * objective:g} % burns {incident.value:.3g}x too fast "
                    f"(limit {factor:g}x, {windows})"
                )
            case Absence():
                what = "lines" if metric.per is Per.NOTHING_WITH_RECORDS else "requests"
                return f"no {what} for {window}"
            case Unseen():
                return "not seen before"
            case Anomaly():
                return f"{value} over {window} (usually {limit})"


_KEY_VERSION = 1
"""Raised when the same key would mean something else."""
_CONDITIONS: dict[type, str] = {
    Threshold: "threshold",
    Change: "change",
    Absence: "absence",
    BurnRate: "burn rate",
    Unseen: "unseen",
    Anomaly: "anomaly",
}


def _unusual(value: Any) -> dict[str, object]:
    """Return the fields of an attrs object that differ from their defaults, as plain values."""
    found: dict[str, object] = {}
    for field in attrs.fields(type(value)):
        inner = getattr(value, field.name)
        if inner != field.default:
            found[field.name] = _unusual(inner) if attrs.has(type(inner)) else inner
    return found


def spans(seconds: Iterable[int]) -> str:
    """Write several spans of time."""
    return " and ".join(map(written_span, seconds))


def _span_text(seconds: int) -> str:
    """Write a span for people: `2 min`, `1 h 30 min`."""
    parts = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def reach_of(rule: Rule) -> int:
    """Return how many seconds back a rule looks."""
    before = max(rule.condition.before) if isinstance(rule.condition, Change) else 0
    return rule.window_seconds + before
