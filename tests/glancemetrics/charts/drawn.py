"""What tests of charts share: how lines are read, and values of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from glancemetrics.charts.runs import Cell, Drawing, Line

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
VALUES = st.lists(st.none() | ANY_FLOAT | st.floats(0, 1000), max_size=30)
SIZES = st.integers(-1, 30)
DRAWINGS = st.sampled_from(Drawing)


def texts(lines: Sequence[Line]) -> list[str]:
    return ["".join(run.text for run in line) for line in lines]


def cells_of(line: Line) -> list[Cell]:
    return [(character, run.ink, run.paper) for run in line for character in run.text]


def column_of(lines: Sequence[Line], cell: int = 0) -> list[Cell]:
    """Return the cells of a column, the lowest first."""
    return [cells_of(line)[cell] for line in reversed(lines)]


def assert_fills(lines: Sequence[Line], cells: int, rows: int, drawing: Drawing) -> None:
    """Assert that lines have the size that was asked for, in characters that may be used."""
    assert len(lines) == max(0, rows)
    for line in lines:
        text = "".join(run.text for run in line)
        assert_is_text(text, cells, drawing)
        assert all(run.text for run in line)
        for run, following in pairwise(line):
            assert (run.ink, run.paper) != (following.ink, following.paper)


def assert_is_text(text: str, cells: int, drawing: Drawing) -> None:
    assert len(text) == max(0, cells)
    assert all(get_cwidth(character) == 1 for character in text)
    assert drawing is Drawing.UNICODE or text.isascii()
