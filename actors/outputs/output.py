"""The interface of an output, and the inbox that it reads."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

import trio

from glancemetrics.health.health import OutputState
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.traffic.snapshot import Snapshot


class Report(Protocol):
    """Tells how an output fares."""

    def __call__(self, state: OutputState, detail: str = "", *, lost: int = 0) -> None:
        """`detail` is where it writes to or what is wrong, in one sentence.

        `lost` is how many events more it has lost: they will never be delivered.
        """


class Inbox:
    """What an output is sent. It outlives a restart of the output, and loses nothing by it."""

    def __init__(
        self,
        events: trio.MemoryReceiveChannel[AlertEvent],
        snapshots: trio.MemoryReceiveChannel[Snapshot],
    ) -> None:
        self.snapshots = snapshots
        self.undelivered: deque[AlertEvent] = deque()
        """Events that wait, the oldest first; one that is being delivered is the first of them."""
        self._events = events
        self._in_hand: AlertEvent | None = None

    @asynccontextmanager
    async def event(self) -> AsyncIterator[AlertEvent]:
        """Hand out the next event; it counts as delivered when the block ends without an error.

        Raises `trio.EndOfChannel` when there are no more.
        """
        if self._in_hand is None:
            self._in_hand = await self._events.receive()
        yield self._in_hand
        self._in_hand = None
        self.undelivered.popleft()


class Output(Protocol):
    """Somewhere that snapshots or alert events go."""

    @property
    def name(self) -> str: ...

    @property
    def wants_events(self) -> bool: ...

    @property
    def wants_snapshots(self) -> bool: ...

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Deliver until the inbox ends. An exception is told, and `run` called again later."""
        ...


@runtime_checkable
class Essential(Protocol):
    """An output that the program was started for: its failure is the program's."""

    problem: str
    """Why the last that it was sent could not be delivered, in a sentence; empty if it was."""


@runtime_checkable
class Screen(Protocol):
    """An output that has the terminal for itself."""

    async def suspend(self, stop_program: Callable[[], None]) -> None:
        """Leave the terminal as it was found, stop the program, and take the terminal back."""

    def resume(self) -> None:
        """Take the terminal back after the program was stopped without notice."""

    def restore_terminal(self) -> None:
        """Leave the terminal as it was found, at once."""
