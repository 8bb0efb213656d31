"""The keys of the console: all that can be done, its name, its words and its keys. Pure.

Help, hints, palette, documentation and the setting `key` are made from this one table; `commands`
says what each does. It imports no terminal, since settings are read before there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import ascii_lowercase
from typing import Any

import attrs

from glancemetrics.configuration.setting import NotAllowedError, some_texts
from glancemetrics.configuration.shown_values import shown
from glancemetrics.words.suggestions import closest


@attrs.frozen
class Action:
    """One thing that can be done."""

    name: str
    """What settings call it."""
    about: str
    """What it does, as the palette and the help say it."""
    keys: tuple[str, ...]
    """By prompt-toolkit's names."""
    group: str
    hint: str = ""
    """For the last row of the screen; empty: not there."""


VIEWS = (
    *("Overview", "URLs", "Errors", "Clients", "Latency", "Alerts", "Requests", "Health"),
    "Servers",
)

ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"show-{title.lower()}", f"show {title}", (str(number),), "Views")
        for number, title in enumerate(VIEWS, 1)
    ),
    Action("next-view", "next view", ("tab",), "Views"),
    Action("previous-view", "previous view", ("s-tab",), "Views"),
    Action("help", "help; again: back", ("?", "f1"), "Views", "help"),
    Action("commands", "all commands", (":",), "Views", "commands"),
    Action("down", "cursor down", ("down", "j"), "Moving"),
    Action("up", "cursor up", ("up", "k"), "Moving"),
    Action("right", "table to the right", ("right", "l"), "Moving"),
    Action("left", "table to the left", ("left", "h"), "Moving"),
    Action("page-down", "a page down", ("pagedown", "c-f"), "Moving"),
    Action("page-up", "a page up", ("pageup", "c-b"), "Moving"),
    Action("first", "first row; rows move again", ("home", "g"), "Moving"),
    Action("last", "last row", ("G",), "Moving"),
    Action("zoom", "only this table, or all again", ("z",), "Moving"),
    Action("open", "open: narrow everything to the row", ("enter",), "Narrowing", "open"),
    Action("back", "back: undo the last narrowing", ("backspace", "c-h"), "Narrowing"),
    Action("exclude", "exclude the row", ("x",), "Narrowing", "exclude"),
    Action("filter", "filter requests", ("f",), "Narrowing", "filter"),
    Action("show-all", "show all requests", ("F",), "Narrowing"),
    Action("find", "find in the table", ("/",), "Narrowing", "find"),
    Action("leave", "leave this page; show all rows", ("escape",), "Narrowing"),
    Action("sort", "sort by the next column", ("s", ">"), "Sorting", "sort"),
    Action("sort-back", "sort by the previous column", ("<",), "Sorting"),
    Action("reverse", "reverse the order", ("r",), "Sorting"),
    Action("window", "next window", ("w",), "Time", "window"),
    Action("longer", "longer window", ("+", "="), "Time"),
    Action("shorter", "shorter window", ("-",), "Time"),
    Action("time", "go to a time", ("t",), "Time", "time"),
    Action("earlier", "a window back", ("[",), "Time"),
    Action("later", "a window forward", ("]",), "Time"),
    Action("live", "live again", ("end",), "Time"),
    Action("pause", "pause; counting continues", ("p", "space"), "Time"),
    Action("acknowledge", "acknowledge the incident; elsewhere, show Alerts", ("a",), "Alerts"),
    Action("silence", "silence the rule, or end its silence", ("m",), "Alerts"),
    Action("copy", "copy the row", ("y",), "Output"),
    Action("save", "save the screen", ("S",), "Output"),
    Action("report", "write an HTML report of what is shown", ("e",), "Output"),
    Action("theme", "next theme", ("T",), "Output"),
    Action("suspend", "suspend; `fg` resumes", ("c-z",), "Program"),
    Action("quit", "quit", ("q",), "Program", "quit"),
    Action("interrupt", "quit; twice: immediately", ("c-c",), "Program"),
)

_FIXED = frozenset({"suspend", "interrupt"})
"""As everywhere in a terminal: a person can always leave."""
_SHOWN = {
    "tab": "Tab",
    "s-tab": "Shift-Tab",
    "down": "↓",
    "up": "↑",
    "right": "→",
    "left": "←",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "enter": "Enter",
    "backspace": "Backspace",
    "escape": "Esc",
    "space": "Space",
    "insert": "Insert",
    "delete": "Delete",
}
_HIDDEN = frozenset({"f1", "c-f", "c-b", "c-h", "="})
"""Other ways to do the same, which would only lengthen the help."""
_WRITTEN = {known.lower(): name for name, known in _SHOWN.items() if known.isascii()} | {
    name: name for name in _SHOWN
}
"""How settings may write keys that are no characters."""
_SAME = {"c-h": "backspace", "c-i": "tab", "c-m": "enter"}
"""Keys for which terminals send the same byte."""
_FUNCTION_KEYS = frozenset(f"f{number}" for number in range(1, 13))
REAL_KEYS = frozenset(_SHOWN) | _FUNCTION_KEYS | {f"c-{one}" for one in ascii_lowercase}
"""Keys that are no characters."""


def key_shown(key: str) -> str:
    """Return a key as people know it."""
    if key.startswith("c-"):
        return f"Ctrl-{key[2:].upper()}"
    return _SHOWN.get(key, key.upper() if key in _FUNCTION_KEYS else key)


def keys_shown(keys: Iterable[str]) -> str:
    """Return the keys of an action as people know them, without other ways to do the same."""
    found = list(keys)
    known = [key for key in found if key not in _HIDDEN] or found
    return " ".join(map(key_shown, known))


def keys_by_action(told: Iterable[str] = ()) -> Mapping[str, tuple[str, ...]]:
    """Return the keys of each action, with what settings say: `quit = Q`, `next-view = n f2`.

    A key that is given to an action is taken from the one that had it. Raises `NotAllowedError`.
    """
    keys = {action.name: action.keys for action in ACTIONS}
    given: dict[str, str] = {}
    for text in told:
        name, is_pair, wanted = text.partition("=")
        name = name.strip().lower()
        if not is_pair or not wanted.strip():
            raise NotAllowedError(f"{_harmless(text)} has no key; write ACTION=KEY")
        _check_action(name)
        found = tuple(dict.fromkeys(_SAME.get(key, key) for key in map(_key, wanted.split())))
        for key in found:
            if given.setdefault(key, name) != name:
                raise NotAllowedError(f"{key_shown(key)} is given to {given[key]} and to {name}")
        keys[name] = found
    return {
        name: tuple(key for key in had if given.get(_SAME.get(key, key), name) == name)
        for name, had in keys.items()
    }


def _check_action(name: str) -> None:
    names = [action.name for action in ACTIONS if action.name not in _FIXED]
    if name in _FIXED:
        raise NotAllowedError(f"{name} keeps its key")
    if name not in names:
        close = closest(name, names)
        hint = f"; did you mean {close}?" if close else ""
        raise NotAllowedError(f"{_harmless(name) if name else 'nothing'} is no action{hint}")


def _key(text: str) -> str:
    """Return prompt-toolkit's name of a key as a person writes it."""
    lower = text.lower()
    fixed = {key for action in ACTIONS if action.name in _FIXED for key in action.keys}
    if len(text) == 1 and text.isprintable():
        return text
    if lower in _WRITTEN:
        return _WRITTEN[lower]
    if lower in _FUNCTION_KEYS:
        return lower
    key = lower.replace("ctrl-", "c-").replace("^", "c-")
    if key in REAL_KEYS:
        if key in fixed:
            raise NotAllowedError(f"{key_shown(key)} keeps its meaning")
        return key
    raise NotAllowedError(
        f"{_harmless(text)} is no key; a character, Tab, Enter, F5 and Ctrl-E are some"
    )


def _harmless(text: str) -> str:
    """Return what was written, unless it may be a secret: people mean other keys, too."""
    return text if shown(text) is not None else "this"


def key_texts(value: Any) -> tuple[str, ...]:
    """Parse the setting `key`: any number of `ACTION=KEY`. Raises `NotAllowedError`."""
    told = some_texts(value)
    keys_by_action(told)
    return told
