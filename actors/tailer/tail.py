"""Follows all sources and sends what they say, each in its own task."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs
import trio

from actors.messages import Chunk, FromTailer, Gap, Marked, SourceGone
from actors.tailer.identity import Identity
from actors.tailer.marks import PathMark, reassigned
from actors.tailer.path_follower import PathFollower
from actors.tailer.paths import STANDARD_INPUT, is_glob, matching, repetitions
from actors.tailer.position import From, StartPosition
from actors.tailer.standard_input import read_standard_input
from actors.tailer.waking import POLL_SECONDS, Waker
from glancemetrics.formats.reading import Reading
from glancemetrics.snapshot import SourceHealth, SourceState

_GATHER_SECONDS = 0.1
"""After a look that found something, so long more is awaited: a busy log is looked at ten times a
second, whatever the rate of its lines."""


async def tail(
    sources: Sequence[str],
    start: StartPosition,
    reading: Reading,
    send: trio.MemorySendChannel[FromTailer],
    *,
    standard_input: Callable[[], int],
    before: Sequence[PathMark] = (),
) -> None:
    """Follow sources, given as `-f` takes them, until cancelled.

    `before` is how far they had been read when another followed them.

    Returns only when standard input is the only source and has ended. While the channel is full
    nothing is read: the file is the buffer.
    """
    globs = [source for source in sources if is_glob(source)]
    tailer = _Tailer(start, reading, send, [s for s in sources if s not in globs], globs, before)
    with _until_nobody_listens():
        await _tail(sources, tailer, send, standard_input)


async def _tail(
    sources: Sequence[str],
    tailer: _Tailer,
    send: trio.MemorySendChannel[FromTailer],
    standard_input: Callable[[], int],
) -> None:
    async with send, trio.open_nursery() as nursery:
        watching = False
        globs = tailer.globs
        repeated = await trio.to_thread.run_sync(repetitions, sources)
        for source in sources:
            if source == STANDARD_INPUT:
                nursery.start_soon(
                    read_standard_input,
                    standard_input(),
                    tailer.reading.format_to_follow(),
                    tailer.say,
                )
            elif source in globs:
                continue
            elif source in repeated:
                await tailer.say(SourceGone(source))
            else:
                nursery.start_soon(tailer.follow, source)
                watching = True
        if globs:
            nursery.start_soon(tailer.follow_globs, globs, nursery)
            watching = True
        if watching:
            nursery.start_soon(tailer.waker.run)


class _Tailer:
    def __init__(
        self,
        start: StartPosition,
        reading: Reading,
        send: trio.MemorySendChannel[FromTailer],
        paths: Sequence[str],
        globs: Sequence[str],
        before: Sequence[PathMark],
    ) -> None:
        self.waker = Waker()
        self.globs = list(globs)
        self._paths = {os.path.abspath(path) for path in paths}
        self._before = {mark.path: mark for mark in before}
        self.reading = reading
        self._start = start
        self._send = send
        self._followers: dict[str, PathFollower] = {}

    async def say(self, message: FromTailer) -> None:
        """Send also while being cancelled: what was read is handed on."""
        with trio.CancelScope(shield=True):
            await self._send.send(message)

    async def follow_globs(self, patterns: list[str], nursery: trio.Nursery) -> None:
        """Follow every file that matches, and those that come to match."""
        start = self._start
        if self._before:
            self._before = await trio.to_thread.run_sync(
                reassigned, list(self._before.values()), patterns
            )
        unmatched = set(patterns)
        for pattern in patterns:
            await self.say(SourceHealth(pattern, SourceState.WAITING, "no file matches yet"))
        while True:
            for pattern in patterns:
                paths = await trio.to_thread.run_sync(matching, pattern)
                for path in paths:
                    if path not in self._followers and not await trio.to_thread.run_sync(
                        self._is_followed, path
                    ):
                        await self.say(SourceHealth(path, SourceState.READING))
                        await nursery.start(self.follow, path, start, True)
                if paths and pattern in unmatched:
                    await self.say(SourceGone(pattern))
                    unmatched.remove(pattern)
            # A file that comes to match is new: it is read from its start.
            start = attrs.evolve(start, where=From.START)
            await trio.sleep(POLL_SECONDS)

    async def follow(
        self,
        path: str,
        start: StartPosition | None = None,
        until_gone: bool = False,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Follow one path until cancelled or, if told so, until it and its files are gone."""
        log_format = self.reading.format_to_follow()
        follower = PathFollower(
            path,
            start or self._start,
            log_format,
            self.reading.circumstances,
            claimed=functools.partial(self._is_claimed, path),
            before=self._before.pop(path, None),
        )
        self._followers[path] = follower
        task_status.started()
        said: SourceHealth | None = None
        marked: PathMark | None = None
        moved = True
        try:
            while True:
                look = await trio.to_thread.run_sync(follower.look, trio.current_time())
                if look.lines:
                    await self.say(
                        Chunk(
                            path,
                            look.lines.whole,
                            log_format,
                            look.directives,
                            look.lines.overlong,
                            look.caught_up,
                            look.fresh,
                            look.health.lag_bytes,
                            look.mark,
                        )
                    )
                    said = None
                elif look.mark != marked:
                    await self.say(Marked(look.mark))
                marked = look.mark
                for gap in look.gaps:
                    await self.say(Gap(path, gap))
                if look.health != said:
                    await self.say(look.health)
                    said = look.health
                if not look.caught_up:
                    moved = True
                    continue
                gone = look.health.state is SourceState.WAITING and not any(follower.identities())
                if until_gone and gone:
                    await self.say(SourceGone(path))
                    return
                if look.lines:
                    await trio.sleep(_GATHER_SECONDS)
                if moved:
                    await self.waker.watch(path)
                    moved = False
                await self.waker.wait(path)
        finally:
            follower.close()
            self.waker.forget(path)
            del self._followers[path]

    def _is_followed(self, path: str) -> bool:
        """Whether a file is being read under another name, as one is after its rotation."""
        followers = list(self._followers.values())
        if os.path.realpath(path) in {os.path.realpath(each.path) for each in followers}:
            return True  # perhaps not opened yet
        try:
            identity = Identity.of(os.stat(path))
        except OSError:
            return True
        if any(identity in each.identities() for each in followers):
            return True
        return any(each.has_copy(identity) for each in followers)

    def _is_claimed(self, by: str, path: str, identity: Identity) -> bool:
        """Whether a file beside a path that is followed is followed itself, or will be."""
        others = [each for each in self._followers.values() if each.path != by]
        if os.path.abspath(path) in self._paths or any(
            identity in each.identities() for each in others
        ):
            return True
        return any(path in map(os.path.realpath, matching(pattern)) for pattern in self.globs)


@contextmanager
def _until_nobody_listens() -> Iterator[None]:
    """Where the parser has failed it says so itself; the tailer just ends."""
    try:
        yield
    except* trio.BrokenResourceError:
        pass
