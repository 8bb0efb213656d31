"""The interface of sources, and how they are run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import attrs
import trio

from actors.sources.messages import FromSource
from glancemetrics.errors import GlanceMetricsError, sentence

Say = Callable[[FromSource], Awaitable[None]]
"""Sends a message; waits while the channel is full."""


class Source(Protocol):
    """A source of lines. It may read any number of logs, each reported as a source of its own."""

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Send messages in order until the source ends, or soon after `stop`; then close `send`.

        Nothing may be read while the channel is full.
        """


async def run_sources(
    sources: Iterable[Source], send: trio.MemorySendChannel[FromSource], stop: trio.Event
) -> None:
    """Run sources until each has ended."""
    async with send, trio.open_nursery() as nursery:
        for source in sources:
            nursery.start_soon(source.run, send.clone(), stop)


def saying(send: trio.MemorySendChannel[FromSource]) -> Say:
    """Return a function that sends even during cancellation: lines already read are not lost."""

    async def say(message: FromSource) -> None:
        with trio.CancelScope(shield=True):
            await send.send(message)

    return say


async def cancel_on(stop: trio.Event, scope: trio.CancelScope, seconds: float = 0.0) -> None:
    """Cancel a scope some seconds after a stop is requested."""
    await stop.wait()
    await trio.sleep(seconds)
    scope.cancel()


@attrs.frozen
class NamedSource:
    """A source whose errors are reported with its name."""

    source: Source
    name: str

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Run the source. Raises `GlanceMetricsError` for errors of the system."""
        failures: list[BaseException] = []
        try:
            await self.source.run(send, stop)
        except* OSError as errors:
            failures += errors.exceptions
        except* trio.BrokenResourceError as errors:
            # If the parser failed, it reports that itself. Broken connections raise the same error.
            if send.statistics().open_receive_channels:
                failures += errors.exceptions
        if failures:
            raise GlanceMetricsError(f"{self.name}: {sentence(failures[0])}") from failures[0]
