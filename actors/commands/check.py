"""`glancemetrics check`: validates a configuration and shows what it does."""

from __future__ import annotations

import os

from actors.commands.parser import FILES, CommandParser, Example
from actors.configuration.loading import Configuration, configuration
from glancemetrics.configuration.setting import ENVIRONMENT_PREFIX
from glancemetrics.errors import UsageError


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    named = parser().parse_args(arguments).config
    found = configuration(named, option="")
    if found is None and any(name.startswith(ENVIRONMENT_PREFIX) for name in os.environ):
        found = Configuration("", "the environment", is_found=True)
    if found is None:
        raise UsageError(
            "no configuration found; name one: glancemetrics check FILE "
            "(`glancemetrics config --example` prints one)"
        )
    from actors.commands.check_configuration import check  # late: -h needs none of it

    return check(found.text, found.name, os.environ)


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "check",
        "Validate a configuration: report all mistakes at once, or show what it follows, which "
        "rules it has and who is notified. Exit status 2 means that something is wrong.",
        usage="glancemetrics check [FILE]",
        examples=[
            Example("check", "the configuration that is found"),
            Example("check my.toml", "a file, before it is used"),
        ],
    )
    made.argument("config", nargs="?", metavar="FILE", complete=FILES,
        help="a TOML file, as for --config", shown_default="the one that is found")  # fmt: skip
    return made
