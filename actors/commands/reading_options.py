"""The options of `glancemetrics report`, and those that other commands that read logs share.

Light on purpose: `-h` and a wrong option are answered at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.commands.output_options import add_output_options, output_format
from actors.commands.parser import FILES, CommandParser, Completion, Example, type_of
from actors.commands.state_options import add_state_folders_option
from glancemetrics.errors import UsageError
from glancemetrics.formats.format_names import (
    AUTO,
    DATE_FORMAT_HELP,
    DURATION_UNIT_HELP,
    FORMAT_FROM_HELP,
    FORMAT_HELP,
    FORMAT_NAMES,
    GROUP_PATH_HELP,
    KEEP_HELP,
    TIME_FORMAT_HELP,
    TIME_ZONE_HELP,
    TRUSTED_HELP,
)
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.reporting.memory_limit import DEFAULT_MEMORY, read_memory_limit
from glancemetrics.reporting.panel_names import AGENT_PANELS, PANEL_NAMES, Order
from glancemetrics.words.durations import ALLOWED as ALLOWED_SPAN
from glancemetrics.words.durations import parse_span
from glancemetrics.words.suggestions import did_you_mean

if TYPE_CHECKING:
    from glancemetrics.formats.reading import Reading

OUTPUT_FORMATS = ("text", "html", "json", "csv", "parquet")
_ORDERS = tuple(order.value for order in Order if order is not Order.TOTAL_TIME)


READING, SELECTION, HISTORY = "Log format", "Which requests", "History"
"""Headings of the help."""


def report_parser() -> CommandParser:
    """Return the options of `report`."""
    parser = CommandParser(
        "report",
        "Summarise whole logs, compressed or not.",
        usage="glancemetrics report [FILE ...] [options]",
        examples=[
            Example("report access.log", "on the terminal"),
            Example("report access.log* -o report.html", "as a page for a browser"),
            Example("report /var/log/nginx --since yesterday", "all logs of a directory"),
            Example('report access.log --where "status >= 500"', "only server errors"),
            Example("report access.log --panels paths,hosts", "only some panels"),
        ],
    )
    option = parser.option
    parser.argument("files", nargs="*", metavar="FILE", complete=FILES,
        help="logs, quoted globs, directories, - for standard input",
        shown_default="standard input")  # fmt: skip
    add_output_options(
        parser,
        OUTPUT_FORMATS,
        endings=".html, .json, .csv, .txt; .parquet holds the requests",
        names=", ".join(OUTPUT_FORMATS),
    )
    option("--top", type=type_of(_positive, "a whole number of rows above 0"), metavar="ROWS",
        help="rows of a panel",
        shown_default="10 rows on a terminal, 100 rows in a file")  # fmt: skip
    option("--panels", type=_panels, metavar="A,B", complete=Completion(PANEL_NAMES, is_list=True),
        help=f"only these panels: {', '.join(PANEL_NAMES)}, or fields of --keep")  # fmt: skip
    option("--sort", choices=_ORDERS, default="hits", metavar="BY", complete=Completion(_ORDERS),
        help=f"sort rows by {', '.join(_ORDERS)}", shown_default="hits")  # fmt: skip
    option("--max-memory", type=_memory, default=DEFAULT_MEMORY, metavar="SIZE",
        help="memory limit: above it, numbers are estimates, marked with ~",
        shown_default="2GB")  # fmt: skip
    add_selection_options(parser)
    add_history_options(parser)
    return parser


def read_report_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options; `output_format` is then one of `OUTPUT_FORMATS`. Raises `UsageError`."""
    options: argparse.Namespace = report_parser().parse_args(arguments)
    check_selection_options(options)
    options.output_format = _output_format(options.output, options.output_format)
    return options


def add_selection_options(parser: CommandParser) -> None:
    """Add the options that select requests, and those that say how lines are read."""

    def add(*flags: str, **details: Any) -> None:
        parser.option(*flags, group=SELECTION, **details)

    add("--since", metavar="TIME", help=f"from this time on: {ALLOWED_INSTANT}")
    add("--until", metavar="TIME", help="before this time")
    add("--last", metavar="DURATION", type=type_of(parse_span, ALLOWED_SPAN),
        help=f"the last DURATION up to now: {ALLOWED_SPAN}")  # fmt: skip
    add("--where", metavar="EXPRESSION",
        help="only requests that match this SQL expression, such as "
        "\"status >= 500 and path like '/api/%'\"")  # fmt: skip
    add("--exclude-ip", action="append", default=[], metavar="ADDRESS",
        help="leave a client out: an address, a network, or FIRST-LAST; repeatable")  # fmt: skip
    add("--group-path", action="append", default=[], metavar="PATTERN", help=GROUP_PATH_HELP)
    add("--exclude-bots", action="store_true", help="leave crawlers out")
    add("--only-bots", action="store_true", help="only crawlers")
    add("--anonymize-ip", action="store_true",
        help="zero the last octet of IPv4 and the last 80 bits of IPv6 addresses")  # fmt: skip
    add("--timezone", default="UTC", metavar="ZONE",
        help="time zone of days and hours: Europe/Paris, local", shown_default="UTC")  # fmt: skip
    add_reading_options(parser)


def check_selection_options(options: argparse.Namespace) -> None:
    """Check what `add_selection_options` added; sets `since` by `--last`. Raises `UsageError`."""
    if options.only_bots and options.exclude_bots:
        raise UsageError("--only-bots: cannot be combined with --exclude-bots")
    if options.last is not None:
        for name in ("since", "until"):
            if getattr(options, name) is not None:
                raise UsageError(f"--last: cannot be combined with --{name}")
        options.since = f"{options.last}s"


def add_history_options(parser: CommandParser) -> None:
    """Let a command read the history of a monitor in place of logs."""
    parser.option(
        "--history",
        action="store_true",
        group=HISTORY,
        help="read the history of a monitor instead of logs; FILE then selects its logs",
    )
    add_state_folders_option(parser, HISTORY)


def check_history_options(options: argparse.Namespace) -> None:
    """Raise `UsageError` for options of the history without --history, or of lines with it."""
    if not options.history:
        if options.state_dir:
            raise UsageError("--state-dir: needs --history")
        return
    for name, usual in _reading_defaults().items():
        if getattr(options, name) != usual:
            raise UsageError(
                f"--{name.replace('_', '-')}: cannot be combined with --history: the monitor has "
                "parsed the lines already"
            )


def _reading_defaults() -> dict[str, Any]:
    parser = CommandParser("", "", usage="", examples=[])
    add_reading_options(parser)
    defaults: dict[str, Any] = vars(parser.parse_args([]))
    return defaults


def add_reading_options(parser: CommandParser) -> None:
    """Add the options that say how lines are read."""

    def add(*flags: str, **details: Any) -> None:
        parser.option(*flags, group=READING, **details)

    add("--format", default=AUTO, metavar="FORMAT", help=FORMAT_HELP, shown_default=AUTO,
        complete=Completion((AUTO, *FORMAT_NAMES)))  # fmt: skip
    add("--format-from", metavar="FILE", help=FORMAT_FROM_HELP, complete=FILES)
    add("--date-format", metavar="FORMAT", help=DATE_FORMAT_HELP)
    add("--time-format", metavar="FORMAT", help=TIME_FORMAT_HELP)
    add("--log-timezone", default="local", metavar="ZONE", help=TIME_ZONE_HELP,
        shown_default="local")  # fmt: skip
    add("--duration-unit", metavar="UNIT", help=DURATION_UNIT_HELP,
        complete=Completion(("us", "ms", "s")))  # fmt: skip
    add("--trusted-proxy", action="append", default=[], metavar="CIDR", help=TRUSTED_HELP)
    add("--keep", action="append", default=[], metavar="FIELD,...", help=KEEP_HELP)


def chosen_reading(options: argparse.Namespace, logs: Sequence[str]) -> Reading:
    """Return how to read the lines of logs, by the options. Raises `UsageError`."""
    from actors.configuration.local_zone import zone_called
    from glancemetrics.formats.reading import make_reading  # late: not needed to answer -h

    zone = zone_called(options.log_timezone, "--log-timezone")
    written = options.format
    if options.format_from is not None:
        from actors.configuration.servers import format_from

        written = format_from(options.format_from, logs)
    return make_reading(
        written,
        zone,
        options.trusted_proxy,
        options.date_format,
        options.time_format,
        options.duration_unit,
        zone_is_explicit=options.log_timezone != "local",
        keep=options.keep,
    )


def agents_matter_last(options: argparse.Namespace) -> bool:
    """Tell whether user agents need to be classified, but only after all has been read."""
    if options.only_bots or options.exclude_bots or options.output_format == "parquet":
        return False
    return not AGENT_PANELS.isdisjoint(options.panels or AGENT_PANELS)


def _output_format(output: str | None, named: str | None) -> str:
    endings = ".html, .json, .csv, .parquet or .txt"
    chosen = output_format(output, named, OUTPUT_FORMATS, endings=endings)
    if named is None and output is not None and not Path(output).absolute().parent.is_dir():
        raise UsageError(f"--output {output}: no such directory")
    return chosen


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(text)
    return int(text)


def _panels(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def chosen_panels(named: Sequence[str] | None, kept: Sequence[str] = ()) -> frozenset[str]:
    """Return the names of the panels that are asked for, all if none. Raises `UsageError`."""
    from glancemetrics.reporting.panels import other_panels  # late: not needed to answer -h

    usual = (*PANEL_NAMES, *kept)
    there = (*usual, *(spec.name for spec in other_panels()))
    for name in named or ():
        if name not in there:
            way_out = did_you_mean(name, there, f"known: {', '.join(there)}")
            raise UsageError(f"--panels {name}: unknown panel; {way_out}")
    return frozenset(named or usual)


def _memory(text: str) -> int:
    try:
        return read_memory_limit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
