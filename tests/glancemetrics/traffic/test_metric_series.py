"""`MetricSeries` against a dictionary."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.traffic.metric_series import MetricSeries

SIZE = 7


@given(st.lists(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=5), max_size=9))
def test_it_remembers_the_last_seconds_and_no_others(batches: list[list[tuple[int, int]]]) -> None:
    series = MetricSeries(SIZE)
    expected: Counter[int] = Counter()
    newest = -1
    for batch in batches:
        newest = max([newest, *(second for second, _ in batch)])
        seconds, values = (np.array([pair[i] for pair in batch], np.int64) for i in (0, 1))
        series.add(seconds, values)
        for second, value in batch:
            if second > newest - SIZE:
                expected[second] += value
        for second in [s for s in expected if s <= newest - SIZE]:
            del expected[second]
        assert series.values(-3, 70).tolist() == [expected[s] for s in range(-3, 70)]
        assert series.total(newest - 3, newest) == sum(
            expected[s] for s in range(newest - 3, newest)
        )
