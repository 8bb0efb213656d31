"""Shared by the notations of all servers."""

from __future__ import annotations

from collections.abc import Iterator

CUSTOM = "given"
"""The name of formats without one."""


class NotationError(ValueError):
    """A format definition is invalid; the message says where and why."""

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason if at is None else f"character {at + 1}: {reason}")


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the texts in a JSON value, each with its path as in `JsonFormat`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key.replace("~", "~0").replace("/", "~1")))
    elif isinstance(value, list):
        if value:
            yield from leaves(value[0], (*path, "0"))
    elif isinstance(value, str):
        yield "/".join(path), value
