"""The tailer: many sources, globs, waking, standard input."""

from __future__ import annotations

import gzip
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from actors.sources.dating import undated
from actors.sources.desk import SourceDesk
from actors.sources.files.container_names import server_of
from actors.sources.files.followed_files import ROTATED_GRACE
from actors.sources.files.marks import PathMark
from actors.sources.files.path_follower import Look, PathFollower
from actors.sources.files.tail import tail
from actors.sources.files.waking import Status, Waker, status_of, watched_names
from actors.sources.messages import Announced, Chunk, FromSource, Gap, Marked, SourceGone
from actors.sources.position import From, StartPosition
from actors.sources.registry import make_sources
from actors.sources.source import run_sources
from glancemetrics.configuration.settings import Settings
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.planning.sources import Sources
from tests.conftest import thorough
from tests.lines import BASE, line

START = StartPosition(From.START, 120, float(BASE))


class Heard:
    """Everything that a tailer said."""

    def __init__(self, receive: trio.MemoryReceiveChannel[FromSource]) -> None:
        self._receive = receive
        self.messages: list[FromSource] = []
        self.scope = trio.CancelScope()

    @property
    def marks(self) -> list[PathMark]:
        """How far each path has been read."""
        known: dict[str, PathMark] = {}
        for message in self.messages:
            if isinstance(message, Chunk | Marked) and message.mark is not None:
                known[message.mark.path] = message.mark
            elif isinstance(message, SourceGone):
                known.pop(message.name, None)
        return list(known.values())

    def text(self, source: str | None = None) -> bytes:
        return b"".join(
            m.lines for m in self.messages if isinstance(m, Chunk) and source in (None, m.source)
        )

    def health(self, source: str) -> SourceHealth | None:
        told = [m for m in self.messages if isinstance(m, SourceHealth) and m.name == source]
        return told[-1] if told else None

    async def until(self, true: Callable[[], bool]) -> None:
        with trio.fail_after(300):
            while not true():
                self.messages.append(await self._receive.receive())

    async def until_text(self, text: bytes) -> None:
        await self.until(lambda: self.text() == text)


@pytest.fixture
async def heard(nursery: trio.Nursery, clock: trio.testing.MockClock):
    opened: list[trio.MemoryReceiveChannel[FromSource]] = []

    def start(
        *sources: object,
        start: StartPosition = START,
        stdin: int = -1,
        before: Sequence[PathMark] = (),
    ) -> Heard:
        send, receive = trio.open_memory_channel[FromSource](0)
        opened.append(receive)
        names = [str(source) for source in sources]

        async def run() -> None:
            with made.scope:
                desk = SourceDesk(
                    sources=Sources(tuple(names)),
                    start=start,
                    dating=undated,
                    standard_input=lambda: stdin,
                    before=before,
                )
                await run_sources(make_sources(Settings(), desk), send, trio.Event())

        made = Heard(receive)
        nursery.start_soon(run)
        return made

    yield start
    for receive in opened:
        receive.close()


@pytest.mark.parametrize(("size", "least", "most"), [(100, 2, 8), (1_000_000, 20, 110)])
async def test_a_log_that_is_written_fast_is_not_gathered_for_long(
    clock, heard, tmp_path: Path, size: int, least: int, most: int
) -> None:
    """In half a second more would be written than the parser has work for meanwhile."""
    log = tmp_path / "access.log"
    log.touch()
    following = heard(log)
    made = b"x" * (size - 1) + b"\n"

    async def write() -> None:
        with log.open("ab") as file:
            for _ in range(101):
                file.write(made)
                file.flush()
                await trio.sleep(0.03)

    async with trio.open_nursery() as writing:
        writing.start_soon(write)
        seen = chunks = 0
        while seen < 101 * size:
            await following.until(lambda: bool(following.text()))
            seen += len(following.text())
            chunks += 1
            following.messages.clear()
    assert least <= chunks <= most


async def test_it_follows_several_files(clock, heard, tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_bytes(b"a1\n")
    second.write_bytes(b"b1\n")
    both = heard(first, second)
    await both.until(lambda: len(both.text()) == 6)
    with second.open("ab") as file:
        file.write(b"b2\n")
    await both.until(lambda: both.text(str(second)) == b"b1\nb2\n")
    assert both.text(str(first)) == b"a1\n"


async def test_a_file_under_several_names_is_read_once(clock, heard, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    (tmp_path / "link").symlink_to(log)
    once = heard(
        log, tmp_path / "." / "link", tmp_path / "*.log", f"{tmp_path}/../{tmp_path.name}/a.log"
    )
    await once.until(lambda: SourceGone(str(tmp_path / "*.log")) in once.messages)
    with log.open("ab") as file:
        file.write(b"2\n")
    await once.until(lambda: b"2\n" in once.text())
    assert once.text() == b"1\n2\n"


async def test_a_glob_is_each_file_that_matches_now_and_later(clock, heard, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"a\n")
    (tmp_path / "other.txt").write_bytes(b"no\n")
    logs = heard(tmp_path / "*.log", start=StartPosition(From.END, 120, float(BASE)))
    pattern = str(tmp_path / "*.log")
    await logs.until(lambda: SourceGone(pattern) in logs.messages)
    (tmp_path / "b.log").write_bytes(b"b\n")
    await logs.until_text(b"b\n")


async def test_a_glob_without_a_match_says_so_and_waits(clock, heard, tmp_path: Path) -> None:
    logs = heard(tmp_path / "*.log")
    await logs.until(lambda: bool(logs.messages))
    assert logs.messages == [
        SourceHealth(str(tmp_path / "*.log"), SourceState.WAITING, "has no matching files yet")
    ]
    (tmp_path / "a.log").write_bytes(b"a\n")
    await logs.until_text(b"a\n")


async def test_each_glob_waits_for_its_own_match(clock, heard, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"a\n")
    (tmp_path / "a.log.2.gz").write_bytes(b"packed")
    logs = heard(tmp_path / "a.log*", tmp_path / "b*.log")
    await logs.until_text(b"a\n")
    await logs.until(lambda: SourceGone(str(tmp_path / "a.log*")) in logs.messages)
    assert SourceGone(str(tmp_path / "b*.log")) not in logs.messages
    (tmp_path / "b1.log").write_bytes(b"b\n")
    await logs.until(lambda: SourceGone(str(tmp_path / "b*.log")) in logs.messages)
    assert not [m for m in logs.messages if isinstance(m, SourceHealth) and "gz" in m.name]


async def test_a_rotated_file_that_matches_the_glob_is_not_read_again(
    heard, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    logs = heard(tmp_path / "a.log*")
    await logs.until_text(b"1\n")
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"2\n")
    await logs.until_text(b"1\n2\n")
    with log.open("ab") as file:
        file.write(b"3\n")
    await logs.until(lambda: logs.text().endswith(b"3\n"))
    assert logs.text() == b"1\n2\n3\n"


async def test_a_copy_that_matches_the_glob_is_not_read_again(clock, heard, tmp_path: Path) -> None:
    """logrotate's copytruncate beside `-f 'access.log*'`."""
    log = tmp_path / "access.log"
    log.write_bytes(line() * 3)
    logs = heard(tmp_path / "access.log*")
    await logs.until_text(line() * 3)
    copy = tmp_path / "access.log.1"
    other = line(BASE + 1)
    with log.open("ab") as file:
        file.write(other)
        file.flush()
        copy.write_bytes(log.read_bytes()[:100])  # not whole yet
        await logs.until(lambda: logs.text().count(b"\n") == 4)
        copy.write_bytes(log.read_bytes())
        file.write(line(BASE + 2))
        file.flush()
        copy.write_bytes(log.read_bytes())
        os.truncate(log, 0)
    with log.open("ab") as file:
        file.write(line(BASE + 3))
    await logs.until(lambda: logs.text().endswith(line(BASE + 3)))
    with trio.move_on_after(30):
        await logs.until(lambda: False)
    assert logs.text() == line() * 3 + other + line(BASE + 2) + line(BASE + 3)


async def test_a_glob_goes_on_where_it_was_though_its_files_were_rotated(
    clock, heard, tmp_path: Path
) -> None:
    for name in ("access.log", "access.log.1", "access.log.2"):
        (tmp_path / name).write_bytes(line(agent=name) * 5)
    first = heard(tmp_path / "access.log*")
    await first.until(lambda: first.text().count(b"\n") == 15)
    with trio.move_on_after(5):
        await first.until(lambda: False)
    first.scope.cancel()
    with (tmp_path / "access.log").open("ab") as file:
        file.write(line(agent="rest"))
    packed = gzip.compress((tmp_path / "access.log.2").read_bytes())
    (tmp_path / "access.log.3.gz").write_bytes(packed)
    (tmp_path / "access.log.1").rename(tmp_path / "access.log.2")
    (tmp_path / "access.log").rename(tmp_path / "access.log.1")
    (tmp_path / "access.log").write_bytes(line(agent="new"))
    second = heard(tmp_path / "access.log*", before=first.marks)
    with trio.move_on_after(30):
        await second.until(lambda: False)
    assert sorted(second.text().splitlines(keepends=True)) == sorted(
        [line(agent="rest"), line(agent="new")]
    )
    assert not any(isinstance(message, Gap) for message in second.messages)


async def test_files_of_a_glob_that_come_and_go_by_the_hundred(
    clock, heard, tmp_path: Path
) -> None:
    logs = heard(tmp_path / "*.log")
    expected = []
    for round_ in range(2):
        paths = [tmp_path / f"{round_}-{i}.log" for i in range(thorough(100, 400))]
        for i, path in enumerate(paths):
            text = line(BASE + i, agent=f"{round_} {i}")
            path.write_bytes(text)
            expected.append(text)
        await logs.until(lambda: logs.text().count(b"\n") == len(expected))
        for path in paths:
            path.unlink()
        with trio.move_on_after(ROTATED_GRACE * 2):
            await logs.until(lambda: False)
    assert sorted(logs.text().splitlines(keepends=True)) == sorted(expected)
    assert not logs.marks  # nothing is remembered of what is gone


async def test_a_file_of_a_glob_that_goes_is_forgotten(clock, heard, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    logs = heard(tmp_path / "*.log")
    await logs.until_text(b"1\n")
    log.unlink()
    await logs.until(lambda: SourceGone(str(log)) in logs.messages)


async def test_a_log_in_a_folder_that_does_not_exist_yet(clock, heard, tmp_path: Path) -> None:
    log = tmp_path / "later" / "access.log"
    logs = heard(log)
    await logs.until(lambda: logs.health(str(log)) is not None)
    log.parent.mkdir()
    log.write_bytes(b"here\n")
    await logs.until_text(b"here\n")


async def test_nothing_is_read_while_nobody_takes_it(clock, heard, tmp_path: Path) -> None:
    """The file is the buffer: what is in memory does not grow with what waits on the disk."""
    log = tmp_path / "access.log"
    log.write_bytes(b"")
    logs = heard(log)
    await logs.until(
        lambda: any(
            isinstance(said, SourceHealth) and said.state is SourceState.FOLLOWING
            for said in logs.messages
        )
    )
    with log.open("ab") as file:
        for _ in range(10):
            file.write(b"x" * 1023 + b"\n")
    await trio.sleep(60)
    with log.open("ab") as file:
        for _ in range(20_000):
            file.write(b"y" * 1023 + b"\n")
    chunk: FromSource | None = None
    await logs.until(lambda: isinstance(logs.messages[-1], Chunk))
    chunk = logs.messages[-1]
    assert isinstance(chunk, Chunk)
    assert len(chunk.lines) == 10 * 1024
    await logs.until(lambda: logs.text().count(b"\n") == 20_010)


async def test_standard_input_is_read_until_it_ends(clock, heard) -> None:
    read_end, write_end = os.pipe()
    piped = heard("-", stdin=read_end)
    os.write(write_end, b"one\ntw")
    await piped.until_text(b"one\n")
    os.write(write_end, b"o\nlast")
    os.close(write_end)
    await piped.until_text(b"one\ntwo\nlast\n")
    with pytest.raises(trio.EndOfChannel):
        await piped.until(lambda: False)
    told = piped.health("-")
    assert told is not None
    assert told.state is SourceState.ENDED
    os.close(read_end)


async def test_what_tail_says_of_its_files_names_the_sources(clock, heard, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    (tmp_path / "own.log").write_bytes(b"own\n")
    own = str(tmp_path / "own.log")
    piped = heard("-", own, stdin=read_end)
    frames = f"==> a <==\na1\na2\n\n==> b <==\nb1\n\n==> {own} <==\nother\n\n==> a <==\na3 be"
    os.write(write_end, frames.encode())
    await piped.until(lambda: b"other" in piped.text("-"))
    assert SourceGone("-") in piped.messages
    os.write(write_end, b"gun\n")
    await piped.until(lambda: b"a3" in piped.text("a"))
    assert piped.text("a") == b"==> a <==\na1\na2\n\n==> a <==\na3 begun\n"
    assert piped.text("b") == b"==> b <==\nb1\n\n"
    assert piped.text(own) == b"own\n"
    assert {one.source for one in piped.messages if isinstance(one, Chunk)} == {"a", "b", "-", own}
    os.close(write_end)
    names = ("a", "b", "-")
    await piped.until(lambda: all(
        (told := piped.health(name)) is not None and told.state is SourceState.ENDED
        for name in names
    ))  # fmt: skip
    os.close(read_end)


async def test_windows_wait_for_the_lines_of_all_files_that_tail_had(clock, heard) -> None:
    """Of one look: those of the second may be older than the last of the first."""
    read_end, write_end = os.pipe()
    piped = heard("-", stdin=read_end)
    os.write(write_end, b"==> a <==\na1\n\n==> b <==\nb1\n")
    await piped.until(lambda: piped.health("a") is not None)
    first, second = (one for one in piped.messages if isinstance(one, Chunk))
    assert not first.caught_up
    assert second.caught_up
    told = piped.health("a")
    assert told is not None
    assert told.state is SourceState.FOLLOWING
    assert told.lag_bytes == 0
    os.close(write_end)
    os.close(read_end)


@asynccontextmanager
async def watching(log: Path, waker: Waker) -> AsyncIterator[trio.Nursery]:
    """Watch a log, in real time; what runs in the nursery ends with the block."""
    waker.watch(str(log), watched_names(str(log)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waker.run)
        await trio.sleep(0.3)
        yield nursery
        nursery.cancel_scope.cancel()


async def test_inotify_wakes_long_before_the_poll(tmp_path: Path) -> None:
    """In real time: a line is seen at once, not at the next second."""
    log = tmp_path / "access.log"
    log.write_bytes(b"")
    waker = Waker()
    async with watching(log, waker) as nursery:
        delays = []
        for _ in range(5):
            began = trio.current_time()
            nursery.start_soon(trio.to_thread.run_sync, log.write_bytes, b"x\n")
            await waker.wait(str(log))
            delays.append(trio.current_time() - began)
            await trio.sleep(0.3)
    assert min(delays) < 0.5


async def test_inotify_goes_on_after_a_file_whose_name_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.touch()
    waker = Waker()
    with trio.fail_after(60):
        async with watching(path, waker) as nursery:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.log")).touch()
            await trio.sleep(1)

            async def write() -> None:
                while True:
                    with path.open("a") as file:
                        file.write("x")
                    await trio.sleep(0.2)

            nursery.start_soon(write)
            assert await waker.wait(str(path), status_of(str(path)))


async def test_a_directory_that_was_replaced_is_watched_again(tmp_path: Path) -> None:
    """In real time."""
    folder, log = tmp_path / "logs", tmp_path / "logs" / "access.log"
    folder.mkdir()
    waker = Waker(0.05)
    async with watching(log, waker) as nursery:
        folder.rename(tmp_path / "old")
        folder.mkdir()
        await trio.sleep(2)
        nursery.start_soon(trio.to_thread.run_sync, log.write_bytes, b"x\n")
        with trio.fail_after(10):
            await waker.wait(str(log))


@pytest.mark.parametrize("how", ["removed", "its parent renamed"])
async def test_a_directory_that_comes_back_is_watched_again(tmp_path: Path, how: str) -> None:
    """In real time: the kernel tells of neither while a file of the old one is open."""
    parent = tmp_path / "parent"
    folder, log = parent / "logs", parent / "logs" / "access.log"
    folder.mkdir(parents=True)
    log.touch()
    waker = Waker(0.05)
    async with watching(log, waker) as nursery:
        with log.open("rb"):
            if how == "removed":
                shutil.rmtree(parent)
            else:
                parent.rename(tmp_path / "old")
            folder.mkdir(parents=True)
            log.touch()
            waker.watch(str(log), watched_names(str(log)))  # there is another file now
            await trio.sleep(2)
            waker.wake(str(log))
            await waker.wait(str(log))
            nursery.start_soon(trio.to_thread.run_sync, log.write_bytes, b"x\n")
            with trio.fail_after(10):
                await waker.wait(str(log))


async def test_where_inotify_is_silent_the_poll_wakes(clock: trio.testing.MockClock) -> None:
    waker = Waker()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waker.poll)
        await waker.wait("/proc/uptime")
        nursery.cancel_scope.cancel()
    assert trio.current_time() - began == pytest.approx(1.0)


async def test_the_poll_wakes_none_whose_status_is_what_it_was(
    clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    quiet, written = tmp_path / "quiet.log", tmp_path / "written.log"
    woken = []

    async def wait(log: Path, waker: Waker) -> None:
        await waker.wait(str(log), status_of(str(log)))
        woken.append(log)

    waker = Waker()
    async with trio.open_nursery() as nursery:
        for log in (quiet, written):
            log.write_bytes(b"1\n")
            nursery.start_soon(wait, log, waker)
        nursery.start_soon(waker.poll)
        await trio.sleep(30)
        assert not woken
        written.write_bytes(b"1\n2\n")
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert woken == [written]


async def test_a_dead_mount_does_not_hold_up_the_poll_of_other_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In real threads: stat(2) of a log on a hard NFS mount returns when its server is back."""
    log, dead = tmp_path / "access.log", "/mnt/dead/access.log"
    log.write_bytes(b"1\n")
    back = threading.Event()

    def answer(path: str) -> Status:
        if path == dead:
            back.wait(60)
            return (2,)
        return status_of(path)

    monkeypatch.setattr("actors.sources.files.waking.status_of", answer)
    monkeypatch.setattr("actors.sources.files.waking._STUCK_SECONDS", 0.1)
    waker = Waker()
    woken = trio.Event()

    async def wait() -> None:
        await waker.wait(str(log), status_of(str(log)))
        woken.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waker.wait, dead, (1, 1, 1, 1, 1))
        nursery.start_soon(wait)
        nursery.start_soon(waker.poll)
        await trio.sleep(1.5)
        log.write_bytes(b"1\n2\n")
        with trio.fail_after(30):
            await woken.wait()
        back.set()
        nursery.cancel_scope.cancel()


async def test_what_was_written_before_the_stop_is_read(clock, nursery, tmp_path: Path) -> None:
    logs = [tmp_path / "a.log", tmp_path / "b.log"]
    for log in logs:
        log.write_bytes(b"1\n")
    stop = trio.Event()
    send, receive = trio.open_memory_channel[FromSource](0)

    async def run() -> None:
        names = [str(log) for log in logs]
        await tail(names, START, undated, send, stop=stop)

    heard = Heard(receive)
    nursery.start_soon(run)
    with trio.move_on_after(10.5):
        await heard.until(lambda: False)
    for log in logs:
        with log.open("ab") as file:
            file.write(b"2\n" * 10_000)
    stop.set()
    with pytest.raises(trio.EndOfChannel):
        await heard.until(lambda: False)
    assert [heard.text(str(log)) for log in logs] == [b"1\n" + b"2\n" * 10_000] * 2


async def test_the_stop_does_not_wait_for_lines_that_are_gathered(
    clock, nursery, tmp_path: Path
) -> None:
    """Its last look has no time left when the pause after the one before takes it all."""
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    stop = trio.Event()
    send, receive = trio.open_memory_channel[FromSource](0)

    async def run() -> None:
        await tail([str(log)], START, undated, send, stop=stop)

    heard = Heard(receive)
    nursery.start_soon(run)
    await heard.until_text(b"1\n")
    with log.open("ab") as file:
        file.write(b"2\n")
    began = trio.current_time()
    stop.set()
    with pytest.raises(trio.EndOfChannel):
        await heard.until(lambda: False)
    assert heard.text() == b"1\n2\n"
    assert trio.current_time() - began < 0.1


async def test_a_rotated_file_that_matches_the_glob_is_not_read_when_it_was_let_go(
    clock, heard, tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(line() * 3)
    logs = heard(tmp_path / "a.log*")
    await logs.until_text(line() * 3)
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(line(BASE + 1))
    with trio.move_on_after(ROTATED_GRACE * 3):
        await logs.until(lambda: False)
    assert logs.text() == line() * 3 + line(BASE + 1)
    logs.scope.cancel()
    again = heard(tmp_path / "a.log*", before=logs.marks)
    with trio.move_on_after(ROTATED_GRACE * 3):
        await again.until(lambda: False)
    assert again.text() == b""


async def test_a_hard_link_is_the_file_that_it_is_a_name_of(clock, heard, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"1\n")
    (tmp_path / "b.log").hardlink_to(log)
    named = heard(log, tmp_path / "b.log")
    await named.until(lambda: SourceGone(str(tmp_path / "b.log")) in named.messages)
    globbed = heard(tmp_path / "*.log")
    for logs in (named, globbed):
        with trio.move_on_after(30):
            await logs.until(lambda: False)
        assert logs.text() == b"1\n"


async def test_logs_beyond_the_limit_of_open_files_are_closed_and_followed_all_the_same(
    clock, heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.sources.files.tail.most_held", lambda: 5)
    paths = [tmp_path / f"{i}.log" for i in range(40)]
    old = time.time() - 60
    for path in paths:
        path.write_bytes(line(agent=path.name) * 2)
        os.utime(path, (old, old))
    expected = [line(agent=path.name) for path in paths for _ in range(2)]
    logs = heard(tmp_path / "*.log")
    await logs.until(lambda: logs.text().count(b"\n") == len(expected))
    with trio.move_on_after(10):
        await logs.until(lambda: False)
    descriptors = list(Path("/proc/self/fd").iterdir())
    held = [str(one.resolve()) for one in descriptors if os.path.lexists(one)]
    assert sum(name.startswith(str(tmp_path)) for name in held) <= 5
    for number, path in enumerate(paths):
        with path.open("ab") as file:
            file.write(line(BASE + 1, agent=path.name))
        expected.append(line(BASE + 1, agent=path.name))
        if number % 2:  # rotated while it was closed
            path.rename(path.with_suffix(".log.1"))
            path.write_bytes(line(BASE + 2, agent=path.name))
            expected.append(line(BASE + 2, agent=path.name))
    with trio.move_on_after(ROTATED_GRACE * 2):
        await logs.until(lambda: False)
    assert sorted(logs.text().splitlines(keepends=True)) == sorted(expected)
    assert not any(isinstance(message, Gap) for message in logs.messages)


@pytest.mark.parametrize("look_seconds", [0.0, 0.005])
async def test_when_all_logs_are_rotated_at_once_the_descriptors_are_bounded_too(
    clock, heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look_seconds: float
) -> None:
    """As logrotate does at midnight."""
    look = PathFollower.look

    def slowly(self: PathFollower, *arguments: Any) -> Look:
        time.sleep(look_seconds)
        return look(self, *arguments)

    monkeypatch.setattr(PathFollower, "look", slowly)
    monkeypatch.setattr("actors.sources.files.tail.most_held", lambda: 5)
    paths = [tmp_path / f"{i}.log" for i in range(40)]
    expected = [line(agent=path.name) for path in paths]
    for path, text in zip(paths, expected, strict=True):
        path.write_bytes(text)
    logs = heard(tmp_path / "*.log")
    await logs.until(lambda: logs.text().count(b"\n") == len(expected))
    for path in paths:
        path.rename(path.with_suffix(".log.1"))
        path.write_bytes(line(BASE + 2, agent=path.name))
        expected.append(line(BASE + 2, agent=path.name))
    held = []
    with trio.move_on_after(ROTATED_GRACE * 2):
        while True:
            with trio.move_on_after(0.5):
                await logs.until(lambda: False)
            descriptors = [str(one.resolve()) for one in Path("/proc/self/fd").iterdir()]
            held.append(sum(name.startswith(str(tmp_path)) for name in descriptors))
    assert max(held) <= 2 * 5 + 1  # each of five may have a second file, and look beside it
    assert sorted(logs.text().splitlines(keepends=True)) == sorted(expected)
    assert not any(isinstance(message, Gap) for message in logs.messages)


async def test_a_log_that_was_not_opened_counts_as_lag(clock, heard, tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(line() * 3)
    logs = heard(tmp_path / "*.log")
    await logs.until(lambda: len(logs.messages) > 0)
    (announced,) = (one for one in logs.messages if isinstance(one, Announced))
    assert {(log.name, log.lag_bytes, log.opened) for log in announced.logs} == {
        (str(tmp_path / name), len(line()) * 3, False) for name in ("a.log", "b.log")
    }


async def test_the_server_of_dockers_own_file_is_its_container(heard, tmp_path: Path) -> None:
    key = "c0ffee" * 10 + "0123"
    folder = tmp_path / key
    folder.mkdir()
    (folder / "config.v2.json").write_text('{"Name": "/web", "State": {"Running": true}}')
    log = folder / f"{key}-json.log"
    log.write_bytes(b"a\n")
    link = tmp_path / "pod.log"
    link.symlink_to(log)
    other = tmp_path / "other-json.log"
    other.write_bytes(b"b\n")
    all_of_them = heard(f"{tmp_path}/*/*-json.log", link, other)
    await all_of_them.until(lambda: len(all_of_them.text()) >= 4)
    servers = {one.source: one.server for one in all_of_them.messages if isinstance(one, Chunk)}
    assert servers[str(other)] == ""
    assert {server for path, server in servers.items() if path != str(other)} == {"web"}


@pytest.mark.parametrize("told", [b"", b"[]", b'{"Name": 7}', b"[" * 100_000, b"\xff"])
def test_a_container_that_docker_says_nothing_of_has_no_name(tmp_path: Path, told: bytes) -> None:
    (tmp_path / "config.v2.json").write_bytes(told)
    (tmp_path / "a-json.log").touch()
    assert server_of(str(tmp_path / "a-json.log")) == ""
    assert server_of(str(tmp_path / "access.log")) == ""
