"""Rows of styled text."""

from __future__ import annotations

from glancemetrics.charts.runs import Run, joined


def test_neighbours_of_one_style_are_one_run() -> None:
    cells = [("a", "x", ""), ("b", "x", ""), ("c", "x", "y"), ("d", "", "y"), ("e", "x", "")]
    assert joined(cells) == (Run("ab", "x"), Run("c", "x", "y"), Run("d", "", "y"), Run("e", "x"))


def test_a_row_without_cells_is_empty() -> None:
    assert joined([]) == ()
