"""`glancemetrics healthcheck`: whether a monitor with `--heartbeat` is alive."""

from __future__ import annotations

import os
import time
from pathlib import Path

from actors.commands.parser import CommandParser
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.health.heartbeat import Heartbeat


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    parser = CommandParser(
        prog="glancemetrics healthcheck",
        description="Exit with 0 if the monitor that writes FILE (--heartbeat) is alive and reads "
        "at least one log, else 1.",
    )
    parser.add_argument(
        "file", nargs="?", default=os.environ.get("GLANCEMETRICS_HEARTBEAT"), metavar="FILE"
    )
    file = parser.parse_args(arguments).file
    if not file:
        raise UsageError("name the file that --heartbeat writes")
    try:
        last = Heartbeat.read(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise GlanceMetricsError(
            f"{file}: there is no heartbeat: the monitor does not run"
        ) from None
    overdue = last.overdue_seconds(time.time())
    if overdue > 0:
        raise GlanceMetricsError(f"{file}: the heartbeat is {overdue:.0f} s overdue")
    if last.trouble:
        raise GlanceMetricsError(f"{file}: {last.trouble}")
    return 0
