"""Which segments are merged: how often a record is rewritten, and how many segments there are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.segments import MOST_MEMORY, MOST_ROWS, Segment, due_for_merging

FULL = MOST_ROWS // 2


@attrs.define
class History:
    """Segments without files, and how often the records of each were rewritten."""

    segments: list[Segment] = attrs.Factory(list)
    rewritten: dict[int, int] = attrs.Factory(dict)
    """By the first ordinal of what was written, at most."""
    end: int = 0

    def write(self, rows: int, gap: int = 0, memory: int | None = None) -> None:
        first = self.end + gap
        self.end = first + rows
        self.segments.append(segment(first, self.end, 100 * rows if memory is None else memory))
        self.rewritten[first] = 0

    def merge(self, shrinking: float = 1) -> bool:
        """Merge once; the result takes a share of the memory of its parts."""
        group = due_for_merging(self.segments)
        if not group:
            return False
        assert len(group) > 1
        for before, after in pairwise(group):
            assert before.end == after.first
        merged = segment(group[0].first, group[-1].end, int(memory_of(group) * shrinking))
        assert merged.rows < MOST_ROWS
        assert memory_of(group) < MOST_MEMORY
        at = self.segments.index(group[0])
        self.segments[at : at + len(group)] = [merged]
        for first in self.rewritten:
            if merged.first <= first < merged.end:
                self.rewritten[first] += 1
        return True


def segment(first: int, end: int, memory: int) -> Segment:
    return Segment(first, end, 0, 0, memory, "", Path(), 0)


def memory_of(segments: list[Segment]) -> int:
    return sum(each.memory for each in segments)


ROWS = st.one_of(
    st.integers(1, 9),
    st.integers(1, 1000),
    st.integers(1, 600_000),
    st.sampled_from([7, 8, 61, 488, 3906, FULL - 1, FULL, MOST_ROWS]),
)


@given(
    st.lists(
        st.tuples(ROWS, st.sampled_from([0, 0, 0, 0, 0, 1]), st.integers(1, 20), st.booleans()),
        max_size=30,
    )
)
def test_a_record_is_rewritten_at_most_seven_times(
    writes: list[tuple[int, int, int, bool]],
) -> None:
    history = History()
    for rows, gap, times, is_merged in writes:
        for time in range(times):
            history.write(rows, gap if time == 0 else 0)
            if is_merged:
                while history.merge():
                    pass
    while history.merge():
        pass
    assert max(history.rewritten.values(), default=0) <= 7
    # Where no more will follow, two that are not full are no neighbours.
    segments = history.segments
    while segments and segments[-1].rows < FULL:
        last = segments.pop()
        if segments and segments[-1].end < last.first:
            break
    for before, after in pairwise(segments):
        assert before.end < after.first or max(before.rows, after.rows) >= FULL


@given(
    st.lists(st.tuples(ROWS, st.integers(1, MOST_MEMORY)), max_size=40),
    st.floats(0.01, 1),
)
def test_texts_that_are_long_are_merged_too(
    writes: list[tuple[int, int]], shrinking: float
) -> None:
    """Also such as are the same in all segments, so that merged ones take less memory."""
    history = History()
    for rows, memory in writes:
        history.write(rows, memory=memory)
        while history.merge(shrinking):
            pass
    assert max(history.rewritten.values(), default=0) <= 7 + 18


@pytest.mark.parametrize("rows", [1, 2, 10, 100, 500, 9_999, 100_000, FULL - 1])
def test_there_are_never_many_small_ones(rows: int) -> None:
    history = History()
    most = 0
    for _ in range(3_000):
        history.write(rows)
        while history.merge():
            pass
        small = sum(each.rows < FULL for each in history.segments)
        most = max(most, small)
    assert most <= 6 * 8
    assert max(history.rewritten.values()) <= 6


def test_long_texts_that_are_always_the_same_are_not_rewritten_each_time() -> None:
    """Two such segments take no more memory than one, and are never full."""
    history = History()
    for _ in range(1000):
        history.write(100, memory=MOST_MEMORY // 4)
        while history.merge(shrinking=0.5):
            pass
    assert max(history.rewritten.values()) <= 7 + 18


def test_no_more_are_merged_than_memory_has_room_for() -> None:
    history = History()
    for rows in (3, 1, 1, 1):
        history.write(rows, memory=MOST_MEMORY // 4)
    while history.merge():
        pass
    assert [each.rows for each in history.segments] == [3, 1, 2]


def test_full_ones_stay_as_they_are() -> None:
    history = History()
    history.write(FULL)
    history.write(FULL)
    history.write(1, memory=MOST_MEMORY)
    history.write(1, memory=MOST_MEMORY)
    assert not history.merge()
