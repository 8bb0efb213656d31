"""Up to when all was read, if reading stood still at times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.fleet.standstills import Standstills


def test_it_is_read_in_time_without_any() -> None:
    assert Standstills().read_until(100, 2) == 98


def test_one_does_not_count_as_time_in_which_is_read() -> None:
    known = Standstills()
    known.add(50, 97)
    assert known.read_until(98, 2) == 49
    assert known.read_until(100, 2) == 98  # there were 3 s since


def test_those_that_follow_each_other_are_one() -> None:
    known = Standstills()
    for second in range(50, 97):
        known.add(second, second + 1)
    assert known.read_until(98, 2) == 49
    assert len(known._known) == 1


def test_old_ones_are_forgotten() -> None:
    known = Standstills()
    for second in range(1000):
        known.add(second, second + 0.5)
        known.read_until(second + 1, 1)
    assert len(known._known) < 5


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5), st.booleans()), max_size=30),
    st.integers(0, 20),
)
def test_so_many_units_without_one_are_since_then(
    steps: list[tuple[int, int, bool]], within: int
) -> None:
    known, now = Standstills(), 0
    still: set[int] = set()
    """Units of time in which reading stood still."""
    for pause, length, is_asked in steps:
        begin, now = now + pause, now + pause + length
        known.add(begin, now)
        still |= set(range(begin, now))
        if is_asked:
            known.read_until(now, within)
    until = known.read_until(now, within)
    moving = [unit for unit in range(-within - 1, now) if unit not in still]
    assert until == (moving[-within] if within else now)
