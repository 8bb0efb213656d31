"""The journal, followed with a stub of journalctl: positions, gaps, failures."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from actors.sources.dating import undated
from actors.sources.desk import SourceDesk
from actors.sources.gathering import GATHER_SECONDS
from actors.sources.journald import JOURNALD
from actors.sources.journald.marks import JournalMark
from actors.sources.mark import Mark
from actors.sources.messages import Chunk, FromSource, Gap, Marked, Resumes, SourceGone
from actors.sources.position import From, StartPosition
from actors.sources.registry import check_sources, make_sources, mark_from_state
from actors.sources.source import run_sources
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import UsageError
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.lines.splitter import LINE_LIMIT
from glancemetrics.planning.sources import Sources
from tests.actors.sources.journald.stub_journal import StubJournal
from tests.lines import BASE

START = StartPosition(From.START, 120, float(BASE))
NGINX = "journald:nginx"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubJournal:
    made = StubJournal(tmp_path / "journal")
    made.install()
    monkeypatch.setenv("PATH", f"{made.programs}:/usr/bin:/bin")
    return made


class Heard:
    """What the sources have said."""

    def __init__(self, receive: trio.MemoryReceiveChannel[FromSource]) -> None:
        self.receive = receive
        self.messages: list[FromSource] = []
        self.stop = trio.Event()
        self.ended = trio.Event()

    @property
    def chunks(self) -> list[Chunk]:
        return [one for one in self.messages if isinstance(one, Chunk)]

    def read(self, source: str | None = None) -> list[object]:
        """The messages of the entries that were sent."""
        lines = b"".join(one.lines for one in self.chunks if source in (None, one.source))
        return [json.loads(line)["MESSAGE"] for line in lines.splitlines()]

    @property
    def overlong(self) -> int:
        return sum(len(one.overlong) for one in self.chunks)

    @property
    def gaps(self) -> list[str]:
        return [one.what for one in self.messages if isinstance(one, Gap)]

    @property
    def marks(self) -> list[Mark]:
        """How far each source was read, as a checkpoint has it."""
        known: dict[str, Mark] = {}
        for one in self.messages:
            if isinstance(one, Chunk | Marked) and one.mark is not None:
                known[one.mark.source] = mark_from_state(one.mark.to_state())
            elif isinstance(one, SourceGone):
                known.pop(one.name, None)
        return list(known.values())

    def health(self, name: str = NGINX) -> list[tuple[SourceState, str]]:
        return [
            (one.state, one.detail)
            for one in self.messages
            if isinstance(one, SourceHealth) and one.name == name
        ]

    async def until(self, true: Callable[[], bool], seconds: float = 20) -> None:
        with trio.fail_after(seconds):
            while not true():
                self.messages.append(await self.receive.receive())

    async def until_read(self, *messages: object) -> None:
        await self.until(lambda: len(self.read()) >= len(messages))
        assert self.read() == list(messages)

    async def until_state(self, state: SourceState, name: str = NGINX) -> str:
        """Wait for a new state; returns what is said about it."""
        known = len(self.health(name))
        await self.until(lambda: any(one is state for one, _ in self.health(name)[known:]))
        return next(said for one, said in self.health(name)[known:] if one is state)

    async def to_end(self) -> None:
        with trio.fail_after(20):
            async for message in self.receive:
                self.messages.append(message)
            await self.ended.wait()


@pytest.fixture
async def follow(nursery: trio.Nursery) -> AsyncIterator[Callable[..., Heard]]:
    opened: list[trio.MemoryReceiveChannel[FromSource]] = []

    def follow(
        *texts: str,
        start: StartPosition = START,
        before: Sequence[Mark] = (),
        once: bool = False,
        places: int = 0,
    ) -> Heard:
        send, receive = trio.open_memory_channel[FromSource](places)
        opened.append(receive)
        heard = Heard(receive)
        desk = SourceDesk(
            sources=Sources(texts or (NGINX,)),
            start=start,
            dating=undated,
            standard_input=lambda: -1,
            once=once,
            before=before,
        )

        async def run() -> None:
            await run_sources(make_sources(Settings(), desk), send, heard.stop)
            heard.ended.set()

        nursery.start_soon(run)
        return heard

    yield follow
    for receive in opened:
        receive.close()


async def test_the_past_is_read_before_it_is_caught_up(journal: StubJournal, follow) -> None:
    journal.write("one", "two")
    heard = follow()
    await heard.until_state(SourceState.FOLLOWING)
    assert heard.health()[0][0] is SourceState.READING
    assert heard.read() == ["one", "two"]
    assert [(one.caught_up, one.fresh) for one in heard.chunks] == [(False, False)]
    await trio.sleep(GATHER_SECONDS + 0.5)  # until journalctl is behind the last entry
    journal.write("three")
    await heard.until_read("one", "two", "three")
    assert (heard.chunks[-1].caught_up, heard.chunks[-1].fresh) == (True, True)
    assert not any(b"-- Boot" in one.lines for one in heard.chunks)


async def test_only_entries_of_its_unit(journal: StubJournal, follow) -> None:
    journal.write("one")
    journal.write("other", unit="sshd.service")
    journal.write("two")
    heard = follow("journald:nginx.service", "journald:sshd")
    await heard.until(lambda: len(heard.read()) == 3)
    assert heard.read("journald:nginx.service") == ["one", "two"]
    assert heard.read("journald:sshd") == ["other"]


async def test_a_restart_resumes_behind_the_last_entry(journal: StubJournal, follow) -> None:
    journal.write("one", "two")
    first = follow()
    await first.until_read("one", "two")
    first.stop.set()
    await first.to_end()
    journal.write("three")
    second = follow(before=first.marks)
    await second.until_state(SourceState.FOLLOWING)
    assert isinstance(second.messages[0], Resumes)
    assert second.read() == ["three"]
    assert not second.gaps


async def test_a_restart_before_any_entry_misses_none(journal: StubJournal, follow) -> None:
    journal.write("old")
    first = follow(start=StartPosition(From.END, 120, float(BASE)))
    await first.until_state(SourceState.FOLLOWING)
    first.stop.set()
    await first.to_end()
    assert not first.read()
    journal.write("meanwhile")
    second = follow(start=StartPosition(From.END, 120, float(BASE)), before=first.marks)
    await second.until_read("meanwhile")


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (StartPosition(From.START, 120, float(BASE)), ["old", "young", "now"]),
        (StartPosition(From.WINDOW, 120, float(BASE)), ["young", "now"]),
        (StartPosition(From.WINDOW, 20, None), ["now"]),  # before the newest entry
        (StartPosition(From.END, 120, float(BASE)), []),
    ],
    ids=["start", "window", "window of the log", "end"],
)
async def test_where_it_begins(journal: StubJournal, follow, start, expected) -> None:
    for message, age in (("old", 121), ("young", 119), ("now", 0)):
        journal.write(message, time=BASE - age)
    heard = follow(start=start)
    await heard.until_state(SourceState.FOLLOWING)
    assert heard.read() == expected


@pytest.mark.parametrize("left", [1, 0])
async def test_vacuumed_entries_are_a_gap(journal: StubJournal, follow, left: int) -> None:
    journal.write("one", "two")
    first = follow()
    await first.until_read("one", "two")
    first.stop.set()
    await first.to_end()
    journal.write("three", "four", time=BASE + 5)
    journal.vacuum(left)
    second = follow(before=first.marks)
    await second.until_state(SourceState.FOLLOWING)
    assert second.read() == ["four"][:left]
    (gap,) = second.gaps
    assert gap.startswith("journald:nginx: the journal no longer has the last entry")
    assert ("until 2026-09-21" in gap) is bool(left)
    await trio.sleep(0.3)
    journal.write("five", time=BASE + 6)
    await second.until(lambda: "five" in second.read())
    assert second.read() == ["four", "five"][1 - left :]
    assert len(second.gaps) == 1


async def test_what_is_not_found_while_the_journal_is_rotated_is_looked_for_again(
    journal: StubJournal, follow
) -> None:
    journal.write("one", "two")
    first = follow()
    await first.until_read("one", "two")
    first.stop.set()
    await first.to_end()
    journal.write("three", time=BASE + 5)
    whole = (journal.folder / "journal").read_text()
    journal.vacuum(1)
    second = follow(before=first.marks)
    said = await second.until_state(SourceState.BLOCKED)
    assert said == "the last entry that was read is not found in the journal; trying again in 1 s"
    (journal.folder / "journal").write_text(whole)
    await second.until_read("three")
    assert not second.gaps


async def test_a_cursor_that_is_not_understood_is_a_gap(journal: StubJournal, follow) -> None:
    journal.write("before", time=BASE - 1)
    journal.write("after", time=BASE)
    mark = JournalMark(NGINX, "nonsense", BASE * 1_000_000)
    heard = follow(before=[mark])
    await heard.until_read("after")
    assert len(heard.gaps) == 1


async def test_the_same_entry_in_a_copied_journal_is_no_gap(journal: StubJournal, follow) -> None:
    journal.write("one", "two")
    first = follow()
    await first.until_read("one", "two")
    first.stop.set()
    await first.to_end()
    path = journal.folder / "journal"
    path.write_text(path.read_text().replace('"s0"', '"s1"'))
    journal.write("three", sequence="s1")
    second = follow(before=first.marks)
    await second.until_read("three")
    assert not second.gaps


async def test_it_is_started_again_when_it_dies(journal: StubJournal, follow) -> None:
    journal.write("one")
    heard = follow()
    await heard.until_read("one")
    await heard.until_state(SourceState.FOLLOWING)
    await trio.sleep(0.3)
    journal.kill()
    said = await heard.until_state(SourceState.BLOCKED)
    assert said == "journalctl was ended by SIGKILL; trying again in 1 s"
    journal.write("two")
    await heard.until_read("one", "two")
    assert not heard.gaps


@pytest.mark.parametrize("how", ["refused", "hidden"])
async def test_without_permission_it_says_what_to_do(
    journal: StubJournal, follow, how: str
) -> None:
    (journal.folder / how).touch()
    heard = follow()
    said = await heard.until_state(SourceState.BLOCKED)
    assert "sudo usermod -aG systemd-journal $USER" in said
    (journal.folder / how).unlink()
    journal.write("one")
    await heard.until_read("one")


async def test_without_a_journal_it_says_so(journal: StubJournal, follow) -> None:
    (journal.folder / "empty").touch()
    heard = follow()
    assert "no journal found" in await heard.until_state(SourceState.BLOCKED)


async def test_messages_that_are_long_or_bytes_are_whole(journal: StubJournal, follow) -> None:
    long = "x" * 10_000
    journal.write(long, [104, 105, 255], '"__CURSOR":"s=evil;i=1"')
    heard = follow()
    await heard.until_read(long, [104, 105, 255], '"__CURSOR":"s=evil;i=1"')
    cursor = heard.marks[0].to_state()["cursor"]
    assert cursor.startswith("s=s0;i=3;")


async def test_an_overlong_entry_is_reported_once(journal: StubJournal, follow) -> None:
    journal.write("one", "x" * (LINE_LIMIT + 1))
    first = follow()
    await first.until(lambda: first.overlong == 1)
    first.stop.set()
    await first.to_end()
    journal.write("two")
    second = follow(before=first.marks)
    await second.until_read("two")
    assert not second.overlong
    assert not second.gaps


async def test_once_reads_to_the_end(journal: StubJournal, follow) -> None:
    journal.write("one", "two")
    heard = follow(once=True)
    await heard.to_end()
    assert heard.read() == ["one", "two"]
    assert heard.health()[-1] == (SourceState.FOLLOWING, "")


async def test_a_glob_follows_units_now_and_later(
    journal: StubJournal, follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.sources.journald.following._SEARCH_SECONDS", 0.2)
    monkeypatch.setattr("actors.sources.journald.following._LEAST_PAUSE", 0)
    start = StartPosition(From.END, 120, float(BASE))
    heard = follow("journald:web-*", start=start)
    assert await heard.until_state(SourceState.WAITING, "journald:web-*")
    journal.write("other", unit="sshd.service")
    journal.write("one", unit="web-1.service")
    await heard.until_read("one")  # of a new unit nothing is left out
    assert SourceGone("journald:web-*") in heard.messages
    journal.write("two", unit="web-2.service")
    await heard.until(lambda: "two" in heard.read())
    assert heard.read("journald:web-2.service") == ["two"]
    heard.stop.set()
    await heard.to_end()
    journal.write("three", unit="web-1.service")
    journal.write("four", unit="web-3.service")
    again = follow("journald:web-*", start=start, before=heard.marks)
    await again.until(lambda: len(again.read()) == 2)
    assert again.read("journald:web-1.service") == ["three"]
    assert again.read("journald:web-3.service") == ["four"]


async def test_a_unit_is_read_once_however_it_is_written(journal: StubJournal, follow) -> None:
    journal.write("one")
    heard = follow(NGINX, "journald:nginx.service", "journald:ngin*", once=True)
    await heard.to_end()
    assert heard.read() == ["one"]
    assert SourceGone("journald:nginx.service") in heard.messages


async def test_nothing_is_read_while_the_channel_is_full(journal: StubJournal, follow) -> None:
    journal.write(*["x" * 500_000] * 40)
    heard = follow()
    await heard.until(lambda: bool(heard.chunks))
    await trio.sleep(1)
    assert len(heard.chunks) == 1
    waiting = heard.receive.statistics().tasks_waiting_send
    assert waiting == 1
    written = [int(count) for count in re.findall(r"wchar: (\d+)", _io_of(journal))]
    assert written[-1] < 5_000_000  # a chunk, what is in the pipe, and a buffer
    await heard.until(lambda: len(heard.read()) == 40)


def _io_of(journal: StubJournal) -> str:
    pid = (journal.folder / "pids").read_text().split()[-2]
    return Path(f"/proc/{pid}/io").read_text()


@contextmanager
def _path(monkeypatch: pytest.MonkeyPatch, path: str) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", path)
        yield


def test_what_can_never_be_followed(journal: StubJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    check_sources(Sources(("journald:", "journald:nginx", "journald:_EXE=/usr/sbin/nginx")))
    with pytest.raises(UsageError, match="not the name of a unit"):
        check_sources(Sources(("journald:/var/log/x",)))
    with _path(monkeypatch, "/nowhere"), pytest.raises(UsageError, match="not installed here"):
        check_sources(Sources((NGINX,)))
    desk = SourceDesk(
        sources=Sources(("journald:", NGINX)),
        start=START,
        dating=undated,
        standard_input=lambda: -1,
    )
    with pytest.raises(UsageError, match="already has every unit"):
        make_sources(Settings(), desk)
    assert JOURNALD.takes == "journald:[UNIT]"
