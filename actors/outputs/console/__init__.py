"""The full-screen console.

`cells` measures and cuts text, `panels` turns a snapshot into rows of it, `screen` lays the rows
out for a size of terminal, `keys` and `styles` are what their names say; none of these knows a
terminal. `console` is the output: prompt-toolkit, in a thread of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import attrs

from actors.outputs.json_lines import JsonLinesSettings
from actors.outputs.kind import OutputKind
from glancemetrics.configuration.setting import Group, setting, switch

if TYPE_CHECKING:
    from actors.outputs.console.panels import Context
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output
    from glancemetrics.configuration.settings import Settings


@attrs.frozen(kw_only=True)
class ConsoleSettings:
    """Whether there is one."""

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


def is_shown(settings: Settings, *, has_terminal: bool) -> bool:
    """Tell whether there is a console: `--json` has standard output for itself."""
    is_wanted = not (settings.section(ConsoleSettings).disabled or settings.once)
    return has_terminal and is_wanted and not settings.section(JsonLinesSettings).enabled


def _make(told: ConsoleSettings, desk: Desk) -> Iterator[Output]:
    del told
    if not is_shown(desk.settings, has_terminal=desk.has_terminal):
        return
    from actors.outputs.console.console import Console, terminal  # late: prompt-toolkit

    has_keys = sys.stdin is not None and sys.stdin.isatty()
    yield Console(
        context_of(desk),
        desk.stop,
        environment=desk.environment,
        wall=desk.wall,
        silences=desk.silences,
        terminal=terminal(input_is_taken=not (desk.has_standard_input and has_keys)),
    )


def context_of(desk: Desk) -> Context:
    """Return what a screen shows besides the snapshot."""
    from actors.outputs.console.panels import Context
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
    )


CONSOLE = OutputKind(ConsoleSettings, _make, only_shows=True)
