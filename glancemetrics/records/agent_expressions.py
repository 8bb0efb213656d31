"""Finds the few of uap-core's expressions that can match some user agents.

To compile all of them takes a tenth of a second, to compile those that need no other texts than a
few agents have takes a few milliseconds. Each expression is read for texts that every match of it
has, such as `android` and `sm-` or `samsung`. What is not understood of an expression is taken to
need nothing, so what is found is never too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Needed = Sequence[Sequence[str]]
"""Texts in lower case; of each group, a match has at least one."""

_SHORTEST = 2
"""Characters of a text that is looked for: single ones are in most agents."""

_TOKENS = re.compile(
    r"""
    \\. | \[\^?\]?(?:\\.|[^\]\\])*\]    # an escape, a class
    | \((?:\?:)? | \) | \|              # a group, and its alternatives
    | [?*+]\?? | \{[^}]*\}\??           # how often
    | [.^$]
    | [^\\\[\]()|?*+{}.^$]+             # characters that stand for themselves
    """,
    re.VERBOSE | re.DOTALL,
)
_HOW_OFTEN = frozenset("?*+{")
_SEVERAL = frozenset(".^$[(")
"""How tokens begin that stand for no certain character."""
_CLASSES = frozenset("dDwWsSbBnrt")
"""Letters that stand for no certain character after a backslash."""
_PUNCTUATION = frozenset(" !\"#%&',-/:;=@_`~.^$|?*+()[]{}\\")
"""What stands for itself after a backslash."""
_END = ""
"""After the last token."""
_STOPS = frozenset({_END, "|", ")"})


def needed_by(expression: str) -> Needed:
    """Return the texts that each match of a regular expression has, in any case of letters."""
    tokens = _TOKENS.findall(expression)
    if sum(map(len, tokens)) != len(expression):
        return ()  # there is something else in it
    tokens.append(_END)
    try:
        needed, end = _of_alternatives(tokens, 0)
    except ValueError:
        return ()
    return needed if tokens[end] == _END else ()


def has_needed(needed: Needed, text: str) -> bool:
    """Tell whether a text, in lower case (`str.casefold`), has what is needed."""
    return all(any(one in text for one in group) for group in needed)


def _of_alternatives(tokens: Sequence[str], start: int) -> tuple[Needed, int]:
    """Return what is needed up to the end of the group, and where that is."""
    needed, end = _of_sequence(tokens, start)
    if tokens[end] != "|":
        return needed, end
    alternatives = [needed]
    while tokens[end] == "|":
        needed, end = _of_sequence(tokens, end + 1)
        alternatives.append(needed)
    if not all(alternatives):
        return (), end
    return [[one for each in alternatives for one in _rarest(each)]], end


def _rarest(needed: Needed) -> Sequence[str]:
    """Return the group of texts that fewest agents will have."""
    return max(needed, key=lambda group: (min(map(len, group)), -len(group)))


def _of_sequence(tokens: Sequence[str], start: int) -> tuple[Needed, int]:
    """Return what is needed up to the end of an alternative, and where that is."""
    found: list[Sequence[str]] = []
    run = ""  # characters that follow each other in every match
    at = start
    while (token := tokens[at]) not in _STOPS:
        at += 1
        inner: Needed = ()
        characters = _characters(token)
        if token[0] == "(":
            inner, at = _of_alternatives(tokens, at)
            if tokens[at] != ")":
                raise ValueError(token)
            at += 1
        often = tokens[at][:1]
        if often not in _HOW_OFTEN:
            often = ""
        else:
            at += 1
        is_certain = often in {"", "+"}
        if is_certain:
            found += inner
        run += characters if is_certain else characters[:-1]
        if often or not characters:
            found += _texts(run)
            run = ""
    return [*found, *_texts(run)], at


def _characters(token: str) -> str:
    """Return the characters that a token stands for; none if these are not certain.

    Raises `ValueError` for a token that means something else.
    """
    first = token[0]
    if first == "\\" and token[1] in _PUNCTUATION:
        return token[1]
    if first in _HOW_OFTEN or (first == "\\" and token[1] not in _CLASSES):
        raise ValueError(token)
    return "" if first == "\\" or first in _SEVERAL else token


def _texts(run: str) -> Iterable[Sequence[str]]:
    return [[run.casefold()]] if len(run) >= _SHORTEST else []
