"""Secrets: texts that are kept outside the configuration and never shown."""

from __future__ import annotations

import attrs


@attrs.frozen
class Secret:
    """Where a secret is, or the secret itself."""

    source: str
    """`env`, `file`, or empty: then `name` is the secret."""
    name: str = attrs.field(repr=False)
    place: str = attrs.field(default="", eq=False)
    """Where the configuration uses it: file, line and table."""

    def __str__(self) -> str:
        return f"{self.source}:{self.name}" if self.source else "(written in the configuration)"


def read_secret(text: str, place: str = "") -> Secret:
    """Parse `env:NAME`, `file:PATH` or a plain secret; `place` is where it stands."""
    source, colon, rest = text.partition(":")
    if colon and source in {"env", "file"}:
        return Secret(source, rest, place)
    return Secret("", text, place)
