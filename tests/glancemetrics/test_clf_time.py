"""CLF times, against the standard library's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.formats.clf_time import local_seconds, zone_offset_seconds


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-23 * 60, 23 * 60),
)
def test_times_agree_with_the_calendar(naive: datetime, minutes: int) -> None:
    moment = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    text = f"{moment.day:02}/{moment:%b}/{moment.year:04}:{moment:%H:%M:%S %z}"
    seconds, valid = local_seconds(pa.array([text]))
    offset, zone_valid = zone_offset_seconds(pa.array([text[21:]]))
    assert valid[0]
    assert zone_valid[0]
    assert int(seconds[0] - offset[0]) == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        seconds=1
    )


@pytest.mark.parametrize(
    "text",
    ["29/Feb/2023:00:00:00", "00/Jan/2023:00:00:00", "1/Jan/2023:00:00:00", "", "x" * 20]
    + ["01/Jan/2023:00:60:00", "01/Jan/2023:00:00:61", "01-Jan-2023:00:00:00"],
)
def test_what_is_no_time_is_told(text: str) -> None:
    assert not local_seconds(pa.array([text]))[1][0]


def test_a_leap_second_is_the_first_of_the_next_minute() -> None:
    seconds, valid = local_seconds(pa.array(["31/Dec/2016:23:59:60", "01/Jan/2017:00:00:00"]))
    assert valid.all()
    assert seconds[0] == seconds[1]


def test_months_are_read_in_any_case() -> None:
    assert local_seconds(pa.array(["01/jAN/2023:00:00:00"]))[1][0]
