"""Lines of many sources, gathered into chunks while the channel allows it."""

from __future__ import annotations

import math

import trio
import trio.testing

from actors.sources import gathering as gathering_module
from actors.sources.gathering import GATHER_BYTES, GATHER_SECONDS, Gathering
from actors.sources.messages import Begins, Chunk, FromSource, OneFromSource, SourceGone, each_of
from actors.sources.source import saying
from glancemetrics.health.health import SourceHealth, SourceState

LINE = b"x" * 1023


def of_kind(messages: list[FromSource], kind: type) -> list:
    return [one for one in messages if isinstance(one, kind)]


async def gathered(
    nursery: trio.Nursery, capacity: float = math.inf
) -> tuple[Gathering, trio.MemoryReceiveChannel[FromSource]]:
    send, receive = trio.open_memory_channel[FromSource](capacity)
    made = Gathering(saying(send))
    nursery.start_soon(made.send_forever)
    return made, receive


def waiting(receive: trio.MemoryReceiveChannel[FromSource]) -> list[OneFromSource]:
    found: list[OneFromSource] = []
    while True:
        try:
            found += each_of(receive.receive_nowait())
        except trio.WouldBlock:
            return found


async def test_lines_of_a_tenth_of_a_second_are_a_chunk(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    made, receive = await gathered(nursery)
    for number in range(3):
        made.add("a", "web1", [b"%d" % number])
        made.add("b", "web2", [b"%d" % number])
        await trio.sleep(0.02)
    assert not waiting(receive)
    await trio.sleep(GATHER_SECONDS)
    messages = waiting(receive)
    assert {(one.source, one.server, one.lines) for one in of_kind(messages, Chunk)} == {
        ("a", "web1", b"0\n1\n2\n"),
        ("b", "web2", b"0\n1\n2\n"),
    }
    assert {one.source: one.sample for one in of_kind(messages, Begins)} == {
        "a": b"0\n1\n2\n",
        "b": b"0\n1\n2\n",
    }
    made.add("a", "web1", [b"more"])
    await trio.sleep(1)
    (chunk,) = waiting(receive)
    assert chunk == Chunk("a", b"more\n", (), True, True, 0, server="web1")
    await made.forget("a")
    made.add("a", "web1", [b"again"])
    await trio.sleep(1)
    assert [type(one) for one in waiting(receive)] == [SourceGone, Begins, Chunk]


async def test_all_who_wait_for_room_get_it(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """More may be added by those who had room before."""
    made, receive = await gathered(nursery, 0)
    added = 0

    async def read(name: str) -> None:
        nonlocal added
        for _ in range(20):
            await made.room()
            await trio.lowlevel.checkpoint()
            made.add(name, name, [LINE] * 1024)
            added += 1

    for number in range(10):
        nursery.start_soon(read, f"s{number}")
    await trio.sleep(5)
    assert added < 200
    limit = 2 * GATHER_BYTES + 20 * (1 << 20)
    assert added * (1 << 20) <= limit
    lines = 0
    with trio.fail_after(60):
        while lines < 200 * 1024:
            for message in each_of(await receive.receive()):
                if isinstance(message, Chunk):
                    assert len(message.lines) <= gathering_module.CHUNK_BYTES
                    lines += message.lines.count(b"\n")
    assert added == 200


async def test_a_chunk_is_limited(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    made, receive = await gathered(nursery)
    made.add("a", "web1", [b"%07d" % number + LINE for number in range(9000)])
    await trio.sleep(0.05)
    chunks = of_kind(waiting(receive), Chunk)
    assert max(len(chunk.lines) for chunk in chunks) <= gathering_module.CHUNK_BYTES
    lines = b"".join(chunk.lines for chunk in chunks).splitlines()
    assert [int(one[:7]) for one in lines] == list(range(9000))


async def test_sources_that_were_behind_are_reported_as_caught_up(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    made, receive = await gathered(nursery)
    made.add("a", "web1", [LINE] * (GATHER_BYTES // 1024 + 1))
    await trio.sleep(0.05)
    chunks = of_kind(waiting(receive), Chunk)
    assert chunks
    assert not any(chunk.caught_up or chunk.fresh for chunk in chunks)
    await trio.sleep(1)
    assert waiting(receive) == [SourceHealth("a", SourceState.FOLLOWING)]
    await trio.sleep(10)
    assert not waiting(receive)


async def test_what_is_sent_is_sent_whole_also_when_cancelled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    send, receive = trio.open_memory_channel[FromSource](0)
    made = Gathering(saying(send))
    for number in range(600):
        made.add(f"s{number}", "web1", [b"x"])
    found: list[OneFromSource] = []

    async def take() -> None:
        nonlocal found
        async for message in receive:
            found += each_of(message)
            await trio.sleep(0.001)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        with trio.move_on_after(0.05):
            await made.send()
        await send.aclose()
    assert len(of_kind(found, Chunk)) == 600
