"""The hub over a real Redis: what it counts, for whom it waits, and whom it does not believe."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import attrs
import msgpack
import pytest
import trio
import zstandard

from actors.agent.agent import _ALONE_SECONDS
from actors.redis import lease as lease_module
from actors.redis.connection import checked, connect
from actors.redis.lease import KeptLease
from actors.sources.agents import AGENTS
from actors.sources.agents import entries as entries_module
from actors.sources.agents import hub as hub_module
from actors.sources.agents import redis_agent as redis_agent_module
from actors.sources.agents.hub import Hub
from actors.sources.agents.mark import AgentMark, LogMark, source_name
from actors.sources.agents.redis_agent import SILENT_SECONDS
from actors.sources.desk import SavedMarks
from actors.sources.kind import NoSettings
from actors.sources.messages import (
    AgentHeard,
    AgentHidden,
    Chunk,
    FromSource,
    Gap,
    ReadUntil,
    Resumes,
    SourceGone,
)
from actors.sources.registry import mark_from_state
from glancemetrics.configuration.variables import PASSWORD_VARIABLE
from glancemetrics.errors import GlanceMetricsError, first_of
from glancemetrics.fleet.address import fleet_address
from glancemetrics.fleet.entry import Entry, EntryId, Part, packed, unpacked
from glancemetrics.fleet.keys import FleetKeys, agent_access
from glancemetrics.fleet.pace import read_pace
from glancemetrics.fleet.status import AgentStatus
from glancemetrics.health.health import AgentState, SourceHealth, SourceState
from glancemetrics.state.tree import from_bytes, to_bytes
from tests.actors.sources.agents.hearing import (
    KEYS,
    LOG,
    Heard,
    Pretended,
    desk_of,
    eventually,
    hub,
    present,
    text_of,
)
from tests.lines import line
from tests.redis import Redis


async def test_lines_come_with_their_server_and_are_acknowledged_when_they_are_saved(
    redis: Redis,
) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        last = [await agent.send(line(size=number)) for number in (1, 2)][-1]
        await eventually(lambda: heard.lines() == line(size=1) + line(size=2))
        chunks = [one for one in heard.messages if isinstance(one, Chunk)]
        assert {one.server for one in chunks} == {"web1"}
        assert await agent.counted() == {}
        marks = {name: mark_from_state(from_bytes(to_bytes(mark.to_state())))
                 for name, mark in heard.marks().items()}  # fmt: skip
        assert marks == heard.marks()
        heard.saved.tell(list(marks.values()))
        with trio.fail_after(10):
            while not await agent.counted():
                await trio.sleep(0.05)
        assert await agent.counted() == {
            b"id": str(last).encode(),
            b"f:" + LOG.encode(): b"mark 2",
        }
        assert redis.run("XLEN", KEYS.stream("web1")) == "0"


async def test_after_a_restart_only_what_is_not_saved_comes_again(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        await agent.send(line(size=1))
        await eventually(lambda: heard.lines() == line(size=1))
        saved = dict(heard.marks())
        await agent.send(line(size=2))
        await eventually(lambda: heard.lines() == line(size=1) + line(size=2))
    log = saved[source_name("web1", LOG)]
    assert isinstance(log, LogMark)
    saved[log.source] = log.with_parsing({"directives": b"", "pieces": b"held"})
    async with hub(redis, saved) as heard:
        await eventually(lambda: heard.lines() == line(size=2))
        resumed = [one for one in heard.messages if isinstance(one, Resumes)]
        assert [one.mark for one in resumed] == [saved[log.source]]
        kinds = [type(one) for one in heard.messages if isinstance(one, Resumes | Chunk)]
        assert kinds == [Resumes, Chunk]


async def test_what_does_not_follow_is_refused_and_the_agent_learns_from_where(
    redis: Redis,
) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        first = await agent.send(line(size=1))
        await eventually(lambda: heard.lines() == line(size=1))
        agent.number += 1  # one is lost
        lost = await agent.send(line(size=3))
        await trio.sleep(1)
        assert await agent.counted() == {}  # nothing is on the disk: another hub would know nothing
        heard.saved.tell(list(heard.marks().values()))
        with trio.fail_after(10):
            while b"refused" not in await agent.counted():
                await trio.sleep(0.05)
        assert await agent.counted() == {
            b"refused": str(lost).encode(),
            b"id": str(first).encode(),
            b"f:" + LOG.encode(): b"mark 1",
        }
        agent.birth, agent.number = 2000, 0
        await agent.send(line(size=2), after=first)
        await eventually(lambda: heard.lines() == line(size=1) + line(size=2))


async def test_a_hub_without_saved_state_lets_agents_begin_anew(redis: Redis) -> None:
    """Redis may have lost entries before those that it has; the agent knows what was counted."""
    async with hub(redis) as heard:
        agent = Pretended(heard.connection, number=6)
        refused = await agent.send(line(size=7))
        with trio.fail_after(15):
            while b"refused" not in await agent.counted():
                await agent.hello()
                await trio.sleep(0.1)
        assert await agent.counted() == {b"refused": str(refused).encode()}
        assert heard.lines() == b""
        agent.birth, agent.number = 2000, 0
        await agent.send(line(size=4), after=EntryId(1000, 3))
        await eventually(lambda: heard.lines() == line(size=4))


async def test_no_second_closes_before_the_agents_of_the_last_run_are_heard(redis: Redis) -> None:
    marks = {"web1": AgentMark.of(text_of(redis), "web1", EntryId(1000, 1))}
    async with hub(redis, marks) as heard:
        agent = Pretended(heard.connection, number=1)
        await eventually(lambda: heard.own() is not None)
        first = next(one for one in heard.messages if isinstance(one, SourceHealth | ReadUntil))
        assert first == ReadUntil("web1", 0.0)  # even before it connects
        past = time.time()
        await agent.hello(past=None)  # has not opened its logs
        await trio.sleep(0.6)
        assert heard.until() == [0.0]
        await agent.hello(past=past)
        await eventually(lambda: heard.until()[-1] == pytest.approx(past, abs=0.5))


async def test_agents_have_time_to_be_heard_again_after_redis_was_away(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_AWAY_SECONDS", 0.0)  # as if it were cut off all the time
    async with hub(redis) as heard:
        await present(heard)
        await eventually(lambda: heard.until() and heard.until()[-1])
        await trio.sleep(SILENT_SECONDS + 0.5)
        assert heard.until()[-1] is not None
        monkeypatch.undo()
        await eventually(lambda: heard.until()[-1] is None)


async def test_a_clock_that_was_set_back_does_not_hide_an_agent(redis: Redis) -> None:
    """Redis has forgotten its last entry, and so has the agent: new ones are below that."""
    marks = {
        mark.source: mark
        for mark in (
            AgentMark.of(text_of(redis), "web1", EntryId(5000, 1)),
            LogMark.of(text_of(redis), "web1", LOG, b"mark"),
        )
    }
    async with hub(redis, marks) as heard:
        agent = Pretended(heard.connection)
        await agent.send(line())
        with trio.fail_after(15):
            while b"id" not in await agent.counted():
                await agent.hello()
                await trio.sleep(0.1)
        assert (await agent.counted())[b"id"] == b"5000-1"
        assert heard.lines() == b""


async def test_seconds_wait_for_who_is_heard_and_not_for_who_is_silent(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        await eventually(lambda: heard.until() and heard.until()[-1])
        await agent.hello(sent=EntryId(1000, 1))  # which has not come yet
        past = time.time()
        await agent.send(line(), past=past)
        await eventually(lambda: heard.until()[-1] == pytest.approx(past, abs=0.5))
        await agent.hello(past=past + 0.25)
        await eventually(lambda: heard.until()[-1] == pytest.approx(past + 0.25, abs=0.05))
        await eventually(lambda: heard.until()[-1] is None)
        found = heard.agent()
        assert found is not None
        assert found.is_silent
        assert found.last_heard == pytest.approx(past, abs=3)
        await agent.hello()
        await eventually(lambda: heard.until()[-1] is not None)


async def test_who_is_silent_is_silent_for_the_next_hub_from_the_first_moment(
    redis: Redis,
) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        await agent.send(line())
        await eventually(lambda: heard.lines() == line())
        await eventually(lambda: (found := heard.agent()) is not None and found.is_silent)
        before = heard.agent()
    marks = {
        name: mark_from_state(from_bytes(to_bytes(mark.to_state())))
        for name, mark in heard.marks().items()
    }
    async with hub(redis, marks) as heard:
        await eventually(lambda: heard.agent() is not None)
        said = [one.agent for one in heard.messages if isinstance(one, AgentHeard)]
        assert before is not None
        assert [(one.is_silent, one.last_heard) for one in said] == [(True, before.last_heard)]
        agent.connection = heard.connection
        await agent.says_hello_until(
            lambda: (found := heard.agent()) is None or not found.is_silent
        )
        mark = heard.marks()[f":{text_of(redis)}:web1"]
        assert isinstance(mark, AgentMark)
        assert mark.silent_since is None


async def test_what_an_agent_said_before_an_outage_does_not_close_the_seconds_since(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is old then; but nothing newer can have been heard."""
    monkeypatch.setattr(redis_agent_module, "LONGEST_WAIT", 2.0)
    async with hub(redis) as heard:
        agent = await present(heard)
        past = time.time() - 100  # as after 100 s without Redis, or while it waits for the hub
        for _ in range(15):
            await agent.hello(past=past)
            await trio.sleep(0.1)
        await eventually(lambda: heard.until()[-1] is not None and heard.until()[-1] != 0.0)
        assert heard.until()[-1] == pytest.approx(past, abs=1)
        with trio.fail_after(15):
            while heard.until()[-1] is not None:  # whatever it says, not for ever
                await agent.hello(past=past)
                await trio.sleep(0.1)


async def test_who_always_says_to_have_sent_more_holds_nobody_up_for_ever(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_agent_module, "LONGEST_WAIT", 2.0)
    async with hub(redis) as heard:
        liar = await present(heard)
        began = time.time()
        with trio.fail_after(15):
            while time.time() - began < 1 or heard.until()[-1] is not None:
                last = await liar.send(line())  # it does come on
                await liar.hello(sent=EntryId(last.birth, last.number + 1000), past=None)
                await trio.sleep(0.2)


async def test_a_hub_that_is_cut_off_does_not_say_that_agents_are_well(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        redis.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await eventually(lambda: (found := heard.agent()) is not None and found.is_unknown)
        assert (found := heard.agent()) is not None
        assert found.state is AgentState.UNKNOWN
        agent.connection = await connect(fleet_address(heard.text, "-f"), "test")
        await agent.says_hello_until(
            lambda: (found := heard.agent()) is not None and not found.is_unknown
        )
        assert (found := heard.agent()) is not None
        assert found.state is AgentState.OK
        await agent.connection.aclose()


async def test_who_says_goodbye_is_not_silent(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        await agent.hello(is_bye=True)
        await eventually(lambda: (found := heard.agent()) is not None and found.has_ended)
        found = heard.agent()
        assert found is not None
        assert not found.is_silent
        assert heard.until()[-1] is None


async def test_who_has_said_goodbye_is_not_missed_by_the_next_hub(redis: Redis) -> None:
    """Such as a server that is gone for good."""
    async with hub(redis) as heard:
        agent = await present(heard)
        await agent.send(line())
        await eventually(lambda: heard.lines() == line())
        await agent.hello(is_bye=True)
        await eventually(lambda: (found := heard.agent()) is not None and found.has_ended)
    marks = {
        name: mark_from_state(from_bytes(to_bytes(mark.to_state())))
        for name, mark in heard.marks().items()
    }
    async with hub(redis, marks) as heard:
        await trio.sleep(SILENT_SECONDS + 1)
        found = heard.agent()
        assert found is not None
        assert (found.is_silent, found.has_ended) == (False, True)
        assert heard.until() in ([], [None])
        agent.connection = heard.connection
        await agent.says_hello_until(
            lambda: (found := heard.agent()) is None or not found.has_ended
        )
        mark = heard.marks()[f":{text_of(redis)}:web1"]
        assert isinstance(mark, AgentMark)
        assert not mark.has_ended


@pytest.mark.parametrize("data", [b"", b"junk", packed(Entry())[:-2], b"\x28\xb5\x2f\xfd"])
async def test_who_sends_nonsense_harms_nobody_else(redis: Redis, data: bytes) -> None:
    async with hub(redis) as heard:
        hostile = await present(heard, "evil")
        await hostile.send_raw("1000-1", data)
        await heard.connection.run(("PUBLISH", KEYS.hello("evil"), data))
        await heard.connection.run(("PUBLISH", KEYS.hello("../x y"), b"{}"))
        agent = await present(heard, "web1")
        await agent.send(line())
        await eventually(lambda: heard.lines() == line())
        await eventually(lambda: (found := heard.agent("evil")) is not None and found.trouble)
        assert {one.server for one in heard.messages if isinstance(one, Chunk)} == {"web1"}


async def test_another_field_than_ours_in_a_stream_harms_nobody(redis: Redis) -> None:
    async with hub(redis) as heard:
        await present(heard, "evil")
        redis.run("XADD", KEYS.stream("evil"), "18446744073709551615-1", "x", "y")
        agent = await present(heard, "web1")
        await agent.send(line())
        await eventually(lambda: heard.lines() == line())


async def test_one_hub_at_a_time(redis: Redis) -> None:
    async with hub(redis) as first:
        agent = await present(first)
        await agent.send(line(size=1))
        await eventually(lambda: first.lines() == line(size=1))
        async with hub(redis, dict(first.marks())) as second:
            await eventually(
                lambda: (own := second.own()) is not None and "another hub" in own.detail
            )
            own = second.own()
            assert own is not None
            host = socket.gethostname()
            assert own.detail == f"another hub of this fleet runs on {host}; waiting"
            await agent.send(line(size=2))
            await eventually(lambda: first.lines() == line(size=1) + line(size=2))
            first.stop.set()
            await eventually(lambda: second.lines() == line(size=2))


async def test_servers_of_two_fleets_have_different_names(redis: Redis) -> None:
    servers: dict[str, str] = {}
    async with (
        hub(redis, servers=servers) as prod,
        hub(redis, fleet="staging", servers=servers) as staging,
    ):
        await present(prod)
        other = Pretended(staging.connection, keys=FleetKeys("staging"))
        told = "web1: another fleet has a server of this name"
        await other.says_hello_until(
            lambda: (own := staging.own()) is not None and told in own.detail
        )
        assert staging.agent() is None
        web2 = Pretended(staging.connection, "web2", keys=FleetKeys("staging"))
        await web2.says_hello_until(lambda: staging.agent("web2"))
        await eventually(lambda: (own := staging.own()) is not None and not own.detail)


def test_a_fleet_that_is_named_twice_is_followed_once() -> None:
    texts = ["redis://h/0?fleet=prod", "redis://h:6379/0?fleet=prod", "redis://h/1?fleet=prod"]
    desk = attrs.evolve(desk_of(texts[0], SavedMarks()), state=Path())
    made = [*AGENTS.make(texts, NoSettings(), desk)]
    assert len(made) == 2


async def test_it_says_which_fleet_it_follows(redis: Redis, messages: list[str]) -> None:
    async with hub(redis) as heard:
        await present(heard)
    assert f"127.0.0.1:{redis.port}: following fleet prod" in messages


async def test_an_agents_user_is_no_hub(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    words = list(agent_access("prod", "web1", "web1"))
    redis.run(*words[:5], ">s3cret", *words[5:])
    monkeypatch.setenv(PASSWORD_VARIABLE, "s3cret")
    text = text_of(redis).replace("://", "://web1@")
    made = Hub(text, fleet_address(text, "-f"), desk_of(text, SavedMarks()))
    send, _receive = trio.open_memory_channel[FromSource](100)
    with trio.fail_after(10), pytest.raises(BaseExceptionGroup) as caught:
        await made.run(send, trio.Event())
    failed = first_of(caught.value)
    assert isinstance(failed, GlanceMetricsError)
    assert str(failed) == (
        f"127.0.0.1:{redis.port}: the user may not work as the hub; its access rules are printed "
        "by: glancemetrics agent-user --hub --fleet prod"
    )
    redis.run("ACL", "DELUSER", "web1")


async def test_a_key_of_another_program_is_named_with_the_way_out(redis: Redis) -> None:
    redis.run("RPUSH", "gm:{prod}:hub", "x")
    text = text_of(redis)
    made = Hub(text, fleet_address(text, "-f"), desk_of(text, SavedMarks()))
    send, _receive = trio.open_memory_channel[FromSource](100)
    with trio.fail_after(10), pytest.raises(BaseExceptionGroup) as caught:
        await made.run(send, trio.Event())
    redis.run("DEL", "gm:{prod}:hub")
    failed = first_of(caught.value)
    assert isinstance(failed, GlanceMetricsError)
    assert str(failed) == (
        f"127.0.0.1:{redis.port}: Redis refuses GET gm:{{prod}}:hub: WRONGTYPE Operation against a "
        "key holding the wrong kind of value; the key was written by another program; name another "
        "fleet with fleet=, or delete it"
    )


async def test_many_agents_are_told_to_send_less_often(redis: Redis) -> None:
    async with hub(redis) as heard:
        await present(heard, "web0")
        for number in range(1, 600):
            await Pretended(heard.connection, f"web{number}").hello()

        async def pace() -> float:
            (reply,) = await heard.connection.run(("GET", KEYS.pace))
            return read_pace(checked(reply))

        with trio.fail_after(10):
            while await pace() != 0.3:
                await trio.sleep(0.05)
        (left,) = await heard.connection.run(("TTL", KEYS.pace))
        assert 30 < checked(left) <= 60


async def test_no_agent_says_that_no_hub_runs_because_redis_was_emptied(redis: Redis) -> None:
    async with hub(redis) as heard:
        await present(heard)
        await eventually(lambda: redis.run("GET", KEYS.pace))
        redis.run("FLUSHALL")
        await eventually(lambda: redis.run("GET", KEYS.pace), _ALONE_SECONDS)


async def test_a_hub_without_saved_state_asks_an_agent_that_has_nothing_new(redis: Redis) -> None:
    """An earlier hub has counted and removed all of it: nothing would ever come."""
    async with hub(redis) as heard:
        agent = Pretended(heard.connection, number=6)
        with trio.fail_after(15):
            while await agent.counted() != {b"refused": b"1000-6"}:
                await agent.hello()
                await trio.sleep(0.2)
        assert heard.until() == [0.0]
        agent.birth, agent.number = 2000, 0
        past = time.time()
        await agent.send(line(), after=EntryId(1000, 6), past=past)
        await eventually(lambda: heard.lines() == line())
        assert heard.until()[-1] == pytest.approx(past, abs=0.5)


async def test_a_goodbye_that_nobody_heard_is_found_later(redis: Redis) -> None:
    marks = {"web1": AgentMark.of(text_of(redis), "web1", EntryId(1000, 1))}
    async with hub(redis, marks) as heard:
        said = AgentStatus(
            version="1.2", host="h1", instance="i", files=1, lag_bytes=0,
            sent=EntryId(1000, 1), past=None, ahead=0.0, is_bye=True,
        )  # fmt: skip
        key = KEYS.bye("web1")
        await heard.connection.run(("SET", key, said.to_bytes()))
        await eventually(lambda: (found := heard.agent()) and found.has_ended)
        states = [one.agent.is_silent for one in heard.messages if isinstance(one, AgentHeard)]
        assert not any(states)
        agent = heard.agent()
        assert agent is not None
        assert agent.version == "1.2"


@pytest.mark.parametrize("word", [b"", b"junk", b"x" * 100_000])
async def test_a_last_word_that_is_none_leaves_an_agent_silent(redis: Redis, word: bytes) -> None:
    marks = {"web1": AgentMark.of(text_of(redis), "web1", EntryId(1000, 1))}
    async with hub(redis, marks) as heard:
        await heard.connection.run(("SET", KEYS.bye("web1"), word))
        await eventually(lambda: (found := heard.agent()) and found.is_silent)


async def test_a_last_word_that_is_no_text_harms_nobody_else(redis: Redis) -> None:
    marks = {"bad": AgentMark.of(text_of(redis), "bad", EntryId(1000, 1))}
    async with hub(redis, marks) as heard:
        redis.run("HSET", KEYS.bye("bad"), "x", "y")
        await eventually(lambda: (found := heard.agent("bad")) and found.is_silent)
        await harms_nobody(heard, await present(heard, "good"))


async def test_what_a_full_redis_refuses_is_acknowledged_later(redis: Redis) -> None:
    lease = KeptLease.of(KEYS.hub)
    redis.run("SET", KEYS.hub, lease.own.to_bytes().decode())
    async with hub(redis, lease=lease) as heard:
        agent = await present(heard)
        await agent.send(line(size=1))
        await eventually(lambda: heard.lines() == line(size=1))
        redis.run("CONFIG", "SET", "maxmemory", "1")
        try:
            heard.saved.tell(list(heard.marks().values()))
            await eventually(lambda: (own := heard.own()) and "OOM" in own.detail)
        finally:
            redis.run("CONFIG", "SET", "maxmemory", "0")
        with trio.fail_after(10):
            while b"id" not in await agent.counted():
                await trio.sleep(0.1)
        await agent.send(line(size=2))
        await eventually(lambda: heard.lines() == line(size=1) + line(size=2))


async def test_nobody_waits_for_the_logs_of_an_agent_that_has_ended(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        parts = (Part(LOG, state=SourceState.WAITING, detail="does not exist yet"),)
        agent.number += 1
        await agent.send_raw("1000-1", packed(Entry(None, time.time(), parts)))
        await eventually(lambda: states_of(heard, "web1", LOG) == [SourceState.WAITING])
        await agent.hello(is_bye=True)
        await eventually(lambda: states_of(heard, "web1", LOG)[-1] is None)


async def test_a_log_with_lines_can_be_read(redis: Redis) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        parts = (Part(LOG, state=SourceState.WAITING, detail="does not exist yet"),)
        agent.number += 1
        await agent.send_raw("1000-1", packed(Entry(None, time.time(), parts)))
        await eventually(lambda: (said := heard.agent()) and said.unread == 1)
        await agent.send(line())
        await agent.hello()
        await eventually(lambda: (said := heard.agent()) and said.unread == 0)


def states_of(heard: Heard, agent: str, path: str) -> list[SourceState | None]:
    """The states of a log, as the hub has said them; `None`: it is no more."""
    name = source_name(agent, path)
    return [
        one.state if isinstance(one, SourceHealth) else None
        for one in heard.messages
        if isinstance(one, SourceHealth | SourceGone) and one.name == name
    ]


async def test_the_next_hub_knows_from_the_first_moment_which_logs_cannot_be_read(
    redis: Redis,
) -> None:
    """Otherwise their incidents would end: agents say it once."""
    path = "/var/log/odd\udcff.log"
    async with hub(redis) as heard:
        agent = await present(heard)
        parts = (Part(path, state=SourceState.WAITING, detail="does not exist yet"),)
        agent.number += 1
        await agent.send_raw("1000-1", packed(Entry(None, time.time(), parts)))
        await eventually(lambda: (said := heard.agent()) and said.unread == 1)
    marks = {
        name: mark_from_state(from_bytes(to_bytes(mark.to_state())))
        for name, mark in heard.marks().items()
    }
    async with hub(redis, marks) as heard:
        await eventually(heard.agent)
        assert states_of(heard, "web1", path) == [SourceState.WAITING]
        assert [one.agent.unread for one in heard.messages if isinstance(one, AgentHeard)] == [1]
        agent.connection = heard.connection
        await agent.hello(is_bye=True)
        await eventually(lambda: states_of(heard, "web1", path)[-1] is None)
        mark = heard.marks()[f":{text_of(redis)}:web1"]
        assert isinstance(mark, AgentMark)
        assert not mark.unread


async def test_a_log_that_an_agent_follows_no_more_is_not_missed(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_agent_module, "_CONFIRM_SECONDS", 1)
    missing = Part("", state=SourceState.WAITING, detail="does not exist yet")
    parts = [attrs.evolve(missing, path=path) for path in ("/a.log", "/b.log")]
    async with hub(redis) as heard:
        agent = await present(heard)
        await agent.send_raw("1000-1", packed(Entry(None, None, tuple(parts))))
        agent.number += 1
        await agent.says_hello_until(lambda: (said := heard.agent()) and said.unread == 2)
        again = packed(Entry(EntryId(1000, 1), None, (parts[0],)))  # it was killed, and changed
        await agent.send_raw("2000-1", again)
        agent.birth = 2000
        await agent.says_hello_until(lambda: (said := heard.agent()) and said.unread == 1)
        assert states_of(heard, "web1", "/a.log") == [SourceState.WAITING, SourceState.WAITING]
        assert states_of(heard, "web1", "/b.log") == [SourceState.WAITING, None]


async def harms_nobody(heard: Heard, good: Pretended) -> None:
    """Check that the lines of one agent are counted and acknowledged, and that it holds up."""
    await good.send(line(size=77))
    await eventually(lambda: heard.lines(good.name).endswith(line(size=77)))
    own = f":{heard.text}:{good.name}"
    heard.saved.tell(list(heard.marks().values()))
    with trio.fail_after(10):
        while (await good.counted()).get(b"id") != f"{good.birth}-{good.number}".encode():
            await good.hello()
            await trio.sleep(0.1)
    assert isinstance(heard.marks()[own], AgentMark)
    await eventually(lambda: (found := heard.own()) and found.state is SourceState.FOLLOWING)


async def test_an_agent_that_breaks_its_stream_harms_nobody_else(redis: Redis) -> None:
    async with hub(redis) as heard:
        good, bad = await present(heard, "good"), await present(heard, "bad")
        await bad.send(line())
        await eventually(lambda: heard.lines("bad"))
        redis.run("SET", KEYS.stream("bad"), "x")
        await harms_nobody(heard, good)
        said = heard.agent("bad")
        assert said is not None
        assert "WRONGTYPE" in said.trouble


async def test_an_agent_whose_entries_are_too_large_together_harms_nobody(redis: Redis) -> None:
    async with hub(redis) as heard:
        bad, good = await present(heard, "bad"), await present(heard, "good")
        data = os.urandom(6 << 20)
        for number in range(1, 17):
            await bad.send_raw(f"1-{number}", data)
        await harms_nobody(heard, good)


async def test_what_was_read_before_the_connection_breaks_is_counted(redis: Redis) -> None:
    async with hub(redis) as heard:
        good, bad = await present(heard, "good"), await present(heard, "bad")
        entry = packed(Entry(None, None, (Part(LOG, lines=line(), mark=b"mark"),)))
        data = os.urandom(6 << 20)
        # All at the same instant: the good one's is read, and then the connection breaks.
        await heard.connection.run(
            ("MULTI",),
            ("XADD", KEYS.stream("good"), "1000-1", "d", entry),
            *(("XADD", KEYS.stream("bad"), f"1-{number}", "d", data) for number in range(1, 17)),
            ("EXEC",),
        )
        with trio.fail_after(20):
            while not ((said := heard.agent("bad")) and said.trouble):
                await good.hello(sent=EntryId(1000, 1))
                await bad.hello(sent=EntryId(1, 16))
                await trio.sleep(0.2)
        assert heard.lines("good") == line()


async def test_an_id_beyond_all_others_harms_nobody(redis: Redis) -> None:
    async with hub(redis) as heard:
        good, bad = await present(heard, "good"), await present(heard, "bad")
        await bad.send(line(), after=None)
        entry = packed(Entry(EntryId(1000, 1), None, (Part(LOG, lines=line(), mark=b"m"),)))
        await bad.send_raw(f"2000-{(1 << 64) - 1}", entry)
        await harms_nobody(heard, good)
        assert heard.lines("bad") == line()


async def test_names_that_are_not_utf_8_are_shown_with_what_they_cannot_have(redis: Redis) -> None:
    path = "/var/log/odd\udcff.log"
    async with hub(redis) as heard:
        bad = await present(heard)
        parts = (Part(path, lines=line(), mark=b"m", gaps=("lost \udcff",), detail="\udcff"),)
        await bad.send_raw("1000-1", packed(Entry(None, time.time(), parts)))
        await bad.hello(host="h\udcff", sent=EntryId(1000, 1))
        await eventually(lambda: heard.lines("web1", path) == line())
        await eventually(lambda: (found := heard.agent()) and found.host == "h\\udcff")
        for one in heard.messages:
            str(one).encode()
        # The agent itself gets the name as it is.
        heard.saved.tell(list(heard.marks().values()))
        with trio.fail_after(10):
            while b"f:/var/log/odd\xff.log" not in await bad.counted():
                await trio.sleep(0.1)


async def test_no_agent_can_have_the_mark_of_another_one(redis: Redis) -> None:
    async with hub(redis) as heard:
        good, bad = await present(heard, "web1"), await present(heard, "agent")
        await good.send(line())
        await eventually(lambda: heard.lines("web1"))
        for number, path in enumerate(("web1", f"{text_of(redis)}:web1"), 1):
            parts = (Part(path, lines=line(), mark=b"m"),)
            await bad.send_raw(f"1-{number}", packed(Entry(None, None, parts)))
        await harms_nobody(heard, good)


async def test_an_agent_that_does_not_move_on_holds_nothing_up_for_long(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_agent_module, "LONGEST_WAIT", 2.0)
    async with hub(redis) as heard:
        liar = await present(heard, "liar")
        for seconds in range(1, 20):
            if seconds > 2 and heard.until("liar")[-1] is None:
                break
            await liar.hello(past=1.0 + seconds)
            await trio.sleep(0.3)
        assert heard.until("liar")[-1] is None
        other = await present(heard, "other")
        for _ in range(20):
            await other.hello(sent=EntryId(2000, 7))  # nothing of this is there
            await trio.sleep(0.3)
        assert heard.until("other")[-1] is None
        honest = await present(heard, "honest")
        for _ in range(15):
            await honest.hello()
            await trio.sleep(0.3)
            assert None not in heard.until("honest")


async def test_who_waits_for_a_hub_that_cannot_save_holds_up_for_as_long_as_that_takes(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk may be full: agents stop, and seconds without their lines must not close."""
    monkeypatch.setattr(redis_agent_module, "LONGEST_WAIT", 1.0)
    async with hub(redis) as heard:
        agent = await present(heard)
        await eventually(heard.until)
        heard.saved.is_overdue = True
        past = time.time()
        for _ in range(15):
            await agent.hello(past=past)
            await trio.sleep(0.2)
        assert None not in heard.until()
        heard.saved.tell([])  # now it can
        with trio.fail_after(15):
            while heard.until()[-1] is not None:
                await agent.hello(past=past)
                await trio.sleep(0.2)


async def test_that_no_agent_is_heard_is_told(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_PATIENCE_SECONDS", 1.0)
    told = "no agent of fleet prod is heard; see fleet= in the --to of the servers"
    async with hub(redis) as heard:
        await eventually(lambda: (own := heard.own()) and own.detail == told)
        await present(heard)
        await eventually(lambda: (own := heard.own()) and own.detail == "")


async def test_a_server_may_move_to_another_fleet(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_ENDED_SECONDS", 0.5)
    servers: dict[str, str] = {}
    async with (
        hub(redis, servers=servers) as before,
        hub(redis, fleet="b", servers=servers) as after,
    ):
        agent = await present(before)
        await agent.send(line())
        await eventually(before.lines)
        await agent.hello(is_bye=True)
        await eventually(lambda: any(isinstance(one, AgentHidden) for one in before.messages))
        moved = Pretended(after.connection, keys=FleetKeys("b"))
        await moved.says_hello_until(after.agent)


async def test_nor_does_a_log_that_it_does_not_read_to_its_end(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one on a file system that hangs; the clock would not move on behind its records."""
    monkeypatch.setattr(redis_agent_module, "LONGEST_WAIT", 2.0)
    behind = packed(Entry(None, None, (Part(LOG, lines=line(), mark=b"m", caught_up=False),)))
    async with hub(redis) as heard:
        stuck, refused = await present(heard, "stuck"), await present(heard, "refused")
        for agent in (stuck, refused):
            agent.number += 1
            await agent.send_raw("1000-1", behind)
        await eventually(lambda: heard.lines("stuck") and heard.lines("refused"))
        await refused.send_raw("1000-2", b"nonsense")
        refused.number += 1
        await eventually(lambda: SourceState.FOLLOWING in states_of(heard, "refused", LOG))
        assert not states_of(heard, "stuck", LOG)
        for _ in range(20):
            await stuck.hello(past=None)
            await trio.sleep(0.3)
        assert states_of(heard, "stuck", LOG) == [SourceState.FOLLOWING]


async def test_an_agent_of_another_version_holds_nothing_up(redis: Redis) -> None:
    async with hub(redis) as heard:
        other = await present(heard)
        body = msgpack.packb({"v": 99, "after": None, "past": None, "parts": []})
        await other.send_raw("1000-1", zstandard.ZstdCompressor().compress(body))
        other.number = 1
        await other.says_hello_until(
            lambda: (found := heard.agent()) is not None and "another version" in found.trouble
        )
        await eventually(lambda: heard.until()[-1] is None)


async def test_the_logs_of_an_agent_are_limited(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_agent_module, "MOST_LOGS", 3)
    async with hub(redis) as heard:
        agent = await present(heard)
        for number in range(1, 6):
            parts = (Part(f"/log{number}", lines=line(), mark=b"m"),)
            await agent.send_raw(f"1000-{number}", packed(Entry(None, None, parts)))
        await eventually(lambda: (found := heard.agent()) and "more than 3 logs" in found.trouble)
        assert [len(heard.lines("web1", f"/log{n}")) > 0 for n in range(1, 6)] == [
            *[True] * 3, False, False
        ]  # fmt: skip


async def test_the_gaps_of_an_agent_that_are_listed_are_limited(redis: Redis) -> None:
    """A few bytes may have very many, and each is logged."""
    async with hub(redis) as heard:
        agent = await present(heard)
        parts = tuple(Part(f"/log{n}", gaps=("x",) * 70) for n in range(10))
        await agent.send_raw("1000-1", packed(Entry(None, None, parts)))
        await agent.send_raw("1000-2", packed(Entry(None, None, parts)))
        await agent.send_raw("1000-3", packed(Entry(None, None, (Part(LOG, lines=line()),))))
        await eventually(lambda: heard.lines() == line())
        gaps = [one.what for one in heard.messages if isinstance(one, Gap)]
        assert gaps == ["web1: x"] * 100 + ["web1: more gaps in its logs; not listed for a minute"]


async def test_refused_entries_do_not_fill_the_log(redis: Redis, messages: list[str]) -> None:
    async with hub(redis) as heard:
        agent = await present(heard)
        await agent.send(line())
        await eventually(lambda: heard.lines() == line())
        for birth in range(2001, 2050):
            await agent.send_raw(f"{birth}-1", packed(Entry(EntryId(birth, 7), None, ())))
        heard.saved.tell(list(heard.marks().values()))
        with trio.fail_after(10):
            while (await agent.counted()).get(b"refused") != b"2049-1":
                await trio.sleep(0.1)
    assert messages.count("web1: entries are missing; the agent re-reads its logs") == 1


async def test_the_positions_of_an_agents_logs_are_limited(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in memory, in Redis and in each checkpoint."""
    monkeypatch.setattr(redis_agent_module, "MOST_MARKED", 1000)
    async with hub(redis) as heard:
        agent = await present(heard)
        for number in range(1, 6):
            path = "/log" if number < 3 else f"/log{number}"
            part = Part(path, lines=line(size=number), mark=b"m" * (400 if number < 5 else 90))
            await agent.send_raw(f"1000-{number}", packed(Entry(None, None, (part,))))
        await eventually(lambda: heard.lines("web1", "/log5"))
        assert heard.lines("web1", "/log") == line(size=1) + line(size=2)
        assert heard.lines("web1", "/log3") == line(size=3)
        assert heard.lines("web1", "/log4") == b""
        marks = dict(heard.marks())
    async with hub(redis, marks) as heard:
        agent = await present(heard)
        part = Part("/log4", lines=line(size=6), mark=b"m" * 400)
        await agent.send_raw("1000-6", packed(Entry(None, None, (part,))))
        await eventually(lambda: (found := heard.agent()) and "positions" in found.trouble)
        assert heard.lines("web1", "/log4") == b""


async def test_few_bytes_that_unpack_to_many_are_unpacked_one_after_the_other(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def noted(data: bytes) -> Entry:
        entry = unpacked(data)
        sizes.append(entry.size)
        return entry

    monkeypatch.setattr(entries_module, "unpacked", noted)
    lines = b"\n" * (12 << 20)
    async with hub(redis) as heard:
        agent = Pretended(heard.connection)
        for _ in range(12):
            await agent.send(lines)
        heard.until_heard = block = trio.Event()
        await agent.hello()
        await eventually(lambda: sizes)
        await trio.sleep(2)
        # Those that wait to be taken, and the next one.
        unpacked_at_once = len(sizes)
        assert unpacked_at_once < 8
        block.set()
        await eventually(lambda: len(heard.lines()) == 12 * len(lines))


async def test_who_sends_very_much_keeps_the_hub_from_nothing_else(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (entries_module, hub_module):  # each entry is handed on by itself
        monkeypatch.setattr(module, "MOST_BYTES", 1)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 2.0)
    async with hub(redis) as heard:
        good, bad = await present(heard, "good"), await present(heard, "bad")
        await present(heard, "silent")
        for _ in range(400):
            await bad.send(line())
        last = await good.send(line())
        heard.pause = 0.1
        await eventually(lambda: heard.lines("good"))
        heard.saved.tell(list(heard.marks().values()))
        for _ in range(80):
            await good.hello()
            await bad.hello()
            assert redis.run("GET", KEYS.hub)
            await trio.sleep(0.1)
        assert len(heard.lines("bad")) < 400 * len(line())  # it is still being read
        assert (await good.counted())[b"id"] == str(last).encode()
        said = {name: heard.agent(name) for name in ("good", "silent")}
        assert {name: one and one.is_silent for name, one in said.items()} == {
            "good": False,
            "silent": True,
        }
        heard.pause = 0.0


async def test_what_a_slow_hub_has_not_read_yet_is_not_missing(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries_module, "_MOST_ENTRIES", 1)
    monkeypatch.setattr(hub_module, "_ROUNDS_SECONDS", 0)
    async with hub(redis) as heard:
        agent = await present(heard)
        for number in range(1, 26):
            await agent.send(line(size=number))
        with trio.fail_after(30):
            while len(heard.lines()) < sum(len(line(size=number)) for number in range(1, 26)):
                await agent.hello()
                await trio.sleep(0.2)
        assert b"refused" not in await agent.counted()
        said = heard.agent()
        assert said is not None
        assert not said.trouble
