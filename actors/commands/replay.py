"""`glancemetrics replay`: shows the alerts that old logs would have raised."""

from __future__ import annotations

from actors.commands.output_options import add_output_options, output_format
from actors.commands.parser import FILES, CommandParser, Completion, Example
from actors.commands.reading_options import add_selection_options, check_selection_options
from glancemetrics.configuration.settings import all_settings

FORMATS = ("text", "json", "html")
SETTINGS = ("alert_threshold", "alertwindow", "rules")
"""Settings of the monitor that a replay takes, too."""


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    check_selection_options(options)
    options.output_format = output_format(
        options.output, options.output_format, FORMATS, endings=".html, .json or .txt"
    )
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
    add_output_options(made, FORMATS, endings=".html, .json or .txt", names="text, json or html")
    add_selection_options(made)
    return made
