"""The descriptors that logs hold: as many as the limit allows, whatever the number of logs."""

from __future__ import annotations

import resource
from collections.abc import Callable

import trio

from actors.sources.files.followed_files import ROTATED_GRACE, SHORT_GRACE
from actors.sources.files.path_follower import PathFollower

_OTHERS = 128
"""Descriptors of threads that look for rotated files, of outputs, of trio and of the libraries."""
_EACH = 2
"""Descriptors of a log: its file, and the one that had its name before."""
_FEWEST = 4
_PATIENCE_SECONDS = 1.0
"""After which it is asked anew which looks are held up."""


def most_held() -> int:
    """Return how many logs may hold descriptors: all of them may be rotated at once."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_FEWEST, (allowed - _OTHERS) // _EACH)


class Descriptors:
    """Which logs hold descriptors. One in which nothing happens gives its place to another."""

    def __init__(self, most: int, held_up: Callable[[], int] = lambda: 0) -> None:
        """`held_up` tells how many looks do not come back now: they keep no place from others."""
        self._most = most
        self._held_up = held_up
        self._holding: set[str] = set()
        """Paths that hold descriptors, or may by now as they are looked at."""
        self._resting: dict[str, PathFollower] = {}
        """{path of those that are not looked at: who follows it}, the longest first"""
        self._gate = trio.Lock()
        self._changed = trio.Event()

    @property
    def grace(self) -> float:
        """For how many seconds a rotated file is kept to which nothing more is written."""
        return SHORT_GRACE if self._gate.locked() else ROTATED_GRACE

    async def begin(self, follower: PathFollower) -> None:
        """Wait until it may be looked at: the files are the buffer. Who holds one need not."""
        path = follower.path
        if path not in self._holding:
            async with self._gate:
                while self._is_full() and not self._park_one():
                    with trio.move_on_after(_PATIENCE_SECONDS):
                        await self._changed.wait()
                self._holding.add(path)
        self._resting.pop(path, None)

    def end(self, follower: PathFollower) -> None:
        """It has been looked at."""
        if follower.descriptors:
            self._resting[follower.path] = follower
            while self._is_over() and self._park_one():
                pass
        else:
            self._holding.discard(follower.path)
        self._note_change()

    def forget(self, follower: PathFollower) -> None:
        """It is followed no longer."""
        self._holding.discard(follower.path)
        self._resting.pop(follower.path, None)
        self._note_change()

    def _is_full(self) -> bool:
        return len(self._holding) - self._held_up() >= self._most

    def _is_over(self) -> bool:
        return len(self._holding) > self._most

    def _park_one(self) -> bool:
        """Let the one that rests for longest give its descriptors back, if any can."""
        for path, follower in self._resting.items():
            follower.park()
            if not follower.descriptors:
                del self._resting[path]
                self._holding.discard(path)
                return True
        return False

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
