"""`glancemetrics query`: queries the history of a monitor, on this machine or at its address."""

from __future__ import annotations

import argparse

from actors.commands.output_options import file_or_stdout, output_format
from actors.commands.parser import FILES, CommandParser, Completion, Example
from actors.commands.server_options import add_server_options, check_server_options
from actors.commands.state_options import add_state_folders_option
from glancemetrics.errors import UsageError
from glancemetrics.history.measures import ALLOWED, MEASURES, UNDER_EXAMPLES, measure_called
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.words.durations import ALLOWED as ALLOWED_SPAN
from glancemetrics.words.durations import parse_span

BY = (
    *("section", "path", "route", "host", "network", "user", "vhost", "status", "class"),
    *("method", "protocol", "referrer", "referring_site", "agent", "browser", "os", "device"),
    *("bot", "source", "server"),
)
"""Names of dimensions, for a help that loads none of them."""
_MEASURES = (*MEASURES, *UNDER_EXAMPLES)
FORMATS = ("text", "json", "csv", "parquet")


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    options.output_format = _output_format(options)
    _check(options)
    from actors.commands.query_history import answer  # late: -h and a mistake need none of it

    return answer(options)


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "query",
        "Query the history that a monitor keeps, even while it is running.",
        usage="glancemetrics query [WHERE] [options]",
        examples=[
            Example('query "status >= 500" --by path --last 1h', "which paths fail"),
            Example("query --step 1m --last 6h", "requests per minute"),
            Example("query \"host = '203.0.113.7'\" --records", "the requests of a client"),
            Example("query --by path --last 1h --at web1:7890", "ask a monitor elsewhere"),
        ],
    )
    option = made.option
    made.argument("where", nargs="?", metavar="WHERE",
        help="only requests that match this SQL expression; its columns are the fields of --by, "
        "and bytes, duration, query and time")  # fmt: skip
    option("--where", dest="named_where", metavar="WHERE", help="the same")
    option("--by", metavar="A[,B]", type=_names, action="append",
        complete=Completion(BY, is_list=True),
        help=f"group by one or two fields: {', '.join(BY)}, or one of --keep")  # fmt: skip
    option(
        "--last",
        metavar="DURATION",
        type=_span,
        help=f"the last DURATION up to now: {ALLOWED_SPAN}",
    )
    option("--since", metavar="TIME", help=f"from this time on: {ALLOWED_INSTANT}")
    option("--until", metavar="TIME", help="before this time")
    option(
        "--step", metavar="DURATION", type=_span, help="a time series with this step: 1s, 1m, 1h"
    )
    option("--measures", metavar="A,B", type=_measures, help=f"columns: {ALLOWED}",
        complete=Completion((*_MEASURES, "all"), is_list=True))  # fmt: skip
    option("--sort", metavar="MEASURE", type=_measure, complete=Completion(_MEASURES),
        help="sort by this measure, largest first", shown_default="the first measure")  # fmt: skip
    option("--reverse", action="store_true",
        help="smallest first; with --records, oldest first")  # fmt: skip
    option("--limit", metavar="ROWS", type=_count, help="maximum rows",
        shown_default="20 rows on a terminal, else all; 1000 requests")  # fmt: skip
    option("--records", action="store_true", help="the requests themselves, newest first")
    option("--offset", metavar="ROWS", type=_count, default=0,
        help="with --records: skip the newest ones")  # fmt: skip
    for name in ("json", "csv", "parquet"):
        needed = "; needs -o" if name == "parquet" else ""
        made.exclusive(f"--{name}", action="store_const", const=name, dest="output_format",
            help=f"as {name.upper() if name != 'parquet' else 'Parquet'}{needed}")  # fmt: skip
    option("-o", "--output", type=file_or_stdout, metavar="FILE", complete=FILES,
        help="write to FILE: .json, .csv, .txt or .parquet")  # fmt: skip
    option("-f", "--file", action="append", default=[], metavar="PATH", complete=FILES,
        help="only the history of monitors with this -f; repeatable")  # fmt: skip
    option("--timezone", default="UTC", metavar="ZONE",
        help="time zone: Europe/Paris, local", shown_default="UTC")  # fmt: skip
    add_state_folders_option(made)
    add_server_options(made)
    return made


def _output_format(options: argparse.Namespace) -> str:
    return output_format(
        options.output,
        options.output_format,
        FORMATS,
        endings=".json, .csv, .txt or .parquet",
        option="--json, --csv or --parquet",
        parquet="--parquet: needs -o FILE",
    )


def _check(options: argparse.Namespace) -> None:
    if options.named_where is not None:
        if options.where is not None:
            raise UsageError("--where: two conditions given; join them with AND")
        options.where = options.named_where
    check_server_options(options, {"--file": options.file, "--state-dir": options.state_dir})
    if options.by is not None:
        options.by = tuple(name for names in options.by for name in names)
        if not options.by:
            raise UsageError("--by: name a field")
    if options.limit is not None and options.step is not None and not options.by:
        raise UsageError("--limit: needs --by or --records; a time series always has all its steps")
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
            raise argparse.ArgumentTypeError(f"needs a unit, such as {text}s") from None
        raise argparse.ArgumentTypeError(f"must be {ALLOWED_SPAN}") from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a whole number, 0 or more")
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
