"""The arrival delay: what a server's buffering does to a log, measured."""

from __future__ import annotations

import numpy as np

from glancemetrics.traffic.arrival_delay import LONGEST_DELAY, ArrivalDelay
from tests.lines import BASE


def arrive(delay: ArrivalDelay, at: float, *seconds: int) -> None:
    delay.observe(at, np.array(seconds, np.int64))


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
