"""Durations as people write them."""

from __future__ import annotations

import pytest

from glancemetrics.words.durations import (
    parse_microseconds,
    parse_seconds,
    parse_span,
    short_span,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5min", 300),
        ("5 min", 300),
        ("10 s", 10),
        ("30 days", 2_592_000),
        ("1 hour 30 minutes", 5400),
        ("2 hrs", 7200),
        ("1week", 604_800),
        ("90 sec", 90),
    ],
)
def test_units_may_be_written_out(text: str, seconds: int) -> None:
    assert parse_span(text) == seconds
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["5 mon", "1 year", "2M", "min", "5 m5", "1hh", "-5m", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    for parse in (parse_span, parse_seconds):
        with pytest.raises(ValueError):  # noqa: PT011 - any will do
            parse(text)


def test_fractions_and_milliseconds() -> None:
    assert [parse_seconds(text) for text in ("500ms", "1.5m", "0.5 s")] == [0.5, 90, 0.5]
    assert [short_span(seconds) for seconds in (0.5, 10, 90, 1.5)] == [
        "500ms",
        "10s",
        "1m30s",
        "1.5s",
    ]


def test_response_times_are_whole_microseconds() -> None:
    texts = ("500us", "300ms", "0.3s", "2.5s", "1m", "1m30s", "1h", "0.5ms", "1.000001s")
    assert [parse_microseconds(text) for text in texts] == [
        *(500, 300_000, 300_000, 2_500_000, 60_000_000, 90_000_000, 3_600_000_000, 500, 1_000_001),
    ]


@pytest.mark.parametrize(
    "text", ["", "300", "0s", "0.5us", "1.0000001s", "-1s", "1d", "1 s", "1S", "٣s", "9999999999s"]
)
def test_what_is_no_response_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any will do
        parse_microseconds(text)
