"""The options of `glancemetrics report`, and those by which it and `sql` choose records.

Light on purpose: `-h` and a wrong option are answered at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.commands.parser import CommandParser
from actors.state.state_folder import add_state_folders_option
from glancemetrics.errors import UsageError
from glancemetrics.formats.format_names import (
    AUTO,
    DATE_FORMAT_HELP,
    DURATION_UNIT_HELP,
    FORMAT_FROM_HELP,
    FORMAT_HELP,
    GROUP_PATH_HELP,
    KEEP_HELP,
    TIME_FORMAT_HELP,
    TIME_ZONE_HELP,
    TRUSTED_HELP,
)
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.reporting.memory_limit import DEFAULT_MEMORY, read_memory_limit
from glancemetrics.reporting.panel_names import AGENT_PANELS, PANEL_NAMES, Order

if TYPE_CHECKING:
    from glancemetrics.formats.reading import Reading

OUTPUT_FORMATS = ("text", "html", "json", "csv", "parquet")
_ORDERS = tuple(order.value for order in Order if order is not Order.TOTAL_TIME)


def read_report_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options; `output_format` is then one of `OUTPUT_FORMATS`. Raises `UsageError`."""
    parser = CommandParser(
        prog="glancemetrics report",
        description="Read whole logs, compressed or not, and say what was in them.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE",
        help="logs, quoted globs, directories, - for standard input")  # fmt: skip
    add("-o", "--output", metavar="FILE",
        help="write to FILE: .html, .json, .csv, .txt; .parquet has the records")  # fmt: skip
    add("--output-format", choices=OUTPUT_FORMATS, metavar="FORMAT",
        help="text, html, json, csv or parquet, whatever FILE is called")  # fmt: skip
    add("--top", type=_positive, metavar="N",
        help="rows of a panel (default: 10 on a terminal, 100 in a file)")  # fmt: skip
    add("--panels", type=_panels, metavar="A,B",
        help=f"only these: {', '.join(PANEL_NAMES)}, and fields that are kept")  # fmt: skip
    add("--sort", choices=_ORDERS, default="hits", metavar="BY",
        help=f"order of rows: {', '.join(_ORDERS)} (default: hits)")  # fmt: skip
    add("--max-memory", type=_memory, default=DEFAULT_MEMORY, metavar="SIZE",
        help="past this, numbers are estimated and marked ~ (default: 2GB)")  # fmt: skip
    add_selection_options(parser)
    add_history_options(parser)
    options: argparse.Namespace = parser.parse_args(arguments)
    options.output_format = _output_format(options.output, options.output_format)
    return options


def add_selection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which lines become records, and records are chosen."""
    add = parser.add_argument
    add_reading_options(parser)
    add("--since", metavar="TIME", help=f"only from then on: {ALLOWED_INSTANT}")
    add("--until", metavar="TIME", help="only before then")
    add("--where", metavar="EXPRESSION",
        help="only records for which this SQL expression is true: "
        "\"status >= 500 and path like '/api/%%'\"")  # fmt: skip
    add("--exclude-ip", action="append", default=[], metavar="ADDRESS",
        help="leave a client out: an address, a network, or FIRST-LAST; repeatable")  # fmt: skip
    add("--group-path", action="append", default=[], metavar="PATTERN", help=GROUP_PATH_HELP)
    bots = parser.add_mutually_exclusive_group()
    bots.add_argument("--exclude-bots", action="store_true", help="leave crawlers out")
    bots.add_argument("--only-bots", action="store_true", help="nothing but crawlers")
    add("--anonymize-ip", action="store_true",
        help="zero the last octet of IPv4 and the last 80 bits of IPv6 addresses")  # fmt: skip
    add("--timezone", default="UTC", metavar="ZONE",
        help="whose days and hours: Europe/Paris, local (default: UTC)")  # fmt: skip


def add_history_options(parser: argparse.ArgumentParser) -> None:
    """Let a command read what a monitor has kept in place of logs."""
    parser.add_argument(
        "--history",
        action="store_true",
        help="read the history of a monitor instead of logs; FILE then selects its logs",
    )
    add_state_folders_option(parser)


def check_history_options(options: argparse.Namespace) -> None:
    """Raise `UsageError` for options that belong to a history where none is read, or to lines."""
    if not options.history:
        if options.state_dir:
            what = "which reads what a monitor keeps there"
            raise UsageError(f"--state-dir: only with --history, {what}")
        return
    for name, usual in _reading_defaults().items():
        if getattr(options, name) != usual:
            raise UsageError(
                f"--{name.replace('_', '-')}: not with --history: a monitor has read the lines, as "
                "it was told"
            )


def _reading_defaults() -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_reading_options(parser)
    return vars(parser.parse_args([]))


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which lines become records."""
    add = parser.add_argument
    add("--format", default=AUTO, metavar="FORMAT", help=FORMAT_HELP.replace("%", "%%"))
    add("--format-from", metavar="FILE", help=FORMAT_FROM_HELP)
    add("--date-format", metavar="FORMAT", help=DATE_FORMAT_HELP.replace("%", "%%"))
    add("--time-format", metavar="FORMAT", help=TIME_FORMAT_HELP.replace("%", "%%"))
    add("--log-timezone", default="local", metavar="ZONE", help=TIME_ZONE_HELP)
    add("--duration-unit", metavar="UNIT", help=DURATION_UNIT_HELP)
    add("--trusted-proxy", action="append", default=[], metavar="CIDR", help=TRUSTED_HELP)
    add("--keep", action="append", default=[], metavar="FIELD,...", help=KEEP_HELP)


def chosen_reading(options: argparse.Namespace, logs: Sequence[str]) -> Reading:
    """Return how the options say that the lines of logs are read. Raises `UsageError`."""
    from actors.configuration.local_zone import zone_called
    from actors.configuration.servers import format_from
    from glancemetrics.formats.reading import make_reading  # late: not needed to answer -h

    zone = zone_called(options.log_timezone, "--log-timezone")
    written = options.format
    if options.format_from is not None:
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
    """Tell whether user agents have to be understood, but not before all has been read."""
    if options.only_bots or options.exclude_bots or options.output_format == "parquet":
        return False
    return not AGENT_PANELS.isdisjoint(options.panels or AGENT_PANELS)


def _output_format(output: str | None, named: str | None) -> str:
    if named is not None:
        if named == "parquet" and output is None:
            raise UsageError("--output-format parquet: needs a file, with --output")
        return named
    if output is None:
        return "text"
    suffix = Path(output).suffix.lower().removeprefix(".")
    known = {"htm": "html", "txt": "text"}.get(suffix, suffix)
    if known not in OUTPUT_FORMATS:
        raise UsageError(
            f"--output {output}: must end in .html, .json, .csv, .parquet or .txt, "
            "or say which with --output-format"
        )
    if not Path(output).absolute().parent.is_dir():
        raise UsageError(f"--output {output}: there is no such directory")
    return known


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} must be a whole number above 0")
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
            raise UsageError(f"--panels {name}: no such panel; known: {', '.join(there)}")
    return frozenset(named or usual)


def _memory(text: str) -> int:
    try:
        return read_memory_limit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
