"""`glancemetrics healthcheck`: checks that a monitor with `--heartbeat` is alive."""

from __future__ import annotations

import os
import time
from pathlib import Path

from actors.commands.parser import FILES, CommandParser, Example
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.health.heartbeat import Heartbeat

_VARIABLE = "GLANCEMETRICS_HEARTBEAT"


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "healthcheck",
        "Exit with status 0 if the monitor that writes FILE (--heartbeat) is alive and reads at "
        "least one log, else with 1.",
        usage="glancemetrics healthcheck [FILE]",
        examples=[
            Example("healthcheck /run/glancemetrics.heartbeat", "as a container's HEALTHCHECK"),
        ],
    )
    made.argument("file", nargs="?", metavar="FILE", complete=FILES,
        default=os.environ.get(_VARIABLE), help="the file of --heartbeat",
        shown_default=f"${_VARIABLE}")  # fmt: skip
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    file = parser().parse_args(arguments).file
    if not file:
        raise UsageError("name the file that --heartbeat writes: glancemetrics healthcheck FILE")
    try:
        last = Heartbeat.read(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise GlanceMetricsError(f"{file}: no heartbeat: the monitor is not running") from None
    overdue = last.overdue_seconds(time.time())
    if overdue > 0:
        raise GlanceMetricsError(f"{file}: the heartbeat is {overdue:.0f} s overdue")
    if last.trouble:
        raise GlanceMetricsError(f"{file}: {last.trouble}")
    return 0
