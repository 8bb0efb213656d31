"""The parser: chunks of lines in, record batches out, in worker threads.

Chunks are parsed side by side and handed on in the order in which they came.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs
import trio
from loguru import logger

from actors.monitor.messages import FromParser, Parsed, Together
from actors.sources.messages import Chunk, FromSource, NotLines
from actors.state.clock import WallClock
from actors.state.courtesy import one_at_a_time
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.guarded import guarded_decode
from glancemetrics.formats.log_format import UNKNOWN, LineContext, reject_samples
from glancemetrics.formats.path_groups import PathGroups
from glancemetrics.lines.splitter import OVERLONG_REASON
from glancemetrics.records.rejects import reject_of
from glancemetrics.traffic.aggregation import SourceBatch

if TYPE_CHECKING:
    from glancemetrics.selecting.sql import Where

_AS_WRITTEN = PathGroups()

_SMALL = 1 << 16
"""Bytes of lines up to which chunks are parsed one after the other in the same thread."""
_MOST_TOGETHER = 256
"""Messages."""


async def parse(
    receive: trio.MemoryReceiveChannel[FromSource],
    send: trio.MemorySendChannel[FromParser],
    *,
    workers: int,
    wall: WallClock,
    context: LineContext = UNKNOWN,
    paths: PathGroups = _AS_WRITTEN,
    where: Where | None = None,
) -> None:
    """Parse until the channel ends; no more than `workers` chunks are in hand at a time.

    Small ones that come together count as one. `where` says which records are to be counted,
    `paths` which of their paths are one. Lines that do not say when they were written are of the
    moment in which they come.
    """
    hands = trio.Semaphore(workers)
    turn = trio.Event()
    turn.set()
    async with receive, send, trio.open_nursery() as nursery:
        async for message in receive:
            await hands.acquire()
            messages = _with_more(message, receive)
            following = trio.Event()
            now = attrs.evolve(context, arrived=wall())
            parse_chunk = functools.partial(_parsed, context=now, where=where, paths=paths)
            nursery.start_soon(_parse_all, messages, parse_chunk, turn, following, hands, send)
            turn = following


def _with_more(
    message: FromSource, receive: trio.MemoryReceiveChannel[FromSource]
) -> list[FromSource]:
    """Take what else waits, as long as all of it together is small."""
    messages = [message]
    size = _size(message)
    while size < _SMALL and len(messages) < _MOST_TOGETHER:
        try:
            messages.append(receive.receive_nowait())
        except (trio.WouldBlock, trio.EndOfChannel):
            break
        size += _size(messages[-1])
    return messages


def _size(message: FromSource) -> int:
    return len(message.lines) if isinstance(message, Chunk) else 0


async def _parse_all(
    messages: Sequence[FromSource],
    parse_chunk: Callable[[Chunk], SourceBatch],
    turn: trio.Event,
    following: trio.Event,
    hands: trio.Semaphore,
    send: trio.MemorySendChannel[FromParser],
) -> None:
    def parse_messages() -> tuple[Parsed | NotLines, ...]:
        return tuple(
            Parsed(parse_chunk(message), message.mark) if isinstance(message, Chunk) else message
            for message in messages
        )

    def parse_small_messages() -> tuple[Parsed | NotLines, ...]:
        with one_at_a_time():
            return parse_messages()

    if any(isinstance(message, Chunk) for message in messages):
        is_small = sum(map(_size, messages)) < _SMALL
        work = parse_small_messages if is_small else parse_messages
        parsed = await trio.to_thread.run_sync(work)
    else:
        parsed = parse_messages()
    await turn.wait()
    await send.send(parsed[0] if len(parsed) == 1 else Together(parsed))
    following.set()
    hands.release()


def _parsed(
    chunk: Chunk, context: LineContext, where: Where | None, paths: PathGroups
) -> SourceBatch:
    known = chunk.format.known if isinstance(chunk.format, AutoFormat) else None
    context = attrs.evolve(context, directives=chunk.directives)
    decoded = guarded_decode(chunk.format, chunk.lines, context)
    samples = reject_samples(chunk.lines, decoded, chunk.format)
    reformatted = None
    if known is not None and chunk.format.name != known.name:
        reformatted = f"has changed its format: {known.name} before, {chunk.format.name} now"
        logger.warning("{} {}", chunk.source, reformatted)
    overlong = tuple(reject_of(line, OVERLONG_REASON) for line in chunk.overlong)
    return SourceBatch(
        source=chunk.source,
        batch=paths.of(decoded.batch),
        lines=decoded.lines + len(overlong),
        rejects=decoded.rejects + len(overlong),
        reject_samples=samples + overlong,
        foreign=decoded.foreign,
        damaged=len(decoded.damaged),
        format=decoded.format,
        reformatted=reformatted,
        caught_up=chunk.caught_up,
        fresh=chunk.fresh,
        lag_bytes=chunk.lag_bytes,
        reject_seconds=decoded.reject_seconds(),
        wanted=where.keeps(decoded.batch) if where is not None else None,
    )
