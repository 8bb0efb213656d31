"""The palette: commands by what they do. Pure."""

from __future__ import annotations

from actors.outputs.console.commands import COMMANDS, Command


def found(text: str) -> list[Command]:
    """Return the commands whose words begin with the words typed, the best first."""
    words = text.lower().split()
    matching = [one for one in COMMANDS if all(word in one.name.lower() for word in words)]
    first = words[0] if words else ""
    return sorted(matching, key=lambda one: not one.name.lower().startswith(first))
