"""The high-traffic rule: requests per second, averaged over the alert window, above a threshold."""

from __future__ import annotations

from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.lifecycle import Timing
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.metrics import read_metric
from glancemetrics.rules.rule import Rule
from glancemetrics.words.humane import format_duration, format_rate

NAME = "high_traffic"


def high_traffic(threshold: float, window_seconds: int) -> Rule:
    """Return the rule; the average is over the whole window from the first second on."""
    return Rule(
        name=NAME,
        metric=read_metric("rate"),
        condition=Threshold(threshold, is_above=True),
        window_seconds=window_seconds,
        is_exact=True,
        timing=Timing(flap_times=0),  # each is told, as ever
        triggered_words=_triggered,
        recovered_words=_recovered,
        worst_words=_worst,
    )


def _triggered(rule: Rule, incident: Incident, time: str) -> str:
    hits = _told_apart(incident.value, rule.threshold)
    return f"High traffic generated an alert - hits = {hits}, triggered at {time}"


def _recovered(rule: Rule, incident: Incident, time: str) -> str:
    del rule  # the words are those of the program that this one grew from
    assert incident.duration_seconds is not None
    return (
        f"High traffic alert recovered at {time} - "
        f"lasted {format_duration(incident.duration_seconds)}, "
        f"{_worst(incident)}"
    )


def _worst(incident: Incident) -> str:
    return f"highest rate {format_rate(incident.peak)} requests/s"


def _told_apart(value: float, threshold: float) -> str:
    """The value with so many decimals that nobody reads it as the threshold that it exceeds."""
    for decimals in range(2, 9):
        text = format_rate(value, decimals)
        if float(text) > threshold:
            return text
    return repr(value)
