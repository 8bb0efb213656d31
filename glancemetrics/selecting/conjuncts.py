"""Splits a condition at its `AND`s, so that cheap parts are evaluated first.

A record satisfies the condition if it satisfies all parts, as with SQL's `AND`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs

from glancemetrics.errors import UsageError
from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.records.schema import SCHEMA, TEXT
from glancemetrics.selecting.sql import columns_in, parse_tree, shortened

_OF_MANY = ('"class":"SUBQUERY"', '"class":"WINDOW"')
"""Expressions that need more than one record, in DuckDB's parse tree."""


@attrs.frozen
class Conjunct:
    """A part of a condition."""

    expression: str
    columns: frozenset[str]
    """The columns of a record that it needs, not derived dimensions."""

    @property
    def is_numeric(self) -> bool:
        """Whether it needs no text columns, so it is cheap."""
        return bool(self.columns) and all(
            name in SCHEMA.names and SCHEMA.field(name).type != TEXT for name in self.columns
        )


def conjuncts_of(expression: str, columns: Iterable[str], connection: Any) -> list[Conjunct]:
    """Split a condition, which must be a valid `Where`; parts without text come first.

    `columns` are all columns. Raises `UsageError` for a condition that needs several records.
    """
    known = {name.lower(): name for name in columns}
    cursor = connection.cursor()
    try:
        tree = parse_tree(f"SELECT ({expression}\n)", cursor)
        try:
            question = json.loads(tree)
            node = question["statements"][0]["node"]
            (condition,) = node["select_list"]
        except (RecursionError, LookupError):  # deeply nested, or not convertible
            return [Conjunct(expression, frozenset(known.values()))]
        if any(kind in tree for kind in _OF_MANY):
            raise UsageError(
                f"--where {shortened(expression)}: must be a condition on single requests; use "
                "glancemetrics sql --history for subqueries and window functions"
            )
        parts = []
        for part in _split(condition):
            node["select_list"] = [part]
            ((text,),) = cursor.execute(
                "SELECT json_deserialize_sql(?::JSON)", [json.dumps(question)]
            ).fetchall()
            # Like AND: a number is true if it is not 0.
            own = f"CAST({text.removeprefix('SELECT ')} AS BOOLEAN)"
            parts.append(Conjunct(own, _needed(part, known)))
    finally:
        cursor.close()
    return sorted(parts, key=lambda part: not part.is_numeric)


def _split(condition: Any) -> list[Any]:
    if condition.get("type") != "CONJUNCTION_AND":
        return [condition]
    return [part for child in condition["children"] for part in _split(child)]


def _needed(part: object, known: dict[str, str]) -> frozenset[str]:
    derived = {one.name: one.column for one in DIMENSIONS}
    needed = set()
    for name in columns_in(part):
        column = known.get(name) or derived.get(name)
        if column is None:  # `*`, or a nested field
            return frozenset(known.values())
        needed.add(column)
    return frozenset(needed)
