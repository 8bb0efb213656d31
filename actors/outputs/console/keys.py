"""All keys of the console in one table: what they do, and their help."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import attrs
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

if TYPE_CHECKING:
    from actors.outputs.console.screen import View


class Acting(Protocol):
    """What keys can do: with the view alone, and what the console does itself."""

    @property
    def view(self) -> View: ...

    def quit(self) -> None: ...

    def stop_job(self) -> None: ...

    def toggle_silencing(self) -> None: ...

    def silence(self) -> None: ...

    def end_silence(self) -> None: ...


@attrs.frozen
class Key:
    """One thing that can be done, and the keys that do it, by prompt-toolkit's names."""

    keys: tuple[str, ...]
    shown: str
    action: Callable[[Acting], None]
    help: str


KEYS = (
    Key(("q",), "q", lambda console: console.quit(), "quit"),
    Key(("c-c",), "Ctrl-C", lambda console: console.quit(), "quit; twice: immediately"),
    Key(("c-z",), "Ctrl-Z", lambda console: console.stop_job(), "suspend; `fg` resumes"),
    Key(
        ("p", "space"),
        "p",
        lambda console: console.view.pause(),
        "pause; counting continues",
    ),
    Key(("?", "h"), "?", lambda console: console.view.toggle_help(), "show or leave this help"),
    Key(("tab",), "Tab", lambda console: console.view.focus_next(), "go to the next table"),
    Key(
        ("s-tab",),
        "Shift-Tab",
        lambda console: console.view.focus_previous(),
        "go to the previous table",
    ),
    Key(("down", "j"), "↓", lambda console: console.view.scroll_down(), "scroll the table down"),
    Key(("up", "k"), "↑", lambda console: console.view.scroll_up(), "scroll the table up"),
    Key(("right",), "→", lambda console: console.view.go_right(), "go to the next table"),
    Key(("left",), "←", lambda console: console.view.go_left(), "go to the previous table"),
    Key(("pagedown",), "PgDn", lambda console: console.view.page_down(), "scroll by ten"),
    Key(("pageup",), "PgUp", lambda console: console.view.page_up(), "scroll back by ten"),
    Key(("home",), "Home", lambda console: console.view.scroll_home(), "back to the table's top"),
    Key(
        ("s",),
        "s",
        lambda console: console.toggle_silencing(),
        "mute notifications",
    ),
    Key(("enter",), "Enter", lambda console: console.silence(), "silence the chosen rule"),
    Key(("e",), "e", lambda console: console.end_silence(), "end its silence"),
    Key(("escape",), "Esc", lambda console: console.view.leave_page(), "leave this page"),
)


def bindings(act: Callable[[Callable[[Acting], None]], None]) -> KeyBindings:
    """Bind every key; `act` is called with what it does."""
    bound = KeyBindings()
    for key in KEYS:
        for name in key.keys:
            bound.add(name, eager=name != "escape")(_handler(act, key.action))
    return bound


def _handler(
    act: Callable[[Callable[[Acting], None]], None], action: Callable[[Acting], None]
) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        act(action)
        event.app.invalidate()

    return handle
