"""The arrival delay: what a server's buffering does to a log, measured."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.state.tree import from_bytes, to_bytes
from glancemetrics.traffic.arrival_delay import LONGEST_DELAY, ArrivalDelay
from tests.lines import BASE


def arrive(delay: ArrivalDelay, at: float, *seconds: int) -> None:
    delay.observe(at, np.array(seconds, np.int64), min(seconds), max(seconds))


def test_nothing_is_known_before_anything_came() -> None:
    assert ArrivalDelay().seconds(BASE) is None


def test_an_unbuffered_log_is_half_a_second_late_at_most() -> None:
    delay = ArrivalDelay()
    for i in range(30):
        arrive(delay, BASE + i + 0.2, BASE + i, BASE + i)
    assert delay.seconds(BASE + 30) == 0.5


def test_a_log_flushed_every_five_seconds_is_five_seconds_late() -> None:
    delay = ArrivalDelay()
    for flush in range(BASE, BASE + 50, 5):
        arrive(delay, flush + 5.1, *range(flush, flush + 5))
    assert delay.seconds(BASE + 51) == 4.5


def test_one_slow_download_in_a_thousand_holds_nothing_back() -> None:
    delay = ArrivalDelay()
    arrive(delay, BASE + 0.5, *[BASE] * 1000)
    arrive(delay, BASE + 0.6, BASE - 40)
    assert delay.seconds(BASE + 1) == 0.5


def test_what_was_a_minute_ago_is_forgotten() -> None:
    delay = ArrivalDelay()
    arrive(delay, BASE + 20.0, BASE)
    assert delay.seconds(BASE + 70.0) == 19.5
    assert delay.seconds(BASE + 81.0) is None


def test_it_has_a_limit() -> None:
    delay = ArrivalDelay()
    arrive(delay, BASE + 5000.0, BASE)
    assert delay.seconds(BASE + 5000.0) == LONGEST_DELAY


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.lists(st.integers(-5, 90), min_size=1)), max_size=20
    ),
    st.integers(0, 80),
)
def test_it_is_the_delay_of_99_of_100_records_of_the_last_minute(
    arrivals: list[tuple[int, list[int]]], later: int
) -> None:
    delay = ArrivalDelay()
    arrivals.sort(key=lambda one: one[0])
    for at, late in arrivals:
        arrive(delay, BASE + at + 0.5, *(BASE + at - each for each in late))
    now = (arrivals[-1][0] if arrivals else 0) + later
    recent = [max(0, each - 0.5) for at, late in arrivals if at > now - 60 for each in late]
    expected = None
    if recent:
        within = sorted(recent)[math.ceil(0.99 * len(recent)) - 1]
        expected = min(math.floor(2 * within) / 2 + 0.5, LONGEST_DELAY)
    assert delay.seconds(BASE + now) == expected
    again = ArrivalDelay()
    again.restore(from_bytes(to_bytes(delay.to_state())))
    assert again.seconds(BASE + now) == expected
    assert again.behind(BASE + now) == delay.behind(BASE + now)


def test_a_state_of_an_earlier_version_is_left_out() -> None:
    delay = ArrivalDelay()
    delay.restore({"late": np.ones((60, 121), np.int64), "newest": BASE})
    assert delay.seconds(BASE) is None
