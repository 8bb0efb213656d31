"""Rows grouped and summed, against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.records.grouping import distinct_keys, exact_sums_by, sorted_distinct

LARGEST = 2**63 - 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9) | st.integers(0, LARGEST)), max_size=20)
)
def test_sums_are_exact_whatever_they_are(rows: list[tuple[int, int]]) -> None:
    group, values = np.array(rows, np.int64).reshape(-1, 2).T
    expected = [sum(value for of, value in rows if of == each) for each in range(4)]
    assert exact_sums_by(group, values, 4) == expected


@given(st.lists(st.integers(0, 9) | st.integers(0, LARGEST - 1), min_size=1))
def test_keys_are_distinct_and_in_order(keys: list[int]) -> None:
    distinct, where = distinct_keys(np.array(keys, np.int64))
    assert distinct.tolist() == sorted(set(keys))
    assert distinct[where].tolist() == keys


@pytest.mark.parametrize("kind", [np.int64, np.uint32])
@given(keys=st.lists(st.integers(0, 9) | st.integers(0, 2**32 - 1)))
def test_sorted_keys_stand_once(kind: type[np.integer], keys: list[int]) -> None:
    distinct = sorted_distinct(np.array(keys, kind))
    assert distinct.dtype == kind
    assert distinct.tolist() == sorted(set(keys))
