"""Text from a log made safe to show: every byte of a log is hostile.

For a terminal, what cannot be seen or moves what can is written out: C0 and C1 controls, escapes,
bidirectional overrides, zero-width and combining characters, line separators, lone surrogates.
"""

from __future__ import annotations

import re
import unicodedata

_SUSPECT = re.compile(r"[^\x20-\x7e]")
_ENCODED = re.compile("(?:%[89A-Fa-f][0-9A-Fa-f])+")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me", "Mc"})
"""Unicode categories without a glyph of their own in one cell or two. Combining marks are among
them: a stack of them covers other lines."""


def readable(text: str) -> str:
    """Return text as `visible`, with percent-encoded letters of all languages as letters.

    What stands for ASCII stays encoded: `%2F` is no slash, and `%2e%2e` is to be seen as it came.
    """
    return visible(_ENCODED.sub(_decoded, text))


def _decoded(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return match[0]


def visible(text: str) -> str:
    """Return text in which every character can be seen and stays where it is."""
    return _SUSPECT.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category not in _HIDDEN:
        return character
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
