"""Lets the hub of a fleet forget a server: says so in Redis, and waits until it is done."""

from __future__ import annotations

from functools import partial

import trio

from actors.redis.connection import Connection, RefusedError, checked, connect, explained
from actors.redis.lease import LEASE_SECONDS, Holder
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.fleet.address import FleetAddress
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.status import AgentStatus

_KEPT_SECONDS = 30 * 86400
"""How long a hub that does not run now may take to do it."""
_WAIT_SECONDS = 20.0
"""How long a hub that runs may take: it first saves its state without the server."""
_LOOK_SECONDS = 0.2


def forget_agent(address: FleetAddress, name: str, *, may_discard: bool) -> str:
    """Forget a server; returns what has become of it. Raises `GlanceMetricsError`."""
    return trio.run(partial(forget, address, name, may_discard=may_discard))


async def forget(address: FleetAddress, name: str, *, may_discard: bool) -> str:
    """Do it in trio; see `forget_agent`."""
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
        raise GlanceMetricsError(
            f"{name}: its agent runs on {host}; stop that first. If it was killed, try again in "
            f"{LEASE_SECONDS:.0f} s"
        )
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
