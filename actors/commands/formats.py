"""`glancemetrics formats`: explains the format of a log, or lists all formats."""

from __future__ import annotations

import sys

from actors.commands.parser import FILES, CommandParser, Example
from actors.commands.reading_options import add_reading_options, chosen_reading
from glancemetrics.errors import GlanceMetricsError, StdoutClosedError


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "formats",
        "Show which format a log has and what is read from a line of it. Without FILE, list all "
        "formats that have a name. Exit status 1 means that no format matches.",
        usage="glancemetrics formats [FILE ...] [options]",
        examples=[
            Example("formats", "list the formats"),
            Example("formats access.log", "which format, and a line explained"),
            Example("formats access.log --format '$remote_addr [$time_local] $status'", "try one"),
        ],
    )
    made.argument("files", nargs="*", metavar="FILE", complete=FILES,
        help="logs, - for standard input")  # fmt: skip
    add_reading_options(made)
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    reading = chosen_reading(options, options.files)
    # Late: -h needs none of it.
    from actors.archive.logs import sample_of
    from glancemetrics.formats.explanation import explain_log, is_read, list_formats

    status = 0
    try:
        if not options.files:
            sys.stdout.write(list_formats())
        for number, name in enumerate(options.files):
            sample = sample_of(name)
            sys.stdout.write("\n" * bool(number) + explain_log(name, sample, reading))
            if not is_read(sample, reading):
                status = GlanceMetricsError.exit_status
        sys.stdout.flush()
    except BrokenPipeError:
        raise StdoutClosedError from None
    return status
