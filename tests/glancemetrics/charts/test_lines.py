"""Lines over time."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.charts.columns import Series
from glancemetrics.charts.lines import line_chart
from glancemetrics.charts.runs import Drawing, Run
from tests.glancemetrics.charts.drawn import (
    ANY_FLOAT,
    DRAWINGS,
    SIZES,
    VALUES,
    assert_fills,
    cells_of,
    column_of,
    texts,
)


def test_a_rising_line() -> None:
    lines = line_chart([Series("p50", [0, 1, 2, 3, 4, 5, 6, 7])], cells=4, rows=2, top=7)
    assert texts(lines) == ["  ⡠⠊", "⡠⠊  "]
    assert lines[0] == (Run("  "), Run("⡠⠊", "p50"))


def test_a_jump_is_connected() -> None:
    lines = line_chart([Series("p50", [0, 0, 7, 7])], cells=2, rows=2, top=7)
    assert texts(lines) == [" ⡏", "⣀⠇"]
    lines = line_chart([Series("p50", [7, 0])], cells=1, rows=2, top=7)
    assert texts(lines) == ["⢱", "⢸"]


def test_one_value_per_cell_is_drawn_twice() -> None:
    assert texts(line_chart([Series("p50", [0, 3])], cells=2, rows=1, top=3)) == ["⣀⠏"]


def test_no_data_breaks_the_line() -> None:
    lines = line_chart([Series("p50", [7, 7, None, math.nan, 0, 0])], cells=3, rows=2, top=7)
    assert texts(lines) == ["⠉  ", "  ⣀"]


def test_where_lines_meet_the_last_has_its_ink_and_no_dot_is_lost() -> None:
    series = [Series("p50", [0, 0, 0, 0]), Series("p99", [3, 3, None, None])]
    assert line_chart(series, cells=2, rows=1, top=3) == [(Run("⣉", "p99"), Run("⣀", "p50"))]


def test_values_outside_are_on_the_edge() -> None:
    lines = line_chart([Series("p50", [-9, math.inf])], cells=2, rows=2, top=10, bottom=5)
    assert texts(lines) == [" ⡏", "⣀⠇"]


def test_a_logarithmic_axis() -> None:
    values = [1, None, 10, None, 100, None, 1000, None, 0]
    series = [Series("p99", [v for value in values for v in (value, value)])]
    lines = line_chart(series, cells=9, rows=4, top=1000, bottom=1, is_log=True)
    assert texts(lines) == [
        "      ⠉  ",
        "    ⠒    ",
        "  ⠤      ",
        "⣀       ⣀",
    ]


def test_the_limit_is_a_line_behind_the_others() -> None:
    lines = line_chart([Series("p50", [4, 4])], cells=2, rows=2, top=10, limit=4)
    assert texts(lines) == ["  ", "⠉⠉"]
    lines = line_chart([Series("p50", [10, None])], cells=2, rows=2, top=10, limit=9)
    assert lines[0] == (Run("⠉", "p50"), Run("╌", "limit"))
    lines = line_chart([], cells=1, rows=3, top=100, bottom=1, limit=10, is_log=True)
    assert texts(lines) == [" ", "╌", " "]
    for limit in (11, -1, math.nan):
        assert texts(line_chart([], cells=2, rows=1, top=10, limit=limit)) == ["  "]


def test_marked_columns_have_a_paper() -> None:
    lines = line_chart([Series("p50", [0, 0])], cells=2, rows=2, top=1, marked=["", "alert"])
    assert column_of(lines, 0) == [("⣀", "p50", ""), (" ", "", "")]
    assert column_of(lines, 1) == [("⣀", "p50", "alert"), (" ", "", "alert")]


def test_ascii_has_a_character_per_series() -> None:
    series = [Series(str(n), [v + n for v in (0, 0, 3)]) for n in range(4)]
    lines = line_chart(series, cells=3, rows=7, top=6, drawing=Drawing.ASCII)
    assert texts(lines) == ["  x", "  x", "  x", "xxo", "oo+", "++*", "** "]
    lines = line_chart(
        [Series("a", [0, 5, None, 0])], cells=4, rows=3, top=5, drawing=Drawing.ASCII
    )
    assert texts(lines) == [" *  ", " *  ", "*  *"]


def test_sizes_of_zero_and_one() -> None:
    one = [Series("p50", [1])]
    assert line_chart(one, cells=0, rows=2, top=1) == [(), ()]
    assert line_chart(one, cells=2, rows=0, top=1) == []
    assert texts(line_chart(one, cells=1, rows=1, top=1)) == ["⠉"]
    assert texts(line_chart(one, cells=1, rows=1, top=1, drawing=Drawing.ASCII)) == ["*"]
    assert texts(line_chart([Series("p50", [])], cells=2, rows=1, top=1)) == ["  "]


@given(
    st.lists(VALUES, max_size=5),
    SIZES,
    SIZES,
    ANY_FLOAT,
    ANY_FLOAT,
    st.none() | ANY_FLOAT,
    st.lists(st.sampled_from(["", "a", "b"]), max_size=30),
    st.booleans(),
    DRAWINGS,
)
def test_any_chart_has_its_size(
    values: list[list[float | None]],
    cells: int,
    rows: int,
    top: float,
    bottom: float,
    limit: float | None,
    marked: list[str],
    is_log: bool,
    drawing: Drawing,
) -> None:
    lines = line_chart(
        [Series(str(number), one) for number, one in enumerate(values)],
        cells=cells,
        rows=rows,
        top=top,
        bottom=bottom,
        limit=limit,
        marked=marked,
        is_log=is_log,
        drawing=drawing,
    )
    assert_fills(lines, cells, rows, drawing)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20), st.integers(1, 8), DRAWINGS)
def test_a_line_without_gaps_is_seen_in_every_cell(
    values: list[float], rows: int, drawing: Drawing
) -> None:
    lines = line_chart([Series("a", values)], cells=12, rows=rows, top=100, drawing=drawing)
    inks = [[cell[1] for cell in cells_of(line)] for line in lines]
    assert all("a" in column for column in zip(*inks, strict=True))
