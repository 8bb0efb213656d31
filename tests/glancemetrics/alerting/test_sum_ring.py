"""Rings of sums, against a dictionary."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.alerting.sum_ring import SumRing
from glancemetrics.state.tree import from_bytes, to_bytes

_SLOTS = 5
_COUNTS = st.sampled_from([1, 2, -1, 30_000, -30_000, 40_000, 1 << 31, 1 << 40, -(1 << 40)])
_ADDED = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3), _COUNTS), max_size=6)


def added(ring: SumRing, rows: list[tuple[int, int, int]]) -> None:
    slots, groups, counts = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    ring.add(slots, groups, counts)


@given(st.lists(st.tuples(_ADDED, st.booleans()), max_size=12))
def test_the_sums_are_those_of_what_was_added(steps: list[tuple[list, bool]]) -> None:
    ring, expected, newest = SumRing(_SLOTS), Counter[tuple[int, int]](), -1
    ring.resize(4)
    for rows, is_restored in steps:
        if rows:
            added(ring, rows)
            newest = max(newest, *(slot for slot, _, _ in rows))
            for slot, group, count in rows:
                expected[slot, group] += count if slot > newest - _SLOTS else 0
        if is_restored:
            state = from_bytes(to_bytes(ring.to_state()))
            ring = SumRing(_SLOTS)
            ring.restore(state)
        totals = ring.totals(newest - _SLOTS + 1, _SLOTS, 1)
        for at, slot in enumerate(range(newest - _SLOTS + 1, newest + 1)):
            assert totals[:, at].tolist() == [expected[slot, group] for group in range(4)]


def test_few_bytes_hold_what_a_client_asks_for() -> None:
    ring = SumRing(1000)
    ring.resize(100)
    for slot in range(1000):
        added(ring, [(slot, group, 3) for group in range(100)])
    small = ring.nbytes
    assert small <= 2 * 2 * 1000 * 100
    added(ring, [(999, 0, 40_000)])
    assert ring.nbytes == 2 * small
    assert ring.totals(999, 1, 1)[:2, 0].tolist() == [40_003, 3]


@pytest.mark.parametrize("groups", [[3, 1], [0, 1, 2, 3], []])
def test_those_that_are_kept_make_room_for_others(groups: list[int]) -> None:
    ring = SumRing(2)
    ring.resize(4)
    added(ring, [(7, group, group + 1) for group in range(4)])
    ring.keep(np.array(groups, np.int64))
    ring.resize(6)
    expected = [group + 1 for group in groups]
    assert ring.all_totals().tolist() == expected + [0] * (6 - len(groups))


def test_the_state_of_an_earlier_version_is_read() -> None:
    ring = SumRing(2)
    numbers = np.array([[1 << 40, 2]], np.int64)
    ring.restore({"sums": numbers, "end": 2, "newest": 1})
    added(ring, [(1, 0, 5)])
    assert ring.totals(0, 2, 1).tolist() == [[1 << 40, 7]]
