"""Threads that a cancelled task leaves at work, in compiled code.

The program may go on without them, but must not end while they run: a thread that comes back from
C++ into an interpreter that is being taken down aborts the process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import trio

Result = TypeVar("Result")

_SETTLE_SECONDS = 0.05
_ended = threading.Condition()
_running = 0


async def run_leavable(
    work: Callable[[], Result], turns: trio.CapacityLimiter | None = None
) -> Result:
    """Run something in a worker thread; if cancelled, leave it at work and go on.

    Of those that share `turns` others wait until the thread has ended.
    """
    turn = object()
    if turns is not None:
        await turns.acquire_on_behalf_of(turn)
    try:
        await trio.lowlevel.checkpoint_if_cancelled()
    except trio.Cancelled:
        if turns is not None:
            turns.release_on_behalf_of(turn)
        raise
    # From here on there will be a thread; it counts from now, as it may begin but later.
    _count(1)
    loop = trio.lowlevel.current_trio_token()

    def counted() -> Result:
        try:
            return work()
        finally:
            if turns is not None:
                with suppress(trio.RunFinishedError):
                    loop.run_sync_soon(turns.release_on_behalf_of, turn)
            _count(-1)

    limiter = trio.CapacityLimiter(1)  # its own: it waits for no other
    return await trio.to_thread.run_sync(counted, abandon_on_cancel=True, limiter=limiter)


def _count(more: int) -> None:
    global _running  # noqa: PLW0603 - it is about the process
    with _ended:
        _running += more
        _ended.notify_all()


def wait_for_left(seconds: float) -> bool:
    """Wait until none is at work any more; false where one still is after so long."""
    with _ended:
        if not _ended.wait_for(lambda: not _running, seconds):
            return False
    # What they say last is said before they are idle: an idle thread asks for nothing any more.
    time.sleep(_SETTLE_SECONDS)
    return True
