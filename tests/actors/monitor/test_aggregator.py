"""The aggregator: nothing that comes to it is lost, whatever else falls due just then."""

from __future__ import annotations

import threading
import time

import attrs
import pytest
import trio
import trio.testing

from actors.monitor import aggregator
from actors.monitor.aggregator import aggregate
from actors.monitor.messages import (
    Checkpoint,
    FromAggregator,
    FromParser,
    Parsed,
    Together,
    Wish,
)
from actors.sources.messages import Announced
from actors.state.clock import WallClock
from glancemetrics.alerting.counting import Counting, Stream
from glancemetrics.formats.combined import decode
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.rules.metrics import HITS
from glancemetrics.traffic.aggregation import Aggregation, SourceBatch
from glancemetrics.traffic.snapshot import Snapshot
from tests.lines import BASE, line


def batch(count: int) -> SourceBatch:
    decoded = decode(line(BASE) * count)
    return SourceBatch(
        source="a.log",
        batch=decoded.batch,
        lines=decoded.lines,
        rejects=0,
        reject_samples=(),
        foreign=0,
        format="combined",
        reformatted=None,
        caught_up=True,
        fresh=True,
        lag_bytes=0,
    )


@pytest.mark.parametrize("size", [1, 5000], ids=["small", "for a worker thread"])
async def test_what_comes_as_a_snapshot_falls_due_is_counted(
    clock: trio.testing.MockClock, wall: WallClock, size: int
) -> None:
    aggregation = Aggregation(window_seconds=10, alert_window_seconds=10, limits={})
    send, receive = trio.open_memory_channel[FromParser](2)
    told: list[FromAggregator] = []

    async def listen(channel: trio.MemoryReceiveChannel[FromAggregator]) -> None:
        told.extend([message async for message in channel])

    to_alerts, from_aggregator = trio.open_memory_channel[FromAggregator](16)
    coming = batch(size)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, from_aggregator)

        async def run() -> None:
            await aggregate(aggregation, receive, to_alerts, refresh_seconds=2.0, wall=wall)

        nursery.start_soon(run)
        await trio.sleep(1.25)
        for _ in range(20):
            send.send_nowait(Parsed(coming))
            # It has the batch in hand, and before it can look at it, all is due.
            clock.jump(3.0)
            await trio.sleep(0.3)
        send.close()
    snapshots = [message for message in told if isinstance(message, Snapshot)]
    assert snapshots[-1].health.lines == 20 * size


async def test_a_few_lines_after_many_do_not_hold_up_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In real threads: they may be those with which all that waited is counted."""
    aggregation = Aggregation(window_seconds=10, alert_window_seconds=10, limits={})
    send, receive = trio.open_memory_channel[FromParser](20)
    to_alerts, from_aggregator = trio.open_memory_channel[FromAggregator](16)
    counted_in: list[int] = []
    count = Aggregation.count_recent

    def count_recent(one: Aggregation) -> None:
        if one.recent_rows:
            counted_in.append(threading.get_ident())
        count(one)

    monkeypatch.setattr(Aggregation, "count_recent", count_recent)
    for size in [2000] * 9 + [1]:
        send.send_nowait(Parsed(batch(size)))
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await aggregate(
                aggregation, receive, to_alerts, refresh_seconds=60, wall=time.time, is_shown=False
            )

        nursery.start_soon(run)
        with trio.fail_after(60):
            while not counted_in:
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    from_aggregator.close()
    assert counted_in[0] != threading.get_ident()


@pytest.mark.parametrize(
    ("stream", "loads"),
    [
        (Stream(by="browser"), True),
        (Stream(where="bot IS NOT NULL AND path <> '/os'"), True),
        (Stream(where="Browser = 'Firefox'"), True),
        # Its column is made wherever the word stands.
        (Stream(where="path = '/it''s/bot'"), True),
        (Stream(where="path = '/robots.txt' OR agent = 'curl'", by="agent"), False),
    ],
)
async def test_what_rules_need_of_user_agents_is_loaded_before_lines_are_counted(
    monkeypatch: pytest.MonkeyPatch, stream: Stream, *, loads: bool
) -> None:
    """In real threads: it takes a tenth of a second."""
    threads: list[int] = []
    monkeypatch.setattr(aggregator, "prepare", lambda: threads.append(threading.get_ident()))
    counting = Counting([(stream, HITS)])
    aggregation = Aggregation(
        window_seconds=10, alert_window_seconds=10, limits={}, counting=counting
    )
    send, receive = trio.open_memory_channel[FromParser](1)
    to_alerts, from_aggregator = trio.open_memory_channel[FromAggregator](16)
    send.close()
    await aggregate(
        aggregation, receive, to_alerts, refresh_seconds=9, wall=time.time, is_shown=False
    )
    from_aggregator.close()
    assert [thread != threading.get_ident() for thread in threads] == [True] * loads


async def test_logs_that_are_announced_are_lag_until_they_are_opened(
    clock: trio.testing.MockClock, wall: WallClock
) -> None:
    aggregation = Aggregation(window_seconds=10, alert_window_seconds=10, limits={})
    send, receive = trio.open_memory_channel[FromParser](2)
    to_alerts, from_aggregator = trio.open_memory_channel[FromAggregator](16)
    logs = tuple(
        SourceHealth(name, SourceState.READING, lag_bytes=size, opened=False)
        for name, size in (("a.log", 300), ("b.log", 20))
    )
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await aggregate(aggregation, receive, to_alerts, refresh_seconds=0.1, wall=wall)

        async def until(lag: int) -> Snapshot:
            with trio.fail_after(60):
                async for one in from_aggregator:
                    if isinstance(one, Snapshot) and one.health.lag_bytes == lag:
                        return one
            raise AssertionError("it ended")

        nursery.start_soon(run)
        await send.send(Together((Announced(logs),)))
        shown = await until(320)
        assert [(one.name, one.opened) for one in shown.health.sources] == [
            ("a.log", False),
            ("b.log", False),
        ]
        await send.send(attrs.evolve(logs[0], lag_bytes=0, opened=True))
        await until(20)
        nursery.cancel_scope.cancel()


async def test_a_checkpoint_that_is_wished_for_comes_soon_and_once(
    clock: trio.testing.MockClock, wall: WallClock
) -> None:
    aggregation = Aggregation(window_seconds=10, alert_window_seconds=10, limits={})
    send, receive = trio.open_memory_channel[FromParser](2)
    to_alerts, from_aggregator = trio.open_memory_channel[FromAggregator](1000)
    wish = Wish()
    made: list[float] = []

    async def listen() -> None:
        async for message in from_aggregator:
            if isinstance(message, Checkpoint):
                made.append(trio.current_time())  # noqa: PERF401 - read meanwhile

    async def run() -> None:
        await aggregate(
            aggregation, receive, to_alerts, refresh_seconds=1, wall=wall,
            checkpoint_seconds=5, wish=wish,
        )  # fmt: skip

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        nursery.start_soon(run)
        await send.send(Parsed(batch(1)))
        await trio.sleep(3)
        assert len(made) == 1
        wished = trio.current_time()
        wish.is_open = True
        await trio.sleep(10)
        assert len(made) == 2
        assert made[1] - wished < 1
        send.close()
