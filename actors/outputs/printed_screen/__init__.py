"""The screen, printed once at the end: `--once`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from actors.outputs.json_lines import JsonLinesSettings
from actors.outputs.kind import OutputKind

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output


@attrs.frozen
class PrintedScreenSettings:
    """None: `once` is a setting of the monitor."""


def _make(_: PrintedScreenSettings, desk: Desk) -> Iterator[Output]:
    if not desk.settings.once or desk.settings.section(JsonLinesSettings).enabled:
        return
    from actors.outputs.console import context_of
    from actors.outputs.printed_screen.printing import PrintedScreen
    from glancemetrics.charts.runs import Drawing

    context = context_of(desk)
    if not desk.has_terminal:
        # Files and pipes take UTF-8, whatever the terminal of the user can show.
        context = attrs.evolve(context, drawing=Drawing.UNICODE)
    yield PrintedScreen(context, desk.environment, is_terminal=desk.has_terminal)


PRINTED_SCREEN = OutputKind(PrintedScreenSettings, _make, only_shows=True)
