"""Secrets: texts that stand elsewhere than in the configuration, and are not shown."""

from __future__ import annotations

import attrs


@attrs.frozen
class Secret:
    """A text that is nobody's business: where it is, or the text itself."""

    source: str
    """`env`, `file`, or nothing: the text is `name`."""
    name: str = attrs.field(repr=False)
    place: str = attrs.field(default="", eq=False)
    """Where the configuration asks for it: file, line and table."""

    def __str__(self) -> str:
        return f"{self.source}:{self.name}" if self.source else "(written in the configuration)"


def read_secret(text: str, place: str = "") -> Secret:
    """Read `env:NAME`, `file:PATH` or the text itself; `place` is where it stands."""
    source, colon, rest = text.partition(":")
    if colon and source in {"env", "file"}:
        return Secret(source, rest, place)
    return Secret("", text, place)
