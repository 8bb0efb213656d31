"""Text in cells of a terminal: measured, cut and padded, whatever its characters' width."""

from __future__ import annotations

from prompt_toolkit.utils import get_cwidth

from glancemetrics.words.escaping import visible

Fragment = tuple[str, str]
"""Style and text, as prompt-toolkit has them."""

Row = list[Fragment]


def width(text: str) -> int:
    return get_cwidth(text)


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


def row_width(row: Row) -> int:
    return sum(width(text) for _, text in row)


def fitted(row: Row, cells: int) -> Row:
    """Return the row in exactly so many cells."""
    fitted_row: Row = []
    room = cells
    for style, text in row:
        shown = cut(text, room)
        fitted_row.append((style, shown))
        room -= width(shown)
        if room <= 0:
            break
    if room > 0:
        fitted_row.append(("", " " * room))
    return fitted_row


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
