"""Alerting: the high-traffic rule over closed seconds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.rules.rule_tables import read_rules
from tests.glancemetrics.alerting.counts import closed as closed_seconds
from tests.glancemetrics.alerting.counts import counts
from tests.lines import BASE

WINDOW = 120


def alerting(threshold: float = 10, window: int = WINDOW, incident_limit: int = 3) -> Alerting:
    return Alerting([high_traffic(threshold, window)], incident_limit=incident_limit)


def closed(end: int, hits: dict[int, int]) -> ClosedSeconds:
    return closed_seconds(end, counts(hits))


def each_second(alerts: Alerting, hits: list[int], start: int = BASE) -> list[AlertEvent]:
    return [
        event
        for second, count in enumerate(hits, start)
        for event in alerts.close(closed(second + 1, {second: count} if count else {}))
    ]


def test_it_says_exactly_what_people_know() -> None:
    (event,) = each_second(alerting(), [1200, 1])
    assert event.kind is AlertEventKind.TRIGGERED
    assert event.message == (
        "High traffic generated an alert - hits = 10.01, triggered at 2026-09-21T14:13:22+00:00"
    )


def test_a_rate_just_above_the_threshold_is_not_told_as_the_threshold() -> None:
    (event,) = each_second(alerting(window=3600), [36_001])
    assert "hits = 10.0003, triggered" in event.message


def test_an_ongoing_incident_has_its_newest_value() -> None:
    alerts = alerting(window=10)
    each_second(alerts, [200, 0, 40])
    (incident,) = alerts.alerts.firing
    assert incident.value == 20
    assert alerts.alerts.latest == {incident.id: 24}
    each_second(alerts, [0] * 20, BASE + 3)
    assert alerts.alerts.latest == {}


def test_an_incident_that_is_no_longer_in_breach_says_when_it_ends() -> None:
    (rule,) = read_rules(
        '[[rule]]\nname = "busy"\nmetric = "rate"\nabove = 10\nwindow = "5s"\nkeep_firing = "30s"',
        "rules.toml",
    )
    alerts = Alerting([rule])
    each_second(alerts, [200])
    assert alerts.alerts.closing == {}
    each_second(alerts, [1] * 7, BASE + 1)
    (incident,) = alerts.alerts.firing
    # The window is clear from the fifth second after the last busy one.
    assert alerts.alerts.closing == {incident.id: BASE + 6 + 30}
    each_second(alerts, [200], BASE + 8)
    assert alerts.alerts.closing == {}


def test_at_exactly_the_threshold_nothing_changes() -> None:
    alerts = alerting()
    assert each_second(alerts, [10] * 300) == []
    assert each_second(alerts, [11], BASE + 300) != []
    # Down to exactly the threshold: it goes on.
    assert each_second(alerts, [9, *[10] * 118], BASE + 301) == []
    (event,) = each_second(alerts, [10], BASE + 420)
    assert event.kind is AlertEventKind.RECOVERED


def test_the_average_is_over_the_whole_window_from_the_first_second_on() -> None:
    (event,) = each_second(alerting(), [100] * 13)
    assert event.time == BASE + 13
    assert event.incident is not None
    assert event.incident.value == pytest.approx(1300 / 120)


def test_it_recovers_on_time_when_no_line_comes_at_all() -> None:
    alerts = alerting()
    each_second(alerts, [2000])
    (event,) = alerts.close(closed(BASE + 1000, {}))
    assert event.kind is AlertEventKind.RECOVERED
    assert event.time == BASE + 121
    assert event.incident is not None
    assert event.incident.duration_seconds == 120
    assert event.message == (
        "High traffic alert recovered at 2026-09-21T14:15:21+00:00 - lasted 2 min 00 s, "
        "highest rate 16.67 requests/s"
    )


def test_recovery_tells_the_highest_rate() -> None:
    events = each_second(alerting(), [2000, 3000, 0] + [0] * 200)
    assert events[-1].incident is not None
    assert events[-1].incident.peak == pytest.approx(5000 / 120)


def test_late_records_count_for_their_own_second() -> None:
    alerts = alerting()
    assert each_second(alerts, [1000] + [0] * 9) == []
    (event,) = alerts.close(closed(BASE + 11, {BASE + 3: 300}))
    assert event.time == BASE + 11
    (over,) = alerts.close(closed(BASE + 400, {}))
    assert over.time == BASE + 121


def test_a_late_record_older_than_the_window_changes_nothing() -> None:
    alerts = alerting()
    each_second(alerts, [1] * 500)
    assert alerts.close(closed(BASE + 501, {BASE + 100: 100_000})) == []


def test_records_that_are_ahead_wait_for_their_second_to_close() -> None:
    alerts = alerting()
    assert alerts.close(closed(BASE + 1, {BASE: 1, BASE + 50: 5000})) == []
    assert alerts.close(closed(BASE + 50, {})) == []
    (event,) = alerts.close(closed(BASE + 51, {}))
    assert event.time == BASE + 51


def test_ongoing_and_recovered_incidents_are_shown_the_newest_first() -> None:
    alerts = alerting(threshold=1, window=1, incident_limit=2)
    each_second(alerts, [2, 0, 3, 0, 4, 0, 5])
    assert [i.value for i in alerts.alerts.firing] == [5]
    assert [i.value for i in alerts.alerts.recovered] == [4, 3]


def test_a_gap_of_years_costs_nothing() -> None:
    alerts = alerting()
    year = 365 * 86_400
    events = alerts.close(closed(BASE + 20 * year, {BASE: 5000, BASE + 19 * year: 5000}))
    assert [event.time - BASE for event in events] == [1, 121, 19 * year + 1, 19 * year + 121]


@given(
    st.lists(st.sampled_from([0, 0, 0, 1, 5, 30]), min_size=1, max_size=60),
    st.lists(st.integers(1, 60), max_size=5),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_incidents_do_not_depend_on_how_seconds_are_gathered(
    hits: list[int], ends: list[int], window: int
) -> None:
    expected = each_second(alerting(4, window), [*hits, *[0] * 20])
    alerts = alerting(4, window)
    found = []
    start = 0
    for end in [*sorted(e for e in ends if e < len(hits)), len(hits), len(hits) + 20]:
        counted = {BASE + s: hits[s] for s in range(start, min(end, len(hits))) if hits[s]}
        found += alerts.close(closed(BASE + end, counted))
        start = end
    assert found == expected


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(1, 15))
@settings(deadline=None)
def test_incidents_are_those_of_an_average_worked_out_by_hand(hits: list[int], window: int) -> None:
    firing = False
    expected = []
    for second in range(len(hits)):
        average = sum(hits[max(0, second - window + 1) : second + 1]) / window
        if not firing and average > 7:
            firing = True
            expected.append((AlertEventKind.TRIGGERED, BASE + second + 1))
        elif firing and average < 7:
            firing = False
            expected.append((AlertEventKind.RECOVERED, BASE + second + 1))
    found = each_second(alerting(7, window), hits)
    assert [(event.kind, event.time) for event in found] == expected
