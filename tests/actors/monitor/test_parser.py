"""The parser: in order, a few at a time, every line accounted for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from functools import partial

import attrs
import pytest
import trio
import trio.testing
from loguru import logger

from actors.monitor import parser
from actors.monitor.in_order import Parsable
from actors.monitor.messages import FromParser, Parsed, Together
from actors.monitor.parser import parse
from actors.monitor.parsing import Parsing
from actors.sources.messages import Chunk, FromSource, NotLines
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.followed_logs import FollowedLogs
from glancemetrics.formats.reading import Reading, make_reading
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.records.schema import joined, seconds
from glancemetrics.selecting.sql import Where
from tests.lines import BASE, line


def chunk(lines: bytes, *overlong: bytes) -> Chunk:
    return Chunk("a", lines, overlong, caught_up=True, fresh=False, lag_bytes=0)


def logs() -> FollowedLogs:
    return FollowedLogs(Reading(COMBINED))


def one_by_one(messages: Iterable[FromParser]) -> list[Parsed | NotLines]:
    each: list[Parsed | NotLines] = []
    for message in messages:
        each += message.messages if isinstance(message, Together) else [message]
    return each


async def test_chunks_come_out_in_the_order_in_which_they_came() -> None:
    send, from_tailer = trio.open_memory_channel[FromSource](100)
    to_aggregator, receive = trio.open_memory_channel[FromParser](100)
    sizes = [3000, 1, 2000, 5, 1, 1000]
    for number, size in enumerate(sizes):
        send.send_nowait(chunk(line(BASE + number) * size))
    send.send_nowait(SourceHealth("a", SourceState.WAITING))
    send.close()
    await parse(from_tailer, to_aggregator, logs(), workers=3, wall=time.time)
    batches = one_by_one([message async for message in receive])
    assert [m.batch.batch.num_rows for m in batches[:-1] if isinstance(m, Parsed)] == sizes
    assert isinstance(batches[-1], SourceHealth)


async def test_small_chunks_that_wait_are_parsed_together() -> None:
    send, from_tailer = trio.open_memory_channel[FromSource](100)
    to_aggregator, receive = trio.open_memory_channel[FromParser](100)
    for number in range(50):
        send.send_nowait(chunk(line(BASE + number)))
    send.close()
    await parse(from_tailer, to_aggregator, logs(), workers=1, wall=time.time)
    messages = [message async for message in receive]
    assert len(messages) == 1
    records = [m.batch.batch for m in one_by_one(messages) if isinstance(m, Parsed)]
    assert [seconds(batch).tolist() for batch in records] == [[BASE + n] for n in range(50)]


async def test_records_have_the_server_of_their_chunk_or_the_name_of_this_machine() -> None:
    for own, expected in (("", ["web1", None]), ("here", ["web1", "here"])):
        send, from_tailer = trio.open_memory_channel[FromSource](2)
        to_aggregator, receive = trio.open_memory_channel[FromParser](2)
        send.send_nowait(attrs.evolve(chunk(line()), server="web1"))
        send.send_nowait(chunk(line()))
        send.close()
        await parse(from_tailer, to_aggregator, logs(), workers=1, wall=time.time, server=own)
        parsed = one_by_one([message async for message in receive])
        batches = [one.batch.batch for one in parsed if isinstance(one, Parsed)]
        assert joined(batches).column("server").to_pylist() == expected


async def test_a_line_that_was_too_long_is_a_reject() -> None:
    send, from_tailer = trio.open_memory_channel[FromSource](1)
    to_aggregator, receive = trio.open_memory_channel[FromParser](1)
    send.send_nowait(chunk(line() + b"bad\n", b"xxx"))
    send.close()
    await parse(from_tailer, to_aggregator, logs(), workers=1, wall=time.time)
    parsed = receive.receive_nowait()
    assert isinstance(parsed, Parsed)
    batch = parsed.batch
    assert (batch.lines, batch.batch.num_rows, batch.rejects) == (3, 1, 2)
    assert batch.reject_samples[-1].reason == "line too long, the limit is 1 MiB"
    assert {one.source for one in batch.reject_samples} == {batch.source}


async def test_it_takes_no_more_chunks_than_it_has_hands_for() -> None:
    send, from_tailer = trio.open_memory_channel[FromSource](100)
    to_aggregator, receive = trio.open_memory_channel[FromParser](0)
    for _ in range(50):
        send.send_nowait(chunk(line() * 1000))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            lambda: parse(from_tailer, to_aggregator, logs(), workers=2, wall=time.time)
        )
        await trio.sleep(0.3)
        # Two in hand and one that waits for a hand.
        assert send.statistics().current_buffer_used >= 47
        nursery.cancel_scope.cancel()
    receive.close()


async def test_a_condition_says_which_records_are_wanted() -> None:
    send, from_tailer = trio.open_memory_channel[FromSource](1)
    to_aggregator, receive = trio.open_memory_channel[FromParser](1)
    send.send_nowait(chunk(line(status=200) + b"bad\n" + line(status=503)))
    send.close()
    await parse(
        from_tailer, to_aggregator, logs(), workers=1, wall=time.time, where=Where("status >= 500")
    )
    parsed = receive.receive_nowait()
    assert isinstance(parsed, Parsed)
    batch = parsed.batch
    assert (batch.lines, batch.batch.num_rows, batch.rejects) == (3, 2, 1)
    assert batch.wanted is not None
    assert batch.wanted.tolist() == [False, True]


async def test_of_a_field_that_a_log_has_not_it_is_said_once() -> None:
    send, from_tailer = trio.open_memory_channel[FromSource](100)
    to_aggregator, receive = trio.open_memory_channel[FromParser](100)
    for _ in range(3):
        send.send_nowait(chunk(line() * 10))
    for _ in range(4):
        lines = b'{"time":1790000000,"status":200,"request":"GET /a HTTP/1.1","b":"x"}\n' * 400
        send.send_nowait(attrs.evolve(chunk(lines), source="json"))
    send.close()
    followed = FollowedLogs(make_reading(keep=["a", "b"]))
    warnings: list[str] = []
    handler = logger.add(lambda message: warnings.append(message.record["message"]))
    try:
        await parse(from_tailer, to_aggregator, followed, workers=1, wall=time.time)
    finally:
        logger.remove(handler)
    assert sorted(warnings) == [
        "a has no field a (--keep); available in combined: none",
        "a has no field b (--keep); available in combined: none",
        "json has no field a (--keep) in its first 1,200 records",
    ]
    batches = one_by_one([message async for message in receive])
    assert {m.batch.batch.schema.names[-2] for m in batches if isinstance(m, Parsed)} == {"b"}


async def test_lines_that_take_long_leave_the_event_loop_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_loop: list[bool] = []
    all_of = Parsing.all
    usual, odd = line() * 600, b"something that takes longer than it should\n" * 2000

    def noted(parsing: Parsing, messages: Sequence[Parsable | NotLines]) -> FromParser:
        on_loop.append(threading.current_thread() is threading.main_thread())
        if any(isinstance(one, Parsable) and one.lines == odd for one in messages):
            time.sleep(0.4)
        return all_of(parsing, messages)

    monkeypatch.setattr(Parsing, "all", noted)
    monkeypatch.setattr(parser, "_AT_ONCE_SECONDS", 0.5)  # also of a machine with much to do
    send, from_tailer = trio.open_memory_channel[FromSource](100)
    to_aggregator, receive = trio.open_memory_channel[FromParser](100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(parse, from_tailer, to_aggregator, logs(), workers=1, wall=time.time)
        )
        for lines in (usual, usual, odd, odd, usual, usual, b"\n" * 10_000, b"x\n"):
            await send.send(chunk(lines))
            await receive.receive()
        send.close()
    # What comes first may be anything; what took long once is expected to do so again. Of short
    # lines it is known before.
    assert on_loop == [False, True, True, False, False, True, False, True]
