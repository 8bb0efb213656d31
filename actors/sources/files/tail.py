"""Follows all paths, each in its own task, and sends their lines."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import trio
from loguru import logger

from actors.sources.dating import LineDating
from actors.sources.files.access_logs import AccessLogs
from actors.sources.files.container_names import server_of
from actors.sources.files.descriptors import Descriptors, most_held
from actors.sources.files.followers import Followers, Place, place_of
from actors.sources.files.hands import Hands
from actors.sources.files.marks import PathMark, reassigned
from actors.sources.files.path_follower import Look, PathFollower
from actors.sources.files.paths import is_glob, repetitions, why_none
from actors.sources.files.rotation import Folders
from actors.sources.files.waking import (
    POLL_SECONDS,
    Status,
    Waker,
    WatchedNames,
    watched_names,
)
from actors.sources.gathering import GATHER_SECONDS
from actors.sources.mark import Mark
from actors.sources.messages import (
    Announced,
    Chunk,
    FromSource,
    Gap,
    Marked,
    Resumes,
    SourceGone,
)
from actors.sources.position import From, StartPosition
from actors.sources.source import saying
from glancemetrics.health.health import SourceHealth, SourceState

if TYPE_CHECKING:
    from actors.sources.desk import SourceDesk

LAST_LOOK_SECONDS = 0.5
"""Time for lines written before the stop; a third of the shutdown limit."""

_ENOUGH_BYTES = 2 << 20
"""Lines that are read at once although more may come soon: half of a chunk."""

_LEAST_PAUSE = 50
"""Pause between searches for files that match a glob, as a multiple of how long one takes."""


@attrs.frozen
class Files:
    """Followed files, as a source."""

    texts: tuple[str, ...]
    """Paths and globs."""
    desk: SourceDesk

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Follow them until `stop`."""
        desk = self.desk
        await tail(
            self.texts,
            desk.start,
            desk.dating,
            send,
            stop=stop,
            before=desk.before,
            once=desk.once,
        )


async def tail(
    sources: Sequence[str],
    start: StartPosition,
    dating: LineDating,
    send: trio.MemorySendChannel[FromSource],
    *,
    stop: trio.Event | None = None,
    before: Sequence[Mark] = (),
    once: bool = False,
    gather_seconds: float = GATHER_SECONDS,
) -> None:
    """Follow the paths and globs of `-f` until `stop`.

    With `once`, each file is read to its end as it is now, and that is all.

    At `stop` each file in which something was written since gets a last look; what takes longer
    than `LAST_LOOK_SECONDS` is left.

    `dating` finds the times of lines, if the start depends on them. `before` is how far the
    previous run had read the sources. Nothing is read while the channel is full: the file is the
    buffer.

    `gather_seconds` is the pause after a look that found lines: by default a busy log is read twice
    a second. It is shorter for one that is written so fast that more than `_ENOUGH_BYTES` would
    wait: what is behind the tailer must not run dry in the meantime.
    """
    globs = [source for source in sources if is_glob(source)]
    paths = [source for source in sources if source not in globs]
    marks = [mark for mark in before if isinstance(mark, PathMark)]
    tailer = _Tailer(start, dating, send, paths, globs, marks, gather_seconds, once=once)
    async with send, trio.open_nursery() as background:
        background.start_soon(tailer.waker.run)
        background.start_soon(tailer.waker.poll)
        await background.start(tailer.hands.run)
        async with trio.open_nursery() as flow:
            background.start_soon(
                tailer.stop_on, trio.Event() if stop is None else stop, flow.cancel_scope
            )
            flow.start_soon(tailer.follow_all, sources, flow)
        background.cancel_scope.cancel()


class _Tailer:
    def __init__(
        self,
        start: StartPosition,
        dating: LineDating,
        send: trio.MemorySendChannel[FromSource],
        paths: Sequence[str],
        globs: Sequence[str],
        before: Sequence[PathMark],
        gather_seconds: float,
        *,
        once: bool,
    ) -> None:
        self._once = once
        self._gather_seconds = gather_seconds
        self.waker = Waker(gather_seconds)
        self.hands = Hands(_bytes_of)
        self._before = {mark.path: mark for mark in before}
        self._is_log = AccessLogs(dating)
        self._servers: dict[str, str] = {}
        """{path: its container, if it is the log of one}"""
        self._followers = Followers(paths, globs, self._before, self._is_log)
        self._folders = Folders()
        self._dating = dating
        self._start = start
        self.say = saying(send)
        self._stopping = trio.Event()
        self._endless = trio.CancelScope()
        """Around the search for new matches of globs, which has no last look."""
        self._descriptors = Descriptors(most_held(), self.hands.held_up)
        self._clock = trio.lowlevel.current_clock()

    async def follow_all(self, sources: Sequence[str], nursery: trio.Nursery) -> None:
        """Announce all existing logs, then start following each source."""
        repeated = await trio.to_thread.run_sync(repetitions, sources)
        followed = []
        for source in sources:
            if source in repeated:
                await self.say(SourceGone(source))
            elif source not in self._followers.globs:
                followed.append(source)
        for source, place in (await self._announce(followed)).items():
            self._start_to_follow(nursery, source, place)
        if self._followers.globs:
            nursery.start_soon(self._follow_globs, nursery)

    async def stop_on(self, stop: trio.Event, flow: trio.CancelScope) -> None:
        """At the stop, take a last look at changed files, and end."""
        await stop.wait()
        self._stopping.set()
        self._endless.cancel()
        with trio.move_on_after(LAST_LOOK_SECONDS):
            for path in await self.waker.changed():
                self.waker.wake(path)
            self.waker.end_waiting()
            await trio.sleep_forever()
        flow.cancel()

    async def _announce(self, paths: Sequence[str]) -> dict[str, Place]:
        """Report logs that exist: unopened files count as lag."""
        found = await trio.to_thread.run_sync(_found, paths)
        there = [
            SourceHealth(path, SourceState.READING, lag_bytes=size, opened=False)
            for path, (size, _, _) in found.items()
            if size is not None
        ]
        self._servers.update({path: server for path, (_, _, server) in found.items() if server})
        if there:
            await self.say(Announced(tuple(there)))
        return {path: place for path, (_, place, _) in found.items()}

    async def _follow_globs(self, nursery: trio.Nursery) -> None:
        """Follow every file that matches, now and later."""
        with self._endless:
            await self._search(nursery)

    async def _search(self, nursery: trio.Nursery) -> None:
        start = self._start
        patterns = self._followers.globs
        if self._before:
            now = await trio.to_thread.run_sync(reassigned, list(self._before.values()), patterns)
            self._before.clear()
            self._before.update(now)
        unmatched = set(patterns)
        is_first = True
        while True:
            began = trio.current_time()
            for pattern in patterns:
                search = functools.partial(self._followers.new_matches, pattern, is_first=is_first)
                paths = await trio.to_thread.run_sync(search)
                for path, place in (await self._announce(paths)).items():
                    self._start_to_follow(nursery, path, place, start, until_gone=True)
                    await trio.lowlevel.checkpoint()
                if pattern in unmatched and self._followers.has_matches(pattern):
                    await self.say(SourceGone(pattern))
                    unmatched.remove(pattern)
                elif pattern in unmatched and is_first:
                    said = await trio.to_thread.run_sync(why_none, pattern, self._once)
                    await self.say(SourceHealth(pattern, SourceState.WAITING, said))
            if is_first and self._is_log.refused:
                first, *others = self._is_log.refused
                more = f" and {len(others)} more" if others else ""
                level = "ERROR" if self._once else "WARNING"
                logger.log(level, "skipped: {}{}: permission denied", first, more)
            # A file that comes to match is new: it is read from its start.
            start = attrs.evolve(start, where=From.START)
            is_first = False
            if self._once:
                return
            took = trio.current_time() - began
            await trio.sleep(max(POLL_SECONDS, _LEAST_PAUSE * took))

    def _start_to_follow(
        self,
        nursery: trio.Nursery,
        path: str,
        place: Place,
        start: StartPosition | None = None,
        *,
        until_gone: bool = False,
    ) -> None:
        """Follow one path until the stop or, with `until_gone`, until it and its files are gone."""
        follower = PathFollower(
            path,
            start or self._start,
            self._dating,
            claimed=functools.partial(self._followers.is_claimed, path),
            before=self._before.pop(path, None),
            folders=self._folders,
            waits=not self._once,
        )
        self._followers.add(follower, place)
        nursery.start_soon(self._follow, follower, until_gone)

    async def _follow(self, follower: PathFollower, until_gone: bool) -> None:
        try:
            await self._follow_on(follower, until_gone)
        finally:
            follower.close()
            self.waker.forget(follower.path)
            self._descriptors.forget(follower)
            self._followers.remove(follower)
            self._servers.pop(follower.path, None)

    async def _follow_on(self, follower: PathFollower, until_gone: bool) -> None:
        path = follower.path
        if follower.before is not None:
            await self.say(Resumes(follower.before))
        sent = _Sent()
        found, since = 0, trio.current_time()
        while True:
            is_last = self._stopping.is_set()
            result = await self._look_and_send(follower, sent)
            found += result.size
            if not result.caught_up:
                continue
            gone = result.state is SourceState.WAITING and not any(follower.identities())
            if until_gone and gone:
                await self.say(SourceGone(path))
                return
            if self._once:
                rest = follower.rest()
                if rest:
                    server = self._servers.get(path, "")
                    await self.say(
                        Chunk(path, rest.whole, rest.overlong, True, False, 0, server=server)
                    )
                return
            if is_last:
                return
            if result.size:
                now = trio.current_time()
                pause = self._pause(found, now - since)
                found, since = 0, now
                with trio.move_on_after(pause):
                    await self._stopping.wait()  # what was gathered until then is still read
                if pause < self._gather_seconds:
                    continue  # there is more, for sure
            if not self._stopping.is_set() and not await self.waker.wait(path, result.seen):
                return

    def _pause(self, found: int, seconds: float) -> float:
        """Return how long to gather lines, after so many bytes were found that took so long."""
        if found <= _ENOUGH_BYTES:
            return self._gather_seconds
        return min(self._gather_seconds, seconds * _ENOUGH_BYTES / found)

    async def _look_and_send(self, follower: PathFollower, sent: _Sent) -> _Result:
        """Look once, and send what is new."""
        path = follower.path
        found = await self._look(follower, sent.has_moved)
        look = found.look
        if look.begins is not None:
            await self.say(look.begins)
        if look.lines:
            state = SourceState.FOLLOWING if look.caught_up else SourceState.READING
            sent.health = SourceHealth(path, state, lag_bytes=look.health.lag_bytes)
            await self.say(
                Chunk(
                    path,
                    look.lines.whole,
                    look.lines.overlong,
                    look.caught_up,
                    look.fresh,
                    look.health.lag_bytes,
                    look.mark,
                    self._servers.get(path, ""),
                )
            )
        elif look.mark != sent.mark:
            await self.say(Marked(look.mark))
        self.hands.handed_on(found)
        for gap in look.gaps:
            await self.say(Gap(path, gap))
        if look.health != sent.health:
            await self.say(look.health)
            sent.health = look.health
        sent.mark, sent.has_moved = look.mark, not look.caught_up
        size = len(look.lines.whole) + len(look.lines.overlong)
        return _Result(look.caught_up, size, look.health.state, look.seen)

    async def _look(self, follower: PathFollower, has_moved: bool) -> _Found:
        """Look, and update what wakes the path: its symlink may have changed."""
        began = trio.current_time()
        await self._descriptors.begin(follower)
        found = await self.hands.look(functools.partial(self._looked, follower, has_moved))
        self._descriptors.end(follower)
        if trio.current_time() - began > POLL_SECONDS:
            # The delay was ours: it says nothing about how late the server writes.
            found = attrs.evolve(found, look=attrs.evolve(found.look, fresh=False))
        if found.names is not None and found.look.caught_up:
            self.waker.watch(follower.path, found.names)
        return found

    def _looked(self, follower: PathFollower, has_moved: bool) -> _Found:
        """Look; runs in a thread, possibly some time after it was requested."""
        look = follower.look(self._clock.current_time(), self._descriptors.grace)
        has_moved = (has_moved or look.has_switched) and look.caught_up
        return _Found(look, watched_names(follower.path) if has_moved else None)


@attrs.define
class _Sent:
    """What has been sent about a path."""

    health: SourceHealth | None = None
    mark: PathMark | None = None
    has_moved: bool = True
    """Whether the path may name another file than the one being watched."""


@attrs.frozen
class _Result:
    """The part of a look that is kept until the next one; not its lines."""

    caught_up: bool
    size: int
    """Bytes of its lines."""
    state: SourceState
    seen: Status | None


@attrs.frozen
class _Found:
    look: Look
    names: WatchedNames | None
    """The names to watch for the path, if they may have changed."""


def _bytes_of(found: _Found) -> int:
    begins = found.look.begins
    return len(found.look.lines.whole) + (0 if begins is None else len(begins.sample))


def _found(paths: Sequence[str]) -> dict[str, tuple[int | None, Place, str]]:
    """Return the size of each path's file (`None` if missing), its place and its server."""
    found: dict[str, tuple[int | None, Place, str]] = {}
    for path in paths:
        size = None
        with suppress(OSError):
            size = os.stat(path).st_size
        found[path] = size, place_of(path), server_of(path)
    return found
