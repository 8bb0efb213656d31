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

from actors.state.courtesy import one_at_a_time

_TURN_LOOKS = 32
"""Looks of a thread until it hands over what it has found."""
_TURN_SECONDS = 0.02
_TURN_BYTES = 1 << 20
_MOST_BYTES = 16 << 20
"""Read and not handed on yet. Beyond it nothing is looked at: the files are the buffer."""
_HELD_UP_SECONDS = 0.1
"""After which other threads go on with what waits behind a look: a dead mount holds up its own
logs, not the others."""
_SURELY_SECONDS = 1.0
"""The same while this program is busy: then a look may just wait for the interpreter."""
_MOST_HANDS = 256
_WAITING_LOOK_SECONDS = 0.01
"""Looks that take longer while the program does little wait for a slow mount or disk."""
_MOST_WAITING_HANDS = 4
"""Threads that wait for such, side by side."""

T = TypeVar("T")


@attrs.define(eq=False)
class _Task(Generic[T]):
    """A look that somebody waits for."""

    work: Callable[[], T]
    done: trio.Event = attrs.field(factory=trio.Event)
    result: T | None = None
    error: BaseException | None = None
    _unclaimed: list[bool] = attrs.field(factory=lambda: [True])

    def claim(self) -> bool:
        """Tell whether nobody else has claimed it: a thread to run it, or who gives it up."""
        try:
            return self._unclaimed.pop()
        except IndexError:
            return False

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
        """Lend threads more where looks take long."""
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                self._lend()
                while True:
                    await self._lent.wait()
                    await trio.sleep(_HELD_UP_SECONDS)
                    for hand in self._hands:
                        self._hand_over(hand)
                    # Behind looks that are stuck there may be more that will be.
                    self._lend(max(1, self.held_up()))
        finally:
            self._nursery = None

    def held_up(self) -> int:
        """Return how many looks take long just now."""
        return sum(hand.is_held_up() for hand in self._hands)

    async def look(self, work: Callable[[], T]) -> T:
        """Return what a look finds, which is then to be `handed_on`; it raises what that does.

        What a thread has begun with is returned also to who is cancelled: it has been read.
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
        """What a look has found is no longer held."""
        self._unsent -= self._size(found)
        self._lend()

    def _lend(self, wanted: int = 1) -> None:
        """Have so many hands at work that neither wait nor are held up."""
        if self._nursery is None or not self._is_wanted():
            return
        going = self._going()
        quick = sum(not hand.is_waiting for hand in going)
        if wanted == 1 and len(going) >= _MOST_WAITING_HANDS:
            return
        missing = min(wanted - quick, len(self._waiting), _MOST_HANDS - len(self._hands))
        for _ in range(missing):
            # One that helps those that wait will wait as they do.
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
    is_waiting: bool = False
    """Whether its last looks took long while the program did little."""
    _since: tuple[float, float] | None = None
    """When it began with the look that it is at, by the clock and by the program's own time."""

    def is_held_up(self) -> bool:
        """Tell whether it is at a look that takes long."""
        since = self._since
        if since is None:
            return False
        waited = time.monotonic() - since[0]
        is_busy = time.process_time() - since[1] > waited / 2
        return waited > (_SURELY_SECONDS if is_busy else _HELD_UP_SECONDS)

    def turn(self) -> None:
        """Look at what waits, in order; runs in a thread."""
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
                continue  # nobody waits for it any more
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
