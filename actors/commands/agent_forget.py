"""`glancemetrics agent-forget`: lets the hub of a fleet forget a server that will not come back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import trio

from actors.commands.parser import CommandParser, Example
from actors.files.output_file import write_text
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.words.escaping import visible

if TYPE_CHECKING:
    from actors.redis.connection import Connection
    from glancemetrics.fleet.address import FleetAddress

_KEPT_SECONDS = 30 * 86400
"""How long a hub that does not run now may take to do it."""
_WAIT_SECONDS = 20.0
"""How long a hub that runs may take: it first saves its state without the server."""
_LOOK_SECONDS = 0.2


def parser() -> CommandParser:
    """Return the options of the command."""
    made = CommandParser(
        "agent-forget",
        "Forget a server that will not come back: it is listed no more, and no longer missed. Its "
        "requests stay in the history. Needs the user of the hub.",
        usage="glancemetrics agent-forget NAME -f ADDRESS [--discard]",
        examples=[
            Example("agent-forget web7 -f 'rediss://redis:6380/0?fleet=prod'", "web7 is scrapped"),
        ],
    )
    made.argument("name", metavar="NAME", help="name of the server, as in the view Servers")
    made.option("-f", "--file", metavar="ADDRESS", required=True,
        help="the fleet, as for the hub")  # fmt: skip
    made.option("--discard", action="store_true",
        help="also if it has sent lines that are not counted yet")  # fmt: skip
    return made


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status. Raises `GlanceMetricsError`."""
    options = parser().parse_args(arguments)
    try:
        from glancemetrics.fleet.address import fleet_address, is_name
    except ModuleNotFoundError as error:
        raise GlanceMetricsError(
            f"a fleet needs the package {error.name}; install it with: "
            "pip install 'glancemetrics[fleet]'"
        ) from None
    if not is_name(options.name):
        raise UsageError(
            f"{visible(options.name) or 'NAME'}: must have 1 to 63 letters, digits, '.', '_' or '-'"
        )
    address = fleet_address(options.file, "--file")
    write_text(trio.run(partial(forget, address, options.name, may_discard=options.discard)) + "\n")
    return 0


async def forget(address: FleetAddress, name: str, *, may_discard: bool) -> str:
    """Forget a server; returns what has become of it. Raises `GlanceMetricsError`."""
    from actors.redis.connection import RefusedError, connect, explained

    connection = await connect(address, "glancemetrics-forget")
    try:
        return await _forget_over(connection, address, name, may_discard=may_discard)
    except RefusedError as error:
        raise explained(error, address, "") from error
    finally:
        with trio.CancelScope(shield=True):
            await connection.aclose()


async def _forget_over(
    connection: Connection, address: FleetAddress, name: str, *, may_discard: bool
) -> str:
    """Say that it is to be forgotten, and wait for the hub; returns what has become of it."""
    from actors.redis.connection import checked
    from actors.redis.lease import Holder
    from glancemetrics.fleet.keys import FleetKeys
    from glancemetrics.fleet.status import AgentStatus

    keys = FleetKeys(address.fleet)
    lease, entries, sent, counted, bye, hub = checked(
        await connection.run(
            ("GET", keys.lease(name)),
            ("XLEN", keys.stream(name)),
            ("HGETALL", keys.sent(name)),
            ("HGETALL", keys.counted(name)),
            ("GETRANGE", keys.bye(name), 0, 0),
            ("GET", keys.hub),
        )
    )
    if lease is not None:
        host = Holder.read(lease).host
        raise GlanceMetricsError(f"{name}: its agent runs on {host}; stop that first")
    if not (entries or sent or counted or bye):
        raise GlanceMetricsError(
            f"{name}: fleet {address.fleet} has no server of this name; the view Servers has "
            "their names"
        )
    if entries and not may_discard:
        raise GlanceMetricsError(
            f"{name}: has sent lines that are not counted yet; start the hub first, or lose them "
            "with --discard"
        )
    said = AgentStatus.gone().to_bytes()
    checked(
        await connection.run(
            ("SET", keys.bye(name), said, "EX", _KEPT_SECONDS),
            ("PUBLISH", keys.hello(name), said),
        )
    )
    with trio.move_on_after(_WAIT_SECONDS if hub is not None else 0):
        while True:
            await trio.sleep(_LOOK_SECONDS)
            (left,) = checked(await connection.run(("GETRANGE", keys.bye(name), 0, 0)))
            if not left:
                return f"{name}: forgotten"
    return f"{name}: is forgotten as soon as a hub of fleet {address.fleet} runs"
