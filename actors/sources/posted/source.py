"""The source of posted lines: takes them from the intake, and passes them on by server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import attrs
import trio

from actors.sources.desk import SourceDesk
from actors.sources.gathering import GATHER_SECONDS
from actors.sources.intake import Intake
from actors.sources.messages import Announced, Chunk, FromSource, Gap, Marked, Resumes, SourceGone
from actors.sources.posted import NAME
from actors.sources.posted.marks import PostedMark, furthest
from actors.sources.posted.spool import Read, Spool
from actors.sources.posted.store import MemoryStore, SpoolStore, Store
from actors.sources.source import Say, saying
from glancemetrics.formats.posted_frames import Posted
from glancemetrics.formats.posted_lines import ServerLines
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.words.humane import requests_text

SUFFIX = ".posted"
"""Suffix of the directory of the spool, beside the checkpoint."""
MOST_SERVERS = 10_000
"""Servers with a source of their own."""
SHARED = f"{NAME}*"
"""The source of all further servers. No server can have this name."""
_IDLE_SECONDS = 3600.0
"""After so long without lines, a server's source may be replaced by another one's."""
_HEALTH_SECONDS = 1.0
_FULL_SHOWN_SECONDS = 10.0
"""How long it is shown that too much waited to be counted."""


@attrs.frozen
class PostedLines:
    """Lines that were sent to the intake, as a source."""

    desk: SourceDesk
    intake: Intake

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Pass lines on until `stop`. Raises `OSError` if the spool cannot be used."""
        say = saying(send)
        async with send, trio.open_nursery() as nursery:
            store = await self._store(say, nursery)
            passing = _Passing(store, say, has_marks=isinstance(store, SpoolStore))
            await passing.begin(self.desk.before)
            nursery.start_soon(self._report, store, say)
            self.intake.open(store.take)
            async with trio.open_nursery() as feeding:
                feeding.start_soon(passing.run)
                await stop.wait()
                self.intake.close("the monitor is ending")
                await store.drain()
                feeding.cancel_scope.cancel()
            # Lines in memory would be lost. Those on the disk can be counted the next time.
            while await passing.pass_on_next() and not passing.has_marks:
                pass
            nursery.cancel_scope.cancel()

    async def _store(self, say: Say, nursery: trio.Nursery) -> Store:
        if self.desk.state is None:
            return MemoryStore()
        spool = Spool(self.desk.state.with_suffix(SUFFIX))
        store = SpoolStore(spool, furthest(self.desk.before))
        for what in await store.open():
            await say(Gap(NAME, what))
        self.desk.on_saved(store.saved)
        nursery.start_soon(store.run)
        return store

    async def _report(self, store: Store, say: Say) -> None:
        """Say how it is whenever that has changed, forever."""
        said: SourceHealth | None = None
        has_caught_up = False
        while True:
            has_caught_up = has_caught_up or not store.unread
            health = self._health(store, is_reading=not has_caught_up)
            if health != said:
                await say(health)
                said = health
            await trio.sleep(_HEALTH_SECONDS)

    def _health(self, store: Store, *, is_reading: bool) -> SourceHealth:
        state = SourceState.READING if is_reading else SourceState.FOLLOWING
        detail = ""
        if store.problem:
            state, detail = SourceState.BLOCKED, store.problem
        elif trio.current_time() - store.full_at < _FULL_SHOWN_SECONDS:
            detail = "too many sent lines wait to be counted; senders try again"
        intake = self.intake
        note = ""
        if intake.requests or intake.refused:
            senders = len(intake.senders)
            note = f"{requests_text(intake.requests)} from {senders:,} sender{'s'[: senders != 1]}"
            note += f", {intake.refused:,} refused" if intake.refused else ""
        return SourceHealth(NAME, state, detail, note=note, lag_bytes=store.unread)


class _Passing:
    """Passes requests on as chunks, one for each server."""

    def __init__(self, store: Store, say: Say, *, has_marks: bool) -> None:
        self._store = store
        self._say = say
        self.has_marks = has_marks
        """Whether what was not passed on is there after a restart."""
        self._servers: OrderedDict[str, float] = OrderedDict()
        """{server: when its last lines came}, longest ago first"""
        self._is_fresh = False
        """Whether everything had been read before."""
        self._behind: set[str] = set()
        """Sources that were reported as not read to their end."""

    async def begin(self, marks: Iterable[object]) -> None:
        """Go on with the sources of an earlier run."""
        known = [mark for mark in marks if isinstance(mark, PostedMark)]
        for mark in known:
            if mark.source not in {NAME, SHARED}:
                self._servers[mark.source.removeprefix(NAME)] = trio.current_time()
            if mark.parsing is not None:
                await self._say(Resumes(mark))
        if self._servers:
            names = (NAME + server for server in self._servers)
            health = tuple(SourceHealth(name, SourceState.FOLLOWING) for name in names)
            await self._say(Announced(health))
        self._is_fresh = not self._store.unread

    async def run(self) -> None:
        """Pass on whatever there is, forever."""
        while True:
            await self._store.wait()
            await trio.sleep(GATHER_SECONDS)
            while await self.pass_on_next():
                pass

    async def pass_on_next(self) -> bool:
        """Pass on what is read at once; returns whether there was anything."""
        # Lines that were read from memory must not be lost between two chunks.
        with trio.CancelScope(shield=True):
            read = await self._store.read()
            if read is None:
                return False
            await self._pass_on(read)
        await trio.lowlevel.checkpoint()
        return True

    async def _pass_on(self, read: Read) -> None:
        if not read.requests:
            await self._say(Gap(NAME, "sent lines were damaged on the disk; some are lost"))
        left = self._store.unread
        passed = set()
        for number, group in enumerate(by_server(read.requests), 1):
            name = await self._source_of(group.server)
            passed.add(name)
            if number <= read.counted:
                continue
            mark = None
            if self.has_marks:
                mark = PostedMark(name, read.begin, number, read.end)
            await self._say(
                Chunk(
                    name,
                    group.lines,
                    group.overlong,
                    caught_up=not left,
                    fresh=self._is_fresh,
                    lag_bytes=0,
                    mark=mark,
                    server=group.server,
                )
            )
        if self.has_marks:
            await self._say(Marked(PostedMark(NAME, read.end)))
        await self._note_end(passed, left)

    async def _note_end(self, passed: set[str], left: int) -> None:
        if left:
            self._behind |= passed
        else:
            for name in sorted(self._behind - passed):
                await self._say(SourceHealth(name, SourceState.FOLLOWING))
            self._behind.clear()
        self._is_fresh = not left

    async def _source_of(self, server: str) -> str:
        now = trio.current_time()
        if server not in self._servers and len(self._servers) >= MOST_SERVERS:
            idle, since = next(iter(self._servers.items()))
            if now - since < _IDLE_SECONDS:
                return SHARED
            del self._servers[idle]
            self._behind.discard(NAME + idle)
            await self._say(SourceGone(NAME + idle))
        self._servers[server] = now
        self._servers.move_to_end(server)
        return NAME + server


def by_server(requests: Iterable[Posted]) -> Iterator[ServerLines]:
    """Yield the lines of requests, joined by server, in the order of their first lines.

    The same requests always give the same: marks count on it.
    """
    found: dict[str, list[ServerLines]] = {}
    for posted in requests:
        for group in posted.groups:
            found.setdefault(group.server, []).append(group)
    for server, groups in found.items():
        lines = b"".join(group.lines for group in groups)
        overlong = tuple(line for group in groups for line in group.overlong)
        yield ServerLines(server, lines, overlong)
