"""What the notations of servers have in common."""

from __future__ import annotations

CUSTOM = "given"
"""The name of a format that has none."""


class NotationError(ValueError):
    """A format cannot be understood; the text names the place and what stands there."""

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason if at is None else f"character {at + 1}: {reason}")
