"""The parser: chunks of lines in, record batches out, in worker threads.

Chunks are parsed side by side and handed on in the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from actors.messages import Chunk, FromParser, FromTailer
from glancemetrics.aggregation import SourceBatch
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.line_splitter import OVERLONG_REASON
from glancemetrics.rejects import reject_of

if TYPE_CHECKING:
    from glancemetrics.sql import Where


async def parse(
    receive: trio.MemoryReceiveChannel[FromTailer],
    send: trio.MemorySendChannel[FromParser],
    *,
    workers: int,
    log_format: LogFormat = COMBINED,
    where: Where | None = None,
) -> None:
    """Parse until the channel ends; no more than `workers` chunks are in hand at a time.

    `where` says which records are to be counted.
    """
    hands = trio.Semaphore(workers)
    turn = trio.Event()
    turn.set()
    async with receive, send, trio.open_nursery() as nursery:
        async for message in receive:
            await hands.acquire()
            following = trio.Event()
            nursery.start_soon(_parse_one, message, log_format, where, turn, following, hands, send)
            turn = following


async def _parse_one(
    message: FromTailer,
    log_format: LogFormat,
    where: Where | None,
    turn: trio.Event,
    following: trio.Event,
    hands: trio.Semaphore,
    send: trio.MemorySendChannel[FromParser],
) -> None:
    parsed: FromParser
    if isinstance(message, Chunk):
        parsed = await trio.to_thread.run_sync(_parsed, message, log_format, where)
    else:
        parsed = message
    await turn.wait()
    await send.send(parsed)
    following.set()
    hands.release()


def _parsed(chunk: Chunk, log_format: LogFormat, where: Where | None) -> SourceBatch:
    decoded = log_format.decode(chunk.lines)
    overlong = tuple(reject_of(line, OVERLONG_REASON) for line in chunk.overlong)
    return SourceBatch(
        source=chunk.source,
        batch=decoded.batch,
        lines=decoded.lines + len(overlong),
        rejects=decoded.rejects + len(overlong),
        reject_samples=decoded.samples + overlong,
        format=decoded.format,
        caught_up=chunk.caught_up,
        fresh=chunk.fresh,
        lag_bytes=chunk.lag_bytes,
        wanted=where.keeps(decoded.batch) if where is not None else None,
    )
