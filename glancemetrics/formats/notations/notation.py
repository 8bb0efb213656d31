"""What the notations of servers have in common."""

from __future__ import annotations

from collections.abc import Iterator

CUSTOM = "given"
"""The name of a format that has none."""


class NotationError(ValueError):
    """A format cannot be understood; the text names the place and what stands there."""

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason if at is None else f"character {at + 1}: {reason}")


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the texts in a JSON value, each with its path as `JsonFormat` takes it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key.replace("~", "~0").replace("/", "~1")))
    elif isinstance(value, list):
        if value:
            yield from leaves(value[0], (*path, "0"))
    elif isinstance(value, str):
        yield "/".join(path), value
