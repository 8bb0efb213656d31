"""All keys of the console stand in one table: what they do, and what the help says of them."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


@attrs.frozen
class Key:
    """One thing that can be done, and the keys that do it, by prompt-toolkit's names."""

    keys: tuple[str, ...]
    shown: str
    action: str
    """Name of the method of `screen.View`; some are the console's own."""
    help: str


KEYS = (
    Key(("q",), "q", "quit", "quit"),
    Key(("c-c",), "Ctrl-C", "quit", "quit; a second time: at once"),
    Key(("c-z",), "Ctrl-Z", "suspend", "stop; the shell's fg continues it"),
    Key(("p", "space"), "p", "pause", "pause the screen; nothing is lost meanwhile"),
    Key(("?", "h"), "?", "toggle_help", "show or leave this help"),
    Key(("tab",), "Tab", "focus_next", "go to the next table"),
    Key(("s-tab",), "Shift-Tab", "focus_previous", "go to the table before"),
    Key(("down", "j"), "↓", "scroll_down", "scroll the table down"),
    Key(("up", "k"), "↑", "scroll_up", "scroll the table up"),
    Key(("right",), "→", "go_right", "go to the next table"),
    Key(("left",), "←", "go_left", "go to the table before"),
    Key(("pagedown",), "PgDn", "page_down", "scroll by ten"),
    Key(("pageup",), "PgUp", "page_up", "scroll back by ten"),
    Key(("home",), "Home", "scroll_home", "back to the table's top"),
    Key(("s",), "s", "toggle_silencing", "silence rules: for a while nobody is told of them"),
    Key(("enter",), "Enter", "silence", "silence the chosen rule"),
    Key(("e",), "e", "end_silence", "end the silence of the chosen rule"),
    Key(("escape",), "Esc", "leave_page", "leave this page"),
)


def bindings(act: Callable[[str], None]) -> KeyBindings:
    """Bind every key to its action, called by name."""
    bound = KeyBindings()
    for key in KEYS:
        for name in key.keys:
            bound.add(name, eager=name != "escape")(_handler(act, key.action))
    return bound


def _handler(act: Callable[[str], None], action: str) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        act(action)
        event.app.invalidate()

    return handle
