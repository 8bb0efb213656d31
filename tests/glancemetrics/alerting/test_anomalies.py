"""What is usual is learnt, season by season; nothing is told before."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.baseline import Baseline
from glancemetrics.alerting.judge import Judge, Judged
from glancemetrics.alerting.replay import replay
from glancemetrics.incidents.alert_events import AlertEventKind
from glancemetrics.reporting.html.replay import replay_page
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.rules.stock import stock_rules
from tests.glancemetrics.alerting.counts import closed, counts

DAY = 86_400
MIDNIGHT = 20_718 * DAY


def traffic(days: int, seed: int = 1) -> dict[int, int]:
    """Requests by minute, that swing over the day."""
    random = np.random.default_rng(seed)
    return {
        MIDNIGHT + 60 * minute: int(
            random.poisson(600 * (1 + 0.8 * math.sin(2 * math.pi * minute / 1440)))
        )
        for minute in range(days * 1440)
    }


def incidents(hits: dict[int, int], days: int) -> list[tuple[int, AlertEventKind]]:
    rules = read_rules('[[rule]]\nname = "a"\nanomaly = 6\nfor = "5m"', "config.toml")
    events = Alerting(rules).close(closed(MIDNIGHT + days * DAY, counts(hits)))
    return [(event.time - MIDNIGHT, event.kind) for event in events]


def test_days_that_are_alike_are_quiet() -> None:
    assert incidents(traffic(7), 7) == []


def test_what_is_usual_at_noon_is_not_so_at_night() -> None:
    hits = traffic(7)
    night = MIDNIGHT + 6 * DAY + 18 * 3600
    for minute in range(30):
        hits[night + 60 * minute] = 1080  # as many as at six in the morning
    ((begun, kind), (over, end)) = incidents(hits, 7)
    assert kind is AlertEventKind.TRIGGERED
    assert 0 < begun - (night - MIDNIGHT) <= 900
    assert end is AlertEventKind.RECOVERED
    assert over - begun < 3000


def test_nothing_is_told_before_it_is_learnt() -> None:
    hits = traffic(3)
    for minute in range(30):
        hits[MIDNIGHT + 2 * DAY + 60 * minute] = 100_000
    assert incidents(hits, 3) == []


def test_the_band_is_where_the_values_were() -> None:
    baseline = Baseline(DAY)
    times = np.arange(MIDNIGHT, MIDNIGHT + 10 * DAY, 60)
    random = np.random.default_rng(3)
    values = random.normal(100, 10, len(times))
    means, widths = baseline.usual(times, values, 3)
    assert np.isnan(means[: 3 * 1440]).all()
    learnt = slice(8 * 1440, None)
    assert abs(float(np.mean(means[learnt])) - 100) < 2
    assert (widths[learnt] >= 3 * 0.05 * 90).all()


def test_the_chart_of_a_replay_has_the_band() -> None:
    rules = read_rules('[[rule]]\nname = "a"\nanomaly = 6', "config.toml")
    replayed = replay(rules, [counts(traffic(6))])
    assert replayed is not None
    chart = replayed.charts["a"]
    assert np.isnan(chart.limits[chart.times < MIDNIGHT + 3 * DAY]).all()
    learnt = (chart.times > MIDNIGHT + 4 * DAY) & (chart.times < MIDNIGHT + 6 * DAY - 3600)
    assert (chart.lows[learnt] < chart.values[learnt]).all()
    assert (chart.values[learnt] < chart.limits[learnt]).all()
    page = replay_page(replayed, "a.log", UTC, 0)
    assert page.count('class="limit"') == 2


@pytest.mark.parametrize("year", [1100, 1969])
def test_years_without_a_record_cost_next_to_nothing(
    year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line of a server whose clock was never set, and then one of today."""
    judged = 0
    judge = Judge.judge

    def counted(self: Judge, first: int, count: int, young: Callable[[], Any]) -> Judged:
        nonlocal judged
        judged += 1
        return judge(self, first, count, young)

    monkeypatch.setattr(Judge, "judge", counted)
    rules = read_rules('[[rule]]\nname = "a"\nanomaly = 6\nwindow = "1h"', "config.toml")
    alerting = Alerting([*rules, *stock_rules(), high_traffic(10, 120)])
    old = int(datetime(year, 12, 31, 10, tzinfo=UTC).timestamp())
    stretches = list(alerting.closing(closed(MIDNIGHT + 1, counts({old: 1, MIDNIGHT: 5000}))))
    assert judged < 10_000
    assert len(stretches) < 200
    (event,) = [event for events in stretches for event in events]
    assert (event.kind, event.time) == (AlertEventKind.TRIGGERED, MIDNIGHT + 1)


def test_after_a_month_without_a_request_what_is_usual_is_learnt_anew() -> None:
    hits = traffic(5)
    silence = 40
    for second, count in traffic(5).items():
        hits[second + (5 + silence) * DAY] = count
    events = incidents(hits, 10 + silence)
    # The silence is told while it is news; the traffic after it is not: nothing is usual yet.
    assert any(kind is AlertEventKind.TRIGGERED for _, kind in events)
    assert all(time < (5 + 31) * DAY for time, _ in events)
