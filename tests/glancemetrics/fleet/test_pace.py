"""The pace of agents: how often each sends."""

from __future__ import annotations

import pytest

from glancemetrics.fleet.pace import pace_in_bytes, pace_of, read_pace


@pytest.mark.parametrize(
    ("agents", "seconds"), [(0, 0.25), (500, 0.25), (1000, 0.5), (4000, 2.0), (20_000, 5.0)]
)
def test_the_more_agents_the_less_often_each_sends(agents: int, seconds: float) -> None:
    assert pace_of(agents) == seconds
    assert read_pace(pace_in_bytes(seconds)) == seconds


@pytest.mark.parametrize("text", [None, b"", b"fast", b"nan", b"inf", b"-1", b"0.01", b"1e9"])
def test_whatever_is_not_a_pace_is_the_shortest(text: bytes | None) -> None:
    assert read_pace(text) == 0.25
