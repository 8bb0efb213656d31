"""Lets the hub of a fleet forget servers: says so in Redis, and waits until it is done."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
import trio

from actors.redis.connection import Connection, RefusedError, checked, connect, explained
from actors.redis.lease import LEASE_SECONDS, Holder
from glancemetrics.fleet.address import FleetAddress
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.status import AgentStatus

_KEPT_SECONDS = 30 * 86400
"""How long a hub that does not run now may take to do it."""
_WAIT_SECONDS = 20.0
"""How long a hub that runs may take: it first saves its state without the server."""
_LOOK_SECONDS = 0.2


@attrs.frozen
class Forgotten:
    """What has become of servers that were to be forgotten."""

    said: tuple[str, ...]
    """About each that is forgotten, a sentence."""
    problems: tuple[str, ...]
    """About each that is not."""


def forget_agents(address: FleetAddress, names: Sequence[str], *, may_discard: bool) -> Forgotten:
    """Forget servers. Raises `GlanceMetricsError` if Redis cannot be asked."""
    return trio.run(partial(forget, address, names, may_discard=may_discard))


async def forget(address: FleetAddress, names: Sequence[str], *, may_discard: bool) -> Forgotten:
    """Do it in trio; see `forget_agents`."""
    connection = await connect(address, "glancemetrics-forget")
    try:
        return await _forget_over(connection, address, names, may_discard=may_discard)
    except RefusedError as error:
        raise explained(error, address, "") from error
    finally:
        with trio.CancelScope(shield=True):
            await connection.aclose()


async def _forget_over(
    connection: Connection, address: FleetAddress, names: Sequence[str], *, may_discard: bool
) -> Forgotten:
    """Say which are to be forgotten, and wait for the hub."""
    keys = FleetKeys(address.fleet)
    gone = AgentStatus.gone().to_bytes()
    problems = []
    waiting = []
    for name in dict.fromkeys(names):
        problem = await _problem(connection, keys, name, may_discard=may_discard)
        if problem:
            problems.append(f"{name}: {problem}")
            continue
        checked(
            await connection.run(
                ("SET", keys.bye(name), gone, "EX", _KEPT_SECONDS),
                ("PUBLISH", keys.hello(name), gone),
            )
        )
        waiting.append(name)
    left = await _left(connection, keys, waiting)
    later = f"is forgotten as soon as a hub of fleet {address.fleet} runs"
    said = (f"{name}: {later if name in left else 'forgotten'}" for name in waiting)
    return Forgotten(tuple(said), tuple(problems))


async def _problem(connection: Connection, keys: FleetKeys, name: str, *, may_discard: bool) -> str:
    """Return why a server cannot be forgotten now, and what to do; empty if it can."""
    lease, entries, sent, counted, bye = checked(
        await connection.run(
            ("GET", keys.lease(name)),
            ("XLEN", keys.stream(name)),
            ("HGETALL", keys.sent(name)),
            ("HGETALL", keys.counted(name)),
            ("GETRANGE", keys.bye(name), 0, 0),
        )
    )
    if lease is not None:
        return (
            f"its agent runs on {Holder.read(lease).host}; stop that first. If it was killed, try "
            f"again in {LEASE_SECONDS:.0f} s"
        )
    if not (entries or sent or counted or bye):
        return f"fleet {keys.fleet} has no server of this name; the view Servers has their names"
    if entries and not may_discard:
        return "has sent lines that are not counted yet; start the hub first, or add --discard"
    return ""


async def _left(connection: Connection, keys: FleetKeys, names: Sequence[str]) -> Sequence[str]:
    """Wait until a hub has forgotten servers; returns those that are left, because none runs."""
    (hub,) = checked(await connection.run(("GET", keys.hub)))
    left = names
    with trio.move_on_after(_WAIT_SECONDS if hub is not None else 0):
        while left:
            await trio.sleep(_LOOK_SECONDS)
            byes = checked(
                await connection.run(*(("GETRANGE", keys.bye(name), 0, 0) for name in left))
            )
            left = [name for name, bye in zip(left, byes, strict=True) if bye]
    return left
