"""The source of posted lines: in memory and on the disk, over crashes and on a failing disk."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from actors.sources.desk import SavedMarks, SourceDesk
from actors.sources.intake import Intake, KeyInUseError, NotTakenError, OtherLinesError
from actors.sources.mark import Mark
from actors.sources.messages import Chunk, FromSource, Gap, Marked, Resumes, SourceGone
from actors.sources.position import From, StartPosition
from actors.sources.posted import source as posted_source
from actors.sources.posted import spool as posted_spool
from actors.sources.posted import store as posted_store
from actors.sources.posted.marks import PostedMark, furthest
from actors.sources.posted.source import PostedLines
from actors.sources.posted.spool import Spool
from actors.sources.registry import mark_from_state
from glancemetrics.formats.posted_frames import NO_KEY, Posted
from glancemetrics.formats.posted_keys import digest_of, fingerprint_of
from glancemetrics.formats.posted_lines import ServerLines
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.planning.sources import Sources


def posted(text: str, server: str = "web1", key: str = "") -> Posted:
    groups = tuple(
        ServerLines(one, f"{text} of {one}\n".encode(), (b"long",) if text == "long" else ())
        for one in server.split(",")
    )
    made = NO_KEY if not key else digest_of("sender", key)
    return Posted(groups, int(time.time()), digest_of("sender"), made, fingerprint_of(groups))


@attrs.define
class Run:
    """A source that runs, and what it has said."""

    intake: Intake
    saved: SavedMarks
    stop: trio.Event
    crash: trio.CancelScope
    ended: trio.Event
    said: list[FromSource] = attrs.field(factory=list)

    async def take(self, *requests: Posted) -> list[bool]:
        return [await self.intake.take(one, "sender") for one in requests]

    @property
    def lines(self) -> list[str]:
        return [
            line
            for message in self.said
            if isinstance(message, Chunk)
            for line in message.lines.decode().splitlines()
        ]

    @property
    def marks(self) -> dict[str, Mark]:
        """What a checkpoint of now would have."""
        return marks_after(self.said)

    async def until(self, count: int) -> None:
        with trio.fail_after(10):
            while len(self.lines) < count:
                await trio.sleep(0.05)
        await trio.testing.wait_all_tasks_blocked(0.02)

    async def until_health(self, state: SourceState) -> SourceHealth:
        with trio.fail_after(10):
            while True:
                own = [one for one in self.said if isinstance(one, SourceHealth)]
                found = next((one for one in reversed(own) if one.name == "http:"), None)
                if found is not None and found.state is state:
                    return found
                await trio.sleep(0.05)

    async def end(self, *, crashes: bool = False) -> None:
        if crashes:
            self.crash.cancel()
        else:
            self.stop.set()
        with trio.fail_after(10):
            await self.ended.wait()


def marks_after(said: Iterable[FromSource]) -> dict[str, Mark]:
    found: dict[str, Mark] = {}
    for message in said:
        match message:
            case Chunk(mark=mark) if mark is not None:
                found[mark.source] = mark
            case Marked(mark=mark):
                found[mark.source] = mark
            case SourceGone(name=name):
                found.pop(name, None)
    return found


@pytest.fixture
def run(tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(posted_source, "_HEALTH_SECONDS", 0.05)

    async def run(before: Iterable[Mark] = (), *, has_state: bool = True) -> Run:
        intake, saved = Intake(), SavedMarks()
        started = Run(intake, saved, trio.Event(), trio.CancelScope(), trio.Event())
        desk = SourceDesk(
            sources=Sources(("http:",)),
            start=StartPosition(From.WINDOW, 60, None),
            dating=lambda _: None,  # type: ignore[arg-type, return-value]
            standard_input=lambda: 0,
            before=tuple(before),
            state=tmp_path / "monitor-x.state" if has_state else None,
            intake=intake,
            on_saved=saved.listen,
        )
        send, receive = trio.open_memory_channel[FromSource](2)

        async def hear() -> None:
            async with receive:
                async for message in receive:
                    started.said.append(message)

        async def follow() -> None:
            async with trio.open_nursery() as hearing:
                hearing.start_soon(hear)
                with started.crash:
                    await PostedLines(desk, intake).run(send, started.stop)
                await send.aclose()
            started.ended.set()

        nursery.start_soon(follow)
        with trio.fail_after(10):
            while intake._take is None:
                await trio.sleep(0.01)
        return started

    return run


def files(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.glob(f"monitor-x.posted/*{ending}"))


@pytest.mark.parametrize("has_state", [False, True])
async def test_what_is_taken_is_passed_on_once_by_server(run, has_state: bool) -> None:
    source = await run(has_state=has_state)
    assert await source.take(posted("a"), posted("b", "web2,web1"), posted("long")) == [True] * 3
    await source.until(4)
    await source.end()
    chunks = [one for one in source.said if isinstance(one, Chunk)]
    assert {(one.source, one.server) for one in chunks} == {
        ("http:web1", "web1"),
        ("http:web2", "web2"),
    }
    assert source.lines.count("a of web1") == 1
    assert sorted(source.lines) == ["a of web1", "b of web1", "b of web2", "long of web1"]
    assert [one for chunk in chunks for one in chunk.overlong] == [b"long"]
    assert all((one.mark is not None) is has_state for one in chunks)


@pytest.mark.parametrize("has_state", [False, True])
async def test_what_was_taken_before_the_stop_is_passed_on(run, has_state: bool) -> None:
    source = await run(has_state=has_state)
    await source.take(posted("a"))
    await source.end()
    assert source.lines == ["a of web1"]
    with pytest.raises(NotTakenError, match="the monitor is ending; send the lines again"):
        await source.take(posted("b"))


@pytest.mark.parametrize("has_state", [False, True])
async def test_a_request_with_the_same_key_is_taken_once(run, has_state: bool) -> None:
    source = await run(has_state=has_state)
    assert await source.take(posted("a", key="k"), posted("a", key="k")) == [True, False]
    with pytest.raises(OtherLinesError):
        await source.take(posted("b", key="k"))
    await source.until(1)
    await source.end()
    assert source.lines == ["a of web1"]


async def test_a_request_whose_key_is_being_written_is_in_progress(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await run()
    begun, go_on = trio.Event(), trio.Event()
    append = Spool.append

    def slowly(*details: object) -> int:
        trio.from_thread.run_sync(begun.set)
        trio.from_thread.run(go_on.wait)
        return append(*details)  # type: ignore[arg-type]

    monkeypatch.setattr(Spool, "append", slowly)
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as client:
            nursery.start_soon(source.take, posted("a", key="k"))
            await begun.wait()
            with pytest.raises(KeyInUseError):
                await source.take(posted("a", key="k"))
        assert not client.cancelled_caught
        go_on.set()
    assert await source.take(posted("a", key="k")) == [False]


async def test_a_client_that_leaves_while_it_is_written_finds_its_key_known(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await run()
    begun, go_on = trio.Event(), trio.Event()
    append = Spool.append

    def slowly(*details: object) -> int:
        trio.from_thread.run_sync(begun.set)
        trio.from_thread.run(go_on.wait)
        return append(*details)  # type: ignore[arg-type]

    monkeypatch.setattr(Spool, "append", slowly)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(source.take, posted("a", key="k"))
        await begun.wait()
        nursery.cancel_scope.cancel()
    go_on.set()
    await source.until(1)
    assert await source.take(posted("a", key="k")) == [False]
    assert source.lines == ["a of web1"]


async def test_requests_that_come_together_wait_for_the_disk_once(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await run()
    syncs = 0
    sync = os.fdatasync

    def count(file: int) -> None:
        nonlocal syncs
        syncs += 1
        sync(file)

    monkeypatch.setattr(os, "fdatasync", count)
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(source.take, posted(str(number)))
    await source.until(50)
    assert syncs <= 3


async def test_after_a_crash_what_no_checkpoint_had_is_passed_on_again(run) -> None:
    first = await run()
    await first.take(posted("a"))
    await first.until(1)
    marks = first.marks
    await first.take(posted("b", key="k"), posted("c", "web2"))
    await first.until(3)
    await first.end(crashes=True)
    second = await run(marks.values())
    await second.until(2)
    assert sorted(second.lines) == ["b of web1", "c of web2"]
    assert await second.take(posted("b", key="k")) == [False]


@pytest.mark.parametrize("counted", range(6))
async def test_a_checkpoint_between_two_chunks_of_a_read_loses_and_doubles_nothing(
    run, counted: int
) -> None:
    first = await run()
    async with trio.open_nursery() as nursery:
        for server in ("a", "b,a", "c", "a,c"):
            nursery.start_soon(first.take, posted("x", server))
    await first.until(6)
    said = list(first.said)
    await first.take(posted("late", "d,a"))
    await first.end(crashes=True)
    flow = [one for one in said if isinstance(one, Chunk | Marked)]
    before = [
        line
        for one in flow[:counted]
        if isinstance(one, Chunk)
        for line in one.lines.decode().splitlines()
    ]
    marks = [mark_from_state(one.to_state()) for one in marks_after(flow[:counted]).values()]
    second = await run(marks)
    await second.until(8 - len(before))
    assert sorted([*before, *second.lines]) == sorted(
        ["x of a", "x of b", "x of a", "x of c", "x of a", "x of c", "late of d", "late of a"]
    )


async def test_segments_are_deleted_once_a_checkpoint_has_them_and_their_keys_are_kept(
    run, tmp_path: Path
) -> None:
    first = await run()
    await first.take(posted("a", key="k"))
    await first.until(1)
    early = {name: mark for name, mark in first.marks.items() if name != "http:"}
    first.saved.tell(list(early.values()))
    await trio.sleep(0.2)
    assert len(files(tmp_path, ".lines")) == 1
    first.saved.tell(list(first.marks.values()))
    with trio.fail_after(5):
        while files(tmp_path, ".lines"):
            await trio.sleep(0.02)
    (keys,) = files(tmp_path, ".keys")
    assert keys.stat().st_mode & 0o077 == 0
    marks = first.marks
    assert await first.take(posted("a", key="k"), posted("b")) == [False, True]
    await first.until(2)
    await first.end(crashes=True)
    with keys.open("ab") as file:
        file.write(b"torn")
    second = await run(marks.values())
    await second.until(1)
    assert await second.take(posted("a", key="k"), posted("c", key="c")) == [False, True]
    await second.until(2)
    assert second.lines == ["b of web1", "c of web1"]
    second.saved.tell(list(second.marks.values()))
    with trio.fail_after(5):
        while files(tmp_path, ".lines"):
            await trio.sleep(0.02)
    await second.end()
    third = await run(second.marks.values())
    assert await third.take(posted("a", key="k"), posted("c", key="c")) == [False, False]


async def test_a_number_of_a_segment_is_never_used_again(run, tmp_path: Path) -> None:
    first = await run()
    await first.take(posted("a"))
    await first.until(1)
    first.saved.tell(list(first.marks.values()))
    with trio.fail_after(5):
        while files(tmp_path, ".lines"):
            await trio.sleep(0.02)
    await first.end()
    second = await run(first.marks.values())
    await second.take(posted("b"), posted("c"))
    await second.end(crashes=True)
    third = await run(first.marks.values())
    await third.until(2)
    assert third.lines == ["b of web1", "c of web1"]


async def test_a_segment_is_only_so_large(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(posted_store, "SEGMENT_BYTES", 300)
    source = await run()
    for number in range(20):
        await source.take(posted(f"{number:100}"))
    await source.until(20)
    assert len(files(tmp_path, ".lines")) > 4
    assert [int(one.partition("of")[0]) for one in source.lines] == list(range(20))
    await source.end(crashes=True)
    again = await run()
    await again.until(20)
    assert [int(one.partition("of")[0]) for one in again.lines] == list(range(20))


async def test_a_request_that_was_written_in_part_was_never_taken(run, tmp_path: Path) -> None:
    first = await run()
    await first.take(posted("a"), posted("b", key="k"))
    await first.until(2)
    await first.end(crashes=True)
    (segment,) = files(tmp_path, ".lines")
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size - 1)
    second = await run()
    assert await second.take(posted("b", key="k")) == [True]
    await second.until(2)
    assert second.lines == ["a of web1", "b of web1"]
    assert not any(isinstance(one, Gap) for one in second.said)


async def test_damage_that_no_crash_explains_is_a_gap(run, tmp_path: Path) -> None:
    first = await run()
    await first.take(posted("a"))
    await first.end(crashes=True)
    second = await run()
    await second.take(posted("b"))
    await second.end(crashes=True)
    segment = files(tmp_path, ".lines")[0]
    whole = bytearray(segment.read_bytes())
    whole[-3] ^= 1
    segment.write_bytes(whole)
    third = await run()
    await third.until(1)
    assert third.lines == ["b of web1"]
    (gap,) = [one for one in third.said if isinstance(one, Gap)]
    assert gap.what == f"{len(whole):,} bytes of sent lines were damaged on the disk and are lost"


@pytest.mark.parametrize("function", ["write", "fdatasync"])
async def test_a_full_disk_refuses_says_so_and_loses_nothing(
    run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, function: str
) -> None:
    source = await run()
    await source.take(posted("a"))
    await source.until(1)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(posted_spool.os, function, fail)
        with pytest.raises(NotTakenError, match="cannot be kept on the disk") as refused:
            await source.take(posted("b", key="k"))
        assert refused.value.wait > 0
    health = await source.until_health(SourceState.BLOCKED)
    assert "No space left on device" in health.detail
    assert await source.take(posted("b", key="k")) == [True]
    await source.until(2)
    await source.until_health(SourceState.FOLLOWING)
    await source.end(crashes=True)
    again = await run()
    await again.until(2)
    assert again.lines == ["a of web1", "b of web1"]


@pytest.mark.parametrize("has_state", [False, True])
async def test_while_too_much_waits_requests_are_refused_and_that_is_shown(
    run, monkeypatch: pytest.MonkeyPatch, has_state: bool
) -> None:
    monkeypatch.setattr(posted_store, "MOST_UNREAD", 250)
    monkeypatch.setattr(posted_store, "MOST_IN_MEMORY", 250)
    monkeypatch.setattr(posted_source, "GATHER_SECONDS", 1.5)
    source = await run(has_state=has_state)
    await source.take(posted("a"))
    with pytest.raises(NotTakenError, match="too many lines wait to be counted"):
        await source.take(posted("b"), posted("c"), posted("d"))
    health = await source.until_health(SourceState.FOLLOWING)
    with trio.fail_after(5):
        while not health.detail:
            await trio.sleep(0.1)
            health = await source.until_health(SourceState.FOLLOWING)
    assert health.detail == "too many sent lines wait to be counted; senders try again"
    await source.until(2)
    assert await source.take(posted("d")) == [True]


async def test_the_parsers_state_of_each_server_is_given_back(run) -> None:
    first = await run()
    await first.take(posted("a", "web1,web2"))
    await first.until(2)
    marks = [one.with_parsing({"pieces": one.source}) for one in first.marks.values()]
    await first.end()
    second = await run(marks)
    resumed = {one.mark.source: one.mark.parsing for one in second.said if isinstance(one, Resumes)}
    assert resumed == {name: {"pieces": name} for name in ("http:", "http:web1", "http:web2")}


async def test_more_servers_than_may_have_a_source_share_one(
    run, monkeypatch: pytest.MonkeyPatch, autojump_clock
) -> None:
    monkeypatch.setattr(posted_source, "MOST_SERVERS", 2)
    source = await run(has_state=False)
    for server in ("a", "b", "c", "a"):
        await source.take(posted("x", server))
        await source.until(len(source.lines) + 1)
    chunks = [(one.source, one.server) for one in source.said if isinstance(one, Chunk)]
    assert chunks == [("http:a", "a"), ("http:b", "b"), ("http:*", "c"), ("http:a", "a")]
    await trio.sleep(4000)
    await source.take(posted("x", "c"))
    await source.until(5)
    assert SourceGone("http:b") in source.said
    assert [one.source for one in source.said if isinstance(one, Chunk)][-1] == "http:c"


async def test_it_tells_how_many_requests_came_from_how_many_senders(run) -> None:
    source = await run(has_state=False)
    await source.intake.take(posted("a"), "web1")
    await source.intake.take(posted("b"), "web2")
    source.intake.refuse()
    with trio.fail_after(5):
        while True:
            health = await source.until_health(SourceState.FOLLOWING)
            if health.note:
                break
            await trio.sleep(0.1)
    assert health.note == "2 requests from 2 senders, 1 refused"
    assert not health.detail


def test_the_furthest_mark_is_the_last_one_in_the_flow() -> None:
    flow = [
        PostedMark("http:", (1, 0)),
        PostedMark("http:a", (1, 0), 1, (1, 90)),
        PostedMark("http:b", (1, 0), 2, (1, 90)),
        PostedMark("http:", (1, 90)),
        PostedMark("http:a", (2, 0), 1, (2, 10)),
    ]
    for number in range(1, len(flow) + 1):
        assert furthest(reversed(flow[:number])) == flow[number - 1]
