"""`glancemetrics query`: asks what a monitor has kept of traffic."""

from __future__ import annotations

import argparse
from pathlib import Path

from actors.commands.parser import CommandParser
from actors.state.state_folder import add_state_folders_option
from glancemetrics.errors import UsageError
from glancemetrics.history.measures import ALLOWED, MEASURES, measure_called
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.words.durations import ALLOWED as ALLOWED_SPAN
from glancemetrics.words.durations import parse_span

BY = (
    *("section", "path", "route", "host", "network", "user", "vhost", "status", "class"),
    *("method", "protocol", "referrer", "referring_site", "agent", "browser", "os", "device"),
    *("bot", "source"),
)
"""Names of dimensions, known without loading any."""
FORMATS = ("text", "json", "csv", "parquet")


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    options.output_format = _output_format(options)
    _check(options)
    from actors.commands.query_history import answer  # late: -h and a mistake need none of it

    return answer(options)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="glancemetrics query",
        description="Query the history that a monitor keeps, even while it is running.",
        epilog='glancemetrics query "status >= 500" --by path --last 1h\n'
        "glancemetrics query --step 1m --last 6h\n"
        "glancemetrics query \"host = '203.0.113.7'\" --records --last 10m",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="glancemetrics query [WHERE] [options]",
    )
    add = parser.add_argument
    add("where", nargs="?", metavar="WHERE",
        help="only requests matching this SQL expression; its columns are the fields of --by, "
        "and bytes, duration, query and time")  # fmt: skip
    add("--where", dest="named_where", metavar="WHERE", help="the same")
    add("--by", metavar="A[,B]", type=_names, action="append",
        help=f"group by one or two fields: {', '.join(BY)}, or one of --keep")  # fmt: skip
    add("--last", metavar="SPAN", type=_span, help=f"the last SPAN, up to now: {ALLOWED_SPAN}")
    add("--since", metavar="TIME", help=f"start: {ALLOWED_INSTANT}")
    add("--until", metavar="TIME", help="end (exclusive)")
    add("--step", metavar="SPAN", type=_span, help="a time series with this step: 1s, 1m, 1h")
    add("--measures", metavar="A,B", type=_measures, help=f"columns: {ALLOWED}")
    add("--sort", metavar="MEASURE", type=_measure,
        help="sort by this measure, largest first (default: the first)")  # fmt: skip
    add("--reverse", action="store_true", help="smallest first; of --records the oldest first")
    add("--limit", metavar="N", type=_count,
        help="maximum rows (default: 20; in files, JSON, CSV all, or 1000 requests)")  # fmt: skip
    add("--records", action="store_true", help="the requests themselves, newest first")
    add("--offset", metavar="N", type=_count, default=0, help="skip the first N requests")
    formats = parser.add_mutually_exclusive_group()
    for name in ("json", "csv", "parquet"):
        needed = "; needs -o" if name == "parquet" else ""
        formats.add_argument(f"--{name}", action="store_const", const=name, dest="output_format",
            help=f"as {name.upper() if name != 'parquet' else 'Parquet'}{needed}")  # fmt: skip
    add("-o", "--output", metavar="FILE", help="write to FILE: .json, .csv, .txt or .parquet")
    add("-f", "--file", action="append", default=[], metavar="PATH",
        help="only the history of monitors with this -f; repeatable")  # fmt: skip
    add("--timezone", default="UTC", metavar="ZONE",
        help="time zone: Europe/Paris, local (default: UTC)")  # fmt: skip
    add_state_folders_option(parser)
    return parser


def _output_format(options: argparse.Namespace) -> str:
    if options.output == "-":
        options.output = None
    named, output = options.output_format, options.output
    if named == "parquet" and output is None:
        raise UsageError("--parquet: needs a file, with -o")
    if named is not None:
        return str(named)
    if output is None:
        return "text"
    suffix = Path(output).suffix.lower().removeprefix(".").replace("txt", "text")
    if suffix not in FORMATS:
        raise UsageError(
            f"--output {output}: must end in .json, .csv, .txt or .parquet, or say which with "
            "--json, --csv or --parquet"
        )
    return suffix


def _check(options: argparse.Namespace) -> None:
    if options.named_where is not None:
        if options.where is not None:
            raise UsageError("--where: there are two conditions; join them with AND")
        options.where = options.named_where
    if options.by is not None:
        options.by = tuple(name for names in options.by for name in names)
        if not options.by:
            raise UsageError("--by: name a field")
    if options.limit is not None and options.step is not None and not options.by:
        raise UsageError("--limit: a time series has all its steps; it needs --by or --records")
    if options.last is not None and (options.since is not None or options.until is not None):
        raise UsageError("--last: cannot be combined with --since or --until")
    if options.records:
        for name in ("by", "step", "measures", "sort"):
            if getattr(options, name) is not None:
                raise UsageError(f"--records: cannot be combined with --{name}")
    elif options.offset:
        raise UsageError("--offset: needs --records")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _span(text: str) -> int:
    try:
        return parse_span(text)
    except ValueError:
        if text.isdecimal() and int(text):
            raise argparse.ArgumentTypeError(f"{text}: add a unit, such as {text}m") from None
        raise argparse.ArgumentTypeError(f"{text} must be {ALLOWED_SPAN}") from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} must be a whole number, 0 or more")
    return int(text)


def _measure(text: str) -> str:
    try:
        return measure_called(text.strip()).name
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _measures(text: str) -> tuple[str, ...]:
    names = _names(text)
    if names == ("all",):
        return MEASURES
    return tuple(dict.fromkeys(_measure(name) for name in names))
