"""Checks bodies of requests against their schemas: those few keywords of JSON Schema we use."""

from __future__ import annotations

from typing import Any

from glancemetrics.errors import UsageError
from glancemetrics.http_api.schemas import SCHEMAS

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "object": dict,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def check_body(name: str, value: object) -> dict[str, Any]:
    """Return the fields of a body of a schema in `SCHEMAS`. Raises `UsageError`."""
    schema = SCHEMAS[name]
    if not isinstance(value, dict):
        raise UsageError("the body must be an object")
    fields: dict[str, Any] = schema["properties"]
    for field in schema["required"]:
        if field not in value:
            raise UsageError(f"{field}: missing")
    for field, inner in value.items():
        if field not in fields:
            raise UsageError(f"unknown field {field[:40]!r}")
        _check(field, inner, fields[field])
    return value


def _check(field: str, value: object, schema: dict[str, Any]) -> None:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    is_right = any(
        isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
        for kind in kinds
    )
    if not is_right:
        raise UsageError(f"{field}: must be {' or '.join(kinds)}")
    if isinstance(value, str):
        low, high = schema.get("minLength", 0), schema.get("maxLength", 1 << 20)
        if not low <= len(value) <= high:
            raise UsageError(f"{field}: must have {low:,} to {high:,} characters")
        if "\0" in value:
            raise UsageError(f"{field}: must not have NUL in it")
    if isinstance(value, int) and not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high:
            raise UsageError(f"{field}: must be from {low:,} to {high:,}")
    if isinstance(value, dict) and "additionalProperties" in schema:
        for name, inner in value.items():
            _check(f"{field}.{name}"[:80], inner, schema["additionalProperties"])
