"""The term of a hub: the time in which it alone works for its fleet, with its state in Redis.

A hub begins its term before it loads the state, and what it writes is carried out only while it
has the lease. So whatever stands still, is cut off or comes back: the state in Redis is never
changed by a hub that does not know all of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import attrs
import trio

from actors.redis.connection import (
    Command,
    Connection,
    RefusedError,
    Reply,
    checked,
    connect,
    explained,
)
from actors.redis.lease import LEASE_SECONDS, Holder, KeptLease, Lease, NotHeldError
from glancemetrics.errors import GlanceMetricsError, UnreachableError
from glancemetrics.fleet.address import FleetAddress
from glancemetrics.fleet.keys import FleetKeys

RENEW_SECONDS = 1.0
"""Between two renewals of the lease."""
_LOOK_SECONDS = 0.25
"""Between two looks whether the other hub has ended, or back at Redis after a failure."""
PATIENCE_SECONDS = 2 * LEASE_SECONDS
"""How long Redis must have known no hub of the fleet until one may begin: it may have lost what it
knew, and a hub that runs puts it back."""
_LAST_SECONDS = 0.3
"""At the end, how long Redis has for letting another hub in."""


class Term:
    """The term of this process; `take` begins it, `keep` keeps it."""

    def __init__(self, address: FleetAddress, wall: Callable[[], float] | None = None) -> None:
        """`wall` is a clock that never stands still, in seconds."""
        self.keys = FleetKeys(address.fleet)
        self.lease = Lease.of(self.keys.hub)
        self._address = address
        self._wall = _since_boot if wall is None else wall
        self._unknown_since = math.inf
        """Since when Redis has known no hub, on that clock."""
        self._is_taken = False
        """Whether another hub worked at the last look."""
        self.returns = 0
        """How often Redis was there again, perhaps without what was written last."""
        self._until = -math.inf
        """Up to when it is certain that no other hub has begun."""
        self._notes = _Line(address, "glancemetrics-hub-notes")
        self._state = _Line(address, "glancemetrics-hub-state")
        """For what is large, and keeps its connection busy for long."""

    async def take(
        self, say: Callable[[str], None], stand_by: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Begin the term as soon as no other hub works; `say` gets what is waited for.

        `stand_by` is called as long as another one works. Raises `GlanceMetricsError` for what has
        to be mended first.
        """
        while True:
            try:
                async with self._connected() as connection:
                    self._unknown_since = math.inf
                    while not await self._begin(connection, say):
                        if self._is_taken and stand_by is not None:
                            await stand_by()
                        await trio.sleep(_LOOK_SECONDS)
                return
            except UnreachableError as error:
                say(f"{error}; trying again")
            except RefusedError as error:
                raise explained(error, self._address, "") from error
            await trio.sleep(_LOOK_SECONDS)

    async def keep(self, lost: Callable[[], None]) -> None:
        """Keep the term until it is cancelled; `lost` is called when another hub has begun."""
        while True:
            with suppress(GlanceMetricsError):
                async with self._connected() as connection:
                    self.returns += 1
                    while await self._renew(connection):  # noqa: ASYNC110 - it is a clock
                        await trio.sleep(RENEW_SECONDS)
                    lost()
                    return
            await trio.sleep(_LOOK_SECONDS)

    @property
    def kept_lease(self) -> KeptLease:
        """The lease, for those who need it and do not renew it."""
        return KeptLease(self.lease.key, self.lease.own)

    def is_sure(self) -> bool:
        """Tell whether it is certain that no other hub has begun, as far as time tells."""
        return self._wall() < self._until

    async def confirm(self) -> None:
        """Ask Redis whether no other hub has begun. Raises `UnreachableError`."""
        await self.run()

    async def run(self, *commands: Command) -> list[Reply]:
        """Carry out commands, all or none, in this term only.

        Raises `UnreachableError`, also for a hub that another one has replaced.
        """
        return await self._notes.use(lambda connection: self.lease.guarded(connection, *commands))

    async def run_long(self, command: Command, *, seconds: float) -> list[Reply]:
        """Carry out a command that may take some seconds, as `run`, which does not wait for it."""
        return await self._state.use(
            lambda connection: self.lease.guarded(connection, command, seconds=seconds)
        )

    async def read(self, *command: str, most_bytes: int) -> Reply:
        """Return the reply to a command that only reads. Raises `UnreachableError`."""

        async def read(connection: Connection) -> list[Reply]:
            replies: list[Reply] = checked(await connection.run(command, most_bytes=most_bytes))
            return replies

        (reply,) = await self._state.use(read)
        return reply

    async def release(self) -> None:
        """Let another hub begin at once."""
        with trio.move_on_after(_LAST_SECONDS, shield=True):
            with suppress(GlanceMetricsError):
                async with self._connected() as connection:
                    await self.lease.release(connection)
        await self._notes.aclose()
        await self._state.aclose()

    async def _begin(self, connection: Connection, say: Callable[[str], None]) -> bool:
        lease, term = await self._watched(connection)
        self._is_taken = False
        if lease == self.lease.own.to_bytes():  # its answer had not come back
            return await self._renew(connection)
        if lease is not None:
            other = Holder.read(lease)
            self._unknown_since = math.inf
            if other.is_gone:  # killed; nobody has to wait for its lease
                await connection.run(("MULTI",), ("DEL", self.keys.hub), ("EXEC",))
            else:
                self._is_taken = True
                await connection.run(("UNWATCH",))
                say(f"another hub of this fleet runs on {other.host}; waiting")
            return False
        if term is None:
            self._unknown_since = min(self._unknown_since, self._wall())
            if self._wall() < self._unknown_since + PATIENCE_SECONDS:
                await connection.run(("UNWATCH",))
                say("looking for a hub that already runs")
                return False
        return await self._put(connection)

    async def _renew(self, connection: Connection) -> bool:
        """Renew the lease; returns false if another hub has begun, now or in between."""
        lease, term = await self._watched(connection)
        own = self.lease.own
        # Expired, or lost with all else that Redis knew; nobody else has begun.
        is_free = lease is None and term in {None, own.instance.encode()}
        self.returns += term is None
        if not is_free and lease != own.to_bytes():
            await connection.run(("UNWATCH",))
            return False
        return await self._put(connection) or await self._renew(connection)

    async def _watched(self, connection: Connection) -> tuple[bytes | None, bytes | None]:
        replies = await connection.run(
            ("WATCH", self.keys.hub, self.keys.term),
            ("GET", self.keys.hub),
            ("GET", self.keys.term),
        )
        _, lease, term = checked(replies)
        return lease, term

    async def _put(self, connection: Connection) -> bool:
        """Write lease and term, unless one of them has changed since it was read."""
        began = self._wall()
        own, milliseconds = self.lease.own, math.ceil(1000 * LEASE_SECONDS)
        replies = await connection.run(
            ("MULTI",),
            ("SET", self.keys.hub, own.to_bytes(), "PX", milliseconds),
            ("SET", self.keys.term, own.instance),
            ("EXEC",),
        )
        if checked(replies)[-1] is None:
            return False
        self._until = began + LEASE_SECONDS
        return True

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        connection = await connect(self._address, "glancemetrics-hub-term")
        try:
            yield connection
        finally:
            with trio.CancelScope(shield=True):
                await connection.aclose()


@attrs.define(eq=False)
class _Line:
    """A connection that is kept, for one task at a time."""

    _address: FleetAddress
    _client: str
    _connection: Connection | None = None
    _turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def use(self, work: Callable[[Connection], Awaitable[list[Reply]]]) -> list[Reply]:
        """Do what may be done twice. Raises `GlanceMetricsError`, such as `UnreachableError`."""
        async with self._turn:
            try:
                return await self._use(work)
            except RefusedError as error:
                raise explained(error, self._address, "") from error

    async def aclose(self) -> None:
        """Close it."""
        if self._connection is not None:
            await self._connection.aclose()

    async def _use(self, work: Callable[[Connection], Awaitable[list[Reply]]]) -> list[Reply]:
        if self._connection is not None:
            try:
                return await work(self._connection)
            except NotHeldError:
                raise
            except UnreachableError:
                self._connection = None  # perhaps it was idle for too long
        self._connection = await connect(self._address, self._client)
        return await work(self._connection)


def _since_boot() -> float:
    """Return the seconds since the machine was started, also those in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
