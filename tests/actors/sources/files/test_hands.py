"""The threads in which logs are looked at."""

from __future__ import annotations

import threading

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


async def test_looks_that_wait_share_a_thread(hands: Hands[bytes]) -> None:
    threads = set()

    def look() -> bytes:
        threads.add(threading.get_ident())
        return b""

    async with trio.open_nursery() as nursery:
        for _ in range(1_000):
            nursery.start_soon(hands.look, look)
    assert len(threads) == 1


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


async def test_a_look_that_was_begun_is_waited_for_also_when_cancelled(
    hands: Hands[bytes],
) -> None:
    begun, answers, ended = threading.Event(), threading.Event(), []

    def slow() -> bytes:
        begun.set()
        assert answers.wait(60)
        ended.append(True)
        return b""

    async def answer() -> None:
        await trio.to_thread.run_sync(begun.wait, 60)
        scope.cancel()
        answers.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with trio.CancelScope() as scope:
            await hands.look(slow)
    assert ended == [True]
