"""Follows all paths and sends what they say, each in its own task."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from contextlib import suppress

import attrs
import trio

from actors.sources.dating import LineDating
from actors.sources.desk import SourceDesk
from actors.sources.files.access_logs import AccessLogs
from actors.sources.files.descriptors import Descriptors, most_held
from actors.sources.files.followers import Followers, Place, place_of
from actors.sources.files.hands import Hands
from actors.sources.files.marks import PathMark, reassigned
from actors.sources.files.path_follower import Look, PathFollower
from actors.sources.files.paths import is_glob, repetitions
from actors.sources.files.rotation import Folders
from actors.sources.files.waking import POLL_SECONDS, Status, Waker, WatchedNames, watched_names
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

LAST_LOOK_SECONDS = 0.5
"""For what was written before the stop; a third of what there is until all must have ended."""

_LEAST_PAUSE = 50
"""Times as long as a search for files that match a glob took, none is made."""

_GATHER_SECONDS = 0.1
"""After a look that found something, so long more is awaited: a busy log is looked at ten times a
second, whatever the rate of its lines."""


@attrs.frozen
class Files:
    """Files that are followed, as a source."""

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
) -> None:
    """Follow paths and globs, given as `-f` takes them, until `stop`.

    With `once`, each file is read to its end as it is now, and that is all.

    At `stop` each file in which something was written since gets a last look; what takes longer
    than `LAST_LOOK_SECONDS` is left.

    `dating` tells when lines were written, where the start depends on that. `before` is how far
    sources had been read when another followed them. While the channel is full nothing is read: the
    file is the buffer.
    """
    globs = [source for source in sources if is_glob(source)]
    paths = [source for source in sources if source not in globs]
    marks = [mark for mark in before if isinstance(mark, PathMark)]
    tailer = _Tailer(start, dating, send, paths, globs, marks, once=once)
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
        *,
        once: bool,
    ) -> None:
        self._once = once
        self.waker = Waker()
        self.hands = Hands(_bytes_of)
        self._before = {mark.path: mark for mark in before}
        self._followers = Followers(paths, globs, self._before, AccessLogs(dating))
        self._folders = Folders()
        self._dating = dating
        self._start = start
        self.say = saying(send)
        self._stopping = False
        self._endless = trio.CancelScope()
        """What has no last look: the search for files that match."""
        self._descriptors = Descriptors(most_held(), self.hands.held_up)
        self._clock = trio.lowlevel.current_clock()

    async def follow_all(self, sources: Sequence[str], nursery: trio.Nursery) -> None:
        """Start to follow each source, when all that is there to be opened has been said."""
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
        """At the stop, have a last look where something happened, and end."""
        await stop.wait()
        self._stopping = True
        self._endless.cancel()
        with trio.move_on_after(LAST_LOOK_SECONDS):
            for path in await self.waker.changed():
                self.waker.wake(path)
            self.waker.end_waiting()
            await trio.sleep_forever()
        flow.cancel()

    async def _announce(self, paths: Sequence[str]) -> dict[str, Place]:
        """Say of logs that they are there: what has not been opened counts as lag."""
        found = await trio.to_thread.run_sync(_found, paths)
        there = [
            SourceHealth(path, SourceState.READING, lag_bytes=size, opened=False)
            for path, (size, _) in found.items()
            if size is not None
        ]
        if there:
            await self.say(Announced(tuple(there)))
        return {path: place for path, (_, place) in found.items()}

    async def _follow_globs(self, nursery: trio.Nursery) -> None:
        """Follow every file that matches, and those that come to match."""
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
                    said = "no matching log yet"
                    await self.say(SourceHealth(pattern, SourceState.WAITING, said))
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
        """Follow one path until the stop or, if told so, until it and its files are gone."""
        follower = PathFollower(
            path,
            start or self._start,
            self._dating,
            claimed=functools.partial(self._followers.is_claimed, path),
            before=self._before.pop(path, None),
            folders=self._folders,
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

    async def _follow_on(self, follower: PathFollower, until_gone: bool) -> None:
        path = follower.path
        if follower.before is not None:
            await self.say(Resumes(follower.before))
        told = _Told()
        while True:
            is_last = self._stopping
            result = await self._tell(follower, told)
            if not result.caught_up:
                continue
            gone = result.state is SourceState.WAITING and not any(follower.identities())
            if until_gone and gone:
                await self.say(SourceGone(path))
                return
            if is_last or self._once:
                return
            if result.has_lines:
                await trio.sleep(_GATHER_SECONDS)
            if not self._stopping and not await self.waker.wait(path, result.seen):
                return

    async def _tell(self, follower: PathFollower, told: _Told) -> _Result:
        """Look once, and say what has been found and not been told."""
        path = follower.path
        found = await self._look(follower, told.has_moved)
        look = found.look
        if look.begins is not None:
            await self.say(look.begins)
        if look.lines:
            state = SourceState.FOLLOWING if look.caught_up else SourceState.READING
            told.health = SourceHealth(path, state, lag_bytes=look.health.lag_bytes)
            await self.say(
                Chunk(
                    path,
                    look.lines.whole,
                    look.lines.overlong,
                    look.caught_up,
                    look.fresh,
                    look.health.lag_bytes,
                    look.mark,
                )
            )
        elif look.mark != told.mark:
            await self.say(Marked(look.mark))
        self.hands.handed_on(found)
        for gap in look.gaps:
            await self.say(Gap(path, gap))
        if look.health != told.health:
            await self.say(look.health)
            told.health = look.health
        told.mark, told.has_moved = look.mark, not look.caught_up
        return _Result(look.caught_up, bool(look.lines), look.health.state, look.seen)

    async def _look(self, follower: PathFollower, has_moved: bool) -> _Found:
        """Look, and note what wakes for the path, which may have become another symlink."""
        began = trio.current_time()
        await self._descriptors.begin(follower)
        found = await self.hands.look(functools.partial(self._looked, follower, has_moved))
        self._descriptors.end(follower)
        if trio.current_time() - began > POLL_SECONDS:
            # It waited for us: how late its lines come says nothing of the server.
            found = attrs.evolve(found, look=attrs.evolve(found.look, fresh=False))
        if found.names is not None and found.look.caught_up:
            self.waker.watch(follower.path, found.names)
        return found

    def _looked(self, follower: PathFollower, has_moved: bool) -> _Found:
        """Look; runs in a thread, maybe some time after it was asked for."""
        look = follower.look(self._clock.current_time(), self._descriptors.grace)
        has_moved = (has_moved or look.has_switched) and look.caught_up
        return _Found(look, watched_names(follower.path) if has_moved else None)


@attrs.define
class _Told:
    """What has been said of a path."""

    health: SourceHealth | None = None
    mark: PathMark | None = None
    has_moved: bool = True
    """Whether the path may name another file than it is watched for."""


@attrs.frozen
class _Result:
    """What is kept of a look while the next one is waited for: not its lines."""

    caught_up: bool
    has_lines: bool
    state: SourceState
    seen: Status | None


@attrs.frozen
class _Found:
    look: Look
    names: WatchedNames | None
    """What wakes for the path, where it may be something else than before."""


def _bytes_of(found: _Found) -> int:
    begins = found.look.begins
    return len(found.look.lines.whole) + (0 if begins is None else len(begins.sample))


def _found(paths: Sequence[str]) -> dict[str, tuple[int | None, Place]]:
    """Return the bytes of each path's file, `None` where there is none, and its place."""
    found: dict[str, tuple[int | None, Place]] = {}
    for path in paths:
        size = None
        with suppress(OSError):
            size = os.stat(path).st_size
        found[path] = size, place_of(path)
    return found
