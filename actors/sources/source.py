"""The interface of a source, and how all of them are run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import attrs
import trio

from actors.sources.messages import FromSource
from glancemetrics.errors import GlanceMetricsError, sentence

Say = Callable[[FromSource], Awaitable[None]]
"""Hands a message on; waits while nobody takes it."""


class Source(Protocol):
    """Where lines come from. One may have any number of logs, each a source to those who count."""

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Say what comes, in order, until it ends by itself, or soon after `stop`; close `send`.

        While the channel is full nothing is to be read.
        """


async def run_sources(
    sources: Iterable[Source], send: trio.MemorySendChannel[FromSource], stop: trio.Event
) -> None:
    """Run sources until each has ended."""
    async with send, trio.open_nursery() as nursery:
        for source in sources:
            nursery.start_soon(source.run, send.clone(), stop)


def saying(send: trio.MemorySendChannel[FromSource]) -> Say:
    """Return what sends also while it is being cancelled: what was read is handed on."""

    async def say(message: FromSource) -> None:
        with trio.CancelScope(shield=True):
            await send.send(message)

    return say


@attrs.frozen
class NamedSource:
    """A source whose failure is told with its name."""

    source: Source
    name: str

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Run it. Raises `GlanceMetricsError` for what the system refuses."""
        failures: list[BaseException] = []
        try:
            await self.source.run(send, stop)
        except* OSError as errors:
            failures += errors.exceptions
        except* trio.BrokenResourceError as errors:
            # Where the parser has failed it says so itself. A connection breaks in the same words.
            if send.statistics().open_receive_channels:
                failures += errors.exceptions
        if failures:
            raise GlanceMetricsError(f"{self.name}: {sentence(failures[0])}") from failures[0]
