"""Hours of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.notifying.hours import read_hours

UTC_ZONE = ZoneInfo("UTC")


def at(text: str) -> float:
    """2026-11-23 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("Mon-Fri 08:00-18:00", ["23T08:00", "27T17:59"], ["23T07:59", "27T18:00", "28T12:00"]),
        ("sat,SUN", ["28T00:00", "29T23:59"], ["27T23:59", "30T00:00"]),
        ("22:00-06:00", ["23T22:00", "24T05:59"], ["23T21:59", "24T06:00"]),
        # The night belongs to the day on which it begins.
        ("Fri 22:00-06:00", ["27T22:00", "28T05:59"], ["27T05:59", "28T22:00"]),
        ("Fri-Mon 00:00-24:00", ["27T00:00", "23T23:59"], ["24T00:00", "26T23:59"]),
        ("Mon,Wed-Thu 09:00-10:00", ["25T09:30", "26T09:30"], ["24T09:30", "27T09:30"]),
    ],
)
def test_hours(hours: str, inside: list[str], outside: list[str]) -> None:
    read = read_hours([hours], UTC_ZONE)
    assert [read.hold(at(f"2026-11-{moment}")) for moment in inside] == [True] * len(inside)
    assert [read.hold(at(f"2026-11-{moment}")) for moment in outside] == [False] * len(outside)


def test_several_and_another_zone() -> None:
    read = read_hours(["Mon-Fri 08:00-12:00", "Mon-Fri 13:00-18:00"], ZoneInfo("Asia/Tokyo"))
    assert read.hold(at("2026-11-23T00:00"))  # 09:00 there
    assert not read.hold(at("2026-11-23T03:30"))
    assert not read.hold(at("2026-11-27T23:30"))  # Saturday there


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8-18",
        "Mon 8:00-18:00",
        "Foo",
        "Mon08:00-09:00",
        "24:00-06:00",
        "09:00-09:00",
        "25:00-26:00",
    ],
)
def test_what_is_no_hours(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_hours([text])


@given(st.integers(0, 6), st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 7 * 1440 - 1))
def test_a_span_holds_from_its_begin_for_its_length(
    day: int, begin: int, end: int, minute: int
) -> None:
    if begin == end:
        return
    name = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day]
    written = f"{name} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    since = (minute - day * 1440 - begin) % (7 * 1440)
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    moment = (monday + timedelta(minutes=minute)).timestamp()
    assert read_hours([written], UTC_ZONE).hold(moment) == (since < (end - begin) % 1440)
