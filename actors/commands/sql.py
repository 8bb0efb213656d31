"""`glancemetrics sql`: queries logs in SQL."""

from __future__ import annotations

import argparse
from pathlib import Path

from actors.commands.parser import FILES, CommandParser, Completion, Example
from actors.commands.reading_options import (
    add_history_options,
    add_selection_options,
    check_history_options,
    check_selection_options,
)
from glancemetrics.errors import UsageError

FORMATS = ("table", "csv", "json", "parquet")


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    check_selection_options(options)
    check_history_options(options)
    *options.names, options.sql = options.arguments
    if not options.names and not options.history:
        raise UsageError('name a log and a query: glancemetrics sql access.log "select ..."')
    options.output_format = _output_format(options)
    from actors.commands.sql_logs import answer  # late: -h and a mistake need none of it

    return answer(options)


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "sql",
        "Query logs in SQL: they are the table log, one row per request.",
        usage="glancemetrics sql FILE... QUERY [options]",
        examples=[
            Example(
                'sql access.log "select status, count(*) from log group by 1"',
                "requests per status",
            ),
            Example('sql access.log "select * from log limit 5"', "look at the columns"),
            Example('sql --history "select max(bytes) from log"', "of what a monitor has kept"),
        ],
    )
    made.argument("arguments", nargs="+", metavar="FILE... QUERY", complete=FILES,
        help="logs, as for report; then the query")  # fmt: skip
    option = made.option
    option("-o", "--output", metavar="FILE", complete=FILES,
        help="write to FILE: .csv, .json or .parquet")  # fmt: skip
    option("--output-format", choices=FORMATS, metavar="FORMAT", complete=Completion(FORMATS),
        help="table, csv, json or parquet", shown_default="by the name of FILE")  # fmt: skip
    for name in ("json", "csv"):
        made.exclusive(f"--{name}", action="store_const", const=name, dest="output_format",
            help=f"as {name.upper()}")  # fmt: skip
    add_selection_options(made)
    add_history_options(made)
    return made


def _output_format(options: argparse.Namespace) -> str:
    if options.output_format is not None:
        if options.output_format == "parquet" and options.output is None:
            raise UsageError("--output-format parquet: needs --output FILE")
        return str(options.output_format)
    if options.output is None:
        return "table"
    suffix = Path(options.output).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UsageError(
            f"--output {options.output}: must end in .csv, .json or .parquet, "
            "or name the format with --output-format"
        )
    return suffix
