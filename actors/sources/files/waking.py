"""When to look again: at once after an inotify event, and within a second without one.

Network mounts, FUSE and bind mounts of another host's files change without events, so polling is
always active too. It only gets the status of each path, all in one thread, so a thousand idle logs
cost almost nothing.
"""

from __future__ import annotations

import errno
import functools
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import attrs
import trio
from loguru import logger

from actors.sources.files.inotify import Inotify
from actors.sources.files.paths import directories
from actors.sources.gathering import GATHER_SECONDS

POLL_SECONDS = 1.0
_REWATCH_SECONDS = 1.0
"""Minimum time between changes of the watched directories, plus the same per thousand directories:
with many logs, many are watched at once."""
_STUCK_SECONDS = 5.0
"""Time after which the poll skips a path whose file system does not answer."""
_RECENT_NS = 2_000_000_000
"""A file written this recently may change again without a new modification time: the kernel's file
clock ticks every few milliseconds, and a remote server has its own clock."""

Status = tuple[int, ...]
"""The stat(2) of a path: device, inode, size, modification and change times; or an error number."""


def status_of(path: str) -> Status:
    """Return the status of a path. While it is unchanged, nothing was written to its file."""
    try:
        status = os.stat(path)
    except OSError as error:
        return (error.errno or 0,)
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def is_recent(status: Status) -> bool:
    """Tell whether a file was written so recently that more may not change its status."""
    return len(status) > 1 and status[3] > time.time_ns() - _RECENT_NS


WatchedNames = tuple[frozenset[str], frozenset[str]]
"""The absolute names of a path's file, and their directories."""


def watched_names(path: str) -> WatchedNames:
    """Return what to watch for a path; accesses the file system."""
    names = {os.path.abspath(path), os.path.realpath(path)}
    return frozenset(names), frozenset(directories(names))


class Waker:
    """Wakes tasks that wait for a path.

    `run` watches with inotify, `poll` checks every second; each works without the other.
    """

    def __init__(self, gather_seconds: float = GATHER_SECONDS) -> None:
        """`gather_seconds`: how long events are gathered after some were handled."""
        self._gather_seconds = gather_seconds
        self._names: dict[str, frozenset[str]] = {}
        """{source: the absolute names of its file}"""
        self._sources: defaultdict[str, set[str]] = defaultdict(set)
        """{name: its sources}"""
        self._directories: dict[str, frozenset[str]] = {}
        """{source: the directories of its names}"""
        self._counts: Counter[str] = Counter()
        """{directory: number of sources in it}"""
        self._events: dict[str, trio.Event] = {}
        self._waiting: dict[str, Status | None] = {}
        """{source: its status at its last look; `None` if that is inconclusive}"""
        self._stuck: dict[str, _Poll] = {}
        """{source: the poll that is blocked by its file system}"""
        self._rewatch = trio.Event()
        self._doubtful: set[str] = set()
        """Directories whose names others may have by now."""
        self._ended: set[str] = set()

    def watch(self, source: str, watched: WatchedNames) -> None:
        """Watch a path from now on; called again after it has come to name another file.

        Its symlink may have changed, or a directory may have been replaced. A removed one is only
        told of once the last file of it is closed, a renamed one above it not at all.
        """
        names, folders = watched
        if source in self._names:
            self._doubtful |= folders
            self._rewatch.set()
        if (names, folders) == (self._names.get(source), self._directories.get(source)):
            return
        before = {folder for folder in folders if folder in self._counts}
        self._forget_names(source)
        self._names[source], self._directories[source] = names, folders
        for name in names:
            self._sources[name].add(source)
        self._counts.update(folders)
        if before != folders:
            self._rewatch.set()

    def forget(self, source: str) -> None:
        """Stop watching a path."""
        self._forget_names(source)
        self._events.pop(source, None)
        self._waiting.pop(source, None)

    def _forget_names(self, source: str) -> None:
        for name in self._names.pop(source, ()):
            self._sources[name].discard(source)
            if not self._sources[name]:
                del self._sources[name]
        for folder in self._directories.pop(source, ()):
            self._counts[folder] -= 1
            if not self._counts[folder]:
                del self._counts[folder]

    async def wait(self, source: str, seen: Status | None = None) -> bool:
        """Wait until the path has changed since the last wait; `False` at the end.

        It has changed if inotify reports it, or if its status is not the one that was `seen`. If
        `seen` is `None`, it waits for one second.
        """
        event = self._events.setdefault(source, trio.Event())
        self._waiting[source] = seen
        try:
            await event.wait()
        finally:
            self._waiting.pop(source, None)
        self._events[source] = trio.Event()
        return source not in self._ended

    def wake(self, source: str) -> None:
        """Wake the task that waits for a path."""
        self._events.setdefault(source, trio.Event()).set()

    def end_waiting(self) -> None:
        """End the waiting of tasks whose path has not changed."""
        for source in self._waiting:
            event = self._events[source]
            if not event.is_set():
                self._ended.add(source)
                event.set()

    async def poll(self) -> None:
        """Wake the paths whose status has changed, every second."""
        while True:
            await trio.sleep(POLL_SECONDS)
            for source in await self.changed():
                self.wake(source)

    async def changed(self) -> list[str]:
        """Return the waiting paths whose status has changed."""
        self._stuck = {source: poll for source, poll in self._stuck.items() if poll.is_stuck}
        expected = {s: seen for s, seen in self._waiting.items() if s not in self._stuck}
        poll = _Poll(expected)
        with trio.move_on_after(_STUCK_SECONDS) as patience:
            await trio.to_thread.run_sync(poll.run, abandon_on_cancel=True)
        if patience.cancelled_caught:
            # A dead mount only blocks its own sources.
            self._stuck.update(dict.fromkeys(poll.give_up(), poll))
        return list(poll.changed)

    async def run(self) -> None:
        """Watch the directories of all paths, and update them as they change."""
        try:
            inotify = Inotify()
        except OSError as error:
            self._note_unwatched(error)
            return
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_watches, inotify)
                while True:
                    await inotify.readable()
                    changes = inotify.read()
                    self._wake(changes.names)
                    if not changes.are_all:
                        for source in await self.changed():
                            self.wake(source)
                    if changes.has_lost_directories:
                        self._rewatch.set()  # there may be others of these names
                    await trio.sleep(self._gather_seconds)
        finally:
            inotify.close()

    async def _keep_watches(self, inotify: Inotify) -> None:
        """Watch the directories that have to be watched, and no others."""
        while True:
            self._rewatch = trio.Event()
            wanted = set(self._counts)
            doubtful, self._doubtful = self._doubtful & wanted, set()
            for directory in inotify.watched - wanted:
                inotify.forget(directory)
            # In a thread: a dead mount does not answer, and only the poll is left then.
            add = functools.partial(_watch_all, inotify, wanted - inotify.watched | doubtful)
            error = await trio.to_thread.run_sync(add, abandon_on_cancel=True)
            if error is not None:
                self._note_unwatched(error)
            # What changed before it was watched is polled.
            await trio.sleep(_REWATCH_SECONDS * (1 + len(wanted) / 1000))
            await self._rewatch.wait()

    def _note_unwatched(self, error: OSError) -> None:
        """Out of inotify instances or watches: polling continues alone."""
        logger.info("inotify unavailable ({}); checking files every second instead", error)

    def _wake(self, changed: Iterable[str]) -> None:
        for name in changed:
            for source in self._sources.get(name, ()):
                self.wake(source)


def _watch_all(inotify: Inotify, directories: Iterable[str]) -> OSError | None:
    """Watch directories; returns why no more of them can be, if that is so."""
    for directory in directories:
        try:
            inotify.watch(directory)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return error
            # It was removed, or may not be listed: its files are polled.
    return None


@attrs.define
class _Poll:
    """Gets the status of paths, one after the other, in a thread."""

    _expected: Mapping[str, Status | None]
    changed: list[str] = attrs.field(factory=list)
    _at: str | None = None
    """The path being checked."""
    _stuck_at: str | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether it is still blocked at the path at which it was given up."""
        return self._at is not None and self._at == self._stuck_at

    def run(self) -> None:
        for source, seen in self._expected.items():
            self._at = source
            if seen is None or status_of(source) != seen:
                self.changed.append(source)
        self._at = None

    def give_up(self) -> list[str]:
        """Return the paths on the file system that does not answer."""
        stuck = self._stuck_at = self._at
        if stuck is None:
            return []
        device = _device(self._expected[stuck])
        others = (s for s, seen in self._expected.items() if device and _device(seen) == device)
        return [stuck, *others]


def _device(seen: Status | None) -> int | None:
    return seen[0] if seen is not None and len(seen) > 1 else None
