"""Questions at work: one computation for all who ask the same, cancelled when nobody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import trio

from actors.history import answering
from actors.history.answering import Answering
from actors.history.segments import SegmentGoneError
from glancemetrics.errors import UsageError
from glancemetrics.history.held_records import HeldRecords
from glancemetrics.history.query import Query, RecordQuery
from glancemetrics.history.recorded import MissingRecordsError, Recorded
from tests.actors.history.test_history import batch_of
from tests.lines import BASE


class Slow:
    """Records that are read when a test lets them be."""

    first, rows, oldest, newest = 0, 3, BASE, BASE

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.begun = threading.Event()
        self.reads = 0

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        self.reads += 1
        self.begun.set()
        assert self.may_go_on.wait(60)
        return HeldRecords.of(0, batch_of(BASE, 3)).read(columns)


@pytest.fixture
def slow():
    made = Slow()
    yield made
    made.may_go_on.set()


async def begun(slow: Slow) -> None:
    with trio.fail_after(60):
        while not slow.begun.is_set():
            await trio.sleep(0.01)


async def test_who_asks_the_same_at_the_same_time_gets_one_answer(nursery, slow: Slow) -> None:
    asked = Answering(lambda: Recorded(stored=(slow,)))
    await nursery.start(asked.run)
    told: list[object] = []

    async def ask(question: Query) -> None:
        told.append((await asked.answer(question)).total["hits"])

    async with trio.open_nursery() as askers:
        for _ in range(3):
            askers.start_soon(ask, Query())
        await begun(slow)
        await trio.testing.wait_all_tasks_blocked()
        slow.may_go_on.set()
    assert told == [3, 3, 3]
    assert slow.reads == 1
    assert (await asked.answer(Query())).total["hits"] == 3
    assert slow.reads == 2  # asked anew, it is answered anew


async def test_one_who_goes_leaves_the_answer_to_the_others(nursery, slow: Slow) -> None:
    asked = Answering(lambda: Recorded(stored=(slow,)))
    await nursery.start(asked.run)
    told: list[object] = []

    async def ask(scope: trio.CancelScope) -> None:
        with scope:
            told.append((await asked.answer(Query())).total["hits"])

    first, second = trio.CancelScope(), trio.CancelScope()
    async with trio.open_nursery() as askers:
        askers.start_soon(ask, first)
        askers.start_soon(ask, second)
        await begun(slow)
        first.cancel()
        await trio.testing.wait_all_tasks_blocked()
        slow.may_go_on.set()
    assert told == [3]


async def test_a_question_that_nobody_waits_for_is_given_up(nursery, slow: Slow) -> None:
    asked = Answering(lambda: Recorded(stored=(slow,)))
    await nursery.start(asked.run)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as askers:
            askers.start_soon(asked.answer, Query())
            await begun(slow)
            scope.cancel()
    slow.may_go_on.set()
    with trio.fail_after(60):
        assert (await asked.answer(Query())).total["hits"] == 3


async def test_a_question_that_takes_too_long_is_ended(
    nursery, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "LIMIT_SECONDS", 0.05)
    asked = Answering(lambda: Recorded(stored=(slow,)))
    await nursery.start(asked.run)
    with pytest.raises(UsageError, match="timed out"):
        await asked.answer(Query())


async def test_a_question_may_not_take_more_memory_than_it_has(
    nursery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(answering, "MEMORY", "10MB")
    batch = pa.concat_batches([batch_of(BASE, host=f"h{i}") for i in range(10)])
    many = HeldRecords.of(0, _with_many_paths(batch, 400_000))
    asked = Answering(lambda: Recorded(stored=(many,)))
    await nursery.start(asked.run)
    with pytest.raises(UsageError, match="exceeds its memory limit"):
        await asked.answer(Query(by=("path",), measures=("hits", "visitors"), limit=400_000))
    assert list(tmp_path.iterdir()) == []  # requests are put nowhere else


def _with_many_paths(batch: pa.RecordBatch, count: int) -> pa.RecordBatch:
    row = batch.slice(0, 1).take(pa.array([0] * count))
    paths = pa.array([f"/a/path/that/is/long/{i:040}" for i in range(count)]).dictionary_encode()
    at = batch.schema.get_field_index("path")
    return row.set_column(at, batch.schema.field(at), paths)


class Part:
    """Some of many records; it takes a moment to read them."""

    rows, oldest, newest = 1, BASE, BASE

    def __init__(self, first: int, reads: list[int]) -> None:
        self.first = first
        self._reads = reads

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        self._reads.append(self.first)
        time.sleep(0.01)
        return HeldRecords.of(self.first, batch_of(BASE, 1)).read(columns)


@pytest.mark.parametrize(
    "question",
    [Query(), Query(where="path like '/%'"), RecordQuery(where="path = ''"), RecordQuery()],
)
async def test_what_is_given_up_reads_no_more(nursery, question: Query | RecordQuery) -> None:
    reads: list[int] = []
    parts = tuple(Part(number, reads) for number in range(1000))
    asked = Answering(lambda: Recorded(stored=parts))
    await nursery.start(asked.run)
    for _ in range(answering._AT_ONCE):
        before = len(reads)
        with trio.fail_after(60), trio.CancelScope() as scope:
            async with trio.open_nursery() as askers:
                askers.start_soon(asked.answer, question)
                while len(reads) == before:
                    await trio.sleep(0.01)
                scope.cancel()
    with trio.fail_after(60):
        # All turns are given back only when the threads have ended.
        while asked._turns.taken:
            await trio.sleep(0.01)
    assert len(reads) < 500
    done = len(reads)
    await trio.sleep(0.1)
    assert len(reads) == done


async def test_a_condition_that_takes_long_is_interrupted(nursery) -> None:
    """It is evaluated on a cursor, which DuckDB does not interrupt with its connection."""
    row = batch_of(BASE, 1)
    many = HeldRecords.of(0, _with_many_paths(row, 400_000))
    asked = Answering(lambda: Recorded(stored=(many,)))
    await nursery.start(asked.run)
    with trio.move_on_after(1.5) as waited:
        await asked.answer(Query(where="md5(repeat(path, 5000)) = 'x' or host = 'x'"))
    assert waited.cancelled_caught
    with trio.fail_after(10):
        while asked._turns.taken:
            await trio.sleep(0.01)


class Going(Slow):
    """A segment that was merged while it was to be read."""

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        raise SegmentGoneError


async def test_what_was_merged_meanwhile_is_looked_for_anew(nursery) -> None:
    listings = iter([Going(), Going(), HeldRecords.of(0, batch_of(BASE, 3))])
    asked = Answering(lambda: Recorded(stored=(next(listings),)))
    await nursery.start(asked.run)
    assert (await asked.answer(Query())).total["hits"] == 3


class Damaged(Slow):
    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        raise MissingRecordsError("x.arrow is damaged")


async def test_what_cannot_be_read_is_named_and_the_rest_is_told(nursery) -> None:
    kept = Recorded(stored=(Damaged(), HeldRecords.of(3, batch_of(BASE, 2))))
    asked = Answering(lambda: kept)
    await nursery.start(asked.run)
    answer = await asked.answer(Query())
    assert (answer.total["hits"], answer.missing) == (2, "x.arrow is damaged")
    answer = await asked.answer(RecordQuery())
    assert (answer.table.num_rows, answer.missing) == (2, "x.arrow is damaged")


async def test_a_question_that_is_wrong_is_refused_to_all_who_ask(nursery) -> None:
    asked = Answering(lambda: Recorded(stored=(HeldRecords.of(0, batch_of(BASE, 3)),)))
    await nursery.start(asked.run)
    for _ in range(2):
        with pytest.raises(UsageError, match="nonsense"):
            await asked.answer(Query(where="nonsense > 3"))
