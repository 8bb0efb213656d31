"""Secrets: texts that stand elsewhere than in the configuration, and are not shown."""

from __future__ import annotations

import attrs


@attrs.frozen
class Secret:
    """A text that is nobody's business: where it is, or the text itself."""

    source: str
    """`env`, `file`, or nothing: the text is `name`."""
    name: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.source}:{self.name}" if self.source else "(written in the configuration)"


def read_secret(text: str) -> Secret:
    """Read `env:NAME`, `file:PATH` or the text itself."""
    source, colon, rest = text.partition(":")
    return Secret(source, rest) if colon and source in {"env", "file"} else Secret("", text)
