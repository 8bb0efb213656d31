"""Checkpoints in Redis: by whom they are written, and whose history their numbers are of."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
import trio

from actors.history.segments import SegmentFolder
from actors.monitor import redis_checkpoints
from actors.monitor.checkpoints import Saved, UnusableStateError
from actors.monitor.redis_checkpoints import RedisCheckpoints
from actors.monitor.standby import Standby
from actors.redis.term import Term
from actors.sources.agents.mark import AgentMark, LogMark
from actors.sources.registry import respelled
from glancemetrics.fleet.address import fleet_address
from glancemetrics.fleet.entry import EntryId
from glancemetrics.formats.combined import decode
from glancemetrics.planning.sources import Sources
from glancemetrics.state.tree import to_bytes
from tests.lines import BASE, line
from tests.redis import Redis
from tests.waiting import free_port

STATE = "gm:{prod}:state"


@pytest.fixture
def redis(redis: Redis) -> Redis:
    redis.run("SET", "gm:{prod}:term", "an earlier hub")
    return redis


async def begun(redis: Redis, folder: Path) -> RedisCheckpoints:
    """The checkpoints of a hub on a machine of its own, which has begun."""
    text = f"redis://127.0.0.1:{redis.port}/0?fleet=prod"
    term = Term(fleet_address(text, "-f"))
    made = RedisCheckpoints(folder, [text], term)
    made.claim()
    with trio.fail_after(10):
        await term.take(lambda _: None)
    return made


async def ended(checkpoints: RedisCheckpoints) -> None:
    await checkpoints.term.release()
    assert checkpoints._lock is not None
    os.close(checkpoints._lock)


async def save(checkpoints: RedisCheckpoints, history: int | None, time: float = 5.0) -> None:
    nothing = to_bytes({})
    await trio.to_thread.run_sync(
        partial(
            checkpoints.save, time, [AgentMark.of("redis://a", "web1", EntryId(1, 2))],
            aggregation=nothing, alerting=nothing, own={}, undelivered={}, history=history,
        )
    )  # fmt: skip


async def load(checkpoints: RedisCheckpoints) -> Saved | None:
    return await trio.to_thread.run_sync(checkpoints.load)


async def test_another_machine_resumes_with_its_own_history(redis: Redis, tmp_path: Path) -> None:
    first = await begun(redis, tmp_path / "a")
    assert await load(first) is None
    await save(first, 1000)
    await ended(first)
    second = await begun(redis, tmp_path / "b")
    saved = await load(second)
    assert saved is not None
    assert saved.marks == (AgentMark.of("redis://a", "web1", EntryId(1, 2)),)
    assert (saved.history, saved.is_others) == (0, True)
    await save(second, 30)
    await ended(second)
    first = await begun(redis, tmp_path / "a")
    saved = await load(first)
    assert saved is not None
    assert (saved.history, saved.is_others) == (1000, True)
    await save(first, 1200)
    saved = await load(first)
    assert saved is not None
    assert (saved.history, saved.is_others) == (1200, False)
    await ended(first)
    second = await begun(redis, tmp_path / "b")
    saved = await load(second)
    assert saved is not None
    assert saved.history == 30
    await ended(second)


async def test_who_was_replaced_keeps_no_records_that_the_other_hub_counts(
    redis: Redis, tmp_path: Path
) -> None:
    first = await begun(redis, tmp_path / "a")
    await save(first, 3)
    folder = SegmentFolder(first.history_folder)
    folder.path.mkdir()
    folder.write(0, decode(line(BASE) * 5).batch)
    await ended(first)
    second = await begun(redis, tmp_path / "b")
    text = f"redis://127.0.0.1:{redis.port}/0?fleet=prod"
    term = Term(fleet_address(text, "-f"))
    again = RedisCheckpoints(tmp_path / "a", [text], term)
    with trio.move_on_after(1) as waited:
        await Standby(again, term).take()
    assert waited.cancelled_caught
    assert [(one.first, one.end) for one in folder.segments()] == [(0, 3)]
    assert await load(second) is not None
    await ended(second)
    await ended(again)


@pytest.mark.parametrize("kept", [0, 2])
@pytest.mark.parametrize("is_known", [True, False])
async def test_what_a_hub_read_before_its_first_checkpoint_is_for_the_next_hub(
    redis: Redis, tmp_path: Path, kept: int, is_known: bool
) -> None:
    if is_known:
        first = await begun(redis, tmp_path / "a")
        await save(first, 1000)
        await ended(first)
    second = await begun(redis, tmp_path / "b")
    folder = SegmentFolder(second.history_folder)
    folder.path.mkdir()
    if kept:  # of a hub whose state was in a file
        folder.write(0, decode(line(BASE) * kept).batch)
    saved = await load(second)
    assert (saved and saved.history) == (kept if is_known else None)
    folder.write(kept, decode(line(BASE) * 5).batch)
    await ended(second)  # it was killed
    first = await begun(redis, tmp_path / "a")
    await load(first)
    await save(first, 1200)
    await ended(first)
    for number in (kept, kept + 9):
        second = await begun(redis, tmp_path / "b")
        saved = await load(second)
        assert saved is not None
        assert saved.history == number
        await save(second, kept + 9)
        await ended(second)


async def test_after_a_run_without_a_history_its_position_is_looked_for_on_the_disk(
    redis: Redis, tmp_path: Path
) -> None:
    checkpoints = await begun(redis, tmp_path / "a")
    folder = SegmentFolder(checkpoints.history_folder)
    folder.path.mkdir()
    folder.write(0, decode(line(BASE) * 5).batch)
    await save(checkpoints, None)
    saved = await load(checkpoints)
    assert saved is not None
    assert (saved.history, saved.is_others) == (None, False)
    await ended(checkpoints)


async def test_who_cannot_reach_redis_says_so_whatever_it_has_stored(tmp_path: Path) -> None:
    port = free_port()
    text = f"redis://127.0.0.1:{port}/0?fleet=prod"
    term = Term(fleet_address(text, "-f"))
    checkpoints = RedisCheckpoints(tmp_path, [text], term)
    checkpoints.history_folder.mkdir()
    standby = Standby(checkpoints, term)
    with trio.move_on_after(1):
        await standby.take()
    assert standby.detail == f"127.0.0.1:{port}: Connection refused; trying again"


async def test_who_was_replaced_does_not_save(redis: Redis, tmp_path: Path) -> None:
    first = await begun(redis, tmp_path / "a")
    await save(first, 1)
    redis.run("DEL", "gm:{prod}:hub")
    second = await begun(redis, tmp_path / "b")
    await save(second, 2)
    with pytest.raises(OSError, match="another hub has taken over"):
        await save(first, 3, 99.0)
    saved = await load(second)
    assert saved is not None
    assert saved.time == 5.0
    await ended(first)
    await ended(second)


async def test_a_checkpoint_that_is_too_large_is_refused_with_the_way_out(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_checkpoints, "MOST_BYTES", 10)
    checkpoints = await begun(redis, tmp_path)
    with pytest.raises(OSError, match=r"at most 0 MiB; choose a lower --distinct-limit"):
        await save(checkpoints, 1)
    assert redis.run("EXISTS", STATE) == "0"
    await ended(checkpoints)


@pytest.mark.parametrize("data", ["", "junk", "GlanceMetrics state 1\njunk"])
async def test_what_is_damaged_in_redis_is_said(redis: Redis, tmp_path: Path, data: str) -> None:
    checkpoints = await begun(redis, tmp_path)
    redis.run("SET", STATE, data)
    with pytest.raises(UnusableStateError, match=r"^Redis, gm:\{prod\}:state: damaged"):
        await load(checkpoints)
    await ended(checkpoints)


def test_marks_are_those_of_the_fleet_however_its_address_is_written() -> None:
    marks = [
        AgentMark.of("redis://10.0.0.1/0?fleet=prod", "web1", EntryId(1, 2)),
        LogMark.of("redis://10.0.0.1/0?fleet=prod", "web1", "/a.log", b"m"),
    ]
    text = "redis://hub@redis:6379/0?fleet=prod"
    assert respelled(marks, Sources((text,))) == (
        AgentMark.of(text, "web1", EntryId(1, 2)),  # also as a source: it is replaced, and removed
        LogMark.of(text, "web1", "/a.log", b"m"),
    )
    both = (text, "redis://redis/0?fleet=test")
    assert respelled(marks, Sources(both)) == tuple(marks)
    with_path = Sources(("/var/log/a.log", text))
    assert {mark.hub for mark in respelled(marks, with_path)} == {text}


def test_marks_of_one_of_several_fleets_are_known_by_its_place() -> None:
    known = {"has_ended": True, "silent_since": 5.0}
    mark = AgentMark.of("redis://redis/0?fleet=prod", "web1", EntryId(1, 2), **known)
    prod, test = "redis://hub@redis:6379/0?fleet=prod", "redis://redis/0?fleet=test"
    (found,) = respelled([mark], Sources((prod, test)))
    assert found == AgentMark.of(prod, "web1", EntryId(1, 2), **known)
