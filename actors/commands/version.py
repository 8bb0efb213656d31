"""`glancemetrics version`: the version, as --version shows it."""

from __future__ import annotations

import sys

from actors.commands.parser import CommandParser, Example
from glancemetrics.version import __version__

SENTENCE = f"glancemetrics {__version__}"


def parser() -> CommandParser:
    """Return the options of the command."""
    return CommandParser(
        "version",
        "Show the version of GlanceMetrics.",
        usage="glancemetrics version",
        examples=[Example("version", "the same as: glancemetrics --version")],
    )


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    parser().parse_args(arguments)
    sys.stdout.write(f"{SENTENCE}\n")
    return 0
