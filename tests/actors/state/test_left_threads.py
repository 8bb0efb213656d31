"""Threads that are left at work are waited for in the end, also those that have hardly begun."""

from __future__ import annotations

import threading

import pytest
import trio

from actors.state.left_threads import run_leavable, wait_for_left
from actors.state.turns import Turns


@pytest.fixture(autouse=True)
def none(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is at work, whatever a test before has left in a world without threads."""
    monkeypatch.setattr("actors.state.left_threads._running", 0)


async def test_one_that_is_left_is_waited_for() -> None:
    may_end, ended = threading.Event(), threading.Event()

    def work() -> None:
        may_end.wait(60)
        ended.set()

    with trio.move_on_after(0.01):
        await run_leavable(work)
    assert not wait_for_left(0.05)
    may_end.set()
    assert wait_for_left(60)
    assert ended.is_set()


async def test_one_that_was_not_begun_is_not() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await run_leavable(lambda: None)
    assert wait_for_left(0)


async def test_without_a_thread_nothing_is_left_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    turns = Turns(1)
    with monkeypatch.context() as patch:
        patch.setattr(trio.to_thread, "run_sync", none)
        with pytest.raises(RuntimeError, match="can't start"):
            await run_leavable(lambda: None, turns.of("a"))
    assert turns.taken == 0
    assert wait_for_left(0)


async def test_what_it_returns_or_raises_is_handed_on() -> None:
    assert await run_leavable(lambda: 7) == 7

    def fail() -> None:
        raise ValueError

    try:
        await run_leavable(fail)
    except ValueError:
        assert wait_for_left(0)
    else:
        raise AssertionError
