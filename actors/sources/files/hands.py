"""The threads that read logs, many looks per turn.

Reading a small log takes less time than switching to a thread and back, and threads competing for
the interpreter cost more than the reading. So one thread does all waiting looks as long as none of
them blocks, and only as many as can be sent on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import attrs
import trio

from actors.state.courtesy import one_at_a_time

_TURN_LOOKS = 32
"""Maximum looks of a thread before it hands over its results."""
_TURN_SECONDS = 0.02
_TURN_BYTES = 1 << 20
_MOST_BYTES = 16 << 20
"""Maximum bytes read but not sent on; beyond it reading pauses: the files are the buffer."""
_HELD_UP_SECONDS = 0.1
"""A look that takes longer is blocked; other threads then do the looks waiting behind it, so a dead
mount only blocks its own logs."""
_SURELY_SECONDS = 1.0
"""The same while this program is busy: a look may then just be waiting for the interpreter."""
_MOST_HANDS = 256
_WAITING_LOOK_SECONDS = 0.01
"""Looks that take longer while the program is idle are waiting for a slow mount or disk."""
_MOST_WAITING_HANDS = 4
"""Maximum threads that wait for slow mounts or disks at the same time."""

T = TypeVar("T")


@attrs.define(eq=False)
class _Task(Generic[T]):
    """A look whose caller is waiting."""

    work: Callable[[], T]
    done: trio.Event = attrs.field(factory=trio.Event)
    result: T | None = None
    error: BaseException | None = None
    _unclaimed: list[bool] = attrs.field(factory=lambda: [True])

    def claim(self) -> bool:
        """Claim it, to run it or to give it up; returns whether it was still unclaimed."""
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

    def run(self) -> None:
        try:
            self.result = self.work()
        except BaseException as error:  # raised in the waiting task
            self.error = error

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


class Hands(Generic[T]):
    """Reads logs for waiting tasks; `run` provides the threads."""

    def __init__(self, size: Callable[[T], int]) -> None:
        """`size` returns the number of bytes a look has found."""
        self._size = size
        self._waiting: deque[_Task[T]] = deque()
        self._hands: list[_Hand[T]] = []
        self._unsent = 0
        """Bytes found but not yet sent on."""
        self._nursery: trio.Nursery | None = None
        self._lent = trio.Event()
        """Set while there are hands."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Provide threads, and more of them while looks are blocked."""
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                self._lend()
                while True:
                    await self._lent.wait()
                    await trio.sleep(_HELD_UP_SECONDS)
                    for hand in self._hands:
                        self._hand_over(hand)
                    # Looks waiting behind blocked ones may block too.
                    self._lend(max(1, self.held_up()))
        finally:
            self._nursery = None

    def held_up(self) -> int:
        """Return the number of looks blocked now."""
        return sum(hand.is_held_up() for hand in self._hands)

    async def look(self, work: Callable[[], T]) -> T:
        """Return the result of a look, which must then be `handed_on`; raises what the look does.

        A look that has begun also returns to a cancelled caller: its bytes have been read.
        """
        task = _Task(work)
        self._waiting.append(task)
        self._lend()
        try:
            await task.done.wait()
        except trio.Cancelled:
            if task.claim():
                raise
            with trio.CancelScope(shield=True):
                await task.done.wait()
        return task.outcome()

    def handed_on(self, found: T) -> None:
        """Note that the result of a look has been sent on."""
        self._unsent -= self._size(found)
        self._lend()

    def _lend(self, wanted: int = 1) -> None:
        """Start hands until so many are working that are neither slow nor blocked."""
        if self._nursery is None or not self._is_wanted():
            return
        going = self._going()
        quick = sum(not hand.is_waiting for hand in going)
        if wanted == 1 and len(going) >= _MOST_WAITING_HANDS:
            return
        missing = min(wanted - quick, len(self._waiting), _MOST_HANDS - len(self._hands))
        for _ in range(missing):
            # A hand added beside waiting ones will have to wait too.
            hand = _Hand(self._waiting, self._size, is_waiting=bool(going) and not quick)
            self._hands.append(hand)
            self._lent.set()
            self._nursery.start_soon(self._work, hand)

    def _going(self) -> list[_Hand[T]]:
        return [hand for hand in self._hands if not hand.is_held_up()]

    def _is_wanted(self) -> bool:
        return bool(self._waiting) and self._unsent < _MOST_BYTES

    async def _work(self, hand: _Hand[T]) -> None:
        limiter = trio.CapacityLimiter(1)
        try:
            while self._is_wanted():
                await trio.to_thread.run_sync(hand.turn, limiter=limiter)
                self._hand_over(hand)
                if self._is_one_too_many(hand):
                    break
                self._lend()  # another, if this one mostly waits
        finally:
            self._hands.remove(hand)
            if not self._hands:
                self._lent = trio.Event()

    def _is_one_too_many(self, hand: _Hand[T]) -> bool:
        others = [other for other in self._going() if other is not hand]
        is_one_enough = any(not other.is_waiting for other in others)
        return is_one_enough or len(others) >= _MOST_WAITING_HANDS

    def _hand_over(self, hand: _Hand[T]) -> None:
        """Wake the tasks whose looks are done."""
        while hand.done:
            task = hand.done.popleft()
            if task.error is None:
                self._unsent += self._size(task.outcome())
            task.done.set()


@attrs.define(eq=False)
class _Hand(Generic[T]):
    """The work of one thread."""

    _waiting: deque[_Task[T]]
    _size: Callable[[T], int]
    done: deque[_Task[T]] = attrs.field(factory=deque)
    """Finished looks, not yet handed over."""
    is_waiting: bool = False
    """Whether its last looks took long while the program was idle."""
    _since: tuple[float, float] | None = None
    """When the current look began, in wall-clock and in CPU time."""

    def is_held_up(self) -> bool:
        """Tell whether its current look is blocked."""
        since = self._since
        if since is None:
            return False
        waited = time.monotonic() - since[0]
        is_busy = time.process_time() - since[1] > waited / 2
        return waited > (_SURELY_SECONDS if is_busy else _HELD_UP_SECONDS)

    def turn(self) -> None:
        """Do the waiting looks in order; runs in a thread."""
        with one_at_a_time():
            self._turn()

    def _turn(self) -> None:
        began = now = time.monotonic()
        busy = time.process_time()
        found = looks = 0
        while looks < _TURN_LOOKS and found < _TURN_BYTES and now - began < _TURN_SECONDS:
            try:
                task = self._waiting.popleft()
            except IndexError:
                break
            if not task.claim():
                continue  # its caller has given up
            self._since = now, time.process_time()
            task.run()
            if task.error is None:
                found += self._size(task.outcome())
            self.done.append(task)
            looks += 1
            now = time.monotonic()
        self._since = None
        took, busy = now - began, time.process_time() - busy
        self.is_waiting = took > looks * _WAITING_LOOK_SECONDS and busy < took / 2
