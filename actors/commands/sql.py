"""`glancemetrics sql`: queries logs in SQL."""

from __future__ import annotations

import os

from actors.commands.output_options import add_output_options, output_format
from actors.commands.parser import FILES, CommandParser, Example
from actors.commands.reading_options import (
    add_history_options,
    add_selection_options,
    check_history_options,
    check_selection_options,
)
from actors.files.standard_streams import has_piped_input
from glancemetrics.errors import UsageError
from glancemetrics.planning.sources import STANDARD_INPUT

FORMATS = ("table", "csv", "json", "parquet")


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    check_selection_options(options)
    check_history_options(options)
    *options.names, options.sql = options.arguments
    first = options.arguments[0]
    if options.names and os.path.lexists(options.sql) and not os.path.lexists(first):
        raise UsageError(f'the query comes last: glancemetrics sql {options.sql} "{first}"')
    if not options.names and not options.history and has_piped_input():
        options.names = [STANDARD_INPUT]
    if not options.names and not options.history:
        raise UsageError('name a log and a query: glancemetrics sql access.log "select ..."')
    options.output_format = output_format(
        options.output, options.output_format, FORMATS, endings=".csv, .json or .parquet"
    )
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
    add_output_options(
        made, FORMATS, endings=".csv, .json or .parquet", names="table, csv, json or parquet"
    )
    for name in ("json", "csv"):
        made.exclusive(f"--{name}", action="store_const", const=name, dest="output_format",
            help=f"as {name.upper()}")  # fmt: skip
    add_selection_options(made)
    add_history_options(made)
    return made
