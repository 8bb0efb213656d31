"""Text in cells of a terminal: measured, cut and padded, whatever its characters' width."""

from __future__ import annotations

from prompt_toolkit.utils import get_cwidth

from glancemetrics.escaping import visible

Fragment = tuple[str, str]
"""Style and text, as prompt-toolkit has them."""

Row = list[Fragment]


def width(text: str) -> int:
    return get_cwidth(text)


def cut(text: str, cells: int) -> str:
    """Return the text in at most so many cells, ended by `…` where it was cut."""
    if len(text) <= cells and width(text) <= cells:
        return text
    kept: list[str] = []
    room = cells - 1
    for character in text:
        room -= width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…" if cells > 0 else ""


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
    return visible(text[:limit])


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
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        while width(word) > cells:
            if line:
                lines.append(line)
                line = ""
            head = cut(word, cells + 1).removesuffix("…")[:cells]
            lines.append(head)
            word = word[len(head) :]  # noqa: PLW2901 - what is left of it
        if line and width(line) + 1 + width(word) > cells:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return lines
