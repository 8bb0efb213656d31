"""Times in strftime(3) formats, used by Apache's `%{format}t` and GoAccess.

Source: https://pubs.opengroup.org/onlinepubs/9799919799/functions/strftime.html
"""

from __future__ import annotations

import re

from glancemetrics.formats.notations.notation import NotationError

_PATTERNS = {
    "a": "[A-Za-z]{3}",
    "A": "[A-Za-z]+",
    "b": "[A-Za-z]{3}",
    "h": "[A-Za-z]{3}",
    "B": "[A-Za-z]+",
    "d": r"[ \d]?\d",
    "e": r"[ \d]?\d",
    "H": r"\d\d",
    "I": r"\d\d",
    "j": r"\d{3}",
    "m": r"\d\d",
    "M": r"\d\d",
    "p": "[AaPp][Mm]",
    "S": r"\d\d",
    "s": r"\d{1,12}",
    "f": r"\d{1,6}",
    "y": r"\d\d",
    "Y": r"\d{4}",
    "z": r"(?:[+-]\d\d:?\d\d|Z)",
    "Z": "[A-Za-z]+",
}
_MEANS = {"T": "%H:%M:%S", "D": "%m/%d/%y", "F": "%Y-%m-%d", "R": "%H:%M", "r": "%I:%M:%S %p"}
_DIRECTIVE = re.compile(r"%[-_0^#EO]?(.)")


def pattern_of(strftime: str, at: int = 0) -> str:
    """Return a pattern (RE2) of times in a format. Raises `NotationError`; `at` is its position."""
    pieces = []
    end = 0
    plain = spelled_out(strftime)
    for directive in _DIRECTIVE.finditer(plain):
        pieces.append(re.escape(plain[end : directive.start()]))
        letter = directive[1]
        if letter not in _PATTERNS and letter != "%":
            raise NotationError(f"%{letter} is not supported in a time format", at)
        pieces.append(_PATTERNS.get(letter, "%"))
        end = directive.end()
    return "".join([*pieces, re.escape(plain[end:])])


def spelled_out(strftime: str) -> str:
    """Return a format with its abbreviations expanded: `%H:%M:%S` for `%T`."""
    return re.sub(r"%([TDFRr])", lambda directive: _MEANS[directive[1]], strftime)


def is_whole_time(strftime: str) -> bool:
    """Tell whether a format has year, day and hour."""
    letters = set(_DIRECTIVE.findall(spelled_out(strftime)))
    day = bool(letters & set("yY")) and bool(letters & set("dej"))
    return "s" in letters or (day and bool(letters & set("HI")))
