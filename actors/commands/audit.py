"""`glancemetrics audit`: verifies the alert log, or shows what is in it."""

from __future__ import annotations

import os

from actors.commands.parser import FILES, CommandParser, Completion, Example
from actors.commands.state_options import (
    add_state_folder_option,
    chosen_state_folder,
    configured_settings,
)
from glancemetrics.configuration.setting import OFF
from glancemetrics.errors import UsageError
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.words.suggestions import closest

ACTIONS = ("verify", "show")


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    if options.action not in ACTIONS:
        action = options.action or ""
        close = closest(action, ACTIONS)
        file = f" {action}" if os.path.lexists(action) else ""
        raise UsageError(
            "say verify or show"
            + (f"; did you mean {close}?" if close else f": glancemetrics audit show{file}")
        )
    from actors.commands.audit_log import show, verify_logs  # late: -h needs none of it

    options.files = options.files or [_default_log(options.state_dir)]
    return verify_logs(options) if options.action == "verify" else show(options)


def _default_log(state_dir: str | None) -> str:
    """Return the alert log that a monitor here writes. Raises `UsageError` if it writes none."""
    from actors.outputs.alert_log import FILE_NAME, AlertLogSettings

    if state_dir is None:
        path = configured_settings().section(AlertLogSettings).path
        if path == OFF:
            raise UsageError("the alert log is disabled (alert_log = off); name a file")
        if path is not None:
            return path
    return str(chosen_state_folder(state_dir) / FILE_NAME)


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "audit",
        "Verify that no line of the alert log was changed or removed, or show its events.",
        usage="glancemetrics audit verify|show [FILE ...] [options]",
        examples=[
            Example("audit show --since yesterday", "the alerts since yesterday"),
            Example("audit verify", "exit status 1 if the log was tampered with"),
        ],
    )
    made.argument("action", nargs="?", metavar="ACTION", help="verify or show",
        complete=Completion(ACTIONS))  # fmt: skip
    made.argument("files", nargs="*", metavar="FILE", complete=FILES,
        help="alert logs; their rotated files are read, too",
        shown_default="the default alert log")  # fmt: skip
    option = made.option
    option("--since", metavar="TIME", help=f"show: from this time on: {ALLOWED_INSTANT}")
    option("--until", metavar="TIME", help="show: before this time")
    option("--timezone", default="local", metavar="ZONE", shown_default="local",
        help="show: time zone of times: Europe/Paris, UTC")  # fmt: skip
    add_state_folder_option(made)
    return made
