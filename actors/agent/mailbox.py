"""The agent's part of Redis: what it has sent, and what its hub has counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from actors.redis.connection import Connection, RefusedError, Reply, checked, clock_ahead
from glancemetrics.fleet.entry import EntryId
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.position import LAST, REFUSED, Position, fields_of


class DisplacedError(Exception):
    """Redis has an entry that this agent has not sent: another one has its name."""


@attrs.frozen
class Standing:
    """How entries stand."""

    counted: EntryId | None
    """The last entry that is counted for good."""
    refused: EntryId | None
    waiting: int
    """The number of entries in Redis."""
    ahead: float
    """Seconds that the clock of this machine is ahead of that of Redis."""


@attrs.frozen
class Mailbox:
    """The keys of one agent, over a connection."""

    connection: Connection
    keys: FleetKeys
    agent: str

    async def sent(self) -> Position:
        """Return what was sent last, by any process of this name."""
        return await self._position(self.keys.sent(self.agent))

    async def counted(self) -> Position:
        """Return what the hub has counted for good."""
        return await self._position(self.keys.counted(self.agent))

    async def standing(self, wall: Callable[[], float]) -> Standing:
        """Return how entries stand, all at the same instant."""
        ahead, replies = await clock_ahead(
            self.connection,
            wall,
            ("MULTI",),
            ("XLEN", self.keys.stream(self.agent)),
            ("HMGET", self.keys.counted(self.agent), LAST, REFUSED),
            ("EXEC",),
        )
        *_, (length, counted) = checked(replies)
        ids = {name: value for name, value in zip((LAST, REFUSED), counted, strict=True) if value}
        position = Position.read(ids)
        return Standing(position.last, position.refused, int(length), ahead)

    async def last_id(self) -> EntryId | None:
        """Return the id of the last entry that Redis has, or had."""
        (reply,) = await self.connection.run(("XINFO", "STREAM", self.keys.stream(self.agent)))
        if isinstance(reply, RefusedError) and "no such key" in str(reply):
            return None
        facts = _fields(checked(reply))
        last = EntryId.read(facts[b"last-generated-id"])
        return None if last == EntryId(0, 0) else last

    async def add(
        self,
        entry: EntryId,
        data: bytes,
        marks: Mapping[str, bytes],
        origins: Mapping[str, bytes],
    ) -> None:
        """Add an entry, and note how far the logs are read with it, and where they began.

        An empty mark removes a log. Raises `DisplacedError` if Redis has this entry, or a later
        one; what was sent is then not what the stream ends with.
        """
        sent = self.keys.sent(self.agent)
        moved = {path: mark for path, mark in marks.items() if mark}
        fields = Position(entry, moved, origins=origins).fields()
        gone = [field for path, mark in marks.items() if not mark for field in fields_of(path)]
        commands: list[tuple[bytes | str, ...]] = [("HSET", sent, *fields)]
        if gone:
            commands.append(("HDEL", sent, *gone))
        add = ("XADD", self.keys.stream(self.agent), str(entry), "d", data)
        try:
            await self._together(add, *commands)
        except RefusedError as error:
            if "equal or smaller" in str(error):
                raise DisplacedError from error
            raise

    async def clear(self) -> None:
        """Remove the entries: they are sent anew. The last id stays known."""
        (reply,) = await self.connection.run(("XTRIM", self.keys.stream(self.agent), "MAXLEN", 0))
        checked(reply)

    async def take_back_bye(self) -> None:
        """Remove the last word of an earlier process of this name."""
        (reply,) = await self.connection.run(("DEL", self.keys.bye(self.agent)))
        checked(reply)

    async def _position(self, key: str) -> Position:
        (reply,) = await self.connection.run(("HGETALL", key))
        return Position.read(_fields(checked(reply)))

    async def _together(self, *commands: tuple[bytes | str | int, ...]) -> list[Reply]:
        replies = await self.connection.run(("MULTI",), *commands, ("EXEC",))
        return [checked(reply) for reply in replies]


def _fields(reply: Reply) -> dict[bytes, bytes]:
    return dict(zip(reply[::2], reply[1::2], strict=True))
