"""Gathers messages that arrive one at a time into chunks, by source.

Whoever receives adds what has arrived and waits for `room`; `send_forever` sends it on. While the
channel is full at most two gatherings are held: one that is being sent, and one that fills. Then
nothing is received, so that memory is limited, and the sender waits.

The first lines of a source are also sent as its sample: a thousand servers that begin to send have
the same format, and a sample is compared with the format that was detected last. Detecting it anew
takes 25 ms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import attrs
import trio

from actors.sources.messages import Begins, Chunk, OneFromSource, Several, SourceGone
from actors.sources.source import Say
from glancemetrics.health.health import SourceHealth, SourceState

GATHER_SECONDS = 0.5
"""How long lines of a source are gathered: few of them cost as much to count as many."""
_EACH_SECONDS = 0.0002
"""How much longer for each source, since each has a chunk of its own."""
_LONGEST_GATHER_SECONDS = 1.0
GATHER_BYTES = 3 << 20
"""From this size a gathering is sent at once."""
CHUNK_BYTES = 4 << 20
"""Bytes of a chunk: more of one source are several chunks."""
_SAMPLE_BYTES = 64 << 10
_LINE_OVERHEAD = 64
"""Bytes that a line costs beside its own: many empty ones must not take all memory."""
_BEGIN_OVERHEAD = 1024
"""The same for a source."""


@attrs.define
class Gathered:
    """What has been gathered of one source since the last chunk."""

    source: str
    server: str
    lines: list[bytes] = attrs.field(factory=list)
    """Lines without their newline."""
    overlong: list[bytes] = attrs.field(factory=list)
    """The beginnings of lines that were too long."""


class Gathering:
    """Gathers the lines of any number of sources."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.generation = 0
        """Changes when what `of` has returned no longer counts."""
        self._gathered: dict[tuple[str, str], Gathered] = {}
        """{(source, server): what there is}"""
        self._size = 0
        self._has_some = trio.Event()
        self._is_full = trio.Event()
        self._has_room = trio.Event()
        self._has_room.set()
        self._begun: set[str] = set()
        """Sources that have sent something."""
        self._behind: set[str] = set()
        """Sources that were reported as not caught up."""

    def of(self, source: str, server: str) -> Gathered:
        """Return where to put lines of a source, while `generation` stays the same."""
        found = self._gathered.get((source, server))
        if found is None:
            found = self._gathered[source, server] = Gathered(source, server)
            self._size += _BEGIN_OVERHEAD
        return found

    def added(self, count: int, size: int) -> None:
        """Note that so many lines with so many bytes were added."""
        if not count:
            return
        self._size += size + count * _LINE_OVERHEAD
        self._has_some.set()
        if self._size >= GATHER_BYTES and not self._is_full.is_set():
            self._is_full.set()
            self._has_room = trio.Event()

    def add(self, source: str, server: str, lines: Iterable[bytes]) -> None:
        """Add lines of a source, each without a newline."""
        into = self.of(source, server).lines
        before = len(into)
        into.extend(lines)
        self.added(len(into) - before, sum(map(len, into[before:])))

    async def room(self) -> None:
        """Wait until more may be received."""
        while self._is_full.is_set():
            await self._has_room.wait()

    async def send_forever(self) -> None:
        """Send what has been gathered, again and again."""
        seconds = GATHER_SECONDS
        while True:
            # Without anything new, it is still to be said that nothing waits any more.
            with trio.move_on_after(seconds if self._behind else math.inf):
                await self._has_some.wait()
            with trio.move_on_after(seconds):
                await self._is_full.wait()
            count = len(self._gathered)
            await self.send()
            # Like the last one, most likely.
            seconds = min(GATHER_SECONDS + count * _EACH_SECONDS, _LONGEST_GATHER_SECONDS)

    async def finish(self) -> None:
        """Send what has been gathered when nothing more will be received."""
        await self.send()
        await self.send()  # if it was full, that it no longer is

    async def send(self) -> None:
        """Send what has been gathered."""
        gathered, self._gathered, self._size = self._gathered, {}, 0
        self.generation += 1
        is_behind = self._is_full.is_set()
        self._has_some, self._is_full = trio.Event(), trio.Event()
        self._has_room.set()
        named = {source for source, _ in gathered}
        if not is_behind:
            # Nothing of these waits any more, and no chunk says so.
            for name in sorted(self._behind - named):
                await self._say(SourceHealth(name, SourceState.FOLLOWING))
            self._behind.clear()
        else:
            self._behind |= named
        # What was taken from the sockets is sent, also during cancellation.
        with trio.CancelScope(shield=True):
            together: list[OneFromSource] = []
            size = 0
            for one in gathered.values():
                for chunk in _chunks(one, caught_up=not is_behind):
                    together += self._with_sample(chunk)
                    size += len(chunk.lines)
                    if size >= CHUNK_BYTES:
                        await self._say(Several(tuple(together)))
                        together, size = [], 0
            if together:
                await self._say(Several(tuple(together)))

    def _with_sample(self, chunk: Chunk) -> Iterator[OneFromSource]:
        if chunk.source not in self._begun and chunk.lines:
            self._begun.add(chunk.source)
            yield Begins(chunk.source, _sample(chunk.lines))
        yield chunk

    async def forget(self, source: str) -> None:
        """Say that a source is gone. It begins anew if it sends again."""
        self._begun.discard(source)
        self._behind.discard(source)
        await self._say(SourceGone(source))


def _sample(lines: bytes) -> bytes:
    """Return the first of some lines."""
    if len(lines) <= _SAMPLE_BYTES:
        return lines
    return lines[: lines.rfind(b"\n", 0, _SAMPLE_BYTES) + 1]


def _chunks(one: Gathered, *, caught_up: bool) -> Iterator[Chunk]:
    def chunk(lines: bytes, overlong: tuple[bytes, ...] = ()) -> Chunk:
        return Chunk(
            one.source, lines, overlong, caught_up=caught_up, fresh=caught_up, lag_bytes=0,
            server=one.server,
        )  # fmt: skip

    piece: list[bytes] = []
    size = 0
    for line in one.lines:
        if size + len(line) >= CHUNK_BYTES:
            yield chunk(b"\n".join((*piece, b"")))
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    if piece or one.overlong:
        yield chunk(b"\n".join((*piece, b"")), tuple(one.overlong))
