"""Text for terminals that can show ASCII only."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_OURS = str.maketrans(
    {
        **dict.fromkeys("─╌", "-"),
        **dict.fromkeys("│┤├", "|"),
        **dict.fromkeys("╭╮╰╯└┘┌┐", "+"),
        **dict.fromkeys("▏▎▍▌▋▊▉█▁▂▃▄▅▆▇", "#"),
        "░": ".", "▒": ":", "▓": "*",
        "●": "*", "▲": "^", "▼": "v", "▾": "v", "▴": "^", "✖": "x", "✓": "+", "▸": ">",
        "›": ">", "‹": "<", "…": ".", "–": "-", "−": "-", "·": ".", "■": "#",
        "←": "<", "→": ">", "↑": "^", "↓": "v", "±": "~", "µ": "u", "≥": ">",
    }
)  # fmt: skip
"""Our own characters as a terminal without them shows them, each in one cell."""


def cells_of(text: str) -> int:
    """Return the cells that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in {"W", "F"})
        for one in text
    )


def only_ascii(text: str, width: Callable[[str], int] = cells_of) -> str:
    """Return a text in ASCII; characters that are not ours are question marks, as wide."""
    if text.isascii():
        return text
    text = text.translate(_OURS)
    return "".join(one if one.isascii() else "?" * width(one) for one in text)
