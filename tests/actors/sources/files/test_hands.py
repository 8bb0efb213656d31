"""The threads in which logs are looked at."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors.sources.files.hands import Hands

MEBIBYTE = 1 << 20


@pytest.fixture
async def hands(nursery: trio.Nursery) -> Hands[bytes]:
    """Hands for looks that find bytes."""
    hands: Hands[bytes] = Hands(len)
    await nursery.start(hands.run)
    return hands


async def test_a_look_gives_what_it_found(hands: Hands[bytes]) -> None:
    assert await hands.look(lambda: b"one line\n") == b"one line\n"


async def test_looks_that_wait_are_made_in_one_go(
    hands: Hands[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    to_thread, goes = trio.to_thread.run_sync, 0

    async def counted(*arguments: Any, **options: Any) -> object:
        nonlocal goes
        goes += 1
        return await to_thread(*arguments, **options)

    monkeypatch.setattr(trio.to_thread, "run_sync", counted)
    async with trio.open_nursery() as nursery:
        for _ in range(960):
            nursery.start_soon(hands.look, lambda: b"")
    assert 960 // 32 <= goes <= 100


async def test_looks_that_take_a_while_are_handed_over_as_they_come(hands: Hands[bytes]) -> None:
    found = 0

    async def look_and_count() -> None:
        nonlocal found
        await hands.look(lambda: bytes(time.sleep(0.03) or 0))
        found += 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(look_and_count)
        with trio.fail_after(60):
            while not found:
                await trio.sleep(0.001)
        assert found < 20


async def test_looks_at_a_slow_mount_wait_side_by_side(hands: Hands[bytes]) -> None:
    waiting, most = 0, 0
    lock = threading.Lock()

    def slow() -> bytes:
        nonlocal waiting, most
        with lock:
            waiting += 1
            most = max(most, waiting)
        time.sleep(0.05)
        with lock:
            waiting -= 1
        return b""

    async with trio.open_nursery() as nursery:
        for _ in range(40):
            nursery.start_soon(hands.look, slow)
    assert 2 <= most <= 6
    # Those that were lent go again: quick looks are one thread's.
    threads = set()
    async with trio.open_nursery() as nursery:
        for _ in range(300):
            nursery.start_soon(hands.look, lambda: bytes(threads.add(threading.get_ident()) or 0))
    assert len(threads) <= 2


async def test_behind_many_looks_that_are_stuck_the_others_come_soon(
    hands: Hands[bytes],
) -> None:
    answers = threading.Event()

    def stuck() -> bytes:
        assert answers.wait(60)
        return b""

    async with trio.open_nursery() as nursery:
        try:
            for _ in range(60):
                nursery.start_soon(hands.look, stuck)
            await wait_all_tasks_blocked(0.05)
            with trio.fail_after(5):  # sixty times a tenth of a second is more
                assert await hands.look(lambda: b"soon") == b"soon"
        finally:
            answers.set()


async def test_a_look_that_takes_long_holds_up_no_other(hands: Hands[bytes]) -> None:
    begun, answers = threading.Event(), threading.Event()

    def stuck() -> bytes:
        begun.set()
        assert answers.wait(60)
        return b"at last"

    found: list[bytes] = []

    async def look_and_keep() -> None:
        found.append(await hands.look(stuck))

    async with trio.open_nursery() as nursery:
        try:
            nursery.start_soon(look_and_keep)
            await trio.to_thread.run_sync(begun.wait, 60)
            with trio.fail_after(60):
                for _ in range(100):
                    assert await hands.look(lambda: b"soon") == b"soon"
            assert found == []
        finally:
            answers.set()
    assert found == [b"at last"]


async def test_what_was_found_before_a_look_that_takes_long_is_not_kept_back() -> None:
    hands: Hands[bytes] = Hands(len)
    answers = threading.Event()

    def stuck() -> bytes:
        assert answers.wait(60)
        return b""

    async def look_and_say(task_status: trio.TaskStatus[trio.Event]) -> None:
        found = trio.Event()
        task_status.started(found)
        await hands.look(lambda: b"")
        found.set()

    async with trio.open_nursery() as background, trio.open_nursery() as nursery:
        found = await nursery.start(look_and_say)
        nursery.start_soon(hands.look, stuck)
        await wait_all_tasks_blocked()
        await background.start(hands.run)
        try:
            with trio.fail_after(60):
                await found.wait()
        finally:
            answers.set()
        background.cancel_scope.cancel()


async def test_an_error_is_raised_where_the_look_is_waited_for(hands: Hands[bytes]) -> None:
    def failing() -> bytes:
        raise ZeroDivisionError("a mistake")

    with pytest.raises(ZeroDivisionError, match="a mistake"):
        await hands.look(failing)
    assert await hands.look(lambda: b"goes on") == b"goes on"


async def test_nothing_is_looked_at_while_much_waits_to_be_handed_on(
    hands: Hands[bytes],
) -> None:
    large = bytes(4 * MEBIBYTE)
    looked = 0
    found: list[bytes] = []

    def look() -> bytes:
        nonlocal looked
        looked += 1
        return large

    async def look_and_keep() -> None:
        found.append(await hands.look(look))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(look_and_keep)
        with trio.move_on_after(0.5):
            while len(found) < 50:
                await trio.sleep(0.01)
        assert 4 <= looked <= 5
        for number in range(50):
            with trio.fail_after(60):
                while len(found) <= number:
                    await trio.sleep(0.001)
            hands.handed_on(found[number])
            assert looked <= number + 6
    assert looked == 50


async def test_a_look_that_nobody_waits_for_any_more_is_not_made(hands: Hands[bytes]) -> None:
    begun, answers, looked = threading.Event(), threading.Event(), []

    def stuck() -> bytes:
        begun.set()
        assert answers.wait(60)
        return b"one"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hands.look, stuck)
        await trio.to_thread.run_sync(begun.wait, 60)
        with trio.CancelScope() as scope:
            scope.cancel()
            await hands.look(lambda: bytes(looked.append("looked")))
        answers.set()
    assert await hands.look(lambda: b"two") == b"two"
    assert looked == []


async def test_what_a_look_has_read_is_returned_also_to_who_is_cancelled(
    hands: Hands[bytes],
) -> None:
    """What has been taken out of a pipe is nowhere else."""
    begun, answers = threading.Event(), threading.Event()
    found: list[bytes] = []

    def slow() -> bytes:
        begun.set()
        assert answers.wait(60)
        return b"read"

    async def answer() -> None:
        await trio.to_thread.run_sync(begun.wait, 60)
        scope.cancel()
        await wait_all_tasks_blocked()
        assert found == []
        answers.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with trio.CancelScope() as scope:
            found.append(await hands.look(slow))
    assert found == [b"read"]


async def test_many_looks_are_given_up_at_once(hands: Hands[bytes]) -> None:
    begun, answers, looked = threading.Event(), threading.Event(), 0

    def stuck() -> bytes:
        begun.set()
        assert answers.wait(60)
        return b""

    def count() -> bytes:
        nonlocal looked
        looked += 1
        return b""

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hands.look, stuck)
        await trio.to_thread.run_sync(begun.wait, 60)
        async with trio.open_nursery() as given_up:
            for _ in range(5_000):
                given_up.start_soon(hands.look, count)
            await trio.lowlevel.checkpoint()
            given_up.cancel_scope.cancel()
        answers.set()
    assert looked < 5_000
    assert await hands.look(lambda: b"goes on") == b"goes on"
