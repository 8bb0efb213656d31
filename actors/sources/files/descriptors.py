"""Limits the open file descriptors of logs, whatever the number of logs."""

from __future__ import annotations

import resource
from collections.abc import Callable

import trio

from actors.sources.files.followed_files import ROTATED_GRACE, SHORT_GRACE
from actors.sources.files.path_follower import PathFollower

_OTHERS = 128
"""Descriptors reserved for the search for rotated files, for outputs, trio and libraries."""
_EACH = 2
"""Descriptors per log: its file, and the rotated one."""
_FEWEST = 4
_PATIENCE_SECONDS = 1.0
"""Interval for checking again which looks are blocked."""


def most_held() -> int:
    """Return how many logs may hold descriptors; all of them may be rotated at the same time."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_FEWEST, (allowed - _OTHERS) // _EACH)


class Descriptors:
    """Which logs hold descriptors. An idle log gives its descriptors to another."""

    def __init__(self, most: int, held_up: Callable[[], int] = lambda: 0) -> None:
        """`held_up` returns the number of blocked looks; they do not count against the limit."""
        self._most = most
        self._held_up = held_up
        self._holding: set[str] = set()
        """Paths that hold descriptors, or may open one in a running look."""
        self._resting: dict[str, PathFollower] = {}
        """{path without a running look: its follower}, longest idle first"""
        self._gate = trio.Lock()
        self._changed = trio.Event()

    @property
    def grace(self) -> float:
        """How many seconds an idle rotated file is kept open."""
        return SHORT_GRACE if self._gate.locked() else ROTATED_GRACE

    async def begin(self, follower: PathFollower) -> None:
        """Wait until a look is allowed, unless it holds a descriptor; the files are the buffer."""
        path = follower.path
        if path not in self._holding:
            async with self._gate:
                while self._is_full() and not self._park_one():
                    with trio.move_on_after(_PATIENCE_SECONDS):
                        await self._changed.wait()
                self._holding.add(path)
        self._resting.pop(path, None)

    def end(self, follower: PathFollower) -> None:
        """Note the end of a look."""
        if follower.descriptors:
            self._resting[follower.path] = follower
            while self._is_over() and self._park_one():
                pass
        else:
            self._holding.discard(follower.path)
        self._note_change()

    def forget(self, follower: PathFollower) -> None:
        """Forget a path that is no longer followed."""
        self._holding.discard(follower.path)
        self._resting.pop(follower.path, None)
        self._note_change()

    def _is_full(self) -> bool:
        return len(self._holding) - self._held_up() >= self._most

    def _is_over(self) -> bool:
        return len(self._holding) > self._most

    def _park_one(self) -> bool:
        """Close the descriptors of the longest idle path, if any can be closed."""
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
