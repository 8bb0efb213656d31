"""All that can be done, each with its keys and its help. Pure.

The keys, the help, the palette and the documentation are made from this one table.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from actors.outputs.console import effects, moving, narrowing
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

Act = Callable[[State], State]


@attrs.frozen
class Command:
    """One thing that can be done."""

    name: str
    """What it does, as the palette and the help say it."""
    keys: tuple[str, ...]
    """By prompt-toolkit's names; none: only in the palette."""
    shown: str
    """The keys as people know them."""
    act: Act
    group: str
    hint: str = ""
    """For the last row of the screen; empty: not there."""
    page: str = ""
    """The only page it is for; empty: all."""


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
    return state.popped() if state.over else narrowing.widen(state)


def copy_row(state: State) -> State:
    text = state.page.copied(state)
    if not text:
        return state.told("nothing to copy here")
    return state.wanting(effects.Copy(text)).told("copied")


def next_theme(state: State) -> State:
    names = list(THEMES)
    name = names[(names.index(state.theme) + 1) % len(names)]
    return attrs.evolve(state, theme=name).told(f"theme: {name}")


def _view(number: int, name: str) -> Command:
    return Command(
        f"show {name}",
        (str(number),),
        str(number),
        lambda state: moving.go_to_view(state, number - 1),
        "Views",
    )


COMMANDS: tuple[Command, ...] = (
    *(_view(number, view.title) for number, view in enumerate(VIEWS, 1)),
    Command("next view", ("tab",), "Tab", lambda s: moving.next_view(s, 1), "Views"),
    Command("previous view", ("s-tab",), "Shift-Tab", lambda s: moving.next_view(s, -1), "Views"),
    Command("help", ("?", "f1"), "?", toggle_help, "Views", "help"),
    Command("all commands", (":",), ":", ask_palette, "Views", "commands"),
    Command("cursor down", ("down", "j"), "↓ j", lambda s: moving.move(s, 1), "Moving"),
    Command("cursor up", ("up", "k"), "↑ k", lambda s: moving.move(s, -1), "Moving"),
    Command("table to the right", ("right", "l"), "→ l", lambda s: moving.focus(s, 1), "Moving"),
    Command("table to the left", ("left", "h"), "← h", lambda s: moving.focus(s, -1), "Moving"),
    Command(
        "a page down", ("pagedown", "c-f"), "PgDn", lambda s: moving.move(s, moving.PAGE_ROWS),
        "Moving",
    ),
    Command(
        "a page up", ("pageup", "c-b"), "PgUp", lambda s: moving.move(s, -moving.PAGE_ROWS),
        "Moving",
    ),
    Command("first row; rows move again", ("home", "g"), "Home g", moving.go_to_top, "Moving"),
    Command("last row", ("G",), "G", lambda s: moving.move(s, 1_000_000), "Moving"),
    Command("open: narrow everything to the row", ("enter",), "Enter",
            lambda s: s.page.opened(s), "Narrowing", "open"),
    Command("back: undo the last narrowing", ("backspace", "c-h"), "Backspace", go_back,
            "Narrowing"),
    Command("exclude the row", ("x",), "x", narrowing.exclude_row, "Narrowing", "exclude"),
    Command("filter requests", ("f",), "f", ask_filter, "Narrowing", "filter"),
    Command("show all requests", ("F",), "F", lambda s: narrowing.filter_by(s, ""), "Narrowing"),
    Command("find in the table", ("/",), "/", ask_find, "Narrowing", "find"),
    Command("leave this page; show all rows", ("escape",), "Esc", leave, "Narrowing"),
    Command("sort by the next column", ("s", ">"), "s >",
            lambda s: moving.sort_by_next(s, 1), "Sorting", "sort"),
    Command("sort by the previous column", ("<",), "<",
            lambda s: moving.sort_by_next(s, -1), "Sorting"),
    Command("reverse the order", ("r",), "r", moving.reverse, "Sorting"),
    Command("next window", ("w",), "w", narrowing.cycle_window, "Time", "window"),
    Command("longer window", ("+", "="), "+", lambda s: narrowing.lengthen(s, 1), "Time"),
    Command("shorter window", ("-",), "-", lambda s: narrowing.lengthen(s, -1), "Time"),
    Command("go to a time", ("t",), "t", ask_time, "Time", "time"),
    Command("a window back", ("[",), "[", lambda s: narrowing.go_back(s, 1), "Time"),
    Command("a window forward", ("]",), "]", lambda s: narrowing.go_back(s, -1), "Time"),
    Command("live again", ("end",), "End", narrowing.go_live, "Time"),
    Command("pause; counting continues", ("p", "space"), "p", toggle_pause, "Time"),
    Command("acknowledge the incident; elsewhere, show Alerts", ("a",), "a", acknowledge,
            "Alerts"),
    Command("silence the rule, or end its silence", ("m",), "m", ask_silence, "Alerts"),
    Command("copy the row", ("y",), "y", copy_row, "Output"),
    Command("save the screen", ("S",), "S", ask_file, "Output"),
    Command("write an HTML report of what is shown", ("e",), "e", ask_report, "Output"),
    Command("next theme", ("T",), "T", next_theme, "Output"),
    Command("suspend; `fg` resumes", ("c-z",), "Ctrl-Z", stop_job, "Program"),
    Command("quit", ("q",), "q", quit_program, "Program", "quit"),
    Command("quit; twice: immediately", ("c-c",), "Ctrl-C", quit_program, "Program"),
)  # fmt: skip


def hints(state: State) -> list[tuple[str, str]]:
    """Return keys and words for the last row, the most important first."""
    order = (
        *("help", "quit", "open", "find", "filter", "window", "sort", "time", "exclude"),
        "commands",
    )  # fmt: skip
    if state.over:
        return [("Esc", "back"), ("?", "help"), ("q", "quit")]
    by_hint = {command.hint: command for command in COMMANDS if command.hint}
    return [(by_hint[hint].shown.split()[0], hint) for hint in order]
