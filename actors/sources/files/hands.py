"""The threads in which logs are looked at, many looks in one go.

To look at a small log takes less time than to hand it to a thread and back, and threads that all
want the interpreter cost more than the looks. So one thread takes what waits for as long as none
of it holds up the others, and no more of it than can be handed on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs
import trio

_TURN_LOOKS = 32
"""Looks of a thread until it hands over what it has found; each may have opened a file."""
_TURN_SECONDS = 0.02
_TURN_BYTES = 1 << 20
_MOST_BYTES = 16 << 20
"""Read and not handed on yet. Beyond it nothing is looked at: the files are the buffer."""
_HELD_UP_SECONDS = 0.1
"""After which another thread goes on with what waits behind a look: a dead mount holds up its own
logs, not the others."""

T = TypeVar("T")


@attrs.define(eq=False)
class _Task(Generic[T]):
    """A look that somebody waits for."""

    work: Callable[[], T]
    done: trio.Event = attrs.field(factory=trio.Event)
    result: T | None = None
    error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.work()
        except BaseException as error:  # raised where it is waited for
            self.error = error

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


class Hands(Generic[T]):
    """Looks at logs for those who wait for it; `run` lends the threads."""

    def __init__(self, size: Callable[[T], int]) -> None:
        """`size` tells how many bytes a look has found."""
        self._size = size
        self._waiting: deque[_Task[T]] = deque()
        self._hands: list[_Hand[T]] = []
        self._unsent = 0
        """Bytes that were found and not handed on yet."""
        self._nursery: trio.Nursery | None = None
        self._lent = trio.Event()
        """Set while there are hands."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Lend a thread more for each look that takes long."""
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                self._lend()
                while True:
                    await self._lent.wait()
                    await trio.sleep(_HELD_UP_SECONDS)
                    for hand in self._hands:
                        self._hand_over(hand)
                    self._lend()
        finally:
            self._nursery = None

    async def look(self, work: Callable[[], T]) -> T:
        """Return what a look finds, which is then to be `handed_on`; it raises what that does.

        What a thread has begun with is waited for also while being cancelled.
        """
        task = _Task(work)
        self._waiting.append(task)
        self._lend()
        try:
            await task.done.wait()
        except trio.Cancelled:
            try:
                self._waiting.remove(task)
            except ValueError:
                with trio.CancelScope(shield=True):
                    await task.done.wait()
            raise
        return task.outcome()

    def handed_on(self, found: T) -> None:
        """What a look has found is no longer held."""
        self._unsent -= self._size(found)
        self._lend()

    def _lend(self) -> None:
        if self._nursery is None or not self._is_wanted():
            return
        if all(hand.is_held_up() for hand in self._hands):
            hand = _Hand(self._waiting, self._size)
            self._hands.append(hand)
            self._lent.set()
            self._nursery.start_soon(self._work, hand)

    def _is_wanted(self) -> bool:
        return bool(self._waiting) and self._unsent < _MOST_BYTES

    async def _work(self, hand: _Hand[T]) -> None:
        limiter = trio.CapacityLimiter(1)
        others: list[_Hand[T]] = []
        try:
            while self._is_wanted() and all(other.is_held_up() for other in others):
                await trio.to_thread.run_sync(hand.turn, limiter=limiter)
                self._hand_over(hand)
                others = [other for other in self._hands if other is not hand]
        finally:
            self._hands.remove(hand)
            if not self._hands:
                self._lent = trio.Event()

    def _hand_over(self, hand: _Hand[T]) -> None:
        """Wake those for whom a hand has looked."""
        while hand.done:
            task = hand.done.popleft()
            if task.error is None:
                self._unsent += self._size(task.outcome())
            task.done.set()


@attrs.define(eq=False)
class _Hand(Generic[T]):
    """What one thread is doing."""

    _waiting: deque[_Task[T]]
    _size: Callable[[T], int]
    done: deque[_Task[T]] = attrs.field(factory=deque)
    """Looked at, and not handed over yet."""
    _since: float | None = None
    """When it began with the look that it is at."""

    def is_held_up(self) -> bool:
        """Tell whether it is at a look that takes long."""
        since = self._since
        return since is not None and time.monotonic() - since > _HELD_UP_SECONDS

    def turn(self) -> None:
        """Look at what waits, in order; runs in a thread."""
        began = now = time.monotonic()
        found = 0
        for _ in range(_TURN_LOOKS):
            if found >= _TURN_BYTES or now - began > _TURN_SECONDS:
                break
            try:
                task = self._waiting.popleft()
            except IndexError:
                break
            self._since = now
            task.run()
            if task.error is None:
                found += self._size(task.outcome())
            self.done.append(task)
            now = time.monotonic()
        self._since = None
