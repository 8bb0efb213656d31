"""Worker threads of the page: a few of their own, so that whoever looks takes none from the flow.

Trio's usual limiter is shared with the parser, the alert log and notifications.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

_MOST = 4
_THREADS = trio.CapacityLimiter(_MOST)

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run work in one of the page's threads; waits while all are taken."""
    return await trio.to_thread.run_sync(work, limiter=_THREADS)
