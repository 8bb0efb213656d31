"""Threads that a cancelled task leaves running in compiled code.

The program may continue without them. At its end it waits a moment for them, because they may write
something. It then ends without taking the interpreter apart (`glancemetrics.cli`): a thread that
returns from C++ into an interpreter that is shutting down aborts the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

import trio

Result = TypeVar("Result")

_ended = threading.Condition()
_running = 0


class Turn(Protocol):
    """What work waits for, such as one of `actors.state.turns`."""

    async def take(self) -> None: ...

    def give_back(self) -> None: ...


class _AnyTime:
    """The turn of work that waits for nothing."""

    async def take(self) -> None:
        pass

    def give_back(self) -> None:
        pass


_ANY_TIME = _AnyTime()


async def run_leavable(work: Callable[[], Result], turn: Turn = _ANY_TIME) -> Result:
    """Run work in a thread; if cancelled, return at once and leave the thread running.

    The turn is taken until the thread has ended.
    """
    await turn.take()
    try:
        await trio.lowlevel.checkpoint_if_cancelled()
    except trio.Cancelled:
        turn.give_back()
        raise
    # The thread counts from here, although it may start later.
    _count(1)
    loop = trio.lowlevel.current_trio_token()

    begun = threading.Event()

    def counted() -> Result:
        begun.set()
        try:
            return work()
        finally:
            with suppress(trio.RunFinishedError):
                loop.run_sync_soon(turn.give_back)
            _count(-1)

    limiter = trio.CapacityLimiter(1)  # its own limiter, so it never waits for others
    try:
        return await trio.to_thread.run_sync(counted, abandon_on_cancel=True, limiter=limiter)
    except RuntimeError:
        if not begun.is_set():  # the system gives no more threads
            turn.give_back()
            _count(-1)
        raise


def _count(more: int) -> None:
    global _running  # noqa: PLW0603 - one count per process
    with _ended:
        _running += more
        _ended.notify_all()


def wait_for_left(seconds: float) -> bool:
    """Wait until no thread is left running; returns false after `seconds`."""
    with _ended:
        return _ended.wait_for(lambda: not _running, seconds)
