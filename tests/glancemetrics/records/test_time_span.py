"""Instants as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from glancemetrics.records.time_span import parse_instant

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("2h", NOW - timedelta(hours=2)),
        ("90s ago", NOW - timedelta(seconds=90)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("1.5h", NOW - timedelta(minutes=90)),
        ("1w", NOW - timedelta(days=7)),
        ("today", datetime(2026, 11, 20, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 11, 19, tzinfo=UTC)),
        ("2026-11-18", datetime(2026, 11, 18, tzinfo=UTC)),
        ("2026-11-18T05:00", datetime(2026, 11, 18, 5, tzinfo=UTC)),
        ("2026-11-18 05:00:07", datetime(2026, 11, 18, 5, 0, 7, tzinfo=UTC)),
        ("2026-11-18T05:00+02:00", datetime(2026, 11, 18, 3, tzinfo=UTC)),
        ("07:15", datetime(2026, 11, 20, 7, 15, tzinfo=UTC)),
    ],
)
def test_instants(text: str, expected: datetime) -> None:
    assert parse_instant(text, NOW.timestamp()) == int(expected.timestamp())


def test_days_and_times_are_the_zones() -> None:
    assert parse_instant("today", NOW.timestamp(), PARIS) == int(
        datetime(2026, 11, 19, 23, tzinfo=UTC).timestamp()
    )
    assert parse_instant("2026-07-01", NOW.timestamp(), PARIS) == int(
        datetime(2026, 6, 30, 22, tzinfo=UTC).timestamp()
    )


def test_datetimes_and_seconds_are_taken_as_they_are() -> None:
    moment = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert parse_instant(moment, 0.0) == int(moment.timestamp())
    assert parse_instant(12.9, 0.0) == 12


@pytest.mark.parametrize("text", ["", "tomorrowish", "2026-13-01", "25:00", "h2", "5"])
def test_what_is_no_instant_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever parser says so
        parse_instant(text, NOW.timestamp())
