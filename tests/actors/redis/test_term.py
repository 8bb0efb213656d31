"""The term of a hub, over a real Redis: who may begin, who may write, and who notices what."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from actors.redis import term as term_module
from actors.redis.lease import NotHeldError
from actors.redis.term import Term
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.fleet.address import FleetAddress, fleet_address
from glancemetrics.fleet.keys import hub_access
from tests.redis import Redis

HUB, TERM, STATE = "gm:{prod}:hub", "gm:{prod}:term", "gm:{prod}:state"


def at(redis: Redis, query: str = "", user: str = "") -> FleetAddress:
    return fleet_address(f"redis://{user}127.0.0.1:{redis.port}/0?fleet=prod{query}", "-f")


def term_of(redis: Redis, boot: str = "another machine") -> Term:
    """A term as of a process on a machine of its own: whether that still runs is not known."""
    made = Term(at(redis))
    made.lease = attrs.evolve(made.lease, own=attrs.evolve(made.lease.own, boot=boot))
    return made


def begun_before(redis: Redis) -> None:
    redis.run("SET", TERM, "an earlier hub")


async def taken(term: Term) -> list[str]:
    """Begin a term; returns what was waited for."""
    said: list[str] = []
    with trio.fail_after(20):
        await term.take(said.append)
    return said


async def is_taken(term: Term, seconds: float = 1.5) -> bool:
    with trio.move_on_after(seconds) as waiting:
        await term.take(lambda _: None)
    return not waiting.cancelled_caught


def lease_expires(redis: Redis) -> None:
    redis.run("DEL", HUB)


async def test_the_next_hub_begins_when_the_first_lets_go(redis: Redis) -> None:
    begun_before(redis)
    first, second = term_of(redis), term_of(redis)
    assert await taken(first) == []
    assert first.is_sure()
    assert not await is_taken(second)
    assert not second.is_sure()
    await first.release()
    assert await is_taken(second)


async def test_what_it_waits_for_is_said(redis: Redis) -> None:
    begun_before(redis)
    await taken(term_of(redis))
    said: list[str] = []
    with trio.move_on_after(1):
        await term_of(redis).take(said.append)
    host = term_of(redis).lease.own.host
    assert set(said) == {f"another hub of this fleet runs on {host}; waiting"}


async def test_only_the_hub_of_the_term_writes(redis: Redis) -> None:
    begun_before(redis)
    first, second = term_of(redis), term_of(redis)
    await taken(first)
    await first.run(("SET", STATE, "1"))
    lease_expires(redis)
    with pytest.raises(NotHeldError):
        await first.run(("SET", STATE, "expired"))
    await taken(second)
    with pytest.raises(NotHeldError, match="another hub has taken over"):
        await first.run(("SET", STATE, "stale"), ("DEL", STATE))
    with pytest.raises(NotHeldError):
        await first.confirm()
    assert redis.run("GET", STATE) == "1"
    await second.run(("SET", STATE, "2"))
    assert await second.read("GET", STATE, most_bytes=100) == b"2"
    await first.release()
    await second.release()


async def test_between_its_check_and_its_write_no_other_hub_can_begin(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is watched: what changes it in between undoes the write."""
    begun_before(redis)
    first = term_of(redis)
    await taken(first)
    other = await term_module.connect(at(redis), "test")
    lease, real = first.lease, term_module.Connection.run
    looks = 0

    async def run(self: object, *commands: tuple[str, ...], **how: object) -> object:
        nonlocal looks
        replies = await real(self, *commands, **how)  # type: ignore[arg-type]
        if commands[0][0] == "WATCH":
            looks += 1
            await real(other, ("SET", HUB, "another hub"))
        return replies

    connection = await term_module.connect(at(redis), "test")
    monkeypatch.setattr(term_module.Connection, "run", run)
    with pytest.raises(NotHeldError):
        await lease.guarded(connection, ("SET", STATE, "stale"))
    assert looks == 1
    assert redis.run("GET", STATE) == ""
    await connection.aclose()
    await other.aclose()


async def test_while_a_checkpoint_is_written_the_hub_may_notify(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_before(redis)
    term = term_of(redis)
    await taken(term)
    real, may_write, writes = term_module.Connection.run, trio.Event(), trio.Event()

    async def run(self: object, *commands: tuple[str, ...], **how: object) -> object:
        if ("SET", STATE, "large") in commands:
            writes.set()
            await may_write.wait()
        return await real(self, *commands, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(term_module.Connection, "run", run)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(term.run_long, ("SET", STATE, "large"), seconds=60))
        await writes.wait()
        with trio.fail_after(10):
            await term.confirm()
            await term.run(("HSET", term.keys.told("team"), "a", "1"))
        assert redis.run("EXISTS", STATE) == "0"
        may_write.set()
    assert redis.run("GET", STATE) == "large"
    await term.release()


async def test_who_is_replaced_is_told_and_who_is_not_continues(redis: Redis) -> None:
    begun_before(redis)
    first, second = term_of(redis), term_of(redis)
    await taken(first)
    lost = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first.keep, lost.set)
        lease_expires(redis)  # and nobody takes it
        await trio.sleep(1.5)
        assert redis.run("GET", HUB).encode() == first.lease.own.to_bytes()
        redis.run("FLUSHALL")
        await trio.sleep(1.5)
        assert redis.run("GET", TERM) == first.lease.own.instance
        assert first.returns == 2
        assert not lost.is_set()
        redis.run("SET", HUB, second.lease.own.to_bytes().decode())
        with trio.fail_after(5):
            await lost.wait()
        nursery.cancel_scope.cancel()


async def test_a_hub_that_was_replaced_in_between_does_not_continue(redis: Redis) -> None:
    """The other one has begun, saved what it counted, and ended."""
    begun_before(redis)
    first, second = term_of(redis), term_of(redis)
    await taken(first)
    lease_expires(redis)
    await taken(second)
    await second.release()
    lost = trio.Event()
    with trio.fail_after(5):
        await first.keep(lost.set)
    assert lost.is_set()
    assert redis.run("GET", HUB) == ""


async def test_in_an_empty_redis_a_running_hub_is_first(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_before(redis)
    first, second = term_of(redis), term_of(redis)
    await taken(first)
    redis.run("FLUSHALL")
    assert not await is_taken(second, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first.keep, nursery.cancel_scope.cancel)
        await trio.sleep(0.5)
        assert redis.run("GET", TERM) == first.lease.own.instance
        nursery.cancel_scope.cancel()
    redis.run("FLUSHALL")
    monkeypatch.setattr(term_module, "PATIENCE_SECONDS", 0.6)
    assert await is_taken(second)


async def test_time_alone_shows_that_another_hub_may_have_begun(redis: Redis) -> None:
    begun_before(redis)
    now = 1000.0
    term = Term(at(redis), lambda: now)
    await taken(term)
    assert term.is_sure()
    now += term_module.LEASE_SECONDS
    assert not term.is_sure()


async def test_the_printed_access_rules_are_enough(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    with Redis(tmp_path / "redis") as redis:
        begun_before(redis)
        words = list(hub_access("prod", "hub"))
        assert redis.run(*words[:5], ">s3cret", *words[5:]) == "OK"
        term = Term(at(redis, f"&password-file={secret}", "hub@"))
        assert await taken(term) == []
        told = term.keys.told("team")
        await term.run_long(("SET", term.keys.state, "1"), seconds=5)
        await term.run(("HSET", told, "a", "1"), ("HDEL", told, "a"))
        assert await term.read("HGETALL", told, most_bytes=100) == []
        await term.release()
        assert redis.run("GET", HUB) == ""
        redis.run("ACL", "SETUSER", "hub", "-watch")
        with pytest.raises(GlanceMetricsError, match="agent-user --hub --fleet prod"):
            await taken(term)


@pytest.mark.parametrize("key", ["hub", "term"])
async def test_a_key_of_another_program_is_named_before_the_term(redis: Redis, key: str) -> None:
    redis.run("RPUSH", f"gm:{{prod}}:{key}", "x")
    said = rf"^127.0.0.1:{redis.port}: Redis refuses GET gm:{{prod}}:{key}: WRONGTYPE .*fleet="
    with pytest.raises(GlanceMetricsError, match=said):
        await taken(term_of(redis))


async def test_what_redis_refuses_in_a_term_is_said_with_the_key_and_the_way_out(
    redis: Redis,
) -> None:
    begun_before(redis)
    term = term_of(redis)
    await taken(term)
    told = term.keys.told("team")
    redis.run("RPUSH", told, "x")
    begin = f"^127.0.0.1:{redis.port}: Redis refuses "
    named = rf"{re.escape(told)}: WRONGTYPE .*; name another fleet with fleet=, or delete it$"
    with pytest.raises(GlanceMetricsError, match=f"{begin}HSET {named}"):
        await term.run(("SET", STATE, "1"), ("HSET", told, "a", "1"))
    with pytest.raises(GlanceMetricsError, match=f"{begin}HGETALL {named}"):
        await term.read("HGETALL", told, most_bytes=100)
    redis.run("CONFIG", "SET", "maxmemory", "1")
    full = f"{begin}SET {STATE}: OOM .*; raise maxmemory in the configuration of Redis$"
    try:
        with pytest.raises(GlanceMetricsError, match=full):
            await term.run_long(("SET", STATE, "1"), seconds=5)
    finally:
        redis.run("CONFIG", "SET", "maxmemory", "0")
    with pytest.raises(GlanceMetricsError, match=f"{begin}HINCRBY .*; see the log of Redis$"):
        await term.run(("HSET", "h", "a", "x\x1b"), ("HINCRBY", "h", "a", 1))
    await term.release()


async def test_a_connection_that_was_idle_for_too_long_is_made_again(redis: Redis) -> None:
    begun_before(redis)
    term = term_of(redis)
    await taken(term)
    await term.confirm()
    with suppress(Exception):
        redis.run("CLIENT", "KILL", "TYPE", "normal")
    await term.confirm()
    await term.release()
