"""Text in cells of a terminal: measured, cut and padded, whatever its characters' width."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from wcwidth import wcwidth

from glancemetrics.words.ascii_text import only_ascii
from glancemetrics.words.escaping import readable, visible

if TYPE_CHECKING:
    from actors.outputs.console.state import State

Click = Callable[["State"], "State"]
"""What a click on a piece of text does."""

Fragment = tuple[str, str] | tuple[str, str, Click]
"""Style and text, as prompt-toolkit has them; and what a click on it does."""

Row = list[Fragment]


_REMEMBERED = 4096


def width(text: str) -> int:
    """Return the cells of a text, as prompt-toolkit counts them."""
    return len(text) if text.isascii() else _width(text)


@functools.lru_cache(_REMEMBERED)
def _width(text: str) -> int:
    # prompt-toolkit's own function would load all of it, which takes long for `--once`.
    return sum(max(0, wcwidth(character)) for character in text)


def cut(text: str, cells: int) -> str:
    """Return the text in at most so many cells, ended by `…` where it was cut."""
    if len(text) <= cells and width(text) <= cells:
        return text
    return _head(text, cells - 1) + "…" if cells > 0 else ""


def cut_left(text: str, cells: int) -> str:
    """Return the end of the text, as of a path its name, begun by `…` where it was cut."""
    if len(text) <= cells and width(text) <= cells:
        return text
    return "…" + _head(text[::-1], cells - 1)[::-1] if cells > 0 else ""


def _head(text: str, cells: int) -> str:
    """Return as much of the beginning of the text as so many cells hold."""
    room = cells
    for end, character in enumerate(text):
        room -= width(character)
        if room < 0:
            return text[:end]
    return text


def left(text: str, cells: int) -> str:
    """Return the text in exactly so many cells, to the left."""
    text = cut(text, cells)
    return text + " " * (cells - width(text))


def right(text: str, cells: int) -> str:
    """Return the text in exactly so many cells, to the right."""
    text = cut(text, cells)
    return " " * (cells - width(text)) + text


def safe(text: str, limit: int = 400) -> str:
    """Return text of a log as it may be shown."""
    return visible(text[:limit], in_cells=True)


_NAME_LENGTH = 400
"""Characters of a name that are looked at; the narrowest of them fills a screen."""


def named(name: str) -> str:
    """Return a name of a log, such as a path or a host, as people read it."""
    return readable(name[:_NAME_LENGTH], in_cells=True)


def row_width(row: Row) -> int:
    return sum(width(fragment[1]) for fragment in row)


def fitted(row: Row, cells: int, style: str = "") -> Row:
    """Return the row in exactly so many cells; `style` is that of the space after it."""
    fitted_row: Row = []
    room = cells
    for fragment in row:
        taken = width(fragment[1])
        if taken <= room:
            fitted_row.append(fragment)
            room -= taken
        else:
            shown = cut(fragment[1], room)
            fitted_row.append((fragment[0], shown, *fragment[2:]))
            room -= width(shown)
        if room <= 0:
            break
    if room > 0:
        fitted_row.append((style, " " * room))
    return fitted_row


def filled(rows: list[Row], cells: int, count: int) -> list[Row]:
    """Return exactly `count` rows of exactly `cells` cells each."""
    return padded([fitted(row, cells) for row in rows[: max(0, count)]], cells, count)


def padded(rows: list[Row], cells: int, count: int) -> list[Row]:
    """Return exactly `count` rows; those given are already of exactly `cells` cells."""
    return rows[: max(0, count)] + [[("", " " * cells)] for _ in range(count - len(rows))]


def wrapped(text: str, cells: int) -> list[str]:
    """Break text into lines of at most so many cells, at spaces where there are any."""
    cells = max(2, cells)  # the widest character takes two
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        left_over = word
        if line and width(line) + 1 + width(left_over) <= cells:
            line = f"{line} {left_over}"
            continue
        if line:
            lines.append(line)
        while width(left_over) > cells:
            head = _head(left_over, cells)
            lines.append(head)
            left_over = left_over[len(head) :]
        line = left_over
    return [*lines, line] if line else lines


def in_ascii(row: Row) -> Row:
    """Return a row in ASCII; other characters are question marks, as wide as they are."""
    return [(fragment[0], only_ascii(fragment[1], width), *fragment[2:]) for fragment in row]
