"""When to look again: at once when inotify says so, and every second where it is silent.

Network mounts, FUSE and bind mounts of another host's files change without an event, so the poll
is always there behind it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import trio
import watchfiles
from loguru import logger

from actors.tailer.paths import directories

POLL_SECONDS = 1.0

_DEBOUNCE_MS = 100
"""Events are gathered this long, so that a busy log is looked at ten times a second, no more."""
_STEP_MS = 100


class Waker:
    """Wakes who waits for a path. `run` watches; without it only the poll is left."""

    def __init__(self) -> None:
        self._paths: dict[str, set[str]] = {}
        """{source: the absolute names that it may change under}"""
        self._events: dict[str, trio.Event] = {}
        self._watched: set[str] = set()
        self._rewatch = trio.Event()

    async def watch(self, source: str) -> None:
        """Wake for this path from now on; again after it may have become another symlink."""
        self._paths[source] = await trio.to_thread.run_sync(_names, source)
        self._events.setdefault(source, trio.Event())
        if await self._directories() != self._watched:
            self._rewatch.set()

    def forget(self, source: str) -> None:
        self._paths.pop(source, None)
        self._events.pop(source, None)

    async def wait(self, source: str) -> None:
        """Wait until something happened to the path since the last wait, or a second has passed."""
        event = self._events.setdefault(source, trio.Event())
        with trio.move_on_after(POLL_SECONDS):
            await event.wait()
        self._events[source] = trio.Event()

    async def run(self) -> None:
        """Watch the directories of all paths, and others as they change."""
        while True:
            self._rewatch = trio.Event()
            self._watched = await self._directories()
            stop = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, frozenset(self._watched), stop)
                try:
                    await self._rewatch.wait()
                finally:
                    # A cancelled watch waits for its thread, which looks at this only.
                    stop.set()
            await trio.sleep(_STEP_MS / 1000)

    async def _watch(self, watched: Iterable[str], stop: trio.Event) -> None:
        if not watched:
            return
        try:
            async for changes in watchfiles.awatch(
                *watched,
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                stop_event=stop,
                rust_timeout=5000,
                recursive=False,
                ignore_permission_denied=True,
            ):
                self._wake({path for _, path in changes})
        except (OSError, RuntimeError) as error:
            # Out of inotify watches, or a directory that went away: the poll goes on alone.
            logger.info("inotify is not to be had, looking every second: {}", error)

    async def _directories(self) -> set[str]:
        return await trio.to_thread.run_sync(directories, list(self._paths))

    def _wake(self, changed: set[str]) -> None:
        for source, names in self._paths.items():
            if not names.isdisjoint(changed):
                self._events[source].set()


def _names(source: str) -> set[str]:
    return {os.path.abspath(source), os.path.realpath(source)}
