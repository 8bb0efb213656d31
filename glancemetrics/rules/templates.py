"""Message templates of rules: `{section}: {value:.1%} of {hits} requests`.

Only plain names, no attributes or indices: text from a log must not reach into the program.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping

_SPEC = re.compile(r"[<>^]?[+]?\d{0,2},?(?:\.\d{1,2})?[dfeg%s]?")


def check_template(template: str, names: Iterable[str]) -> None:
    """Raise `ValueError`, saying what is wrong, if a template cannot be filled in."""
    known = list(names)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{error}; write {{{{ or }}}} for a brace") from None
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in known:
            raise ValueError(f"unknown name {{{name}}}; known: {', '.join(known)}")
        if conversion or not _SPEC.fullmatch(spec or ""):
            raise ValueError(f"{{{name}}} cannot be formatted as {spec or conversion!r}")


def fill(template: str, values: Mapping[str, object]) -> str:
    """Fill in a checked template. A value that does not fit its format is written plainly."""
    pieces = []
    for text, name, spec, _ in string.Formatter().parse(template):
        pieces.append(text)
        if name is not None:
            value = values.get(name, "")
            try:
                pieces.append(format(value, spec or ""))
            except (ValueError, TypeError):
                pieces.append(str(value))
    return "".join(pieces)
