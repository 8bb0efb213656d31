"""`glancemetrics help`: the help of the program or of a command."""

from __future__ import annotations

from actors.commands import registry
from actors.commands.parser import CommandParser, Completion, Example
from glancemetrics.errors import UsageError
from glancemetrics.words.suggestions import did_you_mean


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "help",
        "Show the help of GlanceMetrics, or of one of its commands.",
        usage="glancemetrics help [COMMAND]",
        examples=[
            Example("help", "list commands and options"),
            Example("help report", "the same as: glancemetrics report -h"),
        ],
    )
    names = tuple(each.name for each in registry.COMMANDS)
    made.argument(
        "command", nargs="?", metavar="COMMAND", help="a command", complete=Completion(names)
    )
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    name = parser().parse_args(arguments).command
    command = registry.MONITOR if name is None else registry.command_called(name)
    if command is None:
        names = [each.name for each in registry.COMMANDS]
        way_out = did_you_mean(name, names, "`glancemetrics -h` lists the commands")
        raise UsageError(f"{name}: unknown command; {way_out}")
    command.parser().print_help()
    return 0
