"""Containers, followed through a stub of the engine: positions, restarts, failures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest
import trio

from actors.sources.dating import undated
from actors.sources.desk import SourceDesk
from actors.sources.docker import DOCKER
from actors.sources.mark import Mark
from actors.sources.messages import Chunk, FromSource, Gap, Marked, Resumes, SourceGone
from actors.sources.position import From, StartPosition
from actors.sources.registry import check_sources, make_sources, mark_from_state
from actors.sources.source import run_sources
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import UsageError
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.planning.sources import Sources
from tests.actors.sources.docker.stub_engine import STDERR, StubEngine
from tests.lines import BASE
from tests.waiting import free_port

START = StartPosition(From.START, 120, float(BASE))
END = StartPosition(From.END, 120, float(BASE))
FOLLOWING = "actors.sources.docker.following."


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubEngine]:
    made = StubEngine(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{made.socket}")
    made.start()
    yield made
    if made.socket.exists():
        made.stop()


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

    def read(self, name: str | None = None) -> list[str]:
        """The lines that were sent, without their times."""
        lines = b"".join(one.lines for one in self.chunks if name in (None, one.source))
        return [line.partition(" ")[2] for line in lines.decode().split("\n")[:-1]]

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

    def health(self, name: str) -> list[tuple[SourceState, str]]:
        return [
            (one.state, one.detail)
            for one in self.messages
            if isinstance(one, SourceHealth) and one.name == name
        ]

    async def until(self, true: Callable[[], bool], seconds: float = 20) -> None:
        with trio.fail_after(seconds):
            while not true():
                self.messages.append(await self.receive.receive())

    async def until_read(self, *lines: str) -> None:
        await self.until(lambda: len(self.read()) >= len(lines))
        assert self.read() == list(lines)

    async def until_state(self, state: SourceState, name: str = "docker:web") -> str:
        """Wait for a new state; returns what is said about it."""
        known = len(self.health(name))
        await self.until(lambda: any(one is state for one, _ in self.health(name)[known:]))
        return next(said for one, said in self.health(name)[known:] if one is state)

    async def end(self) -> list[Mark]:
        """Stop, and return how far everything was read."""
        self.stop.set()
        with trio.fail_after(20):
            async for message in self.receive:
                self.messages.append(message)
            await self.ended.wait()
        return self.marks


@pytest.fixture
async def follow(nursery: trio.Nursery) -> AsyncIterator[Callable[..., Heard]]:
    opened: list[trio.MemoryReceiveChannel[FromSource]] = []

    def follow(
        *texts: str,
        start: StartPosition = START,
        before: Sequence[Mark] = (),
        once: bool = False,
    ) -> Heard:
        send, receive = trio.open_memory_channel[FromSource](0)
        opened.append(receive)
        heard = Heard(receive)
        desk = SourceDesk(
            sources=Sources(texts or ("docker:web",)),
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


async def test_the_past_is_read_before_it_is_caught_up(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write("one", "two")
    heard = follow()
    await heard.until_state(SourceState.FOLLOWING)
    assert heard.health("docker:web")[0][0] is SourceState.READING
    assert heard.read() == ["one", "two"]
    assert [(one.caught_up, one.fresh) for one in heard.chunks] == [(False, False)]
    await trio.sleep(0.5)  # until the log is followed
    web.write("three")
    await heard.until_read("one", "two", "three")
    last = heard.chunks[-1]
    assert (last.caught_up, last.server) == (True, "web")
    assert last.lines.startswith(b"2026-09-21T14:13:20.003000000Z three")


async def test_both_streams_and_split_messages(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write_piece(b"one ")
    web.write("error", stream=STDERR)
    web.write_piece(b"line\n")
    heard = follow()
    await heard.until(lambda: len(heard.read()) == 2)
    assert sorted(heard.read()) == ["error", "one line"]


async def test_a_container_with_a_terminal(engine: StubEngine, follow) -> None:
    engine.run("web", terminal=True).write("one\r", "two\r")
    heard = follow()
    await heard.until_read("one\r", "two\r")


async def test_a_restart_resumes_behind_the_last_line(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write("one", "two", "three", nanos=BASE * 10**9)  # all at the same time
    first = follow()
    await first.until_read("one", "two", "three")
    marks = await first.end()
    web.write("four", nanos=BASE * 10**9)
    web.write("five")
    second = follow(before=marks)
    await second.until_read("four", "five")
    assert isinstance(next(one for one in second.messages if isinstance(one, Resumes)), Resumes)
    assert not second.gaps


async def test_a_long_log_is_not_read_again(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write("old", stream=STDERR)
    engine.now += 3600 * 10**9
    web.write("new")
    first = follow()
    await first.until(lambda: len(first.read()) == 2)
    marks = await first.end()
    web.write("error", stream=STDERR)
    second = follow(before=marks)
    await second.until_read("error")
    since = f"since={engine.now // 10**9 - 5}"
    assert since in engine.asked[-1]
    assert not second.gaps


async def test_a_rotated_log_is_a_gap(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write("one", "two")
    first = follow()
    await first.until_read("one", "two")
    marks = await first.end()
    web.write("three", "four")
    del web.messages[:3]
    second = follow(before=marks)
    await second.until_read("four")
    (gap,) = second.gaps
    assert "docker:web: the engine no longer has the last line" in gap
    marks = await second.end()
    web.messages.clear()
    third = follow(before=marks)
    await third.until_state(SourceState.FOLLOWING)
    assert len(third.gaps) == 1


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (START, ["old", "young", "now"]),
        (StartPosition(From.WINDOW, 120, float(BASE)), ["young", "now"]),
        (StartPosition(From.WINDOW, 20, None), ["now"]),  # before the newest line
        (END, []),
    ],
    ids=["start", "window", "window of the log", "end"],
)
async def test_where_it_begins(engine: StubEngine, follow, start, expected) -> None:
    web = engine.run("web")
    for line, age in (("old", 121), ("young", 119), ("now", 0)):
        web.write(line, nanos=(BASE - age) * 10**9)
    heard = follow(start=start)
    await heard.until_state(SourceState.FOLLOWING)
    assert heard.read() == expected


async def test_a_container_that_stops_is_waited_for(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write("one")
    heard = follow()
    await heard.until_state(SourceState.FOLLOWING)
    web.write_piece(b"killed")  # in the middle of a line
    web.stop()
    said = await heard.until_state(SourceState.WAITING)
    assert said == "the container has stopped (exit status 0)"
    assert heard.read() == ["one", "killed"]
    web.start()
    web.write("two")
    await heard.until_read("one", "killed", "two")
    assert not heard.gaps


async def test_a_container_that_is_replaced_is_read_from_its_start(
    engine: StubEngine, follow
) -> None:
    web = engine.run("web")
    web.write("one")
    heard = follow(start=END)
    await heard.until_state(SourceState.FOLLOWING)
    web.write("two")
    web.stop()
    await heard.until_state(SourceState.WAITING)
    web.remove()
    await heard.until_state(SourceState.WAITING)
    engine.run("web").write("three")
    await heard.until(lambda: "three" in heard.read())
    assert not heard.gaps


async def test_a_container_that_was_replaced_while_nothing_ran_is_a_gap(
    engine: StubEngine, follow
) -> None:
    web = engine.run("web")
    web.write("one")
    first = follow()
    await first.until_read("one")
    marks = await first.end()
    web.remove()
    engine.run("web").write("two")
    second = follow(start=END, before=marks)
    await second.until_read("two")
    assert "was replaced" in second.gaps[0]


async def test_containers_that_were_removed_while_nothing_ran_are_gaps(
    engine: StubEngine, follow
) -> None:
    removed, left_out = engine.run("removed"), engine.run("left-out")
    for one in (removed, left_out):
        one.write(one.name)
    first = follow("docker:*")
    await first.until(lambda: len(first.read()) == 2)
    marks = await first.end()
    removed.remove()
    left_out.labels["glancemetrics.follow"] = "false"
    left_out.write("never")
    engine.run("web").write("new")
    second = follow("docker:*", before=marks)
    await second.until_read("new")
    (gap,) = second.gaps
    assert gap.startswith("docker:removed: the container was removed")
    assert {mark.source for mark in await second.end()} == {"docker:web"}


async def test_at_most_so_many_containers(engine: StubEngine, follow, monkeypatch) -> None:
    monkeypatch.setattr(FOLLOWING + "_MOST_CONTAINERS", 2)
    for number in range(4):
        engine.run(f"web-{number}").write(str(number))
    heard = follow("docker:*", once=True)
    with trio.fail_after(20):
        async for message in heard.receive:
            heard.messages.append(message)
    assert sorted(heard.read()) == ["0", "1"]


async def test_globs_and_labels(engine: StubEngine, follow, monkeypatch) -> None:
    monkeypatch.setattr(FOLLOWING + "_GONE_SECONDS", 0.1)
    engine.run("web-1", role="web").write("one")
    engine.run("cron", role="web").write("cron")
    engine.run("db", role="db").write("db")
    engine.run("web-2", glancemetrics__follow="false").write("never")
    heard = follow("docker:web-*", "docker:label=role=web")
    await heard.until(lambda: len(heard.read()) == 2)
    assert sorted(heard.read()) == ["cron", "one"]
    new = engine.run("web-3")
    new.write("three")
    await heard.until(lambda: heard.read("docker:web-3") == ["three"])
    new.remove()
    await heard.until(lambda: SourceGone("docker:web-3") in heard.messages)
    marks = await heard.end()
    assert {mark.source for mark in marks} == {"docker:web-1", "docker:cron"}
    assert SourceGone("docker:web-*") in heard.messages


async def test_all_containers_but_its_own(engine: StubEngine, follow, monkeypatch) -> None:
    own = engine.run("glancemetrics")
    own.write("mine")
    engine.run("web").write("one")
    monkeypatch.setattr(FOLLOWING + "own_container", lambda: own.id)
    heard = follow("docker:*")
    await heard.until_state(SourceState.FOLLOWING)
    assert heard.read() == ["one"]
    assert not heard.health("docker:glancemetrics")


async def test_a_new_container_is_read_from_its_start(engine: StubEngine, follow) -> None:
    engine.run("web").write("old")
    first = follow("docker:*", start=END)
    await first.until_state(SourceState.FOLLOWING)
    marks = await first.end()
    engine.run("late").write("while nothing ran")
    second = follow("docker:*", start=END, before=marks)
    await second.until_read("while nothing ran")


async def test_a_renamed_container_is_not_read_again(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write("one")
    heard = follow("docker:*")
    await heard.until_read("one")
    await heard.until_state(SourceState.FOLLOWING)
    web.name = "old"
    engine.happened("rename", web)
    engine.run("web").write("two")
    await heard.until_read("one", "two")
    marks = await heard.end()
    web.write("three")
    again = follow("docker:*", before=marks)
    await again.until_read("three")
    assert again.chunks[0].source == "docker:old"


async def test_a_container_that_does_not_exist_is_waited_for(engine: StubEngine, follow) -> None:
    engine.run("nginx")
    heard = follow("docker:ngnix", "docker:job-*")
    said = await heard.until_state(SourceState.WAITING, "docker:ngnix")
    assert said == "no such container (did you mean 'nginx'?)"
    said = await heard.until_state(SourceState.WAITING, "docker:job-*")
    assert said == "no running container matches"
    engine.run("ngnix").write("one")
    await heard.until_read("one")


async def test_a_driver_that_cannot_be_read(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.is_readable = False
    heard = follow()
    said = await heard.until_state(SourceState.BLOCKED)
    assert said.startswith("the container's logging driver cannot be read; use the driver")


async def test_the_engine_is_restarted(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write("one")
    heard = follow()
    await heard.until_read("one")
    await heard.until_state(SourceState.FOLLOWING)
    await trio.sleep(0.3)
    await trio.to_thread.run_sync(engine.stop)
    said = await heard.until_state(SourceState.BLOCKED)
    if "closed the connection" in said:  # it may be gone before that is noticed
        said = await heard.until_state(SourceState.BLOCKED)
    assert "no container engine" in said
    web.write("two")
    engine.start()
    await heard.until_read("one", "two")
    web.write("three")
    await heard.until_read("one", "two", "three")
    assert not heard.gaps


async def test_without_an_engine_it_says_what_to_do(engine: StubEngine, follow) -> None:
    engine.stop()
    heard = follow("docker:*")
    said = await heard.until_state(SourceState.BLOCKED, "docker:*")
    assert f"{engine.socket} does not exist; start Docker" in said
    engine.run("web").write("one")
    engine.start()
    await heard.until_read("one")


async def test_what_is_no_engine(engine: StubEngine, follow, monkeypatch) -> None:
    monkeypatch.setattr("tests.actors.sources.docker.stub_engine._listed", lambda _: 7)
    engine.run("web")
    heard = follow("docker:*")
    said = await heard.until_state(SourceState.BLOCKED, "docker:*")
    assert "is not a container engine" in said


async def test_once_reads_to_the_end(engine: StubEngine, follow) -> None:
    engine.run("web").write("one", "two")
    stopped = engine.run("job")
    stopped.write_piece(b"open")
    stopped.stop()
    heard = follow("docker:web", "docker:job", once=True)
    with trio.fail_after(20):
        async for message in heard.receive:
            heard.messages.append(message)
    assert sorted(heard.read()) == ["one", "open", "two"]
    nothing = follow("docker:wbe", once=True)
    assert await nothing.until_state(SourceState.WAITING, "docker:wbe")
    await nothing.end()


async def test_nothing_is_read_while_the_channel_is_full(engine: StubEngine, follow) -> None:
    web = engine.run("web")
    web.write(*["x" * 10_000] * 4000)
    heard = follow()
    await heard.until(lambda: bool(heard.chunks))
    await trio.sleep(1)
    assert engine.sent < 8_000_000  # of 40 MB: what is gathered, waiting, and in the socket
    await heard.until(lambda: len(heard.read()) == 4000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("docker:", "name a container"),
        ("docker:a b", "must be the name of a container"),
        ("docker:label=", "must be the name of a container"),
    ],
)
def test_what_can_never_be_followed(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_sources(Sources((text,)))


def test_where_the_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    check_sources(Sources(("docker:web", "docker:web-[0-9]", "docker:label=com.example/role=a b")))
    monkeypatch.setenv("DOCKER_HOST", "ssh://host")
    with pytest.raises(UsageError, match="must be unix:///PATH or tcp://HOST:PORT"):
        check_sources(Sources(("docker:web",)))
    monkeypatch.setenv("DOCKER_HOST", "tcp://host:2376")
    check_sources(Sources(("docker:web",)))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with pytest.raises(UsageError, match="TLS"):
        check_sources(Sources(("docker:web",)))


def test_whether_there_is_an_engine(engine: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DOCKER.misses("docker:web") is None
    with monkeypatch.context() as denied:
        denied.setattr("os.access", lambda *_: False)
        assert "sudo usermod -aG docker $USER" in (DOCKER.misses("docker:web") or "")
    engine.stop()
    assert "does not exist" in (DOCKER.misses("docker:web") or "")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    assert DOCKER.misses("docker:web") is None


async def test_an_engine_that_does_not_answer(follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")
    heard = follow()
    said = await heard.until_state(SourceState.BLOCKED)
    assert said.startswith("the container engine is not running: nothing answers at tcp://")


def test_containers_are_not_this_machine_but_its_journal_is() -> None:
    assert Sources(("access.log", "-", "journald:nginx")).are_local
    assert not Sources(("access.log", "docker:web")).are_local
    assert not Sources(("/var/lib/docker/containers/*/*-json.log",)).are_local
