"""Rules as people write them: what they mean, and what is said of mistakes."""

from __future__ import annotations

import re

import pytest

from glancemetrics.errors import UsageError
from glancemetrics.incidents.lifecycle import Timing
from glancemetrics.rules.conditions import Absence, Anomaly, BurnRate, Change, Threshold, Unseen
from glancemetrics.rules.rule import Rule, Severity
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.rules.stock import STOCK_RULES, stock_rules

EXAMPLE = """\
alert_threshold = 250

[[rule]]
name = "Checkout errors"
metric = "error_ratio"
where = "path like '/checkout%'"
above = 0.02
window = "2m"
for = "30s"
recover_below = 0.01
keep_firing = "5m"
min_hits = 50
by = "section"
severity = "critical"
message = "{section}: {value:.1%} of {hits} requests failed"
"""


def rule(body: str) -> Rule:
    (only,) = read_rules(f'[[rule]]\nname = "a"\n{body}', "config.toml")
    return only


def test_a_rule_says_what_it_says() -> None:
    (read,) = read_rules(EXAMPLE, "config.toml")
    assert read.name == "Checkout errors"
    assert read.metric.name == "error_ratio"
    assert read.where == "path like '/checkout%'"
    assert read.condition == Threshold(0.02, is_above=True, recover=0.01)
    assert read.window_seconds == 120
    assert read.timing == Timing(hold=30, keep=300, patience=120)
    assert (read.min_hits, read.by, read.severity) == (50, "section", Severity.CRITICAL)


@pytest.mark.parametrize(
    ("body", "condition", "window", "by"),
    [
        ('metric = "rate"\nbelow = 1', Threshold(1, is_above=False), 300, None),
        (
            'change = "3x over 1h ago"',
            Change(Threshold(3, is_above=True), (3600,)),
            300,
            None,
        ),
        (
            'change = "0.2x over 1d and 1w ago"\nwindow = "10m"\nby = "vhost"',
            Change(Threshold(0.2, is_above=False), (86_400, 604_800)),
            600,
            "vhost",
        ),
        (
            'change = "2x over previous"\nwindow = "1h"',
            Change(Threshold(2, is_above=True), (3600,)),
            3600,
            None,
        ),
        ('absence = "90s"', Absence(), 90, None),
        ('new = "path"\nwarm_up = "2h"', Unseen(7200), 600, "path"),
        ('scan = "paths"', Threshold(30, is_above=True), 60, "host"),
        ('scan = "logins"\nby = "user"', Threshold(20, is_above=True), 60, "user"),
        ("anomaly = 4", Anomaly(4, 86_400), 300, None),
    ],
)
def test_conditions(body: str, condition: object, window: int, by: str | None) -> None:
    read = rule(body)
    assert (read.condition, read.window_seconds, read.by) == (condition, window, by)


def test_burn_rates_are_those_of_the_workbook() -> None:
    """Table 5-8 for a budget of 30 days: 2 % in an hour is 14.4 times too fast, and so on."""
    rules = read_rules('[[rule]]\nname = "SLO"\nslo = 99.9\nbudget = "30d"', "config.toml")
    said = []
    for one in rules:
        assert isinstance(one.condition, BurnRate)
        assert one.condition.objective == pytest.approx(0.999)
        short = one.condition.short_window
        said.append((one.condition.factor, one.window_seconds, short, one.severity))
    assert said == [
        (14.4, 3600, 300, Severity.CRITICAL),
        (6.0, 21_600, 1800, Severity.CRITICAL),
        (3.0, 86_400, 7200, Severity.WARNING),
        (1.0, 259_200, 21_600, Severity.WARNING),
    ]
    assert [one.name for one in rules][:2] == ["SLO (14.4x over 1h)", "SLO (6x over 6h)"]


def test_a_shorter_budget_burns_faster() -> None:
    rules = read_rules('[[rule]]\nname = "a"\nslo = 99\nbudget = "7d"', "config.toml")
    assert [one.threshold for one in rules] == pytest.approx([3.36, 1.4, 0.7])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("above = 1", "line 1 (rule 'a'): metric: must be one of rate, hits,"),
        (
            'metric = "rat"\nabove = 1',
            "line 3 (rule 'a'): metric = 'rat': must be one of rate, hits,",
        ),
        ('metric = "status(20)"\nabove = 1', "('20' is not a status)"),
        ('metric = "distinct(size)"\nabove = 1', "(unknown field 'size')"),
        (
            'metric = "rate"\n# why\nabove = "x"',
            "line 5 (rule 'a'): above = 'x': must be a number",
        ),
        ('metric = "rate"', "line 2: name = 'a': [[rule]] needs one of above, below,"),
        (
            'metric = "rate"\nabove = 1\nbelow = 2',
            "line 5 (rule 'a'): below = 2: [[rule]] needs one of above, below, change, absence, "
            "slo, new, scan, anomaly, and has above already",
        ),
        (
            'metric = "rate"\nabove = 1\nwindw = "2m"',
            "line 5 (rule 'a'): windw: unknown key in [[rule]]; did you mean window?",
        ),
        (
            'metric = "rate"\nabove = 1\nwindow = "2 moments"',
            "window = '2 moments': must be a duration such as 30s, 2m, 1h30m or 7d",
        ),
        ('metric = "rate"\nabove = 1\nwindow = "31d"', "at most 30d"),
        ('metric = "rate"\nabove = 1\nrecover_below = 2', "recover_below = 2: must be at most 1"),
        (
            'metric = "rate"\nabove = 1\nrecover_above = 0.5',
            "recover_above = 0.5: a rule with above uses recover_below",
        ),
        ('metric = "rate"\nabove = 1\nby = "colour"', "by = 'colour': must be one of section,"),
        (
            'metric = "rate"\nabove = 1\nseverity = "bad"',
            "severity = 'bad': must be one of critical, warning, info",
        ),
        (
            'metric = "rate"\nabove = 1\nmessage = "{value.__class__}"',
            "unknown name {value.__class__}; known: rule, severity, group, value,",
        ),
        (
            'metric = "rate"\nabove = 1\nmessage = "{value:999999999}"',
            "{value} cannot be formatted as '999999999'",
        ),
        ('metric = "rate"\nabove = 1\nmessage = "{"', "write {{ or }} for a brace"),
        ('metric = "rate"\nabove = true', "above = True: must be a number"),
        ('metric = "rate"\nabove = 1\nmin_hits = -1', "min_hits = -1: must be a whole number"),
        ('change = "3 times"', "change = '3 times': must be like '3x over 1h ago'"),
        ('change = "1x over 1h ago"', "must be like"),
        ('slo = 99.9\nmetric = "rate"', "metric = 'rate': must be a ratio, like"),
        ("slo = 100", "slo = 100: must be a number from 1 to 99.9999"),
        ('slo = 99\nby = "host"', "by = 'host': an error budget has no groups"),
        ('absence = "5m"\nmetric = "rate"', "metric = 'rate': must be one of hits, lines"),
        ('absence = "5m"\nmetric = "lines"\nby = "host"', "could not be parsed have no fields"),
        ('absence = "5m"\nwindow = "5m"', "window = '5m': has no effect in a rule with absence"),
        ('anomaly = 3\nby = "host"', "by = 'host': an anomaly is learned from all traffic"),
        ('scan = "ports"', "scan = 'ports': must be one of paths, attacks, logins"),
        (
            'metric = "reject_ratio"\nabove = 0.1\nby = "host"',
            "lines that could not be parsed have no fields",
        ),
        ('metric = "rate"\nabove = 1\n[[rule]]\nname = "a"\nabsence = "1m"', "duplicate rule name"),
    ],
)
def test_mistakes_are_told_with_their_place(body: str, error: str) -> None:
    with pytest.raises(UsageError) as told:
        rule(body)
    assert str(told.value).startswith("config.toml line ")
    assert error in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[rule]\nname = 'a'", "config.toml line 1: write [[rule]]; there may be several"),
        ("[[rule]", "config.toml: is not TOML: "),
        ("[[rule]]\nabove = 1", "config.toml line 1: name: missing: it stands in alerts"),
    ],
)
def test_tables_that_are_none(text: str, error: str) -> None:
    with pytest.raises(UsageError) as told:
        read_rules(text, "config.toml")
    assert error in str(told.value)


def test_the_stock_rules_are_what_their_text_says() -> None:
    assert list(stock_rules()) == read_rules(STOCK_RULES, "the built-in rules")
    assert all(rule.where is None for rule in stock_rules()), "they need no extra"


KEPT_FIELDS = """\
[[rule]]
name = "Misses"
metric = "distinct(cache)"
above = 1
by = "cache"
where = "cache = 'MISS'"
message = "{cache}"

[[rule]]
name = "New"
new = "cache"
"""


def test_rules_are_by_fields_that_are_kept() -> None:
    misses, new = read_rules(KEPT_FIELDS, "config.toml", kept=["cache"])
    assert (misses.by, new.by) == ("cache", "cache")
    assert misses.metric.measure.column == "cache"


@pytest.mark.parametrize(
    "body",
    [
        'metric = "hits"\nabove = 1\nby = "cache"',
        'metric = "distinct(cache)"\nabove = 1',
        'new = "cache"',
        'metric = "hits"\nabove = 1\nwhere = "cache is null"',
    ],
)
def test_rules_are_not_by_fields_that_nobody_keeps(body: str) -> None:
    with pytest.raises(UsageError, match="cache"):
        rule(body)


@pytest.mark.parametrize(
    ("metric", "written", "limit"),
    [
        ("p95", '"500ms"', 0.5),
        ("p95", "2", 2),
        ("error_ratio", '"5%"', 0.05),
        ("error_ratio", '"0.05"', 0.05),
        ("bytes", '"10MB"', 10_000_000),
        ("bytes_rate", '"1.5kB"', 1500),
        ("rate", "12.5", 12.5),
    ],
)
def test_a_limit_may_have_the_unit_of_its_metric(metric: str, written: str, limit: float) -> None:
    made = rule(f'metric = "{metric}"\nabove = {written}')
    assert isinstance(made.condition, Threshold)
    assert made.condition.limit == limit


@pytest.mark.parametrize(
    ("metric", "written", "error"),
    [
        ("p95", '"5%"', 'must be a number of seconds, or a duration such as "500ms"'),
        ("error_ratio", '"2s"', 'must be a share from 0 to 1, or a percentage such as "5%"'),
        ("error_ratio", "5", "error_ratio is a share from 0 to 1; 5 % is 0.05"),
        ("error_ratio", '"500%"', "error_ratio is a share from 0 to 1"),
        ("bytes", '"5s"', 'must be a number of bytes, or a size such as "10MB"'),
        ("rate", '"5s"', "must be a number"),
        ("rate", "-1", "must be a number from 0"),
        ("rate", "nan", "must be a number from 0"),
    ],
)
def test_a_limit_of_another_unit_is_a_mistake(metric: str, written: str, error: str) -> None:
    with pytest.raises(UsageError, match=re.escape(error)):
        rule(f'metric = "{metric}"\nabove = {written}')
