"""The descriptors that logs hold: as many as the limit allows, whatever the number of logs."""

from __future__ import annotations

import resource

import trio

from actors.sources.files.followed_files import ROTATED_GRACE, SHORT_GRACE
from actors.sources.files.path_follower import PathFollower

_OTHERS = 128
"""Descriptors of threads that look for rotated files, of outputs, of trio and of the libraries."""
_FEWEST = 8


def most_held() -> int:
    """Return how many descriptors logs may hold while nothing happens.

    When all are rotated at once they need twice as many; some are left for all else.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_FEWEST, (allowed - _OTHERS) // 2)


class Descriptors:
    """Which logs hold descriptors, and those in which nothing happened for longest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._resting: dict[str, tuple[PathFollower, int]] = {}
        """{path: who follows it and is not looking, and how many it holds}, the longest first"""
        self._held = 0
        self._gate = trio.Lock()
        self._changed = trio.Event()
        """Set by the next look."""

    @property
    def grace(self) -> float:
        """For how many seconds a rotated file is kept to which nothing more is written."""
        return SHORT_GRACE if self._held > self._most else ROTATED_GRACE

    async def room(self) -> None:
        """Wait until there are descriptors for one more log: the files are the buffer."""
        async with self._gate:
            while self._held >= 2 * self._most:
                await self._changed.wait()

    def take(self, follower: PathFollower) -> None:
        """It is going to look, and is not to be disturbed; or it has ended."""
        _, count = self._resting.pop(follower.path, (follower, 0))
        self._held -= count

    def put(self, follower: PathFollower) -> None:
        """It has looked; where there are too many, those that rest for longest give theirs back."""
        self._changed.set()
        self._changed = trio.Event()
        if follower.descriptors:
            self._resting[follower.path] = follower, follower.descriptors
            self._held += follower.descriptors
        if self._held <= self._most:
            return
        for path, (resting, count) in list(self._resting.items()):
            resting.park()
            left = resting.descriptors
            self._held += left - count
            self._resting[path] = resting, left
            if not left:
                del self._resting[path]
            if self._held <= self._most:
                return
