"""From values to cells."""

from __future__ import annotations

import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.charts.scales import (
    axis_ends,
    resampled,
    share_on_axis,
)
from tests.glancemetrics.charts.drawn import ANY_FLOAT, SIZES, VALUES

How = Literal["max", "mean", "sum"]
HOWS = st.sampled_from(["max", "mean", "sum"])


def test_more_values_than_cells_are_joined() -> None:
    values = [1, 3, None, 5, None, None]
    assert resampled(values, 3) == [2, 5, None]
    assert resampled(values, 3, "max") == [3, 5, None]
    assert resampled(values, 3, "sum") == [4, 5, None]
    assert resampled([1, 2, 3, 4, 5], 2, "sum") == [3, 12]


def test_fewer_values_than_cells_are_repeated() -> None:
    assert resampled([1, None, 3], 6) == [1, 1, None, None, 3, 3]
    assert resampled([1, 2], 3) == [1, 1, 2]


def test_nan_is_no_data() -> None:
    assert resampled([math.nan, 2, math.nan, math.nan], 2) == [2, None]
    assert resampled([math.nan], 1) == [None]
    assert resampled([math.inf, -math.inf], 1) == [None]


def test_no_values_are_no_data() -> None:
    assert resampled([], 2) == [None, None]


@given(VALUES, SIZES, HOWS)
def test_there_is_a_value_for_every_cell(values: list[float | None], cells: int, how: How) -> None:
    result = resampled(values, cells, how)
    assert len(result) == max(0, cells)
    assert not any(value is not None and math.isnan(value) for value in result)


@given(st.lists(st.integers(0, 100), min_size=10, max_size=30), st.integers(1, 10))
def test_a_sum_loses_nothing(values: list[int], cells: int) -> None:
    assert sum(value or 0 for value in resampled(values, cells, "sum")) == sum(values)


def test_a_place_on_an_axis_is_a_share_of_it() -> None:
    assert share_on_axis(15, 10, 20, False) == 0.5
    assert share_on_axis(10, 1, 100, True) == pytest.approx(0.5)
    assert share_on_axis(-5, 0, 20, False) == 0
    assert share_on_axis(0, 1, 100, True) == 0
    assert share_on_axis(math.inf, 0, 20, False) == 1
    assert share_on_axis(0, -1.5e308, 1.5e308, False) == 0.5


def test_a_logarithmic_axis_begins_above_zero() -> None:
    assert axis_ends(1000, 0, True) == (1, 1000)
    assert axis_ends(1000, 10, True) == (10, 1000)


@given(ANY_FLOAT, ANY_FLOAT, ANY_FLOAT, st.booleans())
def test_any_axis_has_a_place_for_any_value(
    top: float, bottom: float, value: float, is_log: bool
) -> None:
    low, high = axis_ends(top, bottom, is_log)
    assert low < high
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low > 0 or not is_log
    if not math.isnan(value):
        assert 0 <= share_on_axis(value, low, high, is_log) <= 1
