"""Distinct counts of a sliding window stay within the error that is stated."""

from __future__ import annotations

import numpy as np
import pytest

from glancemetrics.traffic.distinct import STANDARD_ERROR, SlidingDistinct


def seen(counter: SlidingDistinct, names: list[str], second: int) -> None:
    counter.add(names, np.arange(len(names)), np.full(len(names), second))


@pytest.mark.parametrize("count", [1, 10, 1000, 12_000, 200_000])
def test_the_estimate_is_within_three_standard_errors(count: int) -> None:
    counter = SlidingDistinct()
    names = [f"192.0.2.{i}" for i in range(count)]
    seen(counter, names, 100)
    seen(counter, names[: count // 2], 101)
    assert abs(counter.estimate(0) - count) <= 3 * STANDARD_ERROR * count + 1


def test_values_leave_with_the_window() -> None:
    counter = SlidingDistinct()
    seen(counter, [f"a{i}" for i in range(5000)], 100)
    seen(counter, [f"b{i}" for i in range(1000)], 105)
    assert counter.estimate(101) == pytest.approx(1000, rel=0.05)
    assert counter.estimate(106) == 0
