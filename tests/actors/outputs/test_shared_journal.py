"""Journals of two hubs with their content in Redis: what one has told, the other does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.notifier.journal import Journal, Message
from actors.outputs.notifier.notifier import make_notifier
from actors.outputs.notifier.shared_journal import SharedJournals
from actors.redis.term import Term
from glancemetrics.alerting.alerting import Alerts
from glancemetrics.fleet.address import fleet_address
from glancemetrics.health.health import OutputState
from glancemetrics.notifying.target_tables import read_targets
from tests.actors.outputs import snapshots
from tests.redis import Redis

TARGET = "team"
Begun = Callable[[], Awaitable[Term]]


@pytest.fixture
def redis(redis: Redis) -> Redis:
    redis.run("SET", "gm:{prod}:term", "an earlier hub")
    return redis


@pytest.fixture
async def begun(redis: Redis) -> AsyncIterator[Begun]:
    """Begin a term now; the one before it is over, whether it knows or not."""
    terms: list[Term] = []

    async def begun() -> Term:
        redis.run("DEL", "gm:{prod}:hub")
        term = Term(fleet_address(f"redis://127.0.0.1:{redis.port}/0?fleet=prod", "-f"))
        terms.append(term)
        with trio.fail_after(10):
            await term.take(lambda _: None)
        return term

    yield begun
    for term in terms:
        await term.release()


async def there(work: Callable[..., Any], *arguments: object) -> Any:
    return await trio.to_thread.run_sync(work, *arguments)


def event(number: int, kind: str = "triggered") -> dict[str, object]:
    return {"incident": f"high-{number}", "event": kind, "time": "now"}


async def add(journal: Journal, number: int) -> bool:
    added: bool = await there(
        journal.add, TARGET, f"high-{number} triggered", event(number), 10.0 + number
    )
    return added


async def deliver(journal: Journal) -> list[str]:
    """Deliver what waits; returns the incidents."""
    found = []
    while isinstance(message := await there(journal.next, TARGET, 100.0), Message):
        await there(journal.confirm)
        found += [str(one["incident"]) for one in message.events]
        await there(journal.delivered, message, 100.0)
    return found


async def test_the_next_hub_tells_what_was_not_told_and_nothing_twice(
    begun: Begun, tmp_path: Path
) -> None:
    first = await there(SharedJournals(tmp_path / "a.db", await begun(), TARGET).open)
    await add(first, 1)
    assert await deliver(first) == ["high-1"]
    await add(first, 2)
    second = await there(SharedJournals(tmp_path / "b.db", await begun(), TARGET).open)
    assert not await add(second, 1)  # evaluated again
    assert second.last_noted(TARGET, "high-1") == 11.0
    assert await deliver(second) == ["high-2"]
    with pytest.raises(ConnectionError, match="another hub has taken over"):
        await there(first.confirm)
    third = await there(SharedJournals(tmp_path / "a.db", await begun(), TARGET).open)
    assert await deliver(third) == []


async def test_what_a_replaced_hub_noted_for_itself_is_not_told(
    begun: Begun, tmp_path: Path
) -> None:
    journals = SharedJournals(tmp_path / "a.db", await begun(), TARGET)
    first = await there(journals.open)
    await add(first, 1)
    second = await there(SharedJournals(tmp_path / "b.db", await begun(), TARGET).open)
    with pytest.raises(ConnectionError):
        await add(first, 2)
    assert await deliver(second) == ["high-1"]
    third = await there(SharedJournals(tmp_path / "a.db", await begun(), TARGET).open)
    assert await deliver(third) == []


async def test_what_redis_has_lost_is_put_back(redis: Redis, begun: Begun, tmp_path: Path) -> None:
    term = await begun()
    first = await there(SharedJournals(tmp_path / "a.db", term, TARGET).open)
    await add(first, 1)
    await deliver(first)
    await add(first, 2)
    redis.run("DEL", term.keys.told(TARGET))
    await there(first.put_back)
    assert redis.run("EXISTS", term.keys.told(TARGET)) == "0"  # nothing tells that it is lost
    term.returns += 1
    await there(first.put_back)
    second = await there(SharedJournals(tmp_path / "b.db", await begun(), TARGET).open)
    assert await deliver(second) == ["high-2"]


async def test_what_redis_has_lost_is_put_back_while_nothing_fires(
    redis: Redis, begun: Begun, tmp_path: Path
) -> None:
    term = await begun()
    path = tmp_path / "a.db"
    first = await there(SharedJournals(path, term, TARGET).open)
    await add(first, 1)
    await deliver(first)
    (target,) = read_targets(f'[[notify]]\nname = "{TARGET}"\nexec = ["true"]', "config.toml")
    notifier = make_notifier(target, path, lambda: 100.0, lambda _: "", term)
    delivery = Delivery.to(notifier)
    quiet = attrs.evolve(snapshots.snapshot(), alerts=Alerts())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        with trio.fail_after(20):
            while delivery.health.state is not OutputState.WORKING:
                await trio.sleep(0.02)
            redis.run("DEL", term.keys.told(TARGET))
            term.returns += 1
            while redis.run("EXISTS", term.keys.told(TARGET)) == "0":
                delivery.send_snapshot(quiet)
                await trio.sleep(0.05)
        nursery.cancel_scope.cancel()
    second = await there(SharedJournals(tmp_path / "b.db", await begun(), TARGET).open)
    assert not await add(second, 1)  # it knows what was delivered


async def test_in_one_term_a_failure_forgets_nothing(
    redis: Redis, begun: Begun, tmp_path: Path
) -> None:
    term = await begun()
    journals = SharedJournals(tmp_path / "a.db", term, TARGET)
    first = await there(journals.open)
    await add(first, 1)
    await add(first, 2)
    field = redis.run("HKEYS", term.keys.told(TARGET)).split()[1]
    redis.run("HDEL", term.keys.told(TARGET), field)  # what was written last
    again = await there(journals.open)
    assert await deliver(again) == ["high-1", "high-2"]


async def test_what_is_damaged_in_redis_is_ignored(
    redis: Redis, begun: Begun, tmp_path: Path
) -> None:
    term = await begun()
    for number, text in enumerate(["", "{}", "[" * 5000, '{"event": 1}', '{"event": "{}"}']):
        redis.run("HSET", term.keys.told(TARGET), f"{number}", text)
    first = await there(SharedJournals(tmp_path / "a.db", term, TARGET).open)
    assert await deliver(first) == []
