"""`glancemetrics agent`: sends logs to the hub of a fleet."""

from __future__ import annotations

import os
import socket

from actors.commands.parser import FILES, CommandParser, Completion, Example
from glancemetrics.configuration.variables import NAME_VARIABLE, TO_VARIABLE
from glancemetrics.errors import UsageError

_LEVELS = ("error", "warning", "info", "debug")
_STARTS = ("end", "start")


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "agent",
        "Follow logs on this server, and send what is written to the hub of a fleet through "
        "Redis. The hub is: glancemetrics -f 'redis://...'.",
        usage="glancemetrics agent FILE ... --to URL [options]",
        examples=[
            Example("agent access.log --to 'redis://redis/0?fleet=prod'",
                    "follow a log, and send what is written"),
            Example("agent '*.log' --to 'rediss://web1@redis/0?password-file=secret'",
                    "follow several, with TLS and a password"),
        ],
    )  # fmt: skip
    option = made.option
    made.argument("files", nargs="*", metavar="FILE", complete=FILES,
        help="log to follow: a path, a directory or a glob (quoted)")  # fmt: skip
    option("--to", metavar="URL", default=os.environ.get(TO_VARIABLE),
        help="the fleet: redis://[USER@]HOST[:PORT][/DATABASE]?fleet=NAME, rediss:// with TLS, "
        "redis+sentinel:// by Sentinel; the password is in the file of &password-file=, or "
        "in GLANCEMETRICS_REDIS_PASSWORD",
        shown_default=f"${TO_VARIABLE}")  # fmt: skip
    option("--name", metavar="NAME", default=os.environ.get(NAME_VARIABLE) or None,
        help="name of this server, under which the hub counts it",
        shown_default=f"${NAME_VARIABLE}, or the name of the machine")  # fmt: skip
    option("--from", dest="start", choices=_STARTS, default="end", metavar="WHERE",
        complete=Completion(_STARTS),
        help="where to begin in logs that exist when the agent runs for the first time: end or "
        "start", shown_default="end")  # fmt: skip
    option("--log-level", choices=_LEVELS, default="info", metavar="LEVEL",
        complete=Completion(_LEVELS),
        help="what it says of itself on stderr", shown_default="info")  # fmt: skip
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    if not options.files:
        raise UsageError("name the logs to send: glancemetrics agent FILE ... --to URL")
    if not options.to:
        raise UsageError("name the fleet: --to 'redis://HOST:6379/0?fleet=NAME'")
    from actors.commands.run_agent import run_agent  # late: -h needs none of it

    name = socket.gethostname() if options.name is None else options.name
    return run_agent(tuple(options.files), options.to, name, options.start, options.log_level)
