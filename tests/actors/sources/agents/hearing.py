"""A hub over a real Redis, what it says, and agents that are only pretended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import attrs
import trio

from actors.redis.connection import Connection, checked, connect
from actors.redis.lease import Lease
from actors.sources.agents.hub import Hub
from actors.sources.agents.mark import source_name
from actors.sources.dating import undated
from actors.sources.desk import SavedMarks, SourceDesk
from actors.sources.mark import Mark
from actors.sources.messages import (
    AgentHeard,
    Chunk,
    FromSource,
    Marked,
    OneFromSource,
    ReadUntil,
    each_of,
)
from actors.sources.position import From, StartPosition
from glancemetrics.fleet.address import fleet_address
from glancemetrics.fleet.entry import Entry, EntryId, Part, packed
from glancemetrics.fleet.keys import FleetKeys
from glancemetrics.fleet.status import AgentStatus
from glancemetrics.health.health import AgentHealth, SourceHealth
from glancemetrics.planning.sources import Sources
from tests.redis import Redis

KEYS = FleetKeys("prod")
LOG = "/var/log/access.log"


@attrs.define
class Heard:
    """What the hub has said."""

    text: str
    connection: Connection
    saved: SavedMarks
    stop: trio.Event
    messages: list[OneFromSource] = attrs.field(factory=list)
    until_heard: trio.Event | None = None
    """Up to when nothing more is taken."""
    pause: float = 0.0
    """Seconds after each message that is taken."""

    def lines(self, agent: str = "web1", path: str = LOG) -> bytes:
        name = source_name(agent, path)
        return b"".join(
            one.lines for one in self.messages if isinstance(one, Chunk) and one.source == name
        )

    def marks(self) -> Mapping[str, Mark]:
        found: dict[str, Mark] = {}
        for one in self.messages:
            if isinstance(one, Chunk | Marked) and one.mark is not None:
                found[one.mark.source] = one.mark
        return found

    def agent(self, name: str = "web1") -> AgentHealth | None:
        said = [one.agent for one in self.messages if isinstance(one, AgentHeard)]
        return next((one for one in reversed(said) if one.name == name), None)

    def until(self, name: str = "web1") -> list[float | None]:
        said = [one for one in self.messages if isinstance(one, ReadUntil)]
        return [one.until for one in said if one.server == name]

    def own(self) -> SourceHealth | None:
        said = [one for one in self.messages if isinstance(one, SourceHealth)]
        return next((one for one in reversed(said) if one.name.startswith("redis://")), None)


def text_of(redis: Redis, fleet: str = "prod") -> str:
    return f"redis://127.0.0.1:{redis.port}/0?fleet={fleet}"


def desk_of(text: str, saved: SavedMarks, before: Mapping[str, Mark] | None = None) -> SourceDesk:
    return SourceDesk(
        sources=Sources((text,)),
        start=StartPosition(From.WINDOW, 60, None),
        dating=undated,
        standard_input=lambda: -1,
        before=list((before or {}).values()),
        on_saved=saved.listen,
    )


@asynccontextmanager
async def hub(
    redis: Redis,
    before: Mapping[str, Mark] | None = None,
    *,
    fleet: str = "prod",
    servers: dict[str, str] | None = None,
    lease: Lease | None = None,
) -> AsyncIterator[Heard]:
    """Run a hub in this block; `lease`: one that is kept elsewhere."""
    text, saved, stop = text_of(redis, fleet), SavedMarks(), trio.Event()
    address = fleet_address(text, "-f")
    desk = attrs.evolve(
        desk_of(text, saved, before), lease=lease, is_unsaved=lambda: saved.is_overdue
    )
    send, receive = trio.open_memory_channel[FromSource](2)
    heard = Heard(text, await connect(address, "test"), saved, stop)

    async def hear() -> None:
        async with receive:
            async for message in receive:
                heard.messages += each_of(message)
                if heard.until_heard is not None:
                    await heard.until_heard.wait()
                await trio.sleep(heard.pause)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        nursery.start_soon(Hub(text, address, desk, servers).run, send, stop)
        try:
            yield heard
        finally:
            if heard.until_heard is not None:
                heard.until_heard.set()
            stop.set()
    await heard.connection.aclose()


async def eventually(true: object, seconds: float = 15) -> None:
    assert callable(true)
    with trio.fail_after(seconds):
        while not true():
            await trio.sleep(0.05)


@attrs.define
class Pretended:
    """An agent that is only pretended."""

    connection: Connection
    name: str = "web1"
    birth: int = 1000
    number: int = 0
    keys: FleetKeys = KEYS

    async def send(
        self, lines: bytes, *, after: EntryId | None = None, past: float | None = None
    ) -> EntryId:
        self.number += 1
        entry = EntryId(self.birth, self.number)
        part = Part(LOG, lines=lines, fresh=True, mark=b"mark %d" % self.number)
        data = packed(Entry(after, past, (part,)))
        await self.send_raw(str(entry), data)
        return entry

    async def send_raw(self, entry: str, data: bytes) -> None:
        (reply,) = await self.connection.run(("XADD", KEYS.stream(self.name), entry, "d", data))
        checked(reply)

    async def hello(self, **changes: object) -> None:
        status = AgentStatus(
            version="1", host="h1", instance="i", files=1, lag_bytes=0,
            sent=EntryId(self.birth, self.number) if self.number else None,
            past=time.time(), ahead=0.0,
        )  # fmt: skip
        said = attrs.evolve(status, **changes).to_bytes()
        await self.connection.run(("PUBLISH", self.keys.hello(self.name), said))

    async def says_hello_until(self, true: Callable[[], object]) -> None:
        """Say it again and again: nobody hears what is said while a hub connects."""
        with trio.fail_after(15):
            while not true():
                await self.hello()
                await trio.sleep(0.1)

    async def counted(self) -> dict[bytes, bytes]:
        (reply,) = await self.connection.run(("HGETALL", KEYS.counted(self.name)))
        return dict(zip(reply[::2], reply[1::2], strict=True))


async def present(heard: Heard, name: str = "web1") -> Pretended:
    """An agent that the hub has heard of."""
    made = Pretended(heard.connection, name)
    await made.says_hello_until(lambda: heard.agent(name))
    return made
