"""Charts one row high."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.charts.bars import bar, sparkline
from glancemetrics.charts.runs import Drawing
from tests.glancemetrics.charts.drawn import ANY_FLOAT, DRAWINGS, SIZES, VALUES, assert_is_text


@pytest.mark.parametrize(
    ("share", "drawn", "in_ascii"),
    [
        (0, "    ", "    "),
        (0.0001, "▏   ", "#   "),
        (0.5, "██  ", "##  "),
        (0.28, "█▏  ", "#   "),
        (0.97, "███▉", "####"),
        (1, "████", "####"),
        (7, "████", "####"),
        (-1, "    ", "    "),
        (math.nan, "    ", "    "),
        (math.inf, "████", "####"),
    ],
)
def test_a_bar_is_filled_up_to_its_share(share: float, drawn: str, in_ascii: str) -> None:
    assert bar(share, 4) == drawn
    assert bar(share, 4, Drawing.ASCII) == in_ascii


@given(ANY_FLOAT | st.floats(0, 1), SIZES, DRAWINGS)
def test_a_bar_has_its_width(share: float, cells: int, drawing: Drawing) -> None:
    drawn = bar(share, cells, drawing)
    assert_is_text(drawn, cells, drawing)
    assert cells <= 0 or (share > 0) == (drawn.strip() != "")


def test_a_sparkline_shows_values_by_height() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8, None], 10) == " ▁▂▃▄▅▆▇█·"
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7, None], 9, Drawing.ASCII) == " .:-=+*#?"


def test_a_peak_in_a_sparkline_is_not_smoothed_away() -> None:
    assert sparkline([1, 1, 1, 8, 1, 1], 3) == "▁█▁"


def test_a_small_value_in_a_sparkline_is_seen() -> None:
    assert sparkline([0.001, 1000], 2) == "▁█"


def test_a_sparkline_without_values_says_so() -> None:
    assert sparkline([], 3) == "···"
    assert sparkline([0, -1, math.nan], 3) == "  ·"
    assert sparkline([math.inf, 1], 2) == "██"


@given(VALUES, SIZES, DRAWINGS)
def test_a_sparkline_has_its_width(
    values: list[float | None], cells: int, drawing: Drawing
) -> None:
    assert_is_text(sparkline(values, cells, drawing), cells, drawing)
