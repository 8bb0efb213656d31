"""The palette: commands by what they do. Pure."""

from __future__ import annotations

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, filled, fitted, left
from actors.outputs.console.commands import COMMANDS, Command
from actors.outputs.console.keys import keys_shown
from actors.outputs.console.state import State


def found(text: str) -> list[Command]:
    """Return the commands whose words begin with the words typed, the best first."""
    words = text.lower().split()
    matching = [one for one in COMMANDS if all(word in one.action.about.lower() for word in words)]
    first = words[0] if words else ""
    return sorted(matching, key=lambda one: not one.action.about.lower().startswith(first))


def palette_rows(state: State, text: str, cells: int, rows: int) -> list[Row]:
    """Return the commands that match what was typed; the first one is run by Enter."""
    drawn: list[Row] = []
    for number, command in enumerate(found(text)[:rows]):
        over = themes.CURSOR if not number else ""
        row: Row = [
            (
                over or themes.KEY,
                f"  {left(keys_shown(state.context.keys[command.action.name]), 12)}",
            ),
            (over, left(command.action.about, max(1, cells // 2))),
            (over or themes.DIM, f"  {command.action.group}"),
        ]
        drawn.append(fitted(row, cells, over))
    if not drawn:
        drawn.append([(themes.DIM, "  no such command")])
    return filled(drawn, cells, rows)
