"""Conditions of --where for values of a dimension."""

from __future__ import annotations

from collections.abc import Iterable

from glancemetrics.records.dimensions import MALFORMED, Dimension, dimension_called


def condition_of(dimension: Dimension | str, value: str) -> str:
    """Return the condition for the records of one value of a dimension."""
    known = dimension_called(dimension) if isinstance(dimension, str) else dimension
    if known.name == "status":
        return f"status = {value}"
    if known.is_column is False and known.derive is None and value == MALFORMED:
        return f"{known.name} IS NULL"
    quoted = value.replace("'", "''")
    return f"{_name(known.name)} = '{quoted}'"


def _name(name: str) -> str:
    return f'"{name}"' if name == "user" else name


def excluded(condition: str) -> str:
    """Return the condition for all other records, including those where the field is unknown."""
    return f"({condition}) IS NOT TRUE"


def joined_conditions(conditions: Iterable[str]) -> str | None:
    """Join conditions, so that all of them must hold; `None` for none."""
    found = list(dict.fromkeys(conditions))
    if not found:
        return None
    return found[0] if len(found) == 1 else " AND ".join(f"({one})" for one in found)
