"""The window aggregator: record batches in, closed seconds and snapshots out.

It moves the window after every batch and at least once a second, so that seconds close when no
line comes at all, and takes a snapshot at every refresh.
"""

from __future__ import annotations

import trio

from actors.clock import WallClock
from actors.messages import FromAggregator, FromParser, SourceGone
from glancemetrics.aggregation import Aggregation, SourceBatch

_CLOSE_SECONDS = 0.5
"""Between looks at whether a second has closed."""

_LARGE_BATCH = 2000
"""Rows from which a batch is counted in a worker thread, to keep the loop free."""


async def aggregate(
    aggregation: Aggregation,
    receive: trio.MemoryReceiveChannel[FromParser],
    send: trio.MemorySendChannel[FromAggregator],
    *,
    refresh_seconds: float,
    wall: WallClock,
) -> None:
    """Aggregate until the channel ends; the last snapshot is of everything that came."""
    async with receive, send:
        next_close = trio.current_time()
        next_snapshot = next_close + refresh_seconds
        first = True
        ended = False
        while not ended:
            with trio.move_on_at(min(next_close, next_snapshot)):
                try:
                    await _take_in(aggregation, await receive.receive(), wall())
                except trio.EndOfChannel:
                    ended = True
            closed = aggregation.advance(wall(), ended=ended and aggregation.finished)
            if closed is not None:
                await send.send(closed)
            now = trio.current_time()
            if now >= next_close:
                next_close = now + _CLOSE_SECONDS
            due = now >= next_snapshot or ended or (first and aggregation.caught_up)
            if due:
                await send.send(aggregation.snapshot(wall()))
                first = False
            if now >= next_snapshot:
                next_snapshot = max(next_snapshot, now) + refresh_seconds


async def _take_in(aggregation: Aggregation, message: FromParser, wall: float) -> None:
    match message:
        case SourceBatch(batch=batch) if batch.num_rows >= _LARGE_BATCH:
            await trio.to_thread.run_sync(aggregation.add, message, wall)
        case SourceBatch():
            aggregation.add(message, wall)
        case SourceGone(name=name):
            aggregation.forget_source(name)
        case _:
            aggregation.note_source(message, wall)
