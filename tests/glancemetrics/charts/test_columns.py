"""Stacked columns."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.charts.columns import (
    Series,
    smallest_step,
    stacked_columns,
    without_small_parts,
)
from glancemetrics.charts.runs import Cell, Drawing, Line, Run
from tests.glancemetrics.charts.drawn import (
    ANY_FLOAT,
    DRAWINGS,
    SIZES,
    VALUES,
    assert_fills,
    column_of,
    texts,
)

ROLES = ("2xx", "3xx", "4xx", "5xx")


def column(values: list[float | None], rows: int, top: float) -> list[Cell]:
    """Return the cells of one column, the lowest first."""
    return column_of(stacked_columns(of(values), cells=1, rows=rows, top=top))


def of(values: list[float | None]) -> list[Series]:
    names = ROLES if len(values) > 2 else ("2xx", "5xx")
    return [Series(role, [value]) for role, value in zip(names, values, strict=False)]


def roles_seen(cells: list[Cell]) -> set[str]:
    return {role for _, ink, paper in cells for role in (ink, paper) if role}


def eighths(cells: list[Cell]) -> int:
    """Return the height of a column in eighths of a cell."""
    filled = 0
    for character, _, paper in cells:
        if character != " ":
            filled += 8 if paper else " ▁▂▃▄▅▆▇█".index(character)
    return filled


def test_columns_are_as_high_as_their_values() -> None:
    lines = stacked_columns([Series("2xx", [0, 1, 4, 8, 12, 16, 99])], cells=7, rows=2, top=16)
    assert texts(lines) == ["    ▄██", " ▁▄████"]
    assert lines[1] == (Run(" "), Run("▁▄████", "2xx"))


def test_a_boundary_in_a_cell_has_both_roles() -> None:
    assert column([5, 11], 2, 16) == [("▅", "2xx", "5xx"), ("█", "5xx", "")]
    assert column([8, 4], 2, 16) == [("█", "2xx", ""), ("▄", "5xx", "")]


def test_a_tiny_series_keeps_an_eighth() -> None:
    assert column([1600, 0.001], 2, 1600) == [("█", "2xx", ""), ("▇", "2xx", "5xx")]
    assert column([0.001, 1600], 2, 1600) == [("▁", "2xx", "5xx"), ("█", "5xx", "")]
    # In a cell that is partly empty there is room for one.
    assert column([1200, 0.001], 2, 1600) == [("█", "2xx", ""), ("▄", "5xx", "")]


def test_all_series_are_seen_in_a_column_with_few_cells() -> None:
    assert column([1, 1, 1, 797], 2, 800) == [("▁", "2xx", "3xx"), ("▁", "4xx", "5xx")]
    assert column([797, 1, 1, 1], 2, 800) == [("▇", "2xx", "3xx"), ("▇", "4xx", "5xx")]


def test_where_not_all_fit_the_last_and_the_largest_are_seen() -> None:
    assert column([50, 3, 2, 1], 1, 56) == [("▇", "2xx", "5xx")]
    assert column([50, 3, 2, 0], 1, 55) == [("▇", "2xx", "3xx")]
    assert column([50, 3, 2, 1], 1, 112) == [("▄", "5xx", "")]


def test_a_column_above_the_top_keeps_its_proportions() -> None:
    assert column([300, 100], 2, 100) == [("█", "2xx", ""), ("▄", "2xx", "5xx")]
    assert column([math.inf, math.inf], 2, 100) == [("█", "2xx", ""), ("█", "5xx", "")]


def test_the_limit_is_a_line_behind_the_columns() -> None:
    lines = stacked_columns([Series("2xx", [0, 10, 3])], cells=3, rows=5, top=10, limit=5)
    assert texts(lines) == [" █ ", " █ ", "╌█╌", " █▄", " ██"]
    assert lines[2] == (Run("╌", "limit"), Run("█", "2xx"), Run("╌", "limit"))


def test_a_limit_outside_is_not_drawn() -> None:
    for limit in (11, -1, math.nan, math.inf):
        assert texts(stacked_columns([], cells=2, rows=1, top=10, limit=limit)) == ["  "]
    assert texts(stacked_columns([], cells=2, rows=2, top=10, limit=10)) == ["╌╌", "  "]
    assert texts(stacked_columns([], cells=2, rows=2, top=10, limit=0)) == ["  ", "╌╌"]


def test_marked_columns_have_a_paper_where_they_are_empty() -> None:
    lines = stacked_columns(
        [Series("2xx", [4, 4, 4])], cells=3, rows=3, top=12, limit=12, marked=["", "alert"]
    )
    assert column_of(lines, 0) == [("█", "2xx", ""), (" ", "", ""), ("╌", "limit", "")]
    assert column_of(lines, 1) == [("█", "2xx", ""), (" ", "", "alert"), ("╌", "limit", "alert")]
    assert column_of(lines, 2) == column_of(lines, 0)
    half = stacked_columns([Series("2xx", [2])], cells=1, rows=1, top=4, marked=["alert"])
    assert half == [(Run("▄", "2xx", "alert"),)]


def test_no_data_is_a_dot_and_zero_is_not() -> None:
    lines = stacked_columns(
        [Series("2xx", [None, 0, 5, math.nan]), Series("5xx", [None, 0, None, 0])],
        cells=4,
        rows=2,
        top=10,
    )
    assert texts(lines) == ["  · ", "· █·"]
    assert column_of(lines)[0] == ("·", "unknown", "")


def test_ascii_has_a_letter_per_role() -> None:
    lines = stacked_columns(
        [Series("2xx", [4, 0, None, 30]), Series("5xx", [0.01, 0.01, None, 10])],
        cells=4,
        rows=4,
        top=40,
        limit=35,
        drawing=Drawing.ASCII,
        letters={"5xx": "!"},
    )
    assert texts(lines) == ["---!", "   #", "   #", "!!?#"]


def test_a_series_of_another_length_is_fitted() -> None:
    lines = stacked_columns([Series("2xx", [8, 0])], cells=4, rows=1, top=8)
    assert texts(lines) == ["██  "]


def test_sizes_of_zero_and_one() -> None:
    one = [Series("2xx", [1])]
    assert stacked_columns(one, cells=0, rows=2, top=1) == [(), ()]
    assert stacked_columns(one, cells=2, rows=0, top=1) == []
    assert stacked_columns([], cells=2, rows=1, top=1) == [(Run("  "),)]
    assert texts(stacked_columns(one, cells=1, rows=1, top=0)) == ["█"]


@given(
    st.lists(VALUES, max_size=5),
    SIZES,
    SIZES,
    ANY_FLOAT,
    st.none() | ANY_FLOAT,
    st.lists(st.sampled_from(["", "a", "b"]), max_size=30),
    DRAWINGS,
)
def test_any_chart_has_its_size(
    values: list[list[float | None]],
    cells: int,
    rows: int,
    top: float,
    limit: float | None,
    marked: list[str],
    drawing: Drawing,
) -> None:
    series = [Series(str(number), one) for number, one in enumerate(values)]
    lines: list[Line] = stacked_columns(
        series, cells=cells, rows=rows, top=top, limit=limit, marked=marked, drawing=drawing
    )
    assert_fills(lines, cells, rows, drawing)


PART = st.just(0.0) | st.floats(1e-9, 1e6)


@given(st.lists(PART, min_size=3, max_size=4), st.integers(1, 12), st.floats(1, 1e6), DRAWINGS)
def test_the_last_series_never_vanishes(
    values: list[float], rows: int, top: float, drawing: Drawing
) -> None:
    series = [Series(role, [value]) for role, value in zip(ROLES, values, strict=False)]
    lines = stacked_columns(series, cells=1, rows=rows, top=top, drawing=drawing)
    seen = roles_seen(column_of(lines))
    if values[-1]:
        assert series[-1].role in seen
    assert seen <= {one.role for one in series if one.values[0]}
    assert bool(seen) == any(values)


@given(st.lists(PART, min_size=3, max_size=4), st.integers(1, 12), st.floats(1, 1e6))
def test_every_series_is_seen_in_their_order_if_there_are_cells_enough(
    values: list[float], rows: int, top: float
) -> None:
    cells = column([*values], rows, top)
    height = eighths(cells)
    drawn = [role for _, ink, paper in cells for role in (ink, paper) if role]
    assert drawn == sorted(drawn)
    count = sum(value > 0 for value in values)
    room = height // 8 * 2 + (height % 8 > 0)
    assert len(set(drawn)) == min(count, room)


@given(st.lists(PART, min_size=3, max_size=4), st.integers(1, 12), st.floats(1, 1e6))
def test_a_column_is_as_high_as_the_sum(values: list[float], rows: int, top: float) -> None:
    exact = min(sum(values) / top, 1) * rows * 8
    expected = max(round(exact), 1 if sum(values) else 0)
    assert abs(eighths(column([*values], rows, top)) - expected) <= (0 if expected != exact else 1)


@given(st.lists(st.floats(10, 1000), min_size=3, max_size=4), st.integers(4, 12))
def test_boundaries_stay_near_their_values(values: list[float], rows: int) -> None:
    top = sum(values)
    cells = column([*values], rows, top)
    reached = 0.0
    for role, value in zip(ROLES, values, strict=False):
        reached += value
        drawn = sum(
            8
            if ink <= role and paper <= role
            else " ▁▂▃▄▅▆▇█".index(character)
            if ink <= role
            else 0
            for character, ink, paper in cells
        )
        # Several small parts may be pushed from cell to cell, one cell for two of them.
        assert abs(drawn - reached / top * rows * 8) <= 16


def test_parts_too_small_to_draw_count_as_the_first() -> None:
    series = [Series("2xx", (98, 50, None)), Series("5xx", (2, 50, None))]
    assert without_small_parts(series, [0, 0.03]) == [
        Series("2xx", (100, 50, None)), Series("5xx", (0, 50, None)),
    ]  # fmt: skip
    assert without_small_parts(series, [0, 0.01]) == series
    step = smallest_step(100, 8, Drawing.ASCII)
    assert step == 12.5
    assert without_small_parts(series, [0, 0.01], step)[1].values == (0, 50, None)
    assert smallest_step(64, 8, Drawing.UNICODE) == 1
    assert without_small_parts([], []) == []


@pytest.mark.parametrize(("errors", "seen"), [(1.0, "2xx"), (5.0, "5xx")])
def test_few_errors_do_not_stand_for_a_column_that_is_lower_than_a_cell(
    errors: float, seen: str
) -> None:
    """A quiet time before a surge is not all red for one error."""
    series = [Series("2xx", [10.0, 80.0]), Series("5xx", [errors, 10.0])]
    shown = without_small_parts(series, (0.0, 0.01), cell=40.0)
    (*_, lowest) = stacked_columns(shown, cells=2, rows=3, top=120.0)
    assert lowest[0].ink == seen
    assert shown[1].values[1] == 10.0
