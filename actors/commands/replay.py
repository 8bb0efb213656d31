"""`glancemetrics replay`: shows the alerts that old logs would have raised."""

from __future__ import annotations

import argparse
from pathlib import Path

from actors.commands.parser import FILES, CommandParser, Completion, Example
from actors.commands.reading_options import add_selection_options, check_selection_options
from glancemetrics.configuration.settings import all_settings
from glancemetrics.errors import UsageError

FORMATS = ("text", "json", "html")
SETTINGS = ("alert_threshold", "alertwindow", "rules")
"""Settings of the monitor that a replay takes, too."""


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    check_selection_options(options)
    options.output_format = _output_format(options)
    from actors.commands.replay_logs import show_replay  # late: -h and a mistake need none of it

    return show_replay(options)


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "replay",
        "Run alert rules over old logs and show the alerts that they would have raised.",
        usage="glancemetrics replay [FILE ...] [options]",
        examples=[
            Example("replay access.log*", "the built-in rules"),
            Example("replay access.log* --config my.toml -o replay.html", "rules of your own"),
            Example("replay access.log* --suggest", "propose thresholds"),
        ],
    )
    option = made.option
    made.argument("files", nargs="*", metavar="FILE", help="logs, as for report", complete=FILES,
        shown_default="standard input")  # fmt: skip
    option("--config", metavar="FILE", complete=FILES,
        help="a TOML file with [[rule]] tables", shown_default="the one that is found")  # fmt: skip
    known = all_settings()
    for name in SETTINGS:
        setting = known[name]
        words = Completion(setting.spec.values) if setting.spec.values else None
        option(*setting.flags, dest=name, metavar=setting.metavar, help=setting.help,
            shown_default=setting.default_shown, complete=words)  # fmt: skip
    option("--suggest", action="store_true",
        help="propose thresholds, with the alerts that each would have raised")  # fmt: skip
    option("-o", "--output", metavar="FILE", complete=FILES,
        help="write to FILE: .html, .json or .txt")  # fmt: skip
    option("--output-format", choices=FORMATS, metavar="FORMAT", complete=Completion(FORMATS),
        help="text, json or html", shown_default="by the name of FILE")  # fmt: skip
    add_selection_options(made)
    return made


def _output_format(options: argparse.Namespace) -> str:
    if options.output_format is not None:
        return str(options.output_format)
    if options.output is None:
        return "text"
    suffix = Path(options.output).suffix.lower().removeprefix(".")
    chosen = {"htm": "html", "txt": "text"}.get(suffix, suffix)
    if chosen not in FORMATS:
        raise UsageError(
            f"--output {options.output}: must end in .html, .json or .txt, "
            "or name the format with --output-format"
        )
    return chosen
