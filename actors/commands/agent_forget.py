"""`glancemetrics agent-forget`: lets the hub of a fleet forget a server that will not come back."""

from __future__ import annotations

from actors.commands.parser import CommandParser, Example
from actors.files.output_file import write_text
from glancemetrics.errors import GlanceMetricsError, UsageError, needing
from glancemetrics.words.escaping import visible


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "agent-forget",
        "Forget a server that will not come back: it is listed no more, and no longer missed. Its "
        "requests stay in the history. Needs the user of the hub.",
        usage="glancemetrics agent-forget NAME ... -f ADDRESS [--discard]",
        examples=[
            Example("agent-forget web7 -f 'rediss://redis:6380/0?fleet=prod'", "web7 is scrapped"),
        ],
    )
    made.argument("names", nargs="+", metavar="NAME",
        help="name of a server, as in the view Servers")  # fmt: skip
    made.option("-f", "--file", metavar="ADDRESS",
        help="the fleet, as for the hub")  # fmt: skip
    made.option("--discard", action="store_true",
        help="also if it has sent lines that are not counted yet")  # fmt: skip
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status. Raises `GlanceMetricsError`."""
    options = parser().parse_args(arguments)
    if options.file is None:
        raise UsageError("name the fleet: -f 'redis://HOST:6379/0?fleet=NAME'")
    with needing("fleet", "a fleet"):
        from actors.commands.forget_agent import forget_agents  # late: -h needs none of it
        from glancemetrics.fleet.address import NAME_RULE, fleet_address, is_name
    for name in options.names:
        if not is_name(name):
            raise UsageError(f"{visible(name) or 'NAME'}: {NAME_RULE}")
    address = fleet_address(options.file, "--file")
    done = forget_agents(address, options.names, may_discard=options.discard)
    write_text("".join(f"{text}\n" for text in done.said))
    if done.problems:
        raise GlanceMetricsError("; ".join(done.problems))
    return 0
