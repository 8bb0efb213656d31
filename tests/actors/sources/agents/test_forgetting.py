"""Servers that do not come back: the hub forgets them, and what it forgets is counted once."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import pytest
import trio

from actors.commands import agent_forget, forget_agent
from actors.redis.lease import Lease
from actors.sources.agents import hub as hub_module
from actors.sources.agents.mark import source_name
from actors.sources.mark import Mark
from actors.sources.messages import AgentGone, AgentHidden, SourceGone
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.fleet.address import fleet_address
from glancemetrics.fleet.entry import EntryId
from glancemetrics.fleet.status import AgentStatus
from glancemetrics.health.health import SourceState
from tests.actors.sources.agents.hearing import (
    KEYS,
    LOG,
    Heard,
    Pretended,
    eventually,
    hub,
    present,
    text_of,
)
from tests.lines import line
from tests.redis import Redis


def marks_left(heard: Heard) -> dict[str, Mark]:
    """The marks that a checkpoint has after everything that was said."""
    left = dict(heard.marks())
    for one in heard.messages:
        if isinstance(one, SourceGone):
            left.pop(one.name, None)
        if isinstance(one, AgentGone):
            left.pop(one.mark, None)
    return left


async def counted(heard: Heard, agent: Pretended) -> Mapping[str, Mark]:
    """Have an agent's first line counted for good; returns the checkpoint's marks."""
    await agent.send(line(size=1))
    await eventually(lambda: heard.lines() == line(size=1))
    marks = dict(heard.marks())
    heard.saved.tell(list(marks.values()))
    with trio.fail_after(10):
        while not await agent.counted():
            await trio.sleep(0.05)
    return marks


def keys_of(redis: Redis, name: str) -> str:
    return redis.run("KEYS", f"gm:*:{name}")


async def forget(redis: Redis, *names: str, may_discard: bool = False) -> str:
    address = fleet_address(text_of(redis), "-f")
    done = await forget_agent.forget(address, names, may_discard=may_discard)
    return "\n".join((*done.said, *done.problems))


async def test_a_server_is_forgotten_by_hub_state_and_redis(redis: Redis) -> None:
    async with hub(redis) as heard, trio.open_nursery() as nursery:
        agent = await present(heard)
        await counted(heard, agent)
        said: list[str] = []

        async def ask() -> None:
            said.append(await forget(redis, "web1"))

        nursery.start_soon(ask)
        await eventually(lambda: marks_left(heard) == {})
        gone = [one for one in heard.messages if isinstance(one, SourceGone | AgentGone)]
        mark = f":{text_of(redis)}:web1"
        assert gone == [SourceGone(source_name("web1", LOG)), AgentGone("web1", mark)]
        await trio.sleep(1)
        assert said == []  # a hub that is killed now would load it again
        assert keys_of(redis, "web1")
        heard.saved.tell([])
        await eventually(lambda: said)
        assert said == ["web1: forgotten"]
        assert keys_of(redis, "web1") == ""


async def test_what_was_said_without_a_hub_is_done_by_the_next_one(redis: Redis) -> None:
    async with hub(redis) as heard:
        marks = await counted(heard, await present(heard))
    told = "web1: is forgotten as soon as a hub of fleet prod runs"
    assert await forget(redis, "web1") == told
    async with hub(redis, marks) as heard:
        await eventually(lambda: any(isinstance(one, AgentGone) for one in heard.messages))
        heard.saved.tell([])
        await eventually(lambda: keys_of(redis, "web1") == "")


async def test_a_server_that_has_ended_is_forgotten_as_well(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        await counted(heard, agent)
        await agent.hello(is_bye=True)
        await eventually(lambda: (found := heard.agent()) is not None and found.has_ended)
        marks = dict(heard.marks())
    await forget(redis, "web1")
    async with hub(redis, marks) as heard:
        await eventually(lambda: any(isinstance(one, AgentGone) for one in heard.messages))


async def test_a_server_of_the_same_name_begins_anew(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        await counted(heard, agent)
        await heard.connection.run(("PUBLISH", KEYS.hello("web1"), AgentStatus.gone().to_bytes()))
        await eventually(lambda: marks_left(heard) == {})
        heard.saved.tell([])
        await eventually(lambda: keys_of(redis, "web1") == "")
        heard.messages.clear()
        new = Pretended(heard.connection, birth=2000)
        await new.says_hello_until(heard.agent)
        await new.send(line(size=2))
        await eventually(lambda: heard.lines() == line(size=2))


async def test_a_server_that_ended_long_ago_is_hidden_and_goes_on_where_it_was(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_ENDED_SECONDS", 0.5)
    async with hub(redis) as heard:
        agent = await present(heard)
        await counted(heard, agent)
        await agent.hello(is_bye=True)
        hidden = AgentHidden("web1", (source_name("web1", LOG),))
        await eventually(lambda: hidden in heard.messages)
        await trio.sleep(1)
        assert heard.messages.count(hidden) == 1
        marks = marks_left(heard)
    redis.run("FLUSHALL")  # the hub alone knows how far it was counted
    async with hub(redis, marks) as heard:
        agent.connection = heard.connection
        last = EntryId(agent.birth, agent.number)
        await agent.send(line(size=2))
        await eventually(lambda: heard.lines() == line(size=2))
        assert heard.agent() is None
        await present(heard)
        assert (found := heard.agent()) is not None
        assert not found.has_ended
        assert last < EntryId(agent.birth, agent.number)


async def test_servers_that_have_ended_are_forgotten_where_there_is_no_room_and_go_on(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_MOST_AGENTS", 1)
    async with hub(redis) as heard:
        agent = await present(heard)
        await counted(heard, agent)
        last = await agent.counted()
        await agent.hello(is_bye=True)
        await eventually(lambda: any(isinstance(one, AgentGone) for one in heard.messages))
        heard.saved.tell([])
        assert await agent.counted() == last
        # It knows what it has sent, and sends the next line.
        follows = await agent.send(line(size=2))
        with trio.fail_after(15):
            while (await agent.counted()).get(b"refused") != str(follows).encode():
                await agent.hello()
                await trio.sleep(0.1)
        assert heard.lines() == line(size=1)
        # The hub has forgotten the chain: the agent reads again from what is counted.
        after, agent.birth, agent.number = EntryId.read(last[b"id"]), 2000, 0
        await agent.send(line(size=2), after=after)
        await eventually(lambda: heard.lines() == line(size=1) + line(size=2))


async def test_servers_that_have_ended_do_not_keep_new_ones_out(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_MOST_AGENTS", 1)
    async with hub(redis) as heard:
        agent = await present(heard)
        await counted(heard, agent)
        other = Pretended(heard.connection, "web2")
        await other.hello()
        await eventually(lambda: (own := heard.own()) and own.state is SourceState.FOLLOWING)
        assert heard.agent("web2") is None
        own = heard.own()
        assert own is not None
        assert own.detail == "more than 1 agents: further ones are not read"
        await agent.hello(is_bye=True)
        await present(heard, "web2")
        await eventually(lambda: (own := heard.own()) and not own.detail)


async def test_a_server_is_forgotten_though_redis_knows_it_no_more(redis: Redis) -> None:
    async with hub(redis) as heard, trio.open_nursery() as nursery:
        agent = await present(heard)
        marks = await counted(heard, agent)
        redis.kill()  # it keeps nothing on the disk
        await eventually(lambda: (own := heard.own()) and own.state is SourceState.BLOCKED)
        redis.start()
        await eventually(lambda: (own := heard.own()) and own.state is SourceState.FOLLOWING)
        heard.saved.tell(list(marks.values()))
        with trio.fail_after(10):
            while not keys_of(redis, "web1"):
                await trio.sleep(0.1)
        nursery.start_soon(forget, redis, "web1")
        await eventually(lambda: marks_left(heard) == {})
        heard.saved.tell([])


async def test_who_is_left_out_is_not_read_when_it_says_that_it_is_to_be_forgotten(
    redis: Redis,
) -> None:
    """It could otherwise keep the hub from reading others, again and again."""
    async with hub(redis) as heard:
        bad = await present(heard, "bad")
        redis.run("SET", KEYS.stream("bad"), "x")
        await eventually(lambda: (found := heard.agent("bad")) and "WRONGTYPE" in found.trouble)
        redis.run("DEL", KEYS.stream("bad"))
        await bad.send(line())
        await bad.connection.run(("PUBLISH", KEYS.hello("bad"), AgentStatus.gone().to_bytes()))
        await eventually(lambda: any(isinstance(one, AgentGone) for one in heard.messages))
        heard.messages.clear()
        await present(heard, "bad")
        await trio.sleep(1)
        assert heard.lines("bad") == b""
        found = heard.agent("bad")
        assert found is not None
        assert "WRONGTYPE" in found.trouble


async def test_an_older_checkpoint_than_the_forgetting_does_not_count_for_a_new_server(
    redis: Redis,
) -> None:
    async with hub(redis) as heard:
        marks = await counted(heard, await present(heard))
        await heard.connection.run(("PUBLISH", KEYS.hello("web1"), AgentStatus.gone().to_bytes()))
        await eventually(lambda: marks_left(heard) == {})
        heard.saved.tell(list(marks.values()))  # was on its way
        heard.saved.tell([])
        await eventually(lambda: keys_of(redis, "web1") == "")
        heard.messages.clear()
        new = Pretended(heard.connection, birth=2000)
        await new.says_hello_until(heard.agent)
        await new.send(line(size=2))
        await eventually(lambda: heard.lines() == line(size=2))
        await new.send(line(size=3), after=EntryId(2000, 7))
        await trio.sleep(1)
        assert await new.counted() == {}  # a hub that is killed now would not have counted it
        heard.saved.tell(list(heard.marks().values()))
        with trio.fail_after(10):
            while (await new.counted()).get(b"refused") != b"2000-2":
                await trio.sleep(0.1)


async def test_the_position_has_no_logs_that_are_gone(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        marks = await counted(heard, agent)
        assert b"f:" + LOG.encode() in await agent.counted()
        await agent.send(b"")
        own = f":{text_of(redis)}:web1"
        await eventually(lambda: heard.marks()[own] != marks[own])
        heard.saved.tell([heard.marks()[own]])
        with trio.fail_after(10):
            while (await agent.counted())[b"id"] != b"1000-2":
                await trio.sleep(0.05)
        assert await agent.counted() == {b"id": b"1000-2"}


async def test_what_cannot_be_forgotten_keeps_back_no_other(redis: Redis) -> None:
    for name in ("web1", "web2"):
        redis.run("XADD", KEYS.stream(name), "1-1", "d", "x")
    redis.run("HSET", KEYS.counted("web3"), "id", "1-1")
    redis.run("SET", KEYS.lease("web2"), Lease.of("x").own.to_bytes().decode())
    told = (await forget(redis, "web9", "web1", "web2", "web3", "web3")).splitlines()
    assert told[0] == "web3: is forgotten as soon as a hub of fleet prod runs"
    assert [text.partition(";")[0] for text in told[1:]] == [
        "web9: fleet prod has no server of this name",
        "web1: has sent lines that are not counted yet",
        f"web2: its agent runs on {socket.gethostname()}",
    ]
    assert await forget(redis, "web1", may_discard=True) == told[0].replace("web3", "web1")


def test_the_command_tells_what_is_done_and_what_is_not(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    redis.run("HSET", KEYS.counted("web3"), "id", "1-1")
    with pytest.raises(GlanceMetricsError, match="web9: fleet prod has no server of this name"):
        agent_forget.run(["web9", "web3", "-f", text_of(redis)])
    assert capsys.readouterr().out == "web3: is forgotten as soon as a hub of fleet prod runs\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["../x", "-f", "redis://h/0"], "../x: must have 1 to 63 letters"),
        (["web1", "-f", "access.log"], "--file access.log: "),
        (["web1"], "name the fleet: -f 'redis://HOST:6379/0?fleet=NAME'"),
    ],
)
def test_mistakes(arguments: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        agent_forget.run(arguments)
    assert str(caught.value).startswith(told)


def test_a_redis_that_is_not_there() -> None:
    with pytest.raises(GlanceMetricsError, match=r"127\.0\.0\.1:1: .*refused"):
        agent_forget.run(["web1", "-f", "redis://127.0.0.1:1/0"])
