"""Turns: whoever asks much waits behind those who ask little."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actors.state.turns import OWN, Turns

Order = list[tuple[str, int]]


class Taking:
    """Takes turns, and remembers in which order it got them."""

    def __init__(self, turns: Turns, nursery: trio.Nursery) -> None:
        self.turns, self.nursery = turns, nursery
        self.order: Order = []
        self.going: list[trio.Event] = []

    async def begin(self, asker: str, number: int = 0) -> trio.CancelScope:
        scope = trio.CancelScope()
        self.nursery.start_soon(self._take, asker, number, scope)
        await wait_all_tasks_blocked()
        return scope

    async def _take(self, asker: str, number: int, scope: trio.CancelScope) -> None:
        with scope:
            turn = self.turns.of(asker)
            await turn.take()
            self.order.append((asker, number))
            ended = trio.Event()
            self.going.append(ended)
            try:
                await ended.wait()
            finally:
                turn.give_back()

    async def end_all(self) -> Order:
        while self.going:
            self.going.pop(0).set()
            await wait_all_tasks_blocked()
        return self.order


async def test_who_asks_little_is_served_between_those_who_ask_much(nursery: trio.Nursery) -> None:
    taking = Taking(Turns(1), nursery)
    for number in range(4):
        await taking.begin("a", number)
    await taking.begin("b", 0)
    await taking.begin("c", 0)
    await taking.begin("b", 1)
    order = await taking.end_all()
    assert order == [("a", 0), ("a", 1), ("b", 0), ("c", 0), ("a", 2), ("b", 1), ("a", 3)]
    assert taking.turns.taken == 0


async def test_a_turn_is_left_for_the_own_screen(nursery: trio.Nursery) -> None:
    taking = Taking(Turns(3, for_own=1), nursery)
    for number in range(4):
        await taking.begin("a", number)
    assert taking.order == [("a", 0), ("a", 1)]
    for number in range(3):
        await taking.begin(OWN, number)
    assert taking.order[2:] == [(OWN, 0)]
    order = await taking.end_all()
    assert order[3:] == [(OWN, 1), (OWN, 2), ("a", 2), ("a", 3)]


async def test_who_stops_waiting_leaves_no_trace(nursery: trio.Nursery) -> None:
    taking = Taking(Turns(1), nursery)
    held = await taking.begin("a", 0)
    waits = await taking.begin("b", 0)
    await taking.begin("c", 0)
    waits.cancel()
    await wait_all_tasks_blocked()
    held.cancel()
    await wait_all_tasks_blocked()
    assert taking.order == [("a", 0), ("c", 0)]
    await taking.end_all()
    assert taking.turns.taken == 0


async def test_what_two_wait_for_is_served_when_it_is_the_turn_of_either(
    nursery: trio.Nursery,
) -> None:
    turns = Turns(1)
    taking = Taking(turns, nursery)
    for number in range(3):
        await taking.begin("a", number)
    both = turns.of("a")
    nursery.start_soon(both.take)
    await wait_all_tasks_blocked()
    both.also_for("b")
    both.also_for("b")
    taking.going.pop(0).set()
    await wait_all_tasks_blocked()
    taking.going.pop(0).set()
    await wait_all_tasks_blocked()
    assert (both.taken_for, taking.order) == ("b", [("a", 0), ("a", 1)])
    both.give_back()
    await wait_all_tasks_blocked()
    await taking.end_all()
    assert taking.order == [("a", 0), ("a", 1), ("a", 2)]
    assert turns.taken == 0


async def test_what_is_over_is_not_taken_again(nursery: trio.Nursery) -> None:
    turns = Turns(1)
    turn = turns.of("a")
    await turn.take()
    turn.give_back()
    turn.also_for("b")  # who asks a moment too late
    assert turns.taken == 0
    with trio.fail_after(1):
        await turns.of("c").take()


STEPS = st.lists(st.tuples(st.sampled_from("abc-"), st.integers(0, 5)), max_size=40)


@given(steps=STEPS, most=st.integers(1, 3), for_own=st.integers(0, 1))
def test_turns_are_never_too_many_and_all_come_back(
    steps: Sequence[tuple[str, int]], most: int, for_own: int
) -> None:
    async def run() -> None:
        turns = Turns(most + for_own, for_own=for_own)
        async with trio.open_nursery() as nursery:
            taking = Taking(turns, nursery)
            scopes: list[trio.CancelScope] = []
            for asker, number in steps:
                if asker == "-":
                    if scopes:
                        scopes.pop(number % len(scopes)).cancel()
                elif number == 5 and taking.going:
                    taking.going.pop(0).set()
                else:
                    scopes.append(await taking.begin(OWN if asker == "a" else asker, number))
                await wait_all_tasks_blocked()
                assert turns.taken <= most + for_own
            await taking.end_all()
        assert turns.taken == 0
        assert not turns._waiting

    trio.run(run)


@pytest.mark.parametrize("askers", [1, 50])
async def test_nobody_waits_longer_than_a_round(nursery: trio.Nursery, askers: int) -> None:
    taking = Taking(Turns(1), nursery)
    for number in range(100):
        await taking.begin("much", number)
    for number in range(askers):
        await taking.begin(f"little {number}")
    order = await taking.end_all()
    assert max(order.index((f"little {number}", 0)) for number in range(askers)) <= askers + 1
