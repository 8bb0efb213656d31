"""Reads the entries of all agents, in groups that are as large as their entries are small."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import attrs
import trio

from actors.redis.connection import (
    Command,
    Connection,
    RefusedError,
    ReplyTooLargeError,
    checked,
    is_of_key,
)
from actors.sources.agents.redis_agent import RedisAgent
from glancemetrics.fleet.entry import Entry, EntryId, InvalidEntryError, unpacked
from glancemetrics.fleet.keys import FleetKeys

MOST_BYTES = 4 << 20
"""Bytes of entries that are handed on together."""
_READ_TOGETHER = 32
"""Agents that are asked for at once at first; up to eight times as many if their entries are small,
and fewer if they are large."""
_MOST_ENTRIES = 16
"""Entries of one agent that are read at once."""

_Found = Mapping[str, Sequence[tuple[bytes, Sequence[bytes]]]]
"""By agent, the ids and the fields of entries."""


@attrs.frozen
class Read:
    """An entry of an agent, or why it cannot be read."""

    agent: RedisAgent
    id: EntryId
    entry: Entry | None
    trouble: str = ""


@attrs.define
class EntryReader:
    """Reads entries after those that agents have been read up to."""

    _keys: FleetKeys
    _together: int = _READ_TOGETHER
    """Agents that are asked for at once."""
    _large: set[str] = attrs.field(factory=set)
    """Agents whose entries are so large that they are read one by one."""

    async def read(
        self,
        connection: Connection,
        agents: Sequence[RedisAgent],
        take: Callable[[Sequence[Read]], Awaitable[None]],
    ) -> bool:
        """Read new entries of all agents once, and give them to `take`.

        Returns whether there may be more. Raises `UnreachableError` and `RefusedError`; what was
        taken by then was read.
        """
        now = time.time()
        more = False
        begin = 0
        while begin < len(agents):
            group = self._group(agents[begin : begin + self._together])
            sent = [agent.sent for agent in group]
            try:
                found = await self._entries_of(connection, group)
            except ReplyTooLargeError:
                self._note_too_large(group)
                raise
            except RefusedError as error:
                if not is_of_key(error):
                    raise
                # With fewer, until it is known whose they are.
                self._together = max(1, len(group) // 2)
                if len(group) == 1:
                    group[0].leave_out(f"its entries cannot be read: {error}", now)
                    begin += 1
                continue
            for agent, last in zip(group, sent, strict=True):
                agent.looked_for(last, now, is_found=agent.name in found)
            begin += len(group)
            self._together = _better(self._together, found)
            more = more or any(len(one) >= self._count_of(group) for one in found.values())
            if not found:
                continue
            unread, is_all = _each_unpacked(found, {agent.name: agent for agent in group}), False
            while not is_all:
                reads, is_all = await trio.to_thread.run_sync(_some_of, unread)
                await take(reads)
        return more

    def _group(self, agents: Sequence[RedisAgent]) -> Sequence[RedisAgent]:
        """Return which of these are asked for together, from the first one on."""
        large = [number for number, one in enumerate(agents) if one.name in self._large]
        return agents[: max(1, large[0])] if large else agents

    def _count_of(self, agents: Sequence[RedisAgent]) -> int:
        """Return how many entries of each of these agents are read at once."""
        is_large = len(agents) == 1 and agents[0].name in self._large
        return 1 if is_large else _MOST_ENTRIES

    def _note_too_large(self, group: Sequence[RedisAgent]) -> None:
        """Note that what these agents have sent was too much at once."""
        self._together = max(1, len(group) // 2)
        if len(group) > 1:
            return
        (agent,) = group
        if agent.name in self._large:
            agent.leave_out("sends entries above the size limit; they are not counted", time.time())
        self._large.add(agent.name)

    async def _entries_of(self, connection: Connection, agents: Sequence[RedisAgent]) -> _Found:
        keys = [self._keys.stream(agent.name) for agent in agents]
        after = [str(agent.read or EntryId(0, 0)) for agent in agents]
        count = self._count_of(agents)
        command: Command = ("XREAD", "COUNT", count, "STREAMS", *keys, *after)
        (reply,) = await connection.run(command)
        streams = checked(reply) or []
        names = {key.encode(): agent.name for key, agent in zip(keys, agents, strict=True)}
        return {names[key]: entries for key, entries in streams}


def _each_unpacked(found: _Found, agents: Mapping[str, RedisAgent]) -> Iterator[Read]:
    # First the first entry of each agent, and so on: what is next to each other is of different
    # logs, and can be decoded together.
    for entries in itertools.zip_longest(*found.values()):
        for name, entry in zip(found, entries, strict=True):
            if entry is None:
                continue
            raw_id, fields = entry
            agent, entry_id = agents[name], EntryId.read(raw_id)
            if not entry_id.is_possible:
                yield Read(agent, entry_id, None, "its id is out of range")
                continue
            try:
                yield Read(agent, entry_id, unpacked(fields[1]))
            except InvalidEntryError as error:
                yield Read(agent, entry_id, None, str(error))


def _some_of(reads: Iterator[Read]) -> tuple[list[Read], bool]:
    """Return the next entries, and whether they are the last: unpacked, few bytes may be many."""
    some: list[Read] = []
    size = 0
    for read in reads:
        some.append(read)
        size += 0 if read.entry is None else read.entry.size
        if size >= MOST_BYTES:
            return some, False
    return some, True


def _better(together: int, found: _Found) -> int:
    """Return how many agents are better asked for at once, after so many have answered."""
    size = sum(len(fields[1]) for entries in found.values() for _, fields in entries)
    if size > MOST_BYTES:
        return max(1, together // 2)
    return together if size > MOST_BYTES // 4 else min(2 * together, 8 * _READ_TOGETHER)
