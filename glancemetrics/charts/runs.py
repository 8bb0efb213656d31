"""Rows of text whose colours are named by what the text stands for, not by a colour."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import attrs


class Drawing(enum.Enum):
    """Which characters may be used."""

    UNICODE = "unicode"
    ASCII = "ascii"


@attrs.frozen
class Run:
    """A piece of a row in one style. Every character of it is one cell wide."""

    text: str
    ink: str = ""
    """Role of the foreground: what the text stands for, such as `2xx`. Empty: normal text."""
    paper: str = ""
    """Role of the background. Empty: none."""


Line = tuple[Run, ...]
"""One row. Neighbours differ in ink or paper."""

Cell = tuple[str, str, str]
"""One cell: its character, its ink, its paper."""

EMPTY: Cell = (" ", "", "")

_style_of = itemgetter(1, 2)
# A chart has few different short runs, and thousands of them.
_run = lru_cache(maxsize=4096)(Run)


def joined(cells: Iterable[Cell]) -> Line:
    """Return cells, from left to right, as a row."""
    return tuple(
        _run("".join([cell[0] for cell in group]), ink, paper)
        for (ink, paper), group in groupby(cells, _style_of)
    )


def cells_in(line: Line) -> int:
    """Return how many cells a row has."""
    return sum(len(run.text) for run in line)
