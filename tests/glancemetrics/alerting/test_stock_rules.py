"""Stock rules over a quiet day and a bad one: exactly the incidents of the table, and no others."""

from __future__ import annotations

import functools

import pytest

from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.counting import Counting, RuleCounts, merged
from glancemetrics.alerting.replay import replay
from glancemetrics.configuration.settings import Settings, read_settings
from glancemetrics.formats.combined import decode
from glancemetrics.planning.plan import rules_of
from glancemetrics.rules.rule import Severity
from glancemetrics.rules.stock import stock_rules
from glancemetrics.simulation import Shape, Spike, Traffic

pytestmark = pytest.mark.slow

HOUR = 3600
MIDNIGHT = 1_790_035_200
RATE = 8.0


def counted(shape: Shape, hours: int, seed: int) -> list[RuleCounts]:
    counting = Counting(Alerting(stock_rules()).wanted)
    traffic = Traffic(shape, seed=seed)
    counts: list[RuleCounts] = []
    for begin in range(0, hours * HOUR, 1800):
        lines = b"".join(
            traffic.lines(second, MIDNIGHT + second) for second in range(begin, begin + 1800)
        )
        decoded = decode(lines)
        assert not decoded.rejects
        if decoded.batch.num_rows:
            counts += counting.count(decoded.batch)
    return merged(counts)


@functools.cache
def incidents(shape: Shape, hours: int, seed: int = 1) -> list[tuple[str, float, float, str]]:
    """Rule, hour of the beginning and of the end, and group."""
    replayed = replay(stock_rules(), counted(shape, hours, seed))
    assert replayed is not None
    return [
        (
            incident.rule,
            (incident.triggered_at - MIDNIGHT) / HOUR,
            ((incident.recovered_at or replayed.end) - MIDNIGHT) / HOUR,
            incident.group or "",
        )
        for incident in replayed.incidents
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_quiet_day_is_quiet(seed: int) -> None:
    """The traffic of the night is a fifth of that of the day."""
    assert incidents(Shape(RATE, swing=0.67, flutter=0.2), 24, seed) == []


def at(hour: float, minutes: float, value: float) -> Spike:
    return Spike(hour * HOUR, minutes * 60, value)


BAD_DAY = Shape(
    RATE,
    swing=0.3,
    spikes=(at(10, 20, 0.0), at(18, 15, 12 * RATE)),
    error_spikes=(at(8, 0.2, 0.5), at(13, 60, 0.09)),
    scans=(at(15, 5, 4.0),),
)
"""A blip of a deployment at 8, an outage at 10, a slow burn at 13, a scanner at 15, a flood at 18:
hours."""

TABLE = [
    ("Nothing served", 10, 10.4, ""),
    ("Traffic drop", 10, 10.6, ""),
    ("Server errors", 13, 14.1, ""),
    ("Attack paths", 15, 15.4, "198.51.100.66"),
    ("Scanner", 15, 15.4, "198.51.100.66"),
    ("Traffic surge", 18, 18.6, ""),
]
"""Rule, the hour in which it begins (within twelve minutes), by when it is over, and group."""


def test_a_bad_day_is_told_as_the_table_has_it() -> None:
    found = incidents(BAD_DAY, 24)
    assert [(rule, group) for rule, _, _, group in found] == [
        (rule, group) for rule, _, _, group in TABLE
    ]
    for (rule, begun, over, _), (_, begin, end, _) in zip(found, TABLE, strict=True):
        assert begin <= begun <= begin + 0.2, rule
        assert begun < over <= end, rule


def test_of_filtered_traffic_the_built_in_rules_say_nothing_unless_they_are_asked_for() -> None:
    assert len(rules_of(Settings())) > 5
    assert len(rules_of(Settings(where="status >= 500"))) == 1
    asked = read_settings({"rules": "built-in", "where": "status >= 500"}, {}, None)
    assert len(rules_of(asked)) > 5


def test_high_traffic_is_an_information_until_its_limit_is_set() -> None:
    (default, *_), (given, *_) = rules_of(Settings()), rules_of(Settings(alert_threshold=20))
    assert (default.severity, given.severity) == (Severity.INFO, Severity.WARNING)
    set_to_it = read_settings({"alert_threshold": "10"}, {}, None)
    assert rules_of(set_to_it)[0].severity is Severity.WARNING
