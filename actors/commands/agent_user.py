"""`glancemetrics agent-user`: prints the access rules of an agent, or of a hub, for Redis."""

from __future__ import annotations

import secrets

from actors.commands.parser import CommandParser, Example
from actors.files.output_file import write_text
from glancemetrics.errors import UsageError
from glancemetrics.fleet.address import NAME_RULE, is_name
from glancemetrics.fleet.keys import agent_access, hub_access
from glancemetrics.words.escaping import visible

HUB = "hub"


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "agent-user",
        "Print the ACL SETUSER line that makes a user in Redis 7, or Valkey, for an agent: it can "
        "only send in its own name. The password is new each time.",
        usage="glancemetrics agent-user NAME --fleet FLEET",
        examples=[
            Example("agent-user web1 --fleet prod", "for the agent of web1"),
            Example("agent-user --hub --fleet prod", "for the hub"),
        ],
    )
    made.argument("name", nargs="?", metavar="NAME",
        help="name of the server, as in --name of its agent, and of the user")  # fmt: skip
    made.option("--fleet", metavar="FLEET", default="default",
        help="name of the fleet, as in ?fleet=", shown_default="default")  # fmt: skip
    made.option("--hub", action="store_true", help="for the hub, which reads all agents")
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    if options.name and options.hub:
        raise UsageError(
            f"agent-user {visible(options.name)} --hub: NAME is for an agent, --hub for the hub; "
            "give one of them"
        )
    if not options.name and not options.hub:
        raise UsageError("name the agent's server, or use --hub")
    for what, name in (("NAME", options.name or HUB), ("--fleet", options.fleet)):
        if not is_name(name):
            raise UsageError(f"{what}: {NAME_RULE}")
    if options.name == HUB:
        raise UsageError(
            f"{HUB}: is the name of the hub's own user; give the agent of this machine another "
            "name with --name"
        )
    password = secrets.token_urlsafe(24)
    words = (
        hub_access(options.fleet, HUB)
        if options.hub
        else agent_access(options.fleet, options.name, options.name)
    )
    begin = [next(words) for _ in range(5)]
    # redis-cli takes the braces and the greater-than sign as they are; a shell needs quotes.
    line = " ".join([*begin, f">{password}", *words])
    write_text(f"{line}\n")
    return 0
