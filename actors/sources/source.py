"""The interface of a source, and how all of them are run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import trio

from actors.sources.messages import FromSource

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
    with _until_nobody_listens():
        async with send, trio.open_nursery() as nursery:
            for source in sources:
                nursery.start_soon(source.run, send.clone(), stop)


def saying(send: trio.MemorySendChannel[FromSource]) -> Say:
    """Return what sends also while it is being cancelled: what was read is handed on."""

    async def say(message: FromSource) -> None:
        with trio.CancelScope(shield=True):
            await send.send(message)

    return say


@contextmanager
def _until_nobody_listens() -> Iterator[None]:
    """Where the parser has failed it says so itself; sources just end."""
    try:
        yield
    except* trio.BrokenResourceError:
        pass
