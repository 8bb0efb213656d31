"""Burn rates, worked out by hand from the Workbook's table."""

from __future__ import annotations

import pytest

from glancemetrics.alerting.alerting import Alerting
from glancemetrics.incidents.alert_events import AlertEventKind
from glancemetrics.rules.metrics import read_metric
from glancemetrics.rules.rule_tables import read_rules
from tests.glancemetrics.alerting.counts import closed, counts
from tests.lines import BASE

BAD = read_metric("status_ratio(5xx)").measure
START = BASE - BASE % 300


def events(bad_share: float, minutes: int, before_hours: int = 6) -> list[tuple[str, int]]:
    """A service of 100 requests a minute fails by a share for so many minutes."""
    rules = read_rules('[[rule]]\nname = "SLO"\nslo = 99.9', "config.toml")
    alerting = Alerting(rules)
    hours = before_hours + minutes // 60 + 2
    hits = {START + 60 * minute: 1000 for minute in range(hours * 60)}
    begin = before_hours * 60
    bad = {
        START + 60 * minute: round(1000 * bad_share)
        for minute in range(begin, begin + minutes)
        if bad_share
    }
    happened = alerting.close(closed(START + hours * 3600, counts(hits), counts(bad, BAD)))
    return [
        (event.incident.rule, event.time - START - before_hours * 3600)
        for event in happened
        if event.incident is not None and event.kind is AlertEventKind.TRIGGERED
    ]


def test_an_error_rate_of_14_4_times_the_budget_pages_after_an_hour() -> None:
    """1.44 % of errors with an objective of 99.9 % burn 14.4 times too fast; a bit more pages."""
    found = dict(events(0.015, 90))
    # 1.5 % for t minutes is 1.5 % * t/60 of the hour: above 1.44 % from minute 57.6 on.
    assert found["SLO (14.4x over 1h)"] == pytest.approx(58 * 60, abs=60)


def test_a_full_outage_pages_within_a_minute() -> None:
    """All requests fail: a thousand times too fast; 14.4/1000 of an hour are 52 s."""
    found = dict(events(1.0, 30))
    assert found["SLO (14.4x over 1h)"] == pytest.approx(52, abs=60)
    # 6/1000 of six hours are 130 s, and of half an hour 11 s.
    assert found["SLO (6x over 6h)"] == pytest.approx(130, abs=120)


def test_within_budget_nobody_is_woken() -> None:
    assert events(0.0009, 300) == []
    assert events(0, 60) == []


def test_a_short_blip_that_is_over_does_not_page() -> None:
    """1 % of errors for a minute are 0.017 % of the hour."""
    assert events(0.01, 1) == []
