"""The full-screen console.

`State` is everything a screen is drawn from, one frozen value; `pages` draw it, and `commands` is
the table of all that can be done: each takes a state and returns the next one. `cells`, `layout`,
`tables`, `charts`, `headline` are what pages are made of; none of these knows a terminal.
`application` is prompt-toolkit, in a thread of its own; `console` the output, which gets snapshots,
asks the history (`asking`), and carries out what keys ask for (`working`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import attrs

from actors.outputs.console.keys import key_texts, keys_by_action
from actors.outputs.json_lines import JsonLinesSettings
from actors.outputs.kind import OutputKind
from glancemetrics.configuration.setting import Group, choice, setting, switch

if TYPE_CHECKING:
    from actors.outputs.console.context import Context
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output
    from glancemetrics.configuration.settings import Settings


_THEMES = ("auto", "dark", "light", "high-contrast", "color-blind")


@attrs.frozen(kw_only=True)
class ConsoleSettings:
    """Whether there is one, and its colors."""

    TABLE: ClassVar = "console"

    disabled: bool = setting(
        False,
        switch,
        group=Group.OUTPUTS,
        name="no_console",
        metavar=None,
        help="headless: no console, only the other outputs (always so without a terminal)",
        allowed="true or false",
    )
    key: tuple[str, ...] = setting(
        (),
        key_texts,
        group=Group.OUTPUTS,
        name="key",
        metavar="ACTION=KEY",
        help="another key for the console, such as quit=Q or next-view=n",
        allowed="ACTION=KEY, such as quit=Q",
        repeatable=True,
        split=lambda text: text.split(","),
        example="quit=Q",
    )
    theme: str = setting(
        "auto",
        choice(*_THEMES),
        group=Group.OUTPUTS,
        name="theme",
        metavar="THEME",
        help="colors of the console: auto (asks the terminal for its background), dark, light, "
        "high-contrast or color-blind",
        allowed="auto, dark, light, high-contrast or color-blind",
        values=_THEMES,
    )


def is_shown(settings: Settings, *, has_terminal: bool) -> bool:
    """Tell whether there is a console: `--json` has standard output for itself."""
    is_wanted = not (settings.section(ConsoleSettings).disabled or settings.once)
    return has_terminal and is_wanted and not settings.section(JsonLinesSettings).enabled


def _make(told: ConsoleSettings, desk: Desk) -> Iterator[Output]:
    if not is_shown(desk.settings, has_terminal=desk.has_terminal):
        return
    from actors.files.terminal_look import DUMB

    if desk.environment.get("TERM", "") in DUMB:
        from actors.outputs.console.plain_lines import PlainLines

        yield PlainLines(context_of(desk))
        return
    from actors.outputs.console.console import Console, terminal  # late: prompt-toolkit

    has_keys = sys.stdin is not None and sys.stdin.isatty()
    yield Console(
        context_of(desk),
        desk,
        theme=told.theme,
        terminal=terminal(input_is_taken=not (desk.has_standard_input and has_keys)),
    )


def context_of(desk: Desk) -> Context:
    """Return what a screen shows besides the snapshot."""
    from actors.files.terminal_look import drawing_of
    from actors.outputs.console.context import Context
    from glancemetrics.formats.kept_fields import read_kept
    from glancemetrics.version import __version__

    return Context(
        version=__version__,
        started_at=desk.started_at,
        rules=desk.rules,
        incident_limit=desk.settings.incident_limit,
        expected=desk.expected,
        targets=tuple(target.name for target in desk.targets),
        where=desk.settings.where,
        note=desk.only_shows,
        kept=read_kept(desk.settings.keep),
        drawing=drawing_of(desk.environment),
        keys=keys_by_action(desk.settings.section(ConsoleSettings).key),
    )


CONSOLE = OutputKind(ConsoleSettings, _make, only_shows=True)
