"""Which questions are asked, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from itertools import pairwise

import attrs
import pyarrow as pa
import trio

from actors.outputs.asking import Asking
from glancemetrics.errors import UsageError
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.history.query import Answer, Question
from glancemetrics.records.time_span import TimeSpan
from tests.lines import BASE


class Desk:
    """Answers after a while, and remembers what it was asked."""

    def __init__(self, seconds: float = 0.1) -> None:
        self.seconds = seconds
        self.asked: list[Question] = []
        self.cancelled = 0
        self.delivered: list[tuple[Ask, Answered]] = []
        self.error = ""
        self.covers = TimeSpan()

    async def answer(self, question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        self.asked.append(question)
        try:
            await trio.sleep(self.seconds)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        if self.error:
            raise UsageError(self.error)
        return Answer(table=pa.table({"hits": [3]}), total={"hits": 3}, covers=self.covers)

    def deliver(self, ask: Ask, answered: Answered) -> None:
        self.delivered.append((ask, answered))


ONE = Ask(seconds=10)
ANSWER = Answer(table=pa.table({"hits": [3]}), total={"hits": 3}, covers=TimeSpan())


async def test_what_is_wanted_is_asked_once_and_again_when_time_has_moved(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    asking.want({ONE: ONE.question(BASE)})
    await trio.sleep(1)
    asking.want({ONE: ONE.question(BASE)})
    await trio.sleep(1)
    assert len(desk.asked) == 1
    assert desk.delivered[0][1].rows == [{"hits": 3}]
    asking.want({ONE: ONE.question(BASE + 2)})
    await trio.sleep(1)
    assert desk.asked == [ONE.question(BASE), ONE.question(BASE + 2)]


async def test_slow_questions_are_asked_less_often(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk(seconds=3)
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    for second in range(60):
        asking.want({ONE: ONE.question(BASE + second)})
        await trio.sleep(1)
    assert 3 <= len(desk.asked) <= 5


async def test_what_is_no_longer_wanted_is_cancelled(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk(seconds=100)
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    many = [attrs.evolve(ONE, seconds=number) for number in range(10, 20)]
    asking.want({ask: ask.question(BASE) for ask in many})
    await trio.sleep(1)
    assert len(desk.asked) == 3  # at the same time
    asking.want({})
    await trio.sleep(1)
    assert desk.cancelled == 3
    assert not desk.delivered


async def test_who_asks_what_takes_long_does_not_slow_down_others(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    heavy = [attrs.evolve(ONE, seconds=number) for number in range(1000, 1020)]
    asked: list[tuple[str, float]] = []
    going = most = 0

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        nonlocal going, most
        asked.append((asker, trio.current_time()))
        going += asker == "much"
        most = max(most, going)
        await trio.sleep(10 if asker == "much" else 0.1)
        going -= asker == "much"
        return ANSWER

    asking = Asking(answer, lambda *_: None, lambda ask: "little" if ask == ONE else "much")
    nursery.start_soon(asking.run)
    for second in range(300):
        asking.want({ask: ask.question(BASE + second) for ask in (*heavy, ONE)})
        await trio.sleep(1)
    little = [at for asker, at in asked if asker == "little"]
    assert little[0] < 1  # although it was wanted last
    assert max(after - before for before, after in pairwise(little)) <= 3
    assert most == 2  # of three
    assert sum(asker == "much" for asker, _ in asked) >= 20


async def test_who_asks_little_is_served_before_long_queues(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    askers = {
        attrs.evolve(ONE, seconds=1000 * (number + 1) + one): "abc"[number]
        for number in range(3)
        for one in range(1, 60)
    }
    asked: list[str] = []

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        asked.append(asker)
        await trio.sleep(1)
        return ANSWER

    asking = Asking(answer, lambda *_: None, lambda ask: askers.get(ask, "d"))
    nursery.start_soon(asking.run)
    asking.want({ask: ask.question(BASE) for ask in askers})
    await trio.sleep(5)
    asking.want({ask: ask.question(BASE) for ask in (*askers, ONE)})
    before = len(asked)
    await trio.sleep(10)
    assert asked.index("d") - before <= 6
    assert {asked[before:].count(name) for name in "abc"} <= set(range(8, 13))


async def test_what_others_do_not_use_is_for_who_needs_more(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    light = {attrs.evolve(ONE, seconds=100 + one): f"light {one}" for one in range(9)}
    heavy = [attrs.evolve(ONE, seconds=1000 + one) for one in range(4)]
    times: list[float] = []

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        times.extend([trio.current_time()] if asker == "heavy" else [])
        await trio.sleep(1 if asker == "heavy" else 0.02)
        return ANSWER

    asking = Asking(answer, lambda *_: None, lambda ask: light.get(ask, "heavy"))
    nursery.start_soon(asking.run)
    for second in range(300):
        asking.want({ask: ask.question(BASE + second) for ask in (*heavy, *light)})
        await trio.sleep(1)
    assert 5 <= max(after - before for before, after in pairwise(times)) <= 30


async def test_a_slow_minute_does_not_stop_a_screen_for_long(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    asks = [attrs.evolve(ONE, seconds=100 + one) for one in range(24)]
    times: list[float] = []

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        times.append(trio.current_time())
        await trio.sleep(5 if trio.current_time() < 60 else 0.01)
        return ANSWER

    asking = Asking(answer, lambda *_: None)
    nursery.start_soon(asking.run)
    for second in range(400):
        asking.want({ask: ask.question(BASE + second) for ask in asks})
        await trio.sleep(1)
    assert max(after - before for before, after in pairwise(times)) <= 125


async def test_what_is_new_comes_before_a_round_that_waits(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    asks = [attrs.evolve(ONE, seconds=100 + one) for one in range(12)]
    new = attrs.evolve(ONE, seconds=5000)
    asked: list[Question] = []
    since: list[float] = []

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        asked.append(question)
        since.append(trio.current_time())
        await trio.sleep(1)
        return ANSWER

    asking = Asking(answer, lambda *_: None)
    nursery.start_soon(asking.run)
    second = 0
    while len(asked) < 15:  # the second round has begun
        asking.want({ask: ask.question(BASE + second) for ask in asks})
        await trio.sleep(1)
        second += 1
    before = len(asked)
    asking.want({ask: ask.question(BASE + second) for ask in (*asks, new)})
    await trio.sleep(3)
    assert new.question(BASE + second) in asked[before : before + 3]


async def test_all_of_a_round_is_about_the_same_instant(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk(seconds=0.3)
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    asks = [attrs.evolve(ONE, seconds=number) for number in range(10, 18)]
    for number in range(600):
        asking.want({ask: ask.question(BASE + number // 4) for ask in asks})
        await trio.sleep(0.25)
    rounds = [desk.asked[first : first + 8] for first in range(0, len(desk.asked) // 8 * 8, 8)]
    assert 5 <= len(rounds) <= 12
    for questions in rounds:
        assert len({question.span.until for question in questions}) == 1
        assert len({question.span.since for question in questions}) == 8


async def test_what_is_new_does_not_wait_for_a_round(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk(seconds=2)
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    for number in range(100):  # somebody looks at one thing after the other
        new = attrs.evolve(ONE, seconds=100 + number // 5)
        asking.want({ask: ask.question(BASE + number) for ask in (ONE, new)})
        await trio.sleep(1)
    assert {question.span.until - question.span.since for question in desk.asked} == {
        10,
        *range(100, 120),
    }
    assert 2 <= sum(question == ONE.question(question.span.until) for question in desk.asked) <= 8


async def test_an_error_is_an_answer(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    desk.error = "the history is disabled (--history off)"
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    asking.want({ONE: ONE.question(BASE)})
    await trio.sleep(1)
    assert desk.delivered[0][1].error == desk.error


async def test_a_span_that_begins_before_all_data_loses_nothing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    desk.covers = TimeSpan(BASE - 2, BASE)
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)

    def is_empty(since: int, until: int) -> bool:
        return BASE <= since <= until

    for second in range(12):
        asking.want({ONE: ONE.question(BASE + second)}, 7, 0.0, is_empty)
        await trio.sleep(1)
    # Once it has settled, it is asked again only when seconds with data leave the span.
    untils = [(question.span.until or 0) - BASE for question in desk.asked]
    assert [second for second in untils if second > 4] == [9, 10]


async def test_a_fault_is_an_answer_too(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """The console would begin anew, without its filter, for every error that nobody foresaw."""

    async def answer(question: Question, zone: tzinfo = UTC, asker: str = "") -> Answer:
        del question
        raise MemoryError

    desk = Desk()
    asking = Asking(answer, desk.deliver)
    nursery.start_soon(asking.run)
    asking.want({ONE: ONE.question(BASE)})
    await trio.sleep(1)
    assert "MemoryError" in desk.delivered[0][1].error


async def test_an_answer_that_is_no_longer_kept_is_asked_for_again(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    desk = Desk()
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    asking.want({ONE: ONE.question(BASE)}, 7)
    await trio.sleep(1)
    asking.want({ONE: ONE.question(BASE)}, 7)
    await trio.sleep(1)
    assert len(desk.asked) == 1
    asking.want({ONE: ONE.question(BASE)}, 7, missing={ONE})
    await trio.sleep(1)
    assert len(desk.asked) == 2
    await trio.sleep(0.05)
    # One that has just been given may not have reached the screen yet.
    asking.want({ONE: ONE.question(BASE + 1)}, 8)
    await trio.sleep(0.5)
    asking.want({ONE: ONE.question(BASE + 1)}, 8, missing={ONE})
    await trio.sleep(0.1)
    assert len(desk.asked) == 3


TEN_MINUTES = Ask(seconds=600)


async def _asked_by_second(
    desk: Desk, nursery: trio.Nursery, ask: Ask, arrived: Sequence[int | None], delay: float = 0.0
) -> list[int]:
    """Return the seconds from BASE on of the questions asked, while the clock moves on."""
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    for second, count in enumerate(arrived):
        asking.want({ask: ask.question(BASE + second)}, count, delay)
        await trio.sleep(1)
    return [(question.span.until or 0) - BASE for question in desk.asked]


async def test_while_nothing_arrives_an_answer_lags_by_at_most_a_hundredth_of_its_span(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    asked = await _asked_by_second(Desk(0.01), nursery, TEN_MINUTES, [5] * 40)
    assert asked[-4:] == [asked[-1] - 21, asked[-1] - 14, asked[-1] - 7, asked[-1]]


async def test_a_short_window_does_not_lag(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    assert await _asked_by_second(Desk(0.01), nursery, ONE, [5] * 10) == list(range(10))


async def test_a_request_is_asked_for_at_once_and_until_the_history_has_it(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    arrived = [5] * 20 + [6] * 20
    asked = await _asked_by_second(Desk(0.01), nursery, TEN_MINUTES, arrived)
    assert {20, 21, 22, 23} <= set(asked)
    assert len([second for second in asked if second > 25]) <= 3


async def test_a_request_that_windows_do_not_reach_yet_is_waited_for(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    arrived = [5] * 20 + [6] * 20
    asked = await _asked_by_second(Desk(0.01), nursery, TEN_MINUTES, arrived, delay=8.0)
    assert set(range(20, 32)) <= set(asked)


async def test_a_chart_does_not_lag_by_a_column(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    chart = Ask(seconds=600, step=2)
    asked = await _asked_by_second(Desk(0.01), nursery, chart, [5] * 40)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert max(gaps) <= 2


async def test_without_a_count_of_requests_no_answer_lags(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    assert await _asked_by_second(Desk(0.01), nursery, TEN_MINUTES, [None] * 9) == list(range(9))


async def test_an_answer_whose_span_has_moved_over_empty_seconds_is_kept(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Nothing came and nothing left: asked again, it would say the same."""
    desk = Desk()
    asking = Asking(desk.answer, desk.deliver)
    nursery.start_soon(asking.run)
    nothing_left = [True]

    def is_empty(since: int, until: int) -> bool:
        return nothing_left[0] and since <= until

    for second in range(40):
        asking.want({ONE: ONE.question(BASE + second)}, 7, 0.0, is_empty)
        await trio.sleep(1)
    settling = len(desk.asked)
    assert settling < 10
    nothing_left[0] = False
    asking.want({ONE: ONE.question(BASE + 40)}, 7, 0.0, is_empty)
    await trio.sleep(1)
    assert len(desk.asked) == settling + 1
    nothing_left[0] = True
    asking.want({ONE: ONE.question(BASE + 41)}, 8, 0.0, is_empty)
    await trio.sleep(2)
    assert len(desk.asked) == settling + 2
