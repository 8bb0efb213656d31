"""Makes text from a log safe to show: every byte of a log is hostile.

For a terminal, characters that are invisible or move others are escaped: C0 and C1 controls, escape
sequences, bidirectional overrides, zero-width and combining characters, line separators, lone
surrogates.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

_SUSPECT = re.compile(r"[^\x20-\x7e]")
_ENCODED = re.compile("(?:%[89A-Fa-f][0-9A-Fa-f])+")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me", "Mc"})
"""Unicode categories without a glyph of their own in one or two cells, including combining marks:
a stack of them covers other lines."""


_MARKS = frozenset({"Mn", "Mc"})
_SPACING_MARK = "Mc"
_MOST_MARKS = 3
"""Maximum marks on one letter: a stack of them covers other lines."""
_JOINERS = "\u200c\u200d"
_JOINED = frozenset(
    [
        "ARABIC",
        "SYRIAC",
        "MANDAIC",
        "NKO",
        "MONGOLIAN",
        "DEVANAGARI",
        "BENGALI",
        "GURMUKHI",
        "GUJARATI",
        "ORIYA",
        "TAMIL",
        "TELUGU",
        "KANNADA",
        "MALAYALAM",
        "SINHALA",
    ]
)
"""Scripts in which a joiner or a non-joiner between letters changes how they look.
Source: the Unicode Standard, sections 9.2 and 12.1, and UTS 31, section 2.3."""


_OF_UNKNOWN_WIDTH = re.compile(
    "["
    "\U0001f1e6-\U0001f1ff"  # regional indicators: one or two cells, and a pair is a flag
    "\U0001f3fb-\U0001f3ff"  # skin tones: two cells, or none after the emoji they modify
    "\u115f\u1160-\u11ff\ud7b0-\ud7fb"  # conjoining Hangul, joined by some terminals
    "\u200d"  # a joiner, also in scripts that need it: some terminals draw one glyph for all
    "\u3164\uffa0"  # invisible Hangul fillers
    "\u2630-\u2637\u268a-\u268f\U0001d300-\U0001d376"  # wide since Unicode 16
    "\u3248-\u324f"  # numbers on black squares: ambiguous
    # Emoji since Unicode 13, unknown to older terminals.
    "\U0001f6d6\U0001f6d7\U0001f6dc-\U0001f6df\U0001f6fb\U0001f6fc\U0001f7f0\U0001f90c\U0001f972"
    "\U0001f977-\U0001f979\U0001f9a3\U0001f9a4\U0001f9ab-\U0001f9ad\U0001f9cb\U0001f9cc"
    "\U0001fa74-\U0001fa77\U0001fa7b-\U0001fa7f\U0001fa83-\U0001fa8f\U0001fa96-\U0001faff"
    "]"
)
"""Characters whose width in cells differs between terminals: a row of unexpected width breaks the
screen. Keycaps, joiners and variation selectors are always escaped. Source: the tables of glibc and
tmux, East Asian Width of the Unicode Standard, and UTS 51."""


def is_utf_8(text: str) -> bool:
    """Tell whether text can be encoded as UTF-8; arguments of a command line may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(text: str, *, in_cells: bool = False) -> str:
    """Like `visible`, but decode percent-encoded letters of all languages.

    Marks and joiners are decoded after a letter of their own script. With `in_cells`, only marks
    without a cell and characters whose width is the same on all terminals are shown. Encoded ASCII
    stays encoded: `%2F` is not a slash, and `%2e%2e` is shown as logged.
    """
    decoded = _ENCODED.sub(_decoded, text)
    if decoded.isascii():
        return visible(decoded)
    pieces = "".join(_pieces(decoded, in_cells))
    return _OF_UNKNOWN_WIDTH.sub(_numbered, pieces) if in_cells else pieces


def _pieces(text: str, in_cells: bool) -> Iterator[str]:
    script, marks = "", 0
    for i, character in enumerate(text):
        category = unicodedata.category(character)
        if category in _MARKS and script and script == _script(character):
            marks += 1
            is_kept = marks <= _MOST_MARKS and not (in_cells and category == _SPACING_MARK)
            yield character if is_kept else visible(character)
        elif character in _JOINERS:
            is_joined = script in _JOINED and script == _script(text[i + 1 : i + 2])
            yield character if is_joined else visible(character)
            script, marks = "", 0
        else:
            script, marks = _script(character) if category == "Lo" else "", 0
            yield visible(character)


def _script(character: str) -> str:
    """Return the script of a character (the first word of its name); empty for none."""
    return unicodedata.name(character, "").partition(" ")[0] if character else ""


def _decoded(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return match[0]


def visible(text: str, *, in_cells: bool = False) -> str:
    """Escape characters that are invisible or move others.

    With `in_cells`, also escape characters whose width differs between terminals.
    """
    shown = _SUSPECT.sub(_escaped, text)
    return _OF_UNKNOWN_WIDTH.sub(_numbered, shown) if in_cells else shown


def in_utf8(text: str) -> str:
    r"""Return a text as UTF-8 can have it: what it cannot is written like `\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode()


def visible_csv(text: str) -> str:
    """Escape the cells of CSV text with rows that end in CR LF."""
    return "\r\n".join(map(visible, text.split("\r\n")))


def visible_json(text: str) -> str:
    """Escape invisible characters in JSON text with JSON's own escapes."""
    return "\n".join(_SUSPECT.sub(_as_json, line) for line in text.split("\n"))


def _as_json(match: re.Match[str]) -> str:
    return match[0] if _escaped(match) == match[0] else json.dumps(match[0])[1:-1]


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category not in _HIDDEN:
        return character
    return _numbered(match)


def _numbered(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
