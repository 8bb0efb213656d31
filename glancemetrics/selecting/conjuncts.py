"""A condition taken apart at its `AND`s, so that what is cheap to ask is asked first.

Each part is true of a record where the condition is: SQL's `AND` keeps what all parts keep.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs

from glancemetrics.errors import UsageError
from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.records.schema import SCHEMA, TEXT
from glancemetrics.selecting.sql import columns_in, shortened

_OF_MANY = ('"class":"SUBQUERY"', '"class":"WINDOW"')
"""What is not of one record alone, as DuckDB's parser names it."""


@attrs.frozen
class Conjunct:
    """A part of a condition."""

    expression: str
    columns: frozenset[str]
    """What it needs of a record: columns, not what is derived of them."""

    @property
    def is_numeric(self) -> bool:
        """Whether it needs no text, and so is cheap."""
        return bool(self.columns) and all(
            name in SCHEMA.names and SCHEMA.field(name).type != TEXT for name in self.columns
        )


def conjuncts_of(expression: str, columns: Iterable[str], connection: Any) -> list[Conjunct]:
    """Take a condition apart, which must be good as a `Where`; those without text come first.

    `columns` are all that there are. Raises `UsageError` for what is not of one record alone.
    """
    known = {name.lower(): name for name in columns}
    cursor = connection.cursor()
    try:
        ((tree,),) = cursor.execute(
            "SELECT json_serialize_sql(?)", [f"SELECT ({expression}\n)"]
        ).fetchall()
        try:
            question = json.loads(tree)
            node = question["statements"][0]["node"]
            (condition,) = node["select_list"]
        except (RecursionError, LookupError):  # nested deeply, or nothing that can be written so
            return [Conjunct(expression, frozenset(known.values()))]
        if any(kind in tree for kind in _OF_MANY):
            raise UsageError(
                f"--where {shortened(expression)}: must say of each request alone whether it is "
                "wanted; `glancemetrics sql --history` takes subqueries and windows"
            )
        parts = []
        for part in _taken_apart(condition):
            node["select_list"] = [part]
            ((text,),) = cursor.execute(
                "SELECT json_deserialize_sql(?::JSON)", [json.dumps(question)]
            ).fetchall()
            # As AND does: a number is true where it is not 0.
            own = f"CAST({text.removeprefix('SELECT ')} AS BOOLEAN)"
            parts.append(Conjunct(own, _needed(part, known)))
    finally:
        cursor.close()
    return sorted(parts, key=lambda part: not part.is_numeric)


def _taken_apart(condition: Any) -> list[Any]:
    if condition.get("type") != "CONJUNCTION_AND":
        return [condition]
    return [part for child in condition["children"] for part in _taken_apart(child)]


def _needed(part: object, known: dict[str, str]) -> frozenset[str]:
    derived = {one.name: one.column for one in DIMENSIONS}
    needed = set()
    for name in columns_in(part):
        column = known.get(name) or derived.get(name)
        if column is None:  # `*`, or a field of a field
            return frozenset(known.values())
        needed.add(column)
    return frozenset(needed)
