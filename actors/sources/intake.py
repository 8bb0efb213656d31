"""The intake: where an output that lines were sent to hands them over to their source.

The web output and the source of posted lines share one. It belongs to the source, which opens it
when it runs; the output only calls `take` and `refuse`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from glancemetrics.formats.posted_frames import Posted

_MOST_SENDERS = 10_000
"""Names of senders that are counted one by one."""

Take = Callable[[Posted], Awaitable[bool]]


class NotTakenError(Exception):
    """The lines were not taken, and none of them is counted; they may be sent again."""

    def __init__(self, reason: str, wait: float) -> None:
        super().__init__(reason)
        self.wait = wait
        """Seconds after which to try again."""


class KeyInUseError(Exception):
    """A request with the same idempotency key and the same lines is still in progress."""


class OtherLinesError(Exception):
    """The same idempotency key was sent with other lines."""


@attrs.define
class Intake:
    """Takes lines, as long as the source runs."""

    _take: Take | None = None
    _why: str = "the monitor is starting"
    requests: int = 0
    """Accepted in this run, without repeated ones."""
    lines: int = 0
    """Those of the requests."""
    refused: int = 0
    """Requests of this run whose lines were not taken."""
    senders: set[str] = attrs.field(factory=set)
    """Names of those whose lines were taken in this run."""

    def open(self, take: Take) -> None:
        """Hand lines to `take` from now on, which returns whether they were new; see there."""
        self._take = take

    def close(self, why: str) -> None:
        """Take no more lines; `why` in a sentence."""
        self._take, self._why = None, why

    async def take(self, posted: Posted, sender: str) -> bool:
        """Take lines; returns whether they were new, or a repeated request's.

        On return they are on the disk, if the monitor keeps state; otherwise in its memory. Raises
        `NotTakenError`, `KeyInUseError` and `OtherLinesError`.
        """
        if self._take is None:
            raise NotTakenError(f"{self._why}; send the lines again", 2.0)
        is_new = await self._take(posted)
        if is_new:
            self.requests += 1
            self.lines += posted.count
            if len(self.senders) < _MOST_SENDERS:
                self.senders.add(sender)
        return is_new

    def refuse(self) -> None:
        """Count a request whose lines were not taken."""
        self.refused += 1
