"""Worker threads of the page: a few of their own, so that whoever looks takes none from the flow.

Trio's usual limiter is shared with the parser, the alert log and notifications. A thread whose
viewer has gone is left to its end: the program need not wait for a long answer that nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from actors.state.left_threads import run_leavable
from actors.state.turns import OWN, Turns

_MOST, _FOR_ALL_VIEWERS = 4, 1
_TURNS = Turns(_MOST, for_own=_FOR_ALL_VIEWERS)

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result], asker: str = OWN) -> Result:
    """Run work in one of the page's threads; waits while all are taken, fairly by who asks.

    Without an asker it is for all viewers, and comes first.
    """
    return await run_leavable(work, _TURNS.of(asker))
