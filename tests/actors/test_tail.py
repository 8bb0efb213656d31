"""The tailer: many sources, globs, waking, standard input."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from actors.messages import Chunk, FromTailer, SourceGone
from actors.tailer.position import From, StartPosition
from actors.tailer.tail import tail
from actors.tailer.waking import Waker
from glancemetrics.formats.reading import Reading
from glancemetrics.snapshot import SourceHealth, SourceState
from tests.lines import BASE

START = StartPosition(From.START, 120, float(BASE))


class Heard:
    """Everything that a tailer said."""

    def __init__(self, receive: trio.MemoryReceiveChannel[FromTailer]) -> None:
        self._receive = receive
        self.messages: list[FromTailer] = []

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
    send, receive = trio.open_memory_channel[FromTailer](0)

    def start(*sources: object, start: StartPosition = START, stdin: int = -1) -> Heard:
        nursery.start_soon(
            lambda: tail(
                [str(s) for s in sources], start, Reading(), send, standard_input=lambda: stdin
            )
        )
        return Heard(receive)

    yield start
    receive.close()


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
        SourceHealth(str(tmp_path / "*.log"), SourceState.WAITING, "no file matches yet")
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
    chunk: FromTailer | None = None
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


async def test_inotify_wakes_long_before_the_poll(tmp_path: Path) -> None:
    """In real time: a line is seen at once, not at the next second."""
    log = tmp_path / "access.log"
    log.write_bytes(b"")
    waker = Waker()
    async with trio.open_nursery() as nursery:
        await waker.watch(str(log))
        nursery.start_soon(waker.run)
        await trio.sleep(0.3)
        delays = []
        for _ in range(5):
            began = trio.current_time()
            nursery.start_soon(trio.to_thread.run_sync, log.write_bytes, b"x\n")
            await waker.wait(str(log))
            delays.append(trio.current_time() - began)
            await trio.sleep(0.3)
        nursery.cancel_scope.cancel()
    assert min(delays) < 0.5


async def test_where_inotify_is_silent_the_poll_wakes(clock: trio.testing.MockClock) -> None:
    waker = Waker()
    began = trio.current_time()
    await waker.wait("/proc/uptime")
    assert trio.current_time() - began == pytest.approx(1.0)
