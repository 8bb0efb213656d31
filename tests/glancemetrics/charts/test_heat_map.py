"""Heat maps."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.charts.heat_map import heat_map
from glancemetrics.charts.runs import Drawing, Run
from tests.glancemetrics.charts.drawn import DRAWINGS, SIZES, VALUES, assert_fills, texts


def test_shades_go_by_the_square_root_of_the_largest() -> None:
    lines = heat_map([[0, 1, 25], [26, 100, None]], cells=3, shades=["weak", "strong"])
    assert lines == [
        (Run(" "), Run("  ", paper="weak")),
        (Run("  ", paper="strong"), Run("·", "unknown")),
    ]


def test_without_shades_characters_take_their_place() -> None:
    counts = [[0, 0.001, 1, 4, 9, 16, None]]
    assert heat_map(counts, cells=7, shades=()) == [
        (Run(" "), Run("░░▒▓█", "heat"), Run("·", "unknown"))
    ]
    assert texts(heat_map(counts, cells=7, shades=(), drawing=Drawing.ASCII)) == [" ..:*#?"]


def test_infinity_is_the_strongest_and_sets_no_scale() -> None:
    assert texts(heat_map([[math.inf, 1, 16]], cells=3, shades=())) == ["█░█"]
    assert texts(heat_map([[math.inf, 0, -5]], cells=3, shades=())) == ["█  "]


def test_rows_are_fitted_to_the_width() -> None:
    assert texts(heat_map([[16, 16, 0, 0], [4, 0]], cells=2, shades=())) == ["█ ", "▒ "]


def test_sizes_of_zero() -> None:
    assert heat_map([], cells=3, shades=()) == []
    assert heat_map([[1], []], cells=0, shades=()) == [(), ()]


@given(st.lists(VALUES, max_size=5), SIZES, st.lists(st.sampled_from("abc"), max_size=5), DRAWINGS)
def test_any_heat_map_has_its_size(
    counts: list[list[float | None]], cells: int, shades: list[str], drawing: Drawing
) -> None:
    lines = heat_map(counts, cells=cells, shades=shades, drawing=drawing)
    assert_fills(lines, cells, len(counts), drawing)
