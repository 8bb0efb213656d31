"""Up to when all was read, by when messages were taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.fleet.attention import Attention


def test_what_is_always_taken_is_read_in_time() -> None:
    attention = Attention(0, 2)
    assert attention.read_until(0) == -2
    attention.was_given(0, 100)
    assert attention.read_until(100) == 98
    assert attention.read_until(103) == 100


def test_messages_that_waited_are_followed_by_a_look() -> None:
    attention = Attention(0, 2)
    attention.was_given(50, 50)
    assert attention.read_until(50) == 0
    attention.was_given(51.5, 51.5)
    assert attention.read_until(51.5) == 0
    attention.was_given(52.25, 52.25)
    assert attention.read_until(52.25) == 50


def test_few_spans_are_kept() -> None:
    attention = Attention(0, 2)
    for number in range(1, 10_000):
        attention.was_given(number / 4, number / 4)
        assert attention.read_until(number / 4) == number / 4 - 2
    assert len(attention._spans) < 12
    for number in range(10_000):
        attention.was_given(5000 + number / 4000, 5000 + number / 4000)
    assert len(attention._spans) < 4


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 4)), min_size=1, max_size=30))
def test_it_is_the_last_moment_of_attention_that_is_long_enough_ago(
    spans: list[tuple[int, int]],
) -> None:
    attention, now = Attention(0, 5), 0
    moments = list(range(-100, 1))
    for pause, length in spans:
        begin, now = now + pause, now + pause + length
        moments += range(begin, now + 1)
        attention.was_given(begin, now)
        assert attention.read_until(now) == max(one for one in moments if one <= now - 5)
        assert attention.last == now
