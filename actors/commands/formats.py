"""`glancemetrics formats`: says how logs are written, and what formats there are."""

from __future__ import annotations

import sys

from actors.archive.logs import sample_of
from actors.commands.parser import CommandParser
from actors.commands.reading_options import add_reading_options, chosen_reading
from glancemetrics.errors import StdoutClosedError
from glancemetrics.formats.explanation import explain_log, list_formats


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    parser = CommandParser(
        prog="glancemetrics formats",
        description="Say how a log is written: what was seen in it, and which formats explain it. "
        "Without FILE, list the formats that have a name.",
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="logs, - for standard input")
    add_reading_options(parser)
    options = parser.parse_args(arguments)
    reading = chosen_reading(options, options.files)
    try:
        if not options.files:
            sys.stdout.write(list_formats())
        for number, name in enumerate(options.files):
            sys.stdout.write("\n" * bool(number) + explain_log(name, sample_of(name), reading))
        sys.stdout.flush()
    except BrokenPipeError:
        raise StdoutClosedError from None
    return 0
