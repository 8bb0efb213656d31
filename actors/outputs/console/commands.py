"""What each action of `keys` makes of the state. Pure."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from actors.outputs.console import effects, moving, narrowing
from actors.outputs.console.keys import ACTIONS, REAL_KEYS, Action, key_shown
from actors.outputs.console.pages.help import Help
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.prompts import (
    ask_file,
    ask_filter,
    ask_find,
    ask_palette,
    ask_report,
    ask_time,
    stop_finding,
)
from actors.outputs.console.silencing import acknowledge, ask_silence
from actors.outputs.console.state import State
from actors.outputs.console.themes import THEMES
from glancemetrics.words.escaping import visible

Act = Callable[[State], State]

_MOST_COPIED = 56_000
"""Bytes that terminals take in OSC 52 at least, 75,000 in base64; of more they say nothing."""


@attrs.frozen
class Command:
    """An action, and what it makes of a state."""

    action: Action
    act: Act


def quit_program(state: State) -> State:
    return state.wanting(effects.Quit())


def stop_job(state: State) -> State:
    return state.wanting(effects.StopJob())


def toggle_pause(state: State) -> State:
    if state.is_paused:
        return attrs.evolve(state, is_paused=False, shown=state.latest)
    return attrs.evolve(state, is_paused=True)


def toggle_help(state: State) -> State:
    if isinstance(state.page, Help):
        return state.popped()
    return state.pushed(Help(for_page=state.page.name))


def leave(state: State) -> State:
    """Leave whatever is open; then show all rows of a table again."""
    return state.popped() if state.over else stop_finding(state)


def go_back(state: State) -> State:
    """Leave what is open, or undo the last narrowing."""
    if state.over:
        return state.popped()
    came_from = state.came_from
    if came_from is not None and came_from.opened == state.scope:
        state = narrowing.with_scope(attrs.evolve(state, came_from=None), came_from.scope)
        state = attrs.evolve(state, tables=came_from.tables)
        return moving.go_to_view(state, came_from.view)
    return narrowing.widen(state)


def copy_row(state: State) -> State:
    text = state.page.copied(state)
    if not text:
        return state.told("nothing to copy here")
    # As it is shown: a line feed of a log would run what is pasted into a shell.
    safe_text = visible(text)
    if len(safe_text.encode()) > _MOST_COPIED:
        hint = state.context.hint("save", "save the screen")
        return state.told(f"too long for the clipboard of a terminal {hint}".rstrip())
    return state.wanting(effects.Copy(safe_text)).told("sent to the terminal's clipboard")


def next_theme(state: State) -> State:
    names = list(THEMES)
    name = names[(names.index(state.theme) + 1) % len(names)]
    return attrs.evolve(state, theme=name, is_theme_chosen=True).told(f"theme: {name}")


def zoom(state: State) -> State:
    """Show only the table with the cursor, or everything again."""
    if state.focused is None:
        return state.told("there is no table here")
    return attrs.evolve(state, is_zoomed=not state.is_zoomed)


def _showing(number: int) -> Act:
    return lambda state: moving.go_to_view(state, number)


_ACTS: dict[str, Act] = {
    **{f"show-{view.name}": _showing(number) for number, view in enumerate(VIEWS)},
    "next-view": lambda s: moving.next_view(s, 1),
    "previous-view": lambda s: moving.next_view(s, -1),
    "help": toggle_help,
    "commands": ask_palette,
    "down": lambda s: moving.move(s, 1),
    "up": lambda s: moving.move(s, -1),
    "right": lambda s: moving.focus(s, 1),
    "left": lambda s: moving.focus(s, -1),
    "page-down": lambda s: moving.move(s, moving.PAGE_ROWS),
    "page-up": lambda s: moving.move(s, -moving.PAGE_ROWS),
    "first": moving.go_to_top,
    "last": lambda s: moving.move(s, 1_000_000),
    "zoom": zoom,
    "open": lambda s: s.page.opened(s),
    "back": go_back,
    "exclude": narrowing.exclude_row,
    "filter": ask_filter,
    "show-all": lambda s: narrowing.filter_by(s, ""),
    "find": ask_find,
    "leave": leave,
    "sort": lambda s: moving.sort_by_next(s, 1),
    "sort-back": lambda s: moving.sort_by_next(s, -1),
    "reverse": moving.reverse,
    "window": narrowing.cycle_window,
    "longer": lambda s: narrowing.lengthen(s, 1),
    "shorter": lambda s: narrowing.lengthen(s, -1),
    "time": ask_time,
    "earlier": lambda s: narrowing.go_back(s, 1),
    "later": lambda s: narrowing.go_back(s, -1),
    "live": narrowing.go_live,
    "pause": toggle_pause,
    "acknowledge": acknowledge,
    "silence": ask_silence,
    "copy": copy_row,
    "save": ask_file,
    "report": ask_report,
    "theme": next_theme,
    "suspend": stop_job,
    "quit": quit_program,
    "interrupt": quit_program,
}

COMMANDS: tuple[Command, ...] = tuple(Command(action, _ACTS[action.name]) for action in ACTIONS)

_HINTS_OVER = {"leave": "back", "help": "help", "quit": "quit"}
_HINTS = ("help", "quit", "open", "find", "filter", "window", "sort", "time", "exclude", "commands")


def hints(state: State) -> list[tuple[str, str]]:
    """Return keys and words for the last row, the most important first."""
    wanted = _HINTS_OVER if state.over else dict.fromkeys(_HINTS, "")
    by_name = {action.name: action for action in ACTIONS}
    return [
        (key, word or by_name[name].hint)
        for name, word in wanted.items()
        if (key := state.context.key_of(name))
    ]


def unknown_key(state: State, key: str) -> State:
    """Say that a key does nothing, and where those are that do."""
    if len(key) > 1 and key not in REAL_KEYS:
        return state  # what a terminal says of itself, such as that it was pasted into
    known = state.context.key_of("help")
    way_out = f"; {known} shows all keys" if known else ""
    return state.told(f"{key_shown(key)} does nothing here{way_out}")
