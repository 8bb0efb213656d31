"""What is said of incidents."""

from __future__ import annotations

import pytest

from glancemetrics.incidents.incident import Incident
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.rules.templates import fill


def said(body: str, **incident: object) -> tuple[str, str]:
    """What is said when it begins, and when it is over."""
    rule = read_rules(f'[[rule]]\nname = "Rule"\n{body}', "config.toml")[0]
    fields: dict[str, object] = {
        "id": "x",
        "rule": "Rule",
        "threshold": rule.threshold,
        "window_seconds": rule.window_seconds,
        "triggered_at": 1000,
        "value": 0.25,
        "peak": 0.5,
        "recovered_at": 1090,
    }
    made = Incident(**(fields | incident))  # type: ignore[arg-type]
    return rule.triggered_message(made, "10:05"), rule.recovered_message(made, "10:06")


@pytest.mark.parametrize(
    ("body", "incident", "triggered", "recovered"),
    [
        (
            'metric = "status_ratio(5xx)"\nabove = 0.05\nwindow = "2m"',
            {},
            "Rule: 25 % of responses are 5xx (limit 5 %, 2 min), triggered at 10:05",
            "Rule: recovered at 10:06 - lasted 1 min 30 s, peak 50 %",
        ),
        (
            'metric = "rate"\nbelow = 2\nby = "vhost"',
            {"value": 1.5, "peak": 0.5, "group": "shop.example"},
            "Rule (vhost shop.example): 1.5 req/s over 5 min (minimum 2), triggered at 10:05",
            "Rule (vhost shop.example): recovered at 10:06 - lasted 1 min 30 s, lowest 0.5 req/s",
        ),
        (
            'metric = "p95"\nchange = "3x over 1h ago"',
            {"value": 1.2, "threshold": 0.9, "peak": 2.0},
            "Rule: p95 response time 1.2 s over 5 min (limit 900 ms: 3x the value 1 h ago), "
            "triggered at 10:05",
            "Rule: recovered at 10:06 - lasted 1 min 30 s, peak 2 s",
        ),
        (
            'absence = "5m"',
            {},
            "Rule: no requests for 5 min, triggered at 10:05",
            "Rule: recovered at 10:06 - lasted 1 min 30 s",
        ),
        (
            "slo = 99.9",
            {"value": 20.0, "peak": 31.0},
            "Rule (14.4x over 1h): error budget of 99.9 % burns 20x too fast "
            "(limit 14.4x, 1 h and 5 min), triggered at 10:05",
            "Rule (14.4x over 1h): recovered at 10:06 - lasted 1 min 30 s, peak 31x",
        ),
        (
            'new = "path"',
            {"group": "/x"},
            "Rule (path /x): not seen before, triggered at 10:05",
            "Rule (path /x): recovered at 10:06 - lasted 1 min 30 s",
        ),
        (
            'metric = "error_ratio"\nabove = 0.1\nby = "section"\n'
            'message = "{section}: {value:.1%} of {hits} requests failed"',
            {"group": "/checkout", "hits": 120},
            "/checkout: 25.0% of 120 requests failed",
            "Rule (section /checkout): recovered at 10:06 - lasted 1 min 30 s, peak 50 %",
        ),
        (
            'metric = "error_ratio"\nabove = 0.1',
            {"expired": True},
            "Rule: 25 % of responses are errors (limit 10 %, 5 min), triggered at 10:05",
            "Rule: no more data at 10:06 - lasted 1 min 30 s",
        ),
    ],
)
def test_messages(body: str, incident: dict[str, object], triggered: str, recovered: str) -> None:
    assert said(body, **incident) == (triggered, recovered)


def test_a_flapping_event_says_that_it_flaps_and_until_when_it_stays_open() -> None:
    body = 'metric = "errors"\nabove = 1\nflap_times = 3\nflap_within = "30m"'
    begun, _ = said(body, flapping=True, value=2.0)
    assert begun.endswith(
        " - flapping (3 times in 30 min): stays open until it has been clear for 30 min, "
        "1970-01-01T00:46:40+00:00 at the earliest"
    )
    (own, _) = said(body + '\nmessage = "Errors!"', flapping=True)
    assert own.startswith("Errors! - flapping (3 times in 30 min)")
    (last, _) = said(body, flapping=True, triggered_at=253_402_300_700)
    assert last.endswith("9999-12-31T23:59:59+00:00 at the earliest")
    (single, _) = said(body)
    assert "flapping" not in single


def test_what_a_log_says_is_escaped() -> None:
    body = 'metric = "errors"\nabove = 1\nby = "path"'
    begun, over = said(body, group="/\x1b[31m\u202e", value=2.0)
    assert begun.startswith(r"Rule (path /\x1b[31m\u202e): 2 errors")
    assert r"/\x1b[31m\u202e" in over
    (filled, _) = said(body + '\nmessage = "{path} {group}"', group="/\x1b")
    assert filled == r"/\x1b /\x1b"


def test_what_a_log_says_is_not_read_as_a_template() -> None:
    assert fill("{group}", {"group": "{value.__class__} {0}"}) == "{value.__class__} {0}"
    assert fill("{group:d}", {"group": "text"}) == "text"
