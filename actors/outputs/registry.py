"""All kinds of outputs, one per line, in the order of the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.outputs.alert_log import ALERT_LOG
from actors.outputs.console import CONSOLE
from actors.outputs.heartbeat import HEARTBEAT
from actors.outputs.json_lines import JSON_LINES
from actors.outputs.kind import OutputKind
from actors.outputs.notifier import NOTIFIER
from actors.outputs.otlp import OTLP
from actors.outputs.printed_screen import PRINTED_SCREEN
from actors.outputs.syslog import SYSLOG
from actors.outputs.web import WEB

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output

OUTPUTS: list[OutputKind[Any]] = [
    ALERT_LOG,
    SYSLOG,
    NOTIFIER,
    OTLP,
    HEARTBEAT,
    JSON_LINES,
    PRINTED_SCREEN,
    CONSOLE,
    WEB,
]


def output_sections() -> list[type]:
    """Return the settings classes of all outputs."""
    return [kind.section for kind in OUTPUTS]


def make_outputs(desk: Desk) -> list[Output]:
    """Return the outputs that the settings enable. Raises `UsageError`."""
    settings = desk.settings
    only_shows = bool(settings.once or desk.only_shows)
    kinds = [
        kind
        for kind in OUTPUTS
        if kind.only_shows or not only_shows or (desk.is_standby and kind.shows_life)
    ]
    return [one for kind in kinds for one in kind.make(settings.section(kind.section), desk)]
