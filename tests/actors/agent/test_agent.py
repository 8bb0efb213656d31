"""Agents of a real Redis: what they send, what they wait for, and what they do not load."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from actors.agent import agent as agent_module
from actors.agent.agent import Agent, AgentPlan, _Known, _Sent
from actors.redis.connection import Connection, checked, connect
from actors.redis.lease import Lease
from actors.sources.position import From
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.fleet.address import fleet_address
from glancemetrics.fleet.entry import Entry, EntryId, unpacked
from glancemetrics.fleet.keys import FleetKeys, hub_access
from glancemetrics.fleet.position import Position
from glancemetrics.fleet.status import AgentStatus
from tests.lines import line
from tests.redis import Redis, Wire
from tests.waiting import Running

KEYS = FleetKeys("prod")
BEYOND = EntryId(1 << 62, 1)
"""After all entries."""


def plan_of(
    redis: Redis,
    *paths: Path,
    name: str = "web1",
    start: From = From.START,
    port: int | None = None,
) -> AgentPlan:
    address = fleet_address(f"redis://127.0.0.1:{port or redis.port}/0?fleet=prod", "--to")
    return AgentPlan(address=address, name=name, paths=tuple(map(str, paths)), start=start)


@asynccontextmanager
async def connected(plan: AgentPlan, client: str) -> AsyncIterator[Connection]:
    connection = await connect(plan.address, client)
    try:
        yield connection
    finally:
        await connection.aclose()


@asynccontextmanager
async def running(plan: AgentPlan) -> AsyncIterator[Connection]:
    """Run an agent in this block; yields a connection to its Redis."""
    stop = trio.Event()
    async with connected(plan, "test") as connection, trio.open_nursery() as nursery:
        nursery.start_soon(Agent(plan, time.time).run, stop)
        try:
            yield connection
        finally:
            stop.set()


async def entries(connection: Connection, name: str = "web1") -> dict[EntryId, Entry]:
    (reply,) = await connection.run(("XRANGE", KEYS.stream(name), "-", "+"))
    return {EntryId.read(entry): unpacked(fields[1]) for entry, fields in checked(reply)}


async def lines_in(connection: Connection, name: str = "web1") -> bytes:
    return lines_of(await entries(connection, name))


def lines_of(found: dict[EntryId, Entry]) -> bytes:
    return b"".join(part.lines for entry in found.values() for part in entry.parts)


async def until_begun(connection: Connection) -> None:
    with trio.fail_after(20):
        while not await entries(connection):
            await trio.sleep(0.05)


async def until_sent(connection: Connection, lines: bytes, name: str = "web1") -> None:
    with trio.fail_after(20):
        while await lines_in(connection, name) != lines:
            await trio.sleep(0.05)


async def test_whole_lines_are_sent_with_how_far_the_log_was_read(
    redis: Redis, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line() * 2 + b"not whole")
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line() * 2)
        with log.open("ab") as file:
            file.write(b" yet\n" + line())
        await until_sent(connection, line() * 2 + b"not whole yet\n" + line())
        found = await entries(connection)
    births = {one.birth for one in found}
    assert len(births) == 1
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert [entry.after for entry in found.values()] == [None] * len(found)
    marks = [part.mark for entry in found.values() for part in entry.parts if part.lines]
    assert all(marks)
    assert len(set(marks)) == len(marks)
    assert b"".join(p.sample for e in found.values() for p in e.parts).startswith(line())


async def test_after_a_restart_it_goes_on_where_it_was(redis: Redis, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(size=1))
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line(size=1))
    with log.open("ab") as file:
        file.write(line(size=2))
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line(size=1) + line(size=2))
        found = await entries(connection)
    before, after = sorted({one.birth for one in found})
    first = next(entry for one, entry in found.items() if one == EntryId(after, 1))
    assert first.after == max(one for one in found if one.birth == before)


async def test_at_first_what_was_there_before_is_left_if_that_is_wanted(
    redis: Redis, tmp_path: Path
) -> None:
    log, later = tmp_path / "access.log", tmp_path / "later.log"
    log.write_bytes(line(size=1) * 100)
    async with running(plan_of(redis, log, later, start=From.END)) as connection:
        await until_begun(connection)
        with log.open("ab") as file:
            file.write(line(size=2))
        await until_sent(connection, line(size=2))
        later.write_bytes(line(size=3))  # it came later, so all of it is new
        await until_sent(connection, line(size=2) + line(size=3))


async def test_what_redis_has_lost_is_sent_again_from_what_was_counted(
    redis: Redis, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(size=1))
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line(size=1))
        await count_all(connection)
        with log.open("ab") as file:
            file.write(line(size=2))
        await until_sent(connection, line(size=2))
        await connection.run(("FLUSHALL",))
        await until_sent(connection, line(size=2))
        last = await entries(connection)
        assert min(last).number == 1
        assert last[min(last)].after is not None  # as the process remembers


@pytest.mark.parametrize("start", [From.START, From.END])
async def test_what_was_sent_over_another_connection_is_sent_again_if_redis_loses_it(
    redis: Redis, tmp_path: Path, start: From
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(size=1))
    expected = line(size=1) if start is From.START else b""
    async with running(plan_of(redis, log, start=start)) as connection:
        await until_begun(connection)
        for size in (2, 3):
            with log.open("ab") as file:
                file.write(line(size=size))
            expected += line(size=size)
            await until_sent(connection, expected)
            await connection.run(("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        with log.open("ab") as file:
            file.write(line(size=4))
        await until_sent(connection, expected + line(size=4))  # over the third connection
        await connection.run(("FLUSHALL",))
        await until_sent(connection, expected + line(size=4))
        assert {entry.after for entry in (await entries(connection)).values()} == {None}


@pytest.mark.parametrize(
    ("start", "counted"), [(From.END, 0), (From.START, 1), (From.END, 2)], ids=str
)
async def test_what_an_earlier_process_sent_is_sent_again_if_redis_loses_it(
    redis: Redis, tmp_path: Path, start: From, counted: int
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(size=1))
    expected = [line(size=1)] if start is From.START else []
    async with running(plan_of(redis, log, start=start)) as connection:
        await until_begun(connection)
        for size in (2, 3, 4):
            with log.open("ab") as file:
                file.write(line(size=size))
            expected.append(line(size=size))
            await until_sent(connection, b"".join(expected))
    async with running(plan_of(redis, log, start=start)) as connection:
        with log.open("ab") as file:
            file.write(line(size=5))
        expected.append(line(size=5))
        await until_sent(connection, b"".join(expected))
        found = [one for one in (await entries(connection)).items() if lines_of(dict([one]))]
        if counted:
            await count_all(connection, dict(found[:counted]))
            for _ in range(2):  # before each word it looks what is counted
                await heard(connection)
        await connection.run(("FLUSHALL",))
        await until_sent(connection, b"".join(expected[counted:]))
        first = min((await entries(connection)).items())[1]
        assert first.after == (found[counted - 1][0] if counted else None)


async def test_a_log_that_was_rotated_is_sent_again_if_redis_loses_it_before_any_was_counted(
    redis: Redis, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(size=1))
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line(size=1))
        log.rename(tmp_path / "access.log.1")
        log.write_bytes(line(size=2))
        await until_sent(connection, line(size=1) + line(size=2))
        await connection.run(("FLUSHALL",))
        await until_sent(connection, line(size=1) + line(size=2))


async def until_marked(connection: Connection, *paths: Path) -> None:
    with trio.fail_after(20):
        marked: set[str] = set()
        while not marked.issuperset(map(str, paths)):
            await trio.sleep(0.05)
            found = (await entries(connection)).values()
            marked = {part.path for entry in found for part in entry.parts if part.mark}


@pytest.mark.parametrize("start", [From.START, From.END])
async def test_a_log_that_came_later_is_sent_again_if_redis_loses_what_an_earlier_process_sent(
    redis: Redis, tmp_path: Path, start: From
) -> None:
    log, later = tmp_path / "access.log", tmp_path / "later.log"
    log.write_bytes(line(size=1))
    plan = plan_of(redis, tmp_path / "*.log", start=start)
    async with running(plan) as connection:
        await until_marked(connection, log)
        await count_all(connection)
        later.write_bytes(line(size=2))
        await until_sent(connection, line(size=2))
        sent = max(await entries(connection))
    async with running(plan) as connection:
        with trio.fail_after(20):
            while max(await entries(connection), default=sent).birth == sent.birth:
                await trio.sleep(0.05)
        await connection.run(("FLUSHALL",))
        await until_sent(connection, line(size=2))


async def test_where_it_began_is_known_to_the_next_process_if_the_hub_refuses_what_was_sent(
    redis: Redis, tmp_path: Path
) -> None:
    log, other = tmp_path / "access.log", tmp_path / "other.log"
    log.write_bytes(line(size=1))
    other.write_bytes(line(size=1))
    plan = plan_of(redis, tmp_path / "*.log", start=From.END)
    async with running(plan) as connection:
        await until_marked(connection, log, other)
        with other.open("ab") as file:
            file.write(line(size=2))
        await until_sent(connection, line(size=2))
        sent, marks = max(await entries(connection)), KEYS.counted("web1")
        # It has counted an entry that was sent before the other log was looked at.
        (mark,) = await connection.run(("HGET", KEYS.sent("web1"), f"f:{log}"))
        await connection.run(("HSET", marks, "id", str(EntryId(1, 1)), f"f:{log}", mark))
    connection = await connect(plan.address, "hub")
    await connection.run(("HSET", marks, "refused", str(sent)))
    await connection.aclose()
    async with running(plan) as connection:
        found = await entries(connection)
        with trio.fail_after(20):
            while not (lines_of(found) and min(found) > sent):
                await trio.sleep(0.05)
                found = await entries(connection)
        assert lines_of(found) == line(size=2)


def test_what_is_counted_has_no_log_that_is_gone() -> None:
    """An earlier process has sent entries up to the fourth, which says that a log is gone."""
    known = _Known(counted=Position(EntryId(5, 1), {"a": b"1"}))
    known.goes_on_after(Position(EntryId(5, 4), {"a": b"4"}))
    known.sent.append(_Sent(EntryId(6, 1), {"c": b"1"}, 100))
    known.note_counted(Position(EntryId(5, 2), {"a": b"2", "b": b"2"}))
    assert known.counted == Position(EntryId(5, 2), {"a": b"2", "b": b"2"})
    known.has_counted(EntryId(5, 4))
    assert known.counted == Position(EntryId(5, 4), {"a": b"4"})
    known.has_counted(EntryId(6, 1))
    assert known.counted == Position(EntryId(6, 1), {"a": b"4", "c": b"1"})


async def test_what_the_hub_refuses_is_sent_again_from_what_it_has_counted(
    redis: Redis, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line(size=1))
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line(size=1))
        counted = await count_all(connection)
        with log.open("ab") as file:
            file.write(line(size=2))
        await until_sent(connection, line(size=2))
        refused = max(await entries(connection))
        await connection.run(("HSET", KEYS.counted("web1"), "refused", str(refused)))
        with trio.fail_after(20):
            while min(await entries(connection), default=refused) <= refused:
                await trio.sleep(0.05)
        await until_sent(connection, line(size=2))
        found = await entries(connection)
        assert found[min(found)].after == counted


async def count_all(connection: Connection, found: dict[EntryId, Entry] | None = None) -> EntryId:
    """Do what a hub does: count all entries, or some, for good."""
    found = found or await entries(connection)
    fields: list[str | bytes] = ["id", str(max(found))]
    for entry in found.values():
        for part in entry.parts:
            if part.mark:
                fields += [f"f:{part.path}", part.mark]
    await connection.run(
        ("MULTI",),
        ("HSET", KEYS.counted("web1"), *fields),
        ("XTRIM", KEYS.stream("web1"), "MINID", str(max(found).next)),
        ("EXEC",),
    )
    return max(found)


async def test_it_stops_reading_when_nothing_is_counted(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "MOST_WAITING", 3)
    log = tmp_path / "access.log"
    log.touch()
    async with running(plan_of(redis, log)) as connection:
        with log.open("ab", buffering=0) as file:
            for number in range(40):
                file.write(line(size=number))
                await trio.sleep(0.1)
        waiting = await entries(connection)
        assert len(waiting) == 3
        sent = lines_of(waiting)
        assert 0 < sent.count(b"\n") < 40
        status = AgentStatus.read(await heard(connection))
        assert status.waits
        with trio.fail_after(20):
            while sent.count(b"\n") < 40:
                if waiting:
                    await count_all(connection, waiting)
                await trio.sleep(0.3)
                waiting = await entries(connection)
                sent += lines_of(waiting)
    assert sent == b"".join(line(size=number) for number in range(40))


async def test_what_it_could_not_read_while_it_waited_is_not_said_to_be_read(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub would close the seconds of these lines without them."""
    monkeypatch.setattr(agent_module, "MOST_WAITING", 3)
    log = tmp_path / "access.log"
    log.touch()
    said: list[AgentStatus] = []
    plan = plan_of(redis, log)
    async with running(plan) as connection, trio.open_nursery() as nursery:
        nursery.start_soon(hear, plan, said)
        with trio.fail_after(20):
            while not (said and said[-1].waits):
                with log.open("ab") as file:
                    file.write(line(size=1))
                await trio.sleep(0.1)
        written_at = time.time()
        with log.open("ab") as file:
            file.write(line(size=2))
        await trio.sleep(2.5)
        waiting = await entries(connection)
        await count_all(connection, waiting)
        found: dict[EntryId, Entry] = {}
        with trio.fail_after(20):
            while line(size=2) not in lines_of(found):
                await trio.sleep(0.1)
                found = await entries(connection)
            (last,) = (
                one for one, entry in found.items() if line(size=2) in lines_of({one: entry})
            )
            await count_all(connection, found)
            while said[-1].past is None or said[-1].past < written_at:  # in the end it is
                await trio.sleep(0.1)
        for one in said:
            assert (
                one.past is None
                or one.past < written_at
                or (one.sent is not None and one.sent >= last)
            )
        assert not any(part.fresh for part in found[last].parts)
        nursery.cancel_scope.cancel()


def empty_logs(folder: Path, count: int) -> list[Path]:
    logs = [folder / f"{number}.log" for number in range(count)]
    for log in logs:
        log.touch()
    return logs


@attrs.define
class Written:
    """Lines that were written to some logs; the size in each is its number."""

    logs: list[Path]
    times: dict[int, float] = attrs.field(factory=dict)
    """By number, when the line was written."""

    async def write(self, pause: float) -> None:
        with ExitStack() as opened:
            files = [opened.enter_context(log.open("ab", buffering=0)) for log in self.logs]
            while True:
                for file in files:
                    number = len(self.times) + 1
                    file.write(line(size=number))
                    self.times[number] = time.time()
                await trio.sleep(pause)

    def assert_claims_are_true(
        self, found: dict[EntryId, Entry], said: list[AgentStatus]
    ) -> list[float]:
        """Of what is said to be read, each line is in what was sent; returns what is said."""
        sent_in: dict[int, EntryId] = {}
        for one, entry in found.items():
            for part in entry.parts:
                sizes = re.findall(rb'" 200 (\d+) ', part.lines)
                sent_in.update(dict.fromkeys(map(int, sizes), one))
        claims = [(one, entry.past) for one, entry in found.items()]
        claims += [(one.sent, one.past) for one in said if one.sent in found]
        for last, past in claims:
            missing = [
                number
                for number, at in self.times.items()
                if past is not None and at < past and sent_in.get(number, BEYOND) > last
            ]
            assert not missing, (last, past, len(missing))
        return [past for _, past in claims if past is not None]


@pytest.mark.parametrize("stalled", [0.7, 3.0])
async def test_what_it_could_not_read_while_the_network_stood_still_is_not_said_to_be_read(
    redis: Redis, tmp_path: Path, stalled: float
) -> None:
    log = tmp_path / "access.log"
    log.touch()
    written = Written([log])
    wire = Wire(redis.port)
    async with running(plan_of(redis, log, port=wire.port)), trio.open_nursery() as nursery:
        said: list[AgentStatus] = []
        nursery.start_soon(hear, plan_of(redis, log), said)
        nursery.start_soon(written.write, 0.02)
        await trio.sleep(1)
        for _ in range(3):
            wire.stall()
            await trio.sleep(stalled)
            wire.heal()
            await trio.sleep(1.5)
        async with connected(plan_of(redis, log), "test") as connection:
            found = await entries(connection)
        now = time.time()
        nursery.cancel_scope.cancel()
    wire.close()
    assert now - max(written.assert_claims_are_true(found, said)) < 3
    if stalled > 2:  # how late they come does not tell how late the server writes
        assert not all(part.fresh for entry in found.values() for part in entry.parts)


async def test_over_a_slow_link_lines_are_said_to_be_read_some_seconds_later(
    redis: Redis, tmp_path: Path
) -> None:
    logs = empty_logs(tmp_path, 30)
    written = Written(logs)
    wire = Wire(redis.port)
    wire.delay = 0.15
    async with running(plan_of(redis, *logs, port=wire.port)), trio.open_nursery() as nursery:
        said: list[AgentStatus] = []
        nursery.start_soon(hear, plan_of(redis, *logs), said)
        with trio.fail_after(30):
            while not said or said[-1].past is None:
                await trio.sleep(0.1)
        nursery.start_soon(written.write, 0.1)
        await trio.sleep(12)
        async with connected(plan_of(redis, *logs), "test") as connection:
            found = await entries(connection)
        now = time.time()
        nursery.cancel_scope.cancel()
    wire.close()
    assert now - max(written.assert_claims_are_true(found, said)) < 5
    lines = [part for entry in found.values() for part in entry.parts if part.lines]
    assert lines
    assert all(part.fresh for part in lines)


async def test_what_it_could_not_read_while_it_was_stopped_is_not_said_to_be_read(
    redis: Redis, tmp_path: Path
) -> None:
    """As while its machine sleeps."""
    logs = empty_logs(tmp_path, 30)
    written = Written(logs)
    plan = plan_of(redis, *logs)
    url = f"redis://127.0.0.1:{redis.port}/0?fleet=prod"
    command = [sys.executable, "-m", "glancemetrics", "agent", *plan.paths]
    said: list[AgentStatus] = []
    with (
        Running([*command, "--to", url, "--name", "web1"], stderr=subprocess.DEVNULL) as process,
        trio.fail_after(60),
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear, plan, said)
            while not said or said[-1].past is None:
                await trio.sleep(0.1)
            process.send_signal(signal.SIGSTOP)
            with trio.move_on_after(3):
                await written.write(0.1)
            process.send_signal(signal.SIGCONT)
            async with connected(plan, "test") as connection:
                while (found := await entries(connection)) == {} or (said[-1].past or 0) < max(
                    written.times.values()
                ):
                    await trio.sleep(0.2)
            nursery.cancel_scope.cancel()
        process.terminate()
    written.assert_claims_are_true(found, said)
    assert not any(part.fresh for entry in found.values() for part in entry.parts if part.lines)


async def hear(plan: AgentPlan, said: list[AgentStatus]) -> None:
    """Note all that an agent says."""
    async with connected(plan, "test-listening") as listening:
        await listening.send(("SUBSCRIBE", KEYS.hello("web1")))
        await listening.next_reply(5)
        while True:
            said.append(AgentStatus.read((await listening.next_reply(20))[2]))


async def heard(connection: Connection) -> bytes:
    """What an agent says next."""
    await connection.send(("SUBSCRIBE", KEYS.hello("web1")))
    await connection.next_reply(5)
    message = await connection.next_reply(5)
    await connection.send(("UNSUBSCRIBE",))
    await connection.next_reply(5)
    said: bytes = message[2]
    return said


async def test_it_says_what_it_is(redis: Redis, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line())
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line())
        await trio.sleep(1.1)
        status = AgentStatus.read(await heard(connection))
        assert (status.files, status.lag_bytes, status.waits, status.is_bye) == (1, 0, False, False)
        assert status.sent == max(await entries(connection))
        assert status.past is not None
        assert abs(time.time() - status.past) < 3
        assert abs(status.ahead) < 0.5


async def test_it_does_not_say_that_all_is_sent_before_it_has_opened_its_logs(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = trio.Event()

    async def later(*arguments: Any) -> None:
        await opens.wait()
        await real(*arguments)

    real = agent_module._tail
    monkeypatch.setattr(agent_module, "_tail", later)
    log = tmp_path / "access.log"
    log.write_bytes(line())
    async with running(plan_of(redis, log)) as connection:
        assert AgentStatus.read(await heard(connection)).past is None
        opens.set()
        await until_sent(connection, line())
        with trio.fail_after(10):
            while AgentStatus.read(await heard(connection)).past is None:
                pass


async def test_a_name_is_for_one_agent(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, messages: list[str]
) -> None:
    monkeypatch.setattr(agent_module, "_PATIENCE", 0.5)
    log = tmp_path / "access.log"
    log.touch()
    plan = plan_of(redis, log)
    async with running(plan) as connection:
        lease = Lease.of(KEYS.lease("web1"))
        with trio.fail_after(10):
            while await lease.holder(connection) is None:
                await trio.sleep(0.05)
        host = (await lease.holder(connection)).host
        with pytest.raises(GlanceMetricsError, match=f"an agent of this name runs on {host}"):
            await Agent(plan, time.time).run(trio.Event())
    waiting = f"web1: an agent of this name runs on {host}; waiting"
    assert len([one for one in messages if one.startswith(waiting)]) == 1


async def test_a_folder_of_logs_with_odd_names(redis: Redis, tmp_path: Path) -> None:
    odd = tmp_path / "a\udcff b.log"
    odd.write_bytes(line(size=1))
    async with running(plan_of(redis, tmp_path)) as connection:
        await until_sent(connection, line(size=1))
        found = await entries(connection)
    assert {part.path for entry in found.values() for part in entry.parts} >= {str(odd)}


def test_it_loads_none_of_what_counts() -> None:
    """It runs on each server: what it is not to load takes most of the memory of a hub."""
    script = (
        "import sys, json; import actors.commands.run_agent, actors.agent.agent;"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout))
    assert {"trio", "hiredis"} <= loaded
    assert not loaded & {"numpy", "pyarrow", "duckdb", "prompt_toolkit", "httpx", "hypercorn"}


async def test_it_sends_as_often_as_the_hub_wants(redis: Redis, tmp_path: Path) -> None:
    redis.run("SET", KEYS.pace, "1.50")
    log = tmp_path / "access.log"
    log.write_bytes(line(size=0))
    written = line(size=0)
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, written)
        before = len(await entries(connection))
        began = trio.current_time()
        for number in range(1, 31):
            with log.open("ab") as file:
                file.write(line(size=number))
            written += line(size=number)
            await trio.sleep(0.1)
        await until_sent(connection, written)
        took = trio.current_time() - began
        sent = len(await entries(connection)) - before
    assert 1 < sent <= took / 1.5 + 1


async def test_it_begins_anew_when_it_is_asked_to_though_all_was_counted(
    redis: Redis, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line())
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line())
        (last,) = await entries(connection)
        await connection.run(("HSET", KEYS.counted("web1"), "id", str(last)))
        await connection.run(("XTRIM", KEYS.stream("web1"), "MAXLEN", 0))
        await trio.sleep(1.5)  # it has seen that nothing waits
        await connection.run(("HSET", KEYS.counted("web1"), "refused", str(last)))
        with trio.fail_after(10):
            while not (found := await entries(connection)):
                await trio.sleep(0.05)
        ((first, entry), *_) = found.items()
        assert first.birth > last.birth
        assert entry.after == last


async def test_its_last_word_is_kept_until_it_is_back(redis: Redis, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line())
    async with running(plan_of(redis, log)) as connection:
        await until_sent(connection, line())
        assert redis.run("EXISTS", KEYS.bye("web1")) == "0"
    assert AgentStatus.read(redis.run("GET", KEYS.bye("web1")).encode()).is_bye
    async with running(plan_of(redis, log)) as connection:
        await heard(connection)
        assert redis.run("EXISTS", KEYS.bye("web1")) == "0"


async def test_it_says_which_logs_it_cannot_read_and_that_no_hub_runs(
    redis: Redis, tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "_ALONE_SECONDS", 0.5)
    log = tmp_path / "acess.log"
    address = f"127.0.0.1:{redis.port}"

    async def until_said(text: str) -> None:
        with trio.fail_after(20):
            while text not in messages:
                await trio.sleep(0.05)

    async with running(plan_of(redis, log)) as connection:
        await until_said(f"{log}: does not exist yet; waiting for it")
        await until_said(
            f"{address}: no hub of fleet prod runs; the lines wait in the logs until one does"
        )
        log.write_bytes(line())
        redis.run("SET", KEYS.pace, "0.25")
        await until_said(f"{log}: is read now")
        await until_said(f"{address}: a hub of fleet prod runs now")
        await until_sent(connection, line())
    assert len([one for one in messages if "no hub" in one]) == 1


async def test_it_ends_if_its_user_may_never_send(redis: Redis, tmp_path: Path) -> None:
    """Such as that of the hub."""
    log = tmp_path / "access.log"
    log.write_bytes(line())
    *words, last = hub_access("prod", "web1")
    redis.run(*words, last, ">s3cret")
    password = tmp_path / "password"
    password.write_text("s3cret")
    address = fleet_address(
        f"redis://web1@127.0.0.1:{redis.port}/0?fleet=prod&password-file={password}", "--to"
    )
    plan = AgentPlan(address=address, name="web1", paths=(str(log),), start=From.START)
    with pytest.raises(GlanceMetricsError, match=r"may not send as web1; .*agent-user web1"):
        with trio.fail_after(20):
            await Agent(plan, time.time).run(trio.Event())
