"""Leases over a real Redis: who has one, whose is nobody's any more, and what races leave of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from actors.redis import lease as lease_module
from actors.redis.connection import Connection, connect
from actors.redis.lease import Holder, Lease
from glancemetrics.fleet.address import FleetAddress, fleet_address
from glancemetrics.fleet.keys import FleetKeys, agent_access
from tests.conftest import needs
from tests.redis import Redis

KEY = FleetKeys("prod").lease("web1")
_IS_GONE = "import sys; from actors.redis.lease import Holder; "
_IS_GONE += "print(Holder.read(sys.stdin.read()).is_gone)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis"), ("--appendonly", "no")) as running:
        yield running


@pytest.fixture
def redis(server: Redis) -> Redis:
    server.run("FLUSHALL")
    return server


def at(redis: Redis, query: str = "", user: str = "") -> FleetAddress:
    return fleet_address(f"redis://{user}127.0.0.1:{redis.port}/0?fleet=prod{query}", "--to")


def killed() -> Holder:
    """A holder of this machine and container that has ended."""
    process = subprocess.Popen(["true"])
    process.wait(20)
    return attrs.evolve(Lease.of(KEY).own, instance="killed", process=process.pid)


def test_who_has_ended_in_the_same_container_is_gone() -> None:
    assert killed().is_gone
    assert Holder.read(killed().to_bytes()).is_gone
    assert not Lease.of(KEY).own.is_gone


@pytest.mark.parametrize(
    "other",
    [
        {"boot": ""},
        {"boot": "of another machine"},
        {"namespace": ""},
        {"namespace": "pid:[1]"},
        {"process": 1},
        {"process": 0},
        {"process": -1},
        {"process": 1 << 70},
    ],
    ids=str,
)
def test_who_ran_elsewhere_or_is_not_known_is_not_gone(other: dict[str, str | int]) -> None:
    assert not attrs.evolve(killed(), **other).is_gone  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["_BOOT", "_NAMESPACE"])
def test_without_proc_nobody_is_gone(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    of_before = killed()
    monkeypatch.setattr(lease_module, path, Path("/nowhere"))
    assert not of_before.is_gone
    assert not killed().is_gone


def test_of_a_holder_without_a_namespace_the_machine_is_known_but_not_whether_it_is_gone() -> None:
    values = attrs.asdict(killed())
    del values["namespace"]
    holder = Holder.read(json.dumps(values))
    assert holder.host == killed().host
    assert not holder.is_gone


def test_another_container_of_the_same_machine_is_alive_as_far_as_is_known() -> None:
    """It has the same boot, and does not see the process numbers of this one."""
    needs("unshare")
    new = ["unshare", "--pid", "--fork", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*new, "true"], check=False, capture_output=True, timeout=20).returncode:
        pytest.skip("a new namespace is not allowed here")
    done = subprocess.run(
        [*new, sys.executable, "-c", _IS_GONE], input=Lease.of(KEY).own.to_bytes(),
        capture_output=True, check=True, timeout=20,
    )  # fmt: skip
    assert done.stdout == b"False\n"


@pytest.fixture
async def connection(redis: Redis) -> Connection:
    return await connect(at(redis), "test")


def taken_after(monkeypatch: pytest.MonkeyPatch, redis: Redis, looks: int, fresh: Holder) -> None:
    """Let another process take the lease once it has been looked at so many times."""
    real, seen = Connection.run, 0

    async def run(self: Connection, *commands: tuple[str, ...], **how: float) -> object:
        nonlocal seen
        replies = await real(self, *commands, **how)  # type: ignore[arg-type]
        seen += any(command[0] == "GET" for command in commands)
        if seen == looks:
            redis.run("SET", KEY, fresh.to_bytes().decode())
            seen += 1
        return replies

    monkeypatch.setattr(Connection, "run", run)


@pytest.mark.parametrize("looks", [1, 2])
async def test_of_two_that_wait_for_a_killed_one_neither_ends_the_others_lease(
    redis: Redis, connection: Connection, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    fresh = Lease.of(KEY).own
    redis.run("SET", KEY, killed().to_bytes().decode())
    taken_after(monkeypatch, redis, looks, fresh)
    own = Lease.of(KEY)
    assert not await own.renew(connection)
    assert redis.run("GET", KEY).encode() == fresh.to_bytes()
    assert not await own.renew(connection)
    await connection.aclose()


async def test_who_lets_go_does_not_end_the_lease_of_the_next_one(
    redis: Redis, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, fresh = Lease.of(KEY), Lease.of(KEY).own
    assert await own.renew(connection)
    taken_after(monkeypatch, redis, 1, fresh)
    await own.release(connection)
    assert redis.run("GET", KEY).encode() == fresh.to_bytes()
    await own.release(connection)
    assert redis.run("GET", KEY).encode() == fresh.to_bytes()
    await connection.aclose()


async def test_the_printed_access_rules_of_an_agent_are_enough(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    with Redis(tmp_path / "redis") as redis:
        words = list(agent_access("prod", "web1", "web1"))
        assert redis.run(*words[:5], ">s3cret", *words[5:]) == "OK"
        connection = await connect(at(redis, f"&password-file={secret}", "web1@"), "test")
        redis.run("SET", KEY, killed().to_bytes().decode())
        own, other = Lease.of(KEY), Lease.of(KEY)
        assert not await own.renew(connection)
        assert await own.renew(connection)
        await other.release(connection)
        assert redis.run("GET", KEY).encode() == own.own.to_bytes()
        await own.release(connection)
        assert redis.run("GET", KEY) == ""
        await connection.aclose()
