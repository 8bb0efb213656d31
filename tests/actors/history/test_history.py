"""The history of a monitor: what it keeps, what it lets go, and what it says of that."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import attrs
import pyarrow as pa
import pytest
import trio
import trio.testing

from actors.history import HistorySettings
from actors.history.about import About, write_about
from actors.history.history import STEP_SECONDS, History
from actors.history.reading import StoredHistories
from actors.history.rollup_files import RollupFiles
from actors.history.segments import SegmentFolder
from actors.state.clock import WallClock
from glancemetrics.formats.combined import decode
from glancemetrics.health.health import OutputState
from glancemetrics.history.asking import answer
from glancemetrics.history.query import Answer, Query, RecordQuery
from glancemetrics.history.recorded import NOT_IN_TIME
from glancemetrics.history.rollups import Rollups
from glancemetrics.records.schema import with_source
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.selecting.sql import connect
from tests.lines import BASE, line

LEAST = 10_000_000


def batch_of(second: int, count: int = 1, **fields: object) -> pa.RecordBatch:
    lines = line(second, **fields) * count  # type: ignore[arg-type]
    return with_source(decode(lines).batch, "a.log")


def various(second: int, count: int) -> pa.RecordBatch:
    lines = b"".join(
        line(second, request=f"GET /{second}/{i}/{'x' * 60} HTTP/1.1") for i in range(count)
    )
    return with_source(decode(lines).batch, "a.log")


def ask(history: History, question: Query | RecordQuery) -> Answer:
    return answer(question, history.recorded(), connect())


def hits(history: History) -> object:
    return ask(history, Query()).total["hits"]


@attrs.define
class Kept:
    """A history that runs in the background of a test."""

    history: History
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def run(self) -> None:
        with self.scope:
            await self.history.run()


@pytest.fixture
def kept(clock: trio.testing.MockClock, wall: WallClock, nursery: trio.Nursery):
    def kept(
        folder: Path | None = None,
        resumed: int | None = None,
        since: int | None = None,
        *,
        is_behind: bool = False,
        **told: object,
    ) -> Kept:
        settings = HistorySettings(**told)  # type: ignore[arg-type]
        segments = None if folder is None else SegmentFolder(folder)
        made = Kept(History(settings, wall, segments))
        made.history.resume(resumed, since, is_behind=is_behind)
        nursery.start_soon(made.run)
        return made

    return kept


async def step() -> None:
    await trio.sleep(STEP_SECONDS * 1.5)


async def test_what_is_taken_can_be_asked_at_once(clock, kept) -> None:
    history = kept().history
    history.take(batch_of(BASE, 3))
    assert hits(history) == 3
    await step()
    history.take(batch_of(BASE + 1, 2))
    assert hits(history) == 5
    assert ask(history, Query()).missing == ""


async def test_without_a_disk_the_oldest_go_and_that_is_said(clock, kept) -> None:
    history = kept(memory=LEAST).history
    for second in range(40):
        history.take(various(BASE + second, 2000))
        if second % 7 == 0:
            await step()
    told = ask(history, Query(span=TimeSpan(BASE, BASE + 40), measures=("hits", "users")))
    assert isinstance(told.total["hits"], int)
    assert 2000 < told.total["hits"] < 80_000
    assert told.covers.since is not None
    assert told.covers.since > BASE
    assert told.missing.startswith("no data before 20")
    covered = (BASE + 40 - told.covers.since) * 2000
    assert ask(history, Query(span=told.covers)).total["hits"] == covered


async def test_what_rollups_know_outlives_the_records(clock, kept) -> None:
    history = kept(memory=LEAST).history
    for second in range(40):
        history.take(various(BASE + second, 2000))
        await step()
    told = ask(history, Query(span=TimeSpan(BASE, BASE + 40), step=10))
    assert told.table.column("hits").to_pylist() == [20_000] * 4
    assert (told.grain, told.is_exact, told.missing) == (10, True, "")


async def test_what_is_on_disk_is_there_after_a_restart(clock, kept, tmp_path: Path) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    await first.history.flushed(3)
    first.history.take(batch_of(BASE + 1, 2))
    first.scope.cancel()
    second = kept(tmp_path, 3).history
    second.take(batch_of(BASE + 1, 2))
    assert second.position == 5
    assert hits(second) == 5
    assert ask(second, Query()).missing == ""


async def test_where_nobody_asks_what_is_on_disk_leaves_memory(clock, kept, tmp_path: Path) -> None:
    history = kept(tmp_path).history
    history.is_asked = False
    history.take(batch_of(BASE, 3))
    assert hits(history) == 3
    await step()
    assert not history._held
    history.take(batch_of(BASE + 1, 2))
    assert hits(history) == 5
    await step()
    assert hits(history) == 5
    assert not history.recorded().holes


async def test_what_is_on_disk_stays_in_memory_until_it_is_known_there(
    clock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory cannot be listed, as when all descriptors are taken."""
    history = kept(tmp_path).history
    history.is_asked = False
    history.take(batch_of(BASE, 3))
    with monkeypatch.context() as broken:

        def fail(folder: object) -> NoReturn:
            raise OSError(errno.EMFILE, "too many open files")

        await step()
        history.take(batch_of(BASE + 1, 2))
        broken.setattr("actors.history.history.stored_in", fail)
        await step()
        assert hits(history) == 5
    await step()
    assert hits(history) == 5
    history.take(batch_of(BASE + 2, 1))
    await step()
    assert hits(history) == 6
    assert not history._held


async def test_what_comes_again_is_not_there_twice(clock, kept, tmp_path: Path) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    first.history.take(batch_of(BASE + 1, 2))
    await first.history.flushed(5)
    first.scope.cancel()
    second = kept(tmp_path, 3).history  # an older checkpoint
    second.take(batch_of(BASE + 1, 2))
    assert hits(second) == 5


async def test_what_was_not_written_before_a_crash_is_a_hole(clock, kept, tmp_path: Path) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    await first.history.flushed(3)
    first.scope.cancel()
    second = kept(tmp_path, 10).history
    second.take(batch_of(BASE + 9, 2))
    told = ask(second, Query())
    assert told.total["hits"] == 5
    assert told.missing.startswith("7 requests between 20")
    assert told.missing.endswith("are missing (not yet written when the process was killed)")


async def test_without_a_checkpoint_it_goes_on_after_what_is_there(
    clock, kept, tmp_path: Path
) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    await first.history.flushed(3)
    first.history.take(batch_of(BASE + 1, 1))
    await step()
    first.scope.cancel()
    second = kept(tmp_path).history
    second.take(batch_of(BASE + 500, 1))
    await second.flushed(5)
    assert (second.position, hits(second)) == (5, 5)


async def test_without_a_checkpoint_what_is_read_again_is_not_there_twice(
    clock, kept, tmp_path: Path
) -> None:
    """A checkpoint was damaged: the window is read again."""
    first = kept(tmp_path)
    for second in range(20):
        first.history.take(batch_of(BASE + second, 2))
    first.history.reached(BASE + 15)
    await first.history.flushed(40)
    await trio.sleep(10 * STEP_SECONDS)
    first.scope.cancel()
    for _ in range(2):  # the second is killed before it has a checkpoint
        again = kept(tmp_path)
        again.history.take(batch_of(BASE + 10, 0))
        for second in range(10, 25):
            again.history.take(batch_of(BASE + second, 2))
        again.history.reached(BASE + 22)
        await again.history.flushed(50)
        assert again.history.position == 50
        told = ask(again.history, Query(span=TimeSpan(BASE, BASE + 25), step=1))
        assert told.table.column("hits").to_pylist() == [2] * 25
        assert told.missing == ""
        await trio.sleep(10 * STEP_SECONDS)
        again.scope.cancel()


async def test_what_was_logged_while_nothing_ran_is_a_gap_that_stays(
    clock, kept, tmp_path: Path
) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    first.history.reached(BASE + 1)
    await first.history.flushed(3)
    await trio.sleep(10 * STEP_SECONDS)
    first.scope.cancel()
    second = kept(tmp_path, since=BASE + 400)
    second.history.take(batch_of(BASE + 500, 2))
    await second.history.flushed(5)
    told = ask(second.history, Query())
    assert told.total["hits"] == 5
    missing = told.missing
    assert missing.startswith("requests between 2026-")
    assert missing.endswith("are missing (the logs of that time were not read)")
    second.scope.cancel()
    third = kept(tmp_path, 5)
    assert ask(third.history, Query()).missing == missing
    third.history.take(batch_of(BASE + 501, 2))
    await third.history.flushed(7)
    assert ask(third.history, Query()).missing == missing
    assert ask(third.history, Query(span=TimeSpan(BASE + 501, None))).missing == ""
    stored = StoredHistories((tmp_path,)).recorded()
    assert [str(hole) for hole in stored.holes] == [missing]


async def test_what_another_machine_has_counted_is_a_gap(clock, kept, tmp_path: Path) -> None:
    """Also what was stored after the last checkpoint: the other one has counted it again."""
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    first.history.take(batch_of(BASE + 1, 2))
    first.history.reached(BASE + 2)
    await first.history.flushed(5)
    await trio.sleep(10 * STEP_SECONDS)
    first.scope.cancel()
    again = kept(tmp_path, 3, BASE + 400, is_behind=True)
    again.history.take(batch_of(BASE + 400, 4))
    await again.history.flushed(7)
    told = ask(again.history, Query())
    assert told.total["hits"] == 7
    assert told.missing.endswith("are missing (the logs of that time were not read)")


@pytest.mark.parametrize("refused", ["scandir", "read_bytes"])
async def test_a_disk_that_fails_at_the_start_costs_nothing_once_it_is_back(
    clock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    first = kept(tmp_path, age="1h")
    first.history.take(batch_of(BASE, 3))
    await first.history.flushed(3)
    clock.jump(2 * 3600)
    first.history.take(batch_of(BASE + 7200, 2))
    await trio.sleep(700)
    first.scope.cancel()
    assert len(list(tmp_path.glob("rollups-*"))) == 1

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "scandir") if refused == "scandir" else (Path, "read_bytes")), fail)
        again = kept(tmp_path, 5, age="1h").history
        for second in range(5):
            again.take(batch_of(BASE + 7201 + second))
            await step()
        assert "Too many open files" in again.health.detail
    await step()
    await step()
    assert again.health.state is OutputState.WORKING
    assert ask(again, Query(by=("path",))).total["hits"] == 7
    await trio.sleep(1500)
    again.take(batch_of(BASE + 7300))
    await trio.sleep(1500)
    told = ask(again, Query(span=TimeSpan(BASE, BASE + 7400)))
    assert (told.total["hits"], told.grain > 0) == (11, True)


async def test_what_cannot_be_counted_on_from_is_not_written_over(
    clock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    await first.history.flushed(3)
    first.scope.cancel()
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr(os, "scandir", fail)
        apart = kept(tmp_path)
    apart.history.take(batch_of(BASE + 1, 4))
    await trio.sleep(10)
    assert hits(apart.history) == 4
    assert apart.history.position is None  # which no checkpoint has
    assert "Input/output error" in apart.history.health.detail
    apart.scope.cancel()
    third = kept(tmp_path)
    assert (third.history.position, hits(third.history)) == (3, 3)


async def test_a_disk_that_fails_holds_nothing_up_and_lacks_nothing_when_it_is_back(
    clock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = kept(tmp_path / "h").history
    history.take(batch_of(BASE, 3))
    await history.flushed(3)
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "fdatasync", full)
        history.take(batch_of(BASE + 1, 2))
        with trio.fail_after(5):
            await history.flushed(5)
        assert hits(history) == 5
    await step()
    on_disk = SegmentFolder(tmp_path / "h").segments()
    assert sum(one.rows for one in on_disk) == 5


async def test_what_memory_had_to_let_go_before_it_was_written_is_a_hole(
    clock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = kept(tmp_path / "h", memory=LEAST).history

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        for second in range(40):
            history.take(various(BASE + second, 2000))
            await step()
    await step()
    told = ask(history, Query(measures=("hits", "users")))
    assert isinstance(told.total["hits"], int)
    lacking = 80_000 - told.total["hits"]
    assert 0 < lacking < 80_000
    assert told.missing.startswith(f"{lacking} requests between 20")
    assert "No space left on device" in told.missing


async def test_old_records_go_from_the_disk_and_rollups_still_know_of_them(
    clock: trio.testing.MockClock, kept, tmp_path: Path
) -> None:
    history = kept(tmp_path, age="1h").history
    history.take(batch_of(BASE, 3))
    await history.flushed(3)
    clock.jump(2 * 3600)
    history.take(batch_of(BASE + 7200, 2))
    await trio.sleep(120)
    assert ask(history, Query(by=("path",))).groups == 1
    told = ask(history, Query(span=TimeSpan(BASE, BASE + 7201)))
    assert told.total["hits"] == 5
    assert told.grain > 0


async def test_an_old_log_is_kept_however_long_ago_it_was(
    clock: trio.testing.MockClock, kept, tmp_path: Path
) -> None:
    history = kept(tmp_path, age="1h").history
    long_ago = BASE - 400 * 86_400
    history.take(batch_of(long_ago, 3))
    history.take(batch_of(long_ago + 600, 2))
    await history.flushed(5)
    await trio.sleep(200)
    assert ask(history, Query(by=("path",))).total["hits"] == 5


async def test_rollups_are_there_after_a_restart_with_what_came_since(
    clock: trio.testing.MockClock, kept, tmp_path: Path
) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    await first.history.flushed(3)
    clock.jump(700)
    first.history.take(batch_of(BASE + 700, 4))
    await step()  # they are written with all seven
    first.history.take(batch_of(BASE + 701, 5))
    await first.history.flushed(12)
    first.scope.cancel()
    (written,) = tmp_path.glob("rollups-*")
    assert written.name.startswith("rollups-0000000000000007.")
    troubles: list[str] = []
    rollups, position = RollupFiles(tmp_path).load(11, troubles)
    assert (position, troubles, rollups.reach) == (7, [], BASE)
    assert RollupFiles(tmp_path).load(6, troubles)[1] == 0  # it has more than that
    second = kept(tmp_path, 12).history
    second.take(batch_of(BASE + 702, 6))
    await step()
    recorded = attrs.evolve(second.recorded(), stored=(), since=BASE + 10**6)
    told = answer(Query(span=TimeSpan(BASE, BASE + 703), step=1000), recorded, connect())
    assert told.total["hits"] == 18


async def test_what_comes_between_counting_and_writing_lets_nothing_after_it_out(
    clock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = kept(tmp_path).history
    await step()
    counted = Rollups.with_records

    def slow(rollups: Rollups, batches: Iterable[pa.RecordBatch]) -> Rollups:
        found = counted(rollups, batches)
        monkeypatch.undo()
        history.take(batch_of(BASE + 1, 5))
        return found

    monkeypatch.setattr(Rollups, "with_records", slow)
    history.take(batch_of(BASE, 3))
    await step()
    history.take(batch_of(BASE + 2, 7))
    await step()
    history.take(batch_of(BASE + 3, 11))
    await history.flushed(26)
    on_disk = SegmentFolder(tmp_path).segments()
    assert sum(one.rows for one in on_disk) == 26


async def test_rollups_of_what_comes_again_are_let_go(clock, kept, tmp_path: Path) -> None:
    first = kept(tmp_path)
    first.history.take(batch_of(BASE, 3))
    await first.history.flushed(3)
    clock.jump(700)
    first.history.take(batch_of(BASE + 700, 4))
    await step()
    first.scope.cancel()
    assert list(tmp_path.glob("rollups-*"))
    second = kept(tmp_path, 3).history  # an older checkpoint
    assert not list(tmp_path.glob("rollups-*"))
    second.take(batch_of(BASE + 700, 5))
    await second.flushed(8)
    recorded = StoredHistories((tmp_path,)).recorded(with_rollups=True)
    assert recorded.rollups is not None
    (cell,) = recorded.rollups.cells(BASE, BASE + 701).cells.values()
    assert cell.hits == 8


async def test_what_is_read_faster_than_it_is_written_waits_for_room(
    clock, kept, tmp_path: Path
) -> None:
    history = kept(tmp_path, memory=LEAST).history
    await step()
    for second in range(60):
        history.take(various(BASE + second, 2000))
        await history.room()
    assert hits(history) == 120_000
    assert ask(history, Query()).missing == ""
    await history.flushed(120_000)
    assert sum(one.rows for one in SegmentFolder(tmp_path).segments()) == 120_000


async def test_it_says_how_many_requests_can_be_asked_for(clock, kept, tmp_path: Path) -> None:
    """Also while segments of what is still in memory are merged on the disk."""
    history = kept(tmp_path, memory=LEAST).history
    for second in range(60):
        history.take(various(BASE + second, 2000))
        await history.flushed(history.position)
        if second % 7 == 0:
            await trio.sleep(10 * STEP_SECONDS)
        assert history.health.detail.startswith(f"{hits(history):,} requests of ")
    assert hits(history) == 120_000


async def test_a_disk_that_fails_makes_nothing_wait(
    clock: trio.testing.MockClock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    history = kept(tmp_path, memory=LEAST).history
    history.take(various(BASE, 2000))
    await step()
    began = clock.current_time()
    for second in range(60):
        history.take(various(BASE + second, 2000))
        await history.room()
    assert clock.current_time() == began
    assert "No space left" in history.health.detail


async def test_what_memory_cannot_hold_until_it_is_written_is_named(kept, tmp_path: Path) -> None:
    history = kept(tmp_path, memory=LEAST).history
    await step()

    def take_too_much() -> None:
        for second in range(60):  # without a moment in which anything is written
            history.take(various(BASE + second, 2000))

    taking = threading.Thread(target=take_too_much, daemon=True)
    taking.start()
    taking.join(30)
    assert not taking.is_alive()
    await step()
    (hole,) = history.recorded().holes
    assert hole.why == NOT_IN_TIME


async def test_a_disk_that_does_not_answer_makes_nothing_wait_twice(
    clock: trio.testing.MockClock, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs, in the middle of a writing."""
    history = kept(tmp_path, memory=LEAST).history
    await step()
    goes_on = trio.Event()

    async def hang(work: Callable[..., object], *arguments: object, **_: object) -> object:
        await goes_on.wait()
        return work(*arguments)

    monkeypatch.setattr(trio.to_thread, "run_sync", hang)
    began = clock.current_time()
    for second in range(60):
        history.take(various(BASE + second, 2000))
        await history.room()
    assert 4 < clock.current_time() - began < 6
    assert "does not answer" in history.health.detail
    goes_on.set()
    await trio.sleep(30)
    assert history.health.state is OutputState.WORKING


async def test_what_leaves_the_disk_is_in_rollups_on_the_disk(clock, kept, tmp_path: Path) -> None:
    """However little time has passed: a restart begins with what is there."""
    first = kept(tmp_path, age="1h")
    first.history.take(batch_of(BASE, 3))
    first.history.take(batch_of(BASE + 9000, 2))
    await first.history.flushed(5)
    for _ in range(70):
        await trio.sleep(1)
    first.scope.cancel()
    second = kept(tmp_path, 5, age="1h").history
    await step()
    told = ask(second, Query(span=TimeSpan(BASE, BASE + 9001)))
    assert told.total["hits"] == 5


async def test_what_is_told_of_what_was_kept_is_told_with_answers(
    clock, kept, tmp_path: Path
) -> None:
    def asked(folder: Path) -> str:
        return StoredHistories((folder,)).recorded().troubles[0]

    for wheres, told in (
        (["status >= 400"], "only requests matching --where status >= 400 were kept"),
        (["", "status >= 400"], "at times only requests matching --where status >= 400 were kept"),
    ):
        about = About()
        for where in wheres:
            about = About(wheres=(where,)).after(about)
        write_about(tmp_path, about)
        assert asked(tmp_path) == told
    for damage in (b"{", b"null", b"[]", b'{"sources": 1}', b"\xff"):
        (tmp_path / "about.json").write_bytes(damage)
        assert asked(tmp_path).startswith(f"{tmp_path}/about.json: damaged; ")
