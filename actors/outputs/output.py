"""The interface of an output, and its inbox."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Protocol, runtime_checkable

import trio

from glancemetrics.health.health import OutputState
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.traffic.snapshot import Snapshot


class Report(Protocol):
    """Reports the state of an output."""

    def __call__(self, state: OutputState, detail: str = "", *, lost: int = 0) -> None:
        """`detail` is where it writes to, or what is wrong, in one sentence.

        `lost` is how many more events it has lost: they will never be delivered.
        """


class Inbox:
    """What is sent to an output. It survives a restart of the output, without losses."""

    def __init__(
        self,
        events: trio.MemoryReceiveChannel[AlertEvent],
        snapshots: trio.MemoryReceiveChannel[Snapshot],
    ) -> None:
        self.snapshots = snapshots
        self.undelivered: deque[AlertEvent] = deque()
        """Undelivered events, oldest first; the first one may be being delivered now."""
        self._events = events
        self._in_hand: AlertEvent | None = None

    @asynccontextmanager
    async def event(self) -> AsyncIterator[AlertEvent]:
        """Yield the next event; it counts as delivered when the block ends without an error.

        Raises `trio.EndOfChannel` when there are no more.
        """
        if self._in_hand is None:
            self._in_hand = await self._events.receive()
        yield self._in_hand
        self._in_hand = None
        self.undelivered.popleft()


class Output(Protocol):
    """A destination of snapshots or alert events."""

    @property
    def name(self) -> str: ...

    @property
    def wants_events(self) -> bool: ...

    @property
    def wants_snapshots(self) -> bool: ...

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Deliver until the inbox ends. After an exception `run` is called again later."""
        ...


@runtime_checkable
class Totalling(Protocol):
    """An output that reads `Snapshot.totals`; they are counted only if there is one."""

    wants_totals: bool


def want_totals(outputs: Iterable[Output]) -> bool:
    """Tell whether any output reads the totals since the start."""
    return any(isinstance(one, Totalling) and one.wants_totals for one in outputs)


@runtime_checkable
class Unseeing(Protocol):
    """An output that may want snapshots for their health and alerts only, not for the traffic."""

    wants_traffic: bool


def want_traffic(outputs: Iterable[Output]) -> bool:
    """Tell whether any output reads what snapshots have of the traffic."""
    return any(
        one.wants_snapshots and (one.wants_traffic if isinstance(one, Unseeing) else True)
        for one in outputs
    )


@runtime_checkable
class Essential(Protocol):
    """An output that the program was started for: if it fails, the program fails."""

    problem: str
    """Why the last delivery failed, in a sentence; empty if it did not."""


@runtime_checkable
class Staying(Protocol):
    """An output that people look at even when all sources have ended."""

    stays: bool


@runtime_checkable
class Screen(Protocol):
    """An output that owns the terminal."""

    async def suspend(self, stop_program: Callable[[], None]) -> None:
        """Restore the terminal, stop the program, and take the terminal back."""

    def resume(self) -> None:
        """Take the terminal back after the program was stopped without notice."""

    def restore_terminal(self) -> None:
        """Restore the terminal immediately."""
