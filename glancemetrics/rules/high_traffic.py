"""The high-traffic rule: requests per second, averaged over the alert window, above a limit."""

from __future__ import annotations

from glancemetrics.incidents.incident import Incident
from glancemetrics.incidents.lifecycle import Timing
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.metrics import rate_text, read_metric
from glancemetrics.rules.rule import Rule, Severity
from glancemetrics.words.humane import format_duration, format_rate

NAME = "high_traffic"


def high_traffic(threshold: float, window_seconds: int, *, is_default: bool = False) -> Rule:
    """Return the rule. It averages over the whole window, also right after the start.

    `is_default`: nobody has set the limit. The default suits few sites, so a breach is only an
    information then, and says how to set the limit.
    """
    return Rule(
        severity=Severity.INFO if is_default else Severity.WARNING,
        hint="the default: --alert-threshold N" if is_default else "",
        name=NAME,
        metric=read_metric("rate"),
        condition=Threshold(threshold, is_above=True),
        window_seconds=window_seconds,
        is_exact=True,
        timing=Timing(flap_times=0),  # every breach is reported, as it always was
        triggered_words=_triggered,
        recovered_words=_recovered,
    )


def _triggered(rule: Rule, incident: Incident, time: str) -> str:
    hits = rate_text(incident.value, rule.threshold)
    return f"High traffic generated an alert - hits = {hits}, triggered at {time}"


def _recovered(rule: Rule, incident: Incident, time: str) -> str:
    del rule  # scripts match this sentence: it never changes
    assert incident.duration_seconds is not None
    return (
        f"High traffic alert recovered at {time} - "
        f"lasted {format_duration(incident.duration_seconds)}, "
        f"highest rate {format_rate(incident.peak)} requests/s"
    )
