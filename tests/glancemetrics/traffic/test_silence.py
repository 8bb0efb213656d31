"""For how long no request was logged, where that is unusual."""

from __future__ import annotations

import numpy as np
import pytest

from glancemetrics.traffic.silence import Silence

END = 1_000_000
SECONDS = 600


def rates(requests: dict[int, int], end: int = END) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The rates of the last ten minutes, by second before `END`."""
    found = np.zeros(SECONDS, np.int64)
    for before, count in requests.items():
        at = SECONDS - 1 - (end - END) - before
        if at >= 0:
            found[at] = count
    return found


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        (dict.fromkeys(range(100, 600), 20), 100),
        (dict.fromkeys(range(14, 600), 20), 0),
        (dict.fromkeys(range(15, 600), 20), 15),
        (dict.fromkeys(range(600), 20), 0),
        # Every ten seconds: less than five minutes are nothing.
        (dict.fromkeys(range(290, 600, 10), 1), 0),
        (dict.fromkeys(range(310, 600, 10), 1), 310),
        # Of a few requests nobody knows what is usual.
        (dict.fromkeys(range(100, 600, 100), 1), 0),
        ({60: 1}, 0),
        ({}, 0),
    ],
)
def test_it_is_long_where_requests_are_mostly_near_each_other(
    requests: dict[int, int], expected: int
) -> None:
    assert Silence().seconds(rates(requests), END) == expected


def test_it_goes_on_when_no_request_is_left_in_the_rates() -> None:
    busy = dict.fromkeys(range(100, 600), 20)
    silence = Silence()
    for later in range(0, 7200, 10):
        assert silence.seconds(rates(busy, END + later), END + later) == 100 + later
    again = Silence()
    again.restore(silence.to_state())
    assert again.seconds(rates({}), END + 7200) == 7300
    assert again.seconds(rates({0: 1}), END) == 0


def test_a_log_with_few_requests_is_not_silent_between_them() -> None:
    silence = Silence()
    for later in range(0, 7200, 10):
        of_now = dict.fromkeys(range(-7200, 600, 300), 1)
        visible = {second: one for second, one in of_now.items() if second > -later}
        assert silence.seconds(rates(visible, END + later), END + later) == 0
