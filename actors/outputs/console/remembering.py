"""What the console remembers from one run to the next: view, orders of tables, colors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from actors.outputs.console.state import State, TableState
from actors.outputs.console.themes import THEMES
from actors.state.state_file import replace_state
from glancemetrics.errors import sentence
from glancemetrics.history.measures import MEASURES

FILE_NAME = "console.json"
_MOST_BYTES = 100_000


def chosen(state: State) -> dict[str, Any]:
    """Return what a person has chosen that also suits the next run, for JSON."""
    orders = {
        key: [table.sort, table.is_ascending]
        for key, table in state.tables.items()
        if table.sort is not None
    }
    theme = {"theme": state.theme} if state.is_theme_chosen else {}
    return {"view": state.views[state.view].name, "orders": orders, **theme}


def with_choices(state: State, choices: Mapping[str, Any]) -> State:
    """Return the state with what was chosen in an earlier run, as far as there is such a thing."""
    names = [view.name for view in state.views]
    if choices.get("view") in names:
        state = attrs.evolve(state, view=names.index(choices["view"]))
    if choices.get("theme") in list(THEMES):
        state = attrs.evolve(state, theme=choices["theme"], is_theme_chosen=True)
    orders = choices.get("orders")
    found = dict(state.tables)
    for key, order in (orders if isinstance(orders, dict) else {}).items():
        match order:
            case [str(sort), bool(is_ascending)] if sort in MEASURES:
                found[key] = TableState(sort=sort, is_ascending=is_ascending)
    return attrs.evolve(state, tables=found)


def load_choices(folder: Path) -> tuple[dict[str, Any], str]:
    """Return what was saved, and why it cannot be read, in a sentence."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, RecursionError) as error:
        why = sentence(error) if isinstance(error, OSError) else "it is damaged"
        return {}, f"{path}: what was chosen in earlier runs is forgotten ({why})"
    return (found if isinstance(found, dict) else {}), ""


def save_choices(folder: Path, choices: Mapping[str, Any]) -> None:
    """Save what was chosen. Raises `OSError`."""
    replace_state(folder / FILE_NAME, json.dumps(choices, indent=1).encode())
