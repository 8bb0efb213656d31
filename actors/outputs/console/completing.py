"""Completing a filter: fields, operators, and values that were seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from actors.outputs.console.state import State
from glancemetrics.records.dimensions import dimensions_with

_PLAIN = ("bytes", "duration", "query", "time", "request", "upstream_duration")
_AFTER_FIELD = ("=", "!=", "IN", "LIKE", "IS NULL", "IS NOT NULL", ">=", "<", "BETWEEN")
_AFTER_VALUE = ("AND", "OR")
_VALUE = re.compile(
    r"(\w+)\s*(?:=|!=|<>|IN\s*\((?:[^()]*,)?|LIKE)\s*('?[^'\s,()]*)$", re.IGNORECASE
)
_WORD = re.compile(r"[\w.]*$")
_MOST = 40


@attrs.frozen
class Completion:
    """One way to go on."""

    text: str
    back: int
    """How many characters before the cursor it replaces."""
    about: str = ""


def completions(state: State, before: str) -> list[Completion]:
    """Return how the text before the cursor may go on."""
    return list(_completions(state, before))[:_MOST]


def _completions(state: State, before: str) -> Iterator[Completion]:
    fields = dimensions_with(state.context.kept)
    value = _VALUE.search(before)
    if value is not None and value[1].lower() in fields:
        typed = value[2].lstrip("'").lower()
        for name in values_of(state, value[1].lower()):
            if name.lower().startswith(typed) or (typed and typed in name.lower()):
                is_number = value[1].lower() == "status"
                quoted = name if is_number else "'" + name.replace("'", "''") + "'"
                yield Completion(quoted, len(value[2]), "seen")
        return
    found = _WORD.search(before)
    typed = found[0].lower() if found is not None else ""
    rest = before[: len(before) - len(typed)].rstrip()
    last = rest.split()[-1].lower() if rest else ""
    if last in fields or last in _PLAIN:
        words: dict[str, str] = dict.fromkeys(_AFTER_FIELD, "")
    elif rest and last not in {"and", "or", "not", "("} and not rest.endswith("("):
        words = dict.fromkeys(_AFTER_VALUE, "")
    else:
        words = {name: one.title for name, one in fields.items()} | dict.fromkeys(_PLAIN, "")
    for word, about in words.items():
        if word.lower().startswith(typed):
            yield Completion(word, len(typed), about)


def values_of(state: State, field: str) -> list[str]:
    """Return values of a field that are on the screen, or were."""
    found: dict[str, None] = {}
    if state.shown is not None:
        for dimension, rows in state.shown.shown.top.items():
            if dimension.name == field:
                found |= dict.fromkeys(row.name for row in rows)
    for ask, answered in state.answers.items():
        if field in ask.by:
            found |= dict.fromkeys(
                str(row[field]) for row in answered.rows if row.get(field) is not None
            )
    return [name for name in found if not name.startswith("(")]
