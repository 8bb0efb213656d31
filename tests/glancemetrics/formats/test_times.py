"""Times in zones, on the nights on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from glancemetrics.formats.times import in_zone

BERLIN = ZoneInfo("Europe/Berlin")


def read(shown: str, arrived: str | None = None) -> str:
    """What a clock in Berlin showed, as it was in UTC; `arrived` in UTC."""
    micros = int(datetime.fromisoformat(shown).replace(tzinfo=UTC).timestamp()) * 1_000_000
    came = None
    if arrived is not None:
        came = datetime.fromisoformat(arrived).replace(tzinfo=UTC).timestamp()
    (found,) = in_zone(np.array([micros]), BERLIN, came).tolist()
    return datetime.fromtimestamp(found / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("shown", "arrived", "was"),
    [
        ("2026-10-25 02:30", None, "2026-10-25 00:30"),
        # Clocks went from 03:00 back to 02:00 at 01:00 UTC.
        ("2026-10-25 02:30", "2026-10-25 00:30", "2026-10-25 00:30"),
        ("2026-10-25 02:59", "2026-10-25 01:00", "2026-10-25 00:59"),
        ("2026-10-25 02:00", "2026-10-25 01:00", "2026-10-25 01:00"),
        ("2026-10-25 02:30", "2026-10-25 01:30", "2026-10-25 01:30"),
        ("2026-10-25 03:00", "2026-10-25 02:00", "2026-10-25 02:00"),
        ("2026-10-25 01:59", "2026-10-25 02:00", "2026-10-24 23:59"),
        ("2026-03-29 03:00", "2026-03-29 01:00", "2026-03-29 01:00"),
        # Nobody's clock showed this: they went from 02:00 on to 03:00.
        ("2026-03-29 02:30", "2026-03-29 01:30", "2026-03-29 01:30"),
    ],
)
def test_a_time_that_was_shown_twice(shown: str, arrived: str | None, was: str) -> None:
    assert read(shown, arrived) == was


def test_the_seconds_of_such_a_night_go_on_as_they_come() -> None:
    """A line a minute, read as it comes: each a minute after the one before."""
    begin = int(datetime(2026, 10, 24, 23, tzinfo=UTC).timestamp())
    for second in range(begin, begin + 4 * 3600, 60):
        shown = datetime.fromtimestamp(second, BERLIN).replace(tzinfo=UTC).timestamp()
        (found,) = in_zone(np.array([int(shown) * 1_000_000]), BERLIN, second + 0.5).tolist()
        assert found == second * 1_000_000
