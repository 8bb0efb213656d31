"""Runs a syslog input in a test, and gathers what it sends."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import trio

from actors.sources.messages import Chunk, FromSource, Gap, SourceGone, each_of
from actors.sources.syslog import SyslogInputSettings, listener_of
from actors.sources.syslog.receiving import SyslogInput
from actors.sources.syslog.senders import Senders
from glancemetrics.health.health import SourceHealth

OWN = socket.gethostname()


@attrs.define
class Heard:
    """What a syslog input has sent."""

    stop: trio.Event
    messages: list[FromSource] = attrs.field(factory=list)
    ended: bool = False

    @property
    def chunks(self) -> list[Chunk]:
        return [one for one in self.messages if isinstance(one, Chunk)]

    @property
    def lines(self) -> dict[str, list[bytes]]:
        """{source: its lines}"""
        found: dict[str, list[bytes]] = {}
        for chunk in self.chunks:
            found.setdefault(chunk.source, []).extend(chunk.lines.splitlines())
        return found

    @property
    def all_lines(self) -> list[bytes]:
        return [text for lines in self.lines.values() for text in lines]

    @property
    def gaps(self) -> list[str]:
        return [one.what for one in self.messages if isinstance(one, Gap)]

    @property
    def dropped(self) -> int:
        """How many messages the gaps name."""
        counts = [what.split(" dropped ")[1].split()[0] for what in self.gaps]
        return sum(int(count.replace(",", "")) for count in counts)

    @property
    def gone(self) -> list[str]:
        return [one.name for one in self.messages if isinstance(one, SourceGone)]

    def detail(self, name: str) -> str:
        healths = [one for one in self.messages if isinstance(one, SourceHealth)]
        return next(one.detail for one in reversed(healths) if one.name == name)

    async def until(self, true: Callable[[], Any]) -> None:
        with trio.fail_after(60):
            while not true():
                await trio.sleep(0.02)


@contextlib.asynccontextmanager
async def listening(
    *texts: str,
    settings: SyslogInputSettings | None = None,
    senders: Senders | None = None,
    held_up: trio.Event | None = None,
) -> AsyncIterator[Heard]:
    """Listen in this block; nothing is taken from the channel before `held_up`, if it is given."""
    listeners = [listener_of(text) for text in texts]
    source = SyslogInput(listeners, settings or SyslogInputSettings(), senders)
    send, receive = trio.open_memory_channel[FromSource](2)
    heard = Heard(trio.Event())

    async def gather() -> None:
        first = True
        async with receive:  # if the test fails, the source does not wait for it
            async for message in receive:
                heard.messages += each_of(message)
                if held_up is not None and not first:
                    await held_up.wait()
                first = False
        heard.ended = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(gather)
        nursery.start_soon(source.run, send, heard.stop)
        await heard.until(lambda: heard.messages)
        yield heard
        heard.stop.set()
