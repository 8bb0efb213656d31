"""Conditions for values of dimensions, as a person writes them in `--where`.

They select exactly the records that a query counts as a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from glancemetrics.records.dimensions import DIMENSIONS, Dimension, dimension_called
from glancemetrics.records.schema import SCHEMA, TEXT, column_type
from glancemetrics.words.escaping import is_utf_8

_NAME = r'(?:[A-Za-z_]\w*|"(?:[^"]|"")+")'
_VALUE = r"(?:'(?:[^']|'')*'|\d+)"
_COMPLEMENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), complement)
    for pattern, complement in (
        (rf"({_NAME})\s+IS\s+NULL", r"\1 IS NOT NULL"),
        (rf"({_NAME})\s+IS\s+NOT\s+NULL", r"\1 IS NULL"),
        (rf"({_NAME})\s*=\s*({_VALUE})", r"\1 IS DISTINCT FROM \2"),
        (rf"({_NAME})\s+IS\s+DISTINCT\s+FROM\s+({_VALUE})", r"\1 = \2"),
    )
)
_BUILT_IN = frozenset(one.name for one in DIMENSIONS)


def condition_of(dimension: Dimension | str, value: str) -> str:
    """Return the condition for a value of a dimension: `path = '/login'`, `status = 404`.

    The name of a dimension that is not built in is a kept field's.
    """
    one = dimension_called(dimension) if isinstance(dimension, str) else dimension
    name = one.name if one.name in _BUILT_IN else _written_name(one.name)
    if one.name in SCHEMA.names:  # in SQL the column, not the names made from it
        if value == one.missing:
            return f"{name} IS NULL"
        if column_type(one.name) != TEXT and value.isascii() and value.isdecimal():
            return f"{name} = {int(value)}"
    return f"{name} = {_written_text(value)}"


def joined_conditions(conditions: Iterable[str]) -> str | None:
    """Join valid conditions with AND, in parentheses where needed; `None` without any.

    Blank ones are left out.
    """
    several = [one for one in conditions if one.strip()]
    if len(several) < 2:
        return several[0] if several else None
    return " AND ".join(_in_parentheses(one) if _is_open(one) else one for one in several)


def excluded(condition: str) -> str:
    """Return the condition for all other records, including those whose fields are unknown.

    `path IS DISTINCT FROM '/login'` for `path = '/login'`.
    """
    for pattern, complement in _COMPLEMENTS:
        if simple := pattern.fullmatch(condition.strip()):
            return simple.expand(complement)
    return f"{_in_parentheses(condition)} IS NOT TRUE"


def _written_name(name: str) -> str:
    """Return the name of a field, in double quotes if it is not a plain word."""
    import duckdb  # late: slow to import

    plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is not None
    if plain and [kind for _, kind in duckdb.tokenize(name)] == [duckdb.token_type.identifier]:
        return name
    return '"' + name.replace('"', '""') + '"'


def _written_text(text: str) -> str:
    # DuckDB ends a query at a NUL character, which paths in logs do have.
    quoted = ["'" + part.replace("'", "''") + "'" if part else "" for part in text.split("\0")]
    if len(quoted) == 1:
        return quoted[0] or "''"
    pieces = [piece for part in quoted for piece in (part, "chr(0)") if piece]
    return " || ".join(pieces[:-1])


def _in_parentheses(condition: str) -> str:
    # The end of a comment in the last line is the end of that line.
    has_comment = any(token.startswith("--") for token in _tokens(condition))
    return f"({condition}\n)" if has_comment else f"({condition})"


def _is_open(condition: str) -> bool:
    """Return whether a condition needs parentheses: it has an OR outside of any, or a comment."""
    depth = 0
    for token in _tokens(condition):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token.startswith("--") or (token.upper() == "OR" and depth <= 0):
            return True
    return False


def _tokens(condition: str) -> Iterator[str]:
    """Yield words, signs and comments; nothing for a condition that is not valid UTF-8."""
    import duckdb  # late: slow to import

    if not is_utf_8(condition):
        return  # refused elsewhere
    text = condition.encode()
    starts = [start for start, _ in duckdb.tokenize(condition)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end].decode().strip()
