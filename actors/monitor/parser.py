"""The parser: chunks of lines in, record batches out, in worker threads if it takes long.

What carries over from one chunk of a source to the next is handled in order (`in_order.py`). Then
chunks are parsed in parallel, and passed on in their order again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import trio

from actors.monitor.in_order import InOrder, Parsable
from actors.monitor.messages import FromParser
from actors.monitor.parsing import Parsing
from actors.sources.messages import (
    Begins,
    Chunk,
    FromSource,
    NotLines,
    OneFromSource,
    each_of,
)
from actors.state.clock import WallClock
from actors.state.courtesy import one_at_a_time
from glancemetrics.formats.followed_logs import FollowedLogs
from glancemetrics.formats.path_groups import PathGroups

if TYPE_CHECKING:
    from glancemetrics.selecting.sql import Where

_AS_WRITTEN = PathGroups()

_SMALL = 1 << 16
"""Bytes of lines up to which chunks are parsed one after another in the same thread."""
_AT_ONCE = 1 << 17
"""Bytes of lines that are parsed on the event loop, in a few milliseconds: a thread costs a monitor
in calm a tenth of its time."""
_AT_ONCE_SECONDS = 0.02
"""How long so many may take: lines that no format matches take a hundred times as long as usual."""
_TRIFLE = 1 << 12
"""Bytes of lines that never take longer."""
_SHORT_LINE = 32
"""Bytes. Of shorter lines, such as blank ones, there are too many."""
_MOST_TOGETHER = 256
"""Messages."""
_TURN_SECONDS = 0.1
"""Seconds after which format detection checks whether the program should end."""


async def parse(
    receive: trio.MemoryReceiveChannel[FromSource],
    send: trio.MemorySendChannel[FromParser],
    logs: FollowedLogs,
    *,
    workers: int,
    wall: WallClock,
    paths: PathGroups = _AS_WRITTEN,
    where: Where | None = None,
    server: str = "",
) -> None:
    """Parse until the channel ends, at most `workers` chunks at a time.

    Small chunks that arrive together count as one. `logs` has the formats of all sources. `where`
    selects the records to count, `paths` groups their paths. Lines without a time get the time of
    their arrival. `server` is the name of this machine for records that are made on it, if others
    have names.
    """
    hands = trio.Semaphore(workers)
    turn = trio.Event()
    turn.set()
    in_order = InOrder(logs)
    pace = _Pace()
    async with receive, send, trio.open_nursery() as nursery:
        while (message := await _next(receive, in_order.due)) is not None:
            await hands.acquire()
            if isinstance(message, _NothingCame):
                parsable = in_order.overdue(trio.current_time())
            else:
                parsable = await _taken(in_order, _with_more(message, receive))
            if not parsable:
                hands.release()
                continue
            following = trio.Event()
            now = attrs.evolve(logs.context, arrived=wall())
            parsing = Parsing(now, where, paths, server)
            nursery.start_soon(_parse_all, parsable, parsing, pace, turn, following, hands, send)
            turn = following


class _NothingCame:
    """Nothing arrived before the deadline."""


async def _next(
    receive: trio.MemoryReceiveChannel[FromSource], due: float
) -> FromSource | _NothingCame | None:
    """Wait for the next message until a moment on trio's clock; `None` at the channel's end."""
    try:
        # Waiting messages come first, even after the deadline.
        return receive.receive_nowait()
    except trio.EndOfChannel:
        return None
    except trio.WouldBlock:
        pass
    with trio.move_on_at(due):
        try:
            return await receive.receive()
        except trio.EndOfChannel:
            return None
    return _NothingCame()


def _with_more(
    message: FromSource, receive: trio.MemoryReceiveChannel[FromSource]
) -> list[OneFromSource]:
    """Take more waiting messages, as long as they are small in total."""
    messages = list(each_of(message))
    size = sum(map(_size, messages))
    while size < _SMALL and len(messages) < _MOST_TOGETHER:
        try:
            # Several are not taken apart: all of them are passed on together.
            more = list(each_of(receive.receive_nowait()))
        except (trio.WouldBlock, trio.EndOfChannel):
            break
        messages += more
        size += sum(map(_size, more))
    return messages


def _size(message: OneFromSource | Parsable) -> int:
    """Return how many bytes have to be looked at."""
    if isinstance(message, Begins):
        return 0 if message.dated is not None else len(message.sample)
    return len(message.lines) if isinstance(message, Chunk | Parsable) else 0


async def _taken(in_order: InOrder, messages: Sequence[OneFromSource]) -> list[Parsable | NotLines]:
    """Handle messages in order; in a thread if it may take long."""
    now = trio.current_time()
    left = deque(messages)
    taken: list[Parsable | NotLines] = []

    def take() -> None:
        began = time.monotonic()
        while left and time.monotonic() - began < _TURN_SECONDS:
            taken.extend(in_order.take(left.popleft(), now))

    def take_in_turn() -> None:
        with one_at_a_time():
            take()

    is_small = sum(map(_size, messages)) < _SMALL
    is_quick = is_small and not any(isinstance(one, Begins) and _size(one) for one in messages)
    while left:
        if is_quick:
            take()
        else:
            await trio.to_thread.run_sync(take_in_turn if is_small else take)
    return taken


@attrs.define
class _Pace:
    """Knows which lines are parsed so fast that the event loop may do it."""

    _quick: set[str] = attrs.field(factory=set)
    """The sources whose last lines were."""

    def is_quick(self, messages: Sequence[Parsable | NotLines], size: int) -> bool:
        """Tell whether so many bytes of lines may be parsed on the event loop."""
        if size <= _TRIFLE:
            return True
        if size > _AT_ONCE:
            return False
        chunks = [one for one in messages if isinstance(one, Parsable)]
        lines = sum(chunk.lines.count(b"\n") for chunk in chunks)
        return lines * _SHORT_LINE <= size and all(chunk.source in self._quick for chunk in chunks)

    def note(self, messages: Sequence[Parsable | NotLines], size: int, seconds: float) -> None:
        """Note how long that took."""
        if size <= _TRIFLE:
            return
        sources = {one.source for one in messages if isinstance(one, Parsable)}
        if seconds * _AT_ONCE <= _AT_ONCE_SECONDS * size:
            self._quick |= sources
        else:
            self._quick -= sources


async def _parse_all(
    messages: Sequence[Parsable | NotLines],
    parsing: Parsing,
    pace: _Pace,
    turn: trio.Event,
    following: trio.Event,
    hands: trio.Semaphore,
    send: trio.MemorySendChannel[FromParser],
) -> None:
    size = sum(map(_size, messages))

    def parse_messages() -> FromParser:
        began = time.monotonic()
        parsed = parsing.all(messages)
        pace.note(messages, size, time.monotonic() - began)
        return parsed

    def parse_small_messages() -> FromParser:
        with one_at_a_time():
            return parse_messages()

    if (size and parsing.where is not None) or not pace.is_quick(messages, size):
        is_small = size < _SMALL
        work = parse_small_messages if is_small else parse_messages
        parsed = await trio.to_thread.run_sync(work)
    else:
        parsed = parse_messages()
    await turn.wait()
    await send.send(parsed)
    following.set()
    hands.release()
