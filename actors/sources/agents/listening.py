"""Hears which agents there are: each says something of itself every second."""

from __future__ import annotations

from collections.abc import Callable

import trio

from actors.redis.connection import Connection, checked
from glancemetrics.fleet.entry import InvalidEntryError
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.status import AgentStatus

_QUIET_SECONDS = 30.0
_PING_SECONDS = 10.0

Heard = Callable[[str, AgentStatus | None], None]
"""Takes the name of an agent and what it said; `None`: nothing that can be understood."""


async def listen(connection: Connection, keys: FleetKeys, heard: Heard) -> None:
    """Hear agents until the connection breaks. Raises `UnreachableError` and `RefusedError`."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ping, connection)
        await connection.send(("PSUBSCRIBE", keys.hello("*")))
        while True:
            reply = checked(await connection.next_reply(_QUIET_SECONDS))
            if not isinstance(reply, list) or len(reply) != 4 or reply[0] != b"pmessage":
                continue  # the subscription itself, or the answer to a ping
            name = keys.agent_in(reply[2].decode("utf-8", "replace"))
            try:
                heard(name, AgentStatus.read(reply[3]))
            except InvalidEntryError:
                heard(name, None)


async def _ping(connection: Connection) -> None:
    """Make Redis answer now and then, so that a dead connection is noticed."""
    while True:
        await trio.sleep(_PING_SECONDS)
        await connection.send(("PING",))
