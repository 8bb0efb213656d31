"""Blocks of rows put beside each other, above each other, and into boxes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import (
    Fragment,
    Row,
    cut,
    filled,
    fitted,
    padded,
    row_width,
    width,
)
from glancemetrics.history.ask import Ask

Draw = Callable[[int, int], list[Row]]
"""Draws a block for so many cells and rows."""


@attrs.frozen
class Block:
    """Something drawn, with what it needs."""

    draw: Draw
    title: str = ""
    """In the frame of its box; a block without one has no box."""
    legend: Row = attrs.field(factory=list)
    """What the colors of a chart mean, after the title."""
    is_focused: bool = False
    weight: float = 1.0
    """Its share of what there is, against its neighbours."""
    asks: tuple[Ask, ...] = ()
    """The questions whose answers it shows."""


def drawn(block: Block, cells: int, rows: int) -> list[Row]:
    """Draw a block, in a box if it has a title."""
    if not block.title or cells < 8 or rows < 3:
        return filled(block.draw(cells, rows), cells, rows)
    return boxed(
        block.draw(cells - 2, rows - 2),
        block.title,
        cells,
        rows,
        legend=block.legend,
        is_focused=block.is_focused,
    )


def boxed(
    inner: list[Row],
    title: str,
    cells: int,
    rows: int,
    *,
    legend: Sequence[Fragment] = (),
    is_focused: bool = False,
) -> list[Row]:
    """Draw a frame around rows."""
    style = themes.FOCUSED_BOX if is_focused else themes.BOX
    top: Row = [(style, "╭─"), (themes.HEADING, f" {cut(title, cells - 6)} ")]
    for fragment in legend:
        if row_width(top) + width(fragment[1]) + 1 <= cells:
            top.append(fragment)
    top.append((style, "─" * max(0, cells - row_width(top) - 1) + "╮"))
    body = [[(style, "│"), *row, (style, "│")] for row in filled(inner, cells - 2, rows - 2)]
    bottom: Row = [(style, "╰" + "─" * (cells - 2) + "╯")]
    return [fitted(top, cells), *body, bottom]


@attrs.frozen
class Band:
    """Blocks beside each other, in so many rows."""

    rows: int
    blocks: tuple[Block, ...]


def stacked(bands: Sequence[Band], cells: int, rows: int) -> list[Row]:
    """Draw bands above each other, in exactly so many rows."""
    found: list[Row] = []
    for band in bands:
        found += beside(band.blocks, cells, max(0, min(band.rows, rows - len(found))))
    return padded(found, cells, rows)


def asks_of_bands(bands: Sequence[Band]) -> tuple[Ask, ...]:
    return tuple(ask for band in bands for block in band.blocks for ask in block.asks)


def beside(blocks: Sequence[Block], cells: int, rows: int) -> list[Row]:
    """Draw blocks beside each other, over all of the width."""
    widths = shared([block.weight for block in blocks], cells)
    columns = [drawn(block, w, rows) for block, w in zip(blocks, widths, strict=True)]
    return [[fragment for column in columns for fragment in column[i]] for i in range(rows)]


def shared(weights: Sequence[float], whole: int) -> list[int]:
    """Share a number of cells or rows out by weight; together they are all of it."""
    total = sum(weights) or 1.0
    ends, reached = [], 0.0
    for weight in weights:
        reached += weight
        ends.append(round(whole * reached / total))
    return [max(0, end - start) for start, end in zip([0, *ends], ends, strict=False)]


def first_shown(index: int, count: int, room: int) -> int:
    """Return the first of `count` rows that is shown in `room` rows around the one with the cursor.

    The cursor stands in the middle, except near the ends.
    """
    return max(0, min(index - room // 2, count - room))
