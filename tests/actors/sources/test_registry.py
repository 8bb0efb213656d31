"""The registry of sources: a kind is one line, and brings all that it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
import trio
import trio.testing

from actors.commands.check_configuration import check
from actors.commands.monitor import plan_of
from actors.configuration.needs import missing_of_settings
from actors.configuration.sections import all_sections
from actors.monitor import service
from actors.monitor.checkpoints import Checkpoints
from actors.monitor.service import checkpoints_of
from actors.sources.desk import SourceDesk
from actors.sources.kind import SourceKind
from actors.sources.messages import Chunk, FromSource, Resumes
from actors.sources.registry import SOURCES
from actors.sources.source import Source, saying
from actors.state.clock import WallClock
from glancemetrics.cli import main
from glancemetrics.configuration.setting import setting, whole
from glancemetrics.configuration.settings import read_settings
from glancemetrics.errors import UsageError
from glancemetrics.health.health import SourceHealth, SourceState
from glancemetrics.planning.plan import make_plan
from glancemetrics.state.tree import State
from tests.actors.monitor.test_service import Recorder
from tests.lines import line


@attrs.frozen(kw_only=True)
class SpringSettings:
    TABLE: ClassVar = "spring"

    lines: int = setting(3, whole(1, 100), metavar="N", help="how many come", allowed="1 to 100")


@attrs.frozen
class SpringMark:
    """So many lines have come."""

    KIND: ClassVar = "spring"

    source: str
    count: int
    parsing: State = None

    def with_parsing(self, parsing: State, /) -> SpringMark:
        return attrs.evolve(self, parsing=parsing)

    def to_state(self) -> State:
        return {"kind": self.KIND, **attrs.asdict(self)}

    @classmethod
    def from_state(cls, state: State) -> SpringMark:
        return cls(state["source"], state["count"], state["parsing"])


@attrs.define
class Spring:
    """Lines well up, one a second, up to a number of them."""

    name: str
    most: int
    desk: SourceDesk

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        say = saying(send)
        marks = [mark for mark in self.desk.before if isinstance(mark, SpringMark)]
        count = marks[0].count if marks else 0
        async with send:
            for mark in marks:
                await say(Resumes(mark))
            while count < self.most and not stop.is_set():
                count += 1
                mark = SpringMark(self.name, count)
                await say(Chunk(self.name, line(size=count), (), True, False, 0, mark))
                await trio.sleep(1)
            if not stop.is_set():
                await say(SourceHealth(self.name, SourceState.ENDED))


def _make(texts: Sequence[str], told: SpringSettings, desk: SourceDesk) -> Iterator[Source]:
    for text in texts:
        yield Spring(text, told.lines, desk)


def _missing(told: SpringSettings) -> Iterator[tuple[str, str]]:
    if told.lines == 13:
        yield "lines", "there is no luck"


SPRING = SourceKind(
    name="springs",
    schemes=frozenset(["spring"]),
    takes="spring://NAME",
    section=SpringSettings,
    make=_make,
    missing=_missing,
    refuses=lambda text: "has no name" if text == "spring://" else None,
    misses=lambda text: "is dry" if "dry" in text else None,
    marks={SpringMark.KIND: SpringMark.from_state},
)


@pytest.fixture(autouse=True)
def springs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind more."""
    monkeypatch.setattr("actors.sources.registry.SOURCES", [*SOURCES, SPRING])


@pytest.mark.parametrize(
    ("flags", "environment", "toml"),
    [
        ({"spring_lines": "7"}, {}, None),
        ({}, {"GLANCEMETRICS_SPRING_LINES": "7"}, None),
        ({}, {}, "spring_lines = 7"),
        ({}, {}, "[spring]\nlines = 7"),
    ],
)
async def test_lines_of_a_source_that_is_added_are_counted(
    clock: trio.testing.MockClock,
    wall: WallClock,
    tmp_path: Path,
    flags: dict[str, str],
    environment: dict[str, str],
    toml: str | None,
) -> None:
    """Beside a file."""
    (tmp_path / "access.log").write_bytes(line() * 2)
    told = {"file": ["spring://a", "spring://b", str(tmp_path / "access.log")]}
    settings = read_settings(flags | told, environment, toml, "x.toml", sections=all_sections())
    recorder, stop = Recorder(), trio.Event()
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await service.monitor(
                make_plan(settings), [recorder], stop=stop, wall=wall, standard_input=lambda: -1
            )

        async def until(count: int) -> None:
            with trio.fail_after(60):
                while not (recorder.snapshots and recorder.last.health.records == count):
                    await trio.sleep(0.5)

        nursery.start_soon(run)
        await until(7 + 7 + 2)
        await trio.sleep(10)  # the springs have ended
        with (tmp_path / "access.log").open("ab") as file:
            file.write(line())
        await until(7 + 7 + 3)
        stop.set()
    health = {one.name: one for one in recorder.last.health.sources}
    assert set(health) == {"spring://a", "spring://b", str(tmp_path / "access.log")}
    assert health["spring://a"].format == "combined"


async def test_it_goes_on_at_its_mark(
    clock: trio.testing.MockClock, wall: WallClock, tmp_path: Path
) -> None:
    settings = read_settings(
        {"file": ["spring://a"], "spring_lines": "20", "timewindow": "600"},
        {},
        None,
        sections=all_sections(),
    )
    plan = make_plan(settings)
    checkpoints = checkpoints_of(plan, tmp_path, is_service=True)
    assert isinstance(checkpoints, Checkpoints)
    for seconds in (8.3, 100.0):
        recorder, stop = Recorder(), trio.Event()
        with trio.move_on_after(seconds):
            await service.monitor(
                plan, [recorder], checkpoints=checkpoints, stop=stop, wall=wall,
                standard_input=lambda: -1,
            )  # fmt: skip
    assert recorder.last.health.records == 20
    assert recorder.last.insights.bytes == sum(range(21))
    assert recorder.last.health.last_gap == ""


def test_it_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["-h"])
    told = " ".join(capsys.readouterr().out.split())
    assert "a path, a directory, a glob (quoted), - for standard input, " in told
    assert ", http: (lines sent to --web), " in told
    assert ", or spring://NAME; repeatable" in told
    assert "--spring-lines N how many come [3]" in told


def test_what_cannot_be_followed_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--file spring://: has no name"):
        plan_of(["-f", "spring://"])
    with pytest.raises(UsageError, match="--file other://x: unknown source type other://; must be"):
        plan_of(["-f", "other://x"])
    assert plan_of(["-f", "spring://a", "-f", "./other://x"]).sources.of({""}) == ("./other://x",)


def test_a_check_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert check('file = ["spring://a", "spring://dry"]', "x.toml") == 0
    assert "warning: x.toml line 1, file: spring://dry: is dry" in capsys.readouterr().err
    assert check('file = "other://a"', "x.toml") == UsageError.exit_status
    assert "unknown source type other://" in capsys.readouterr().err
    toml = "[spring]\nlines = 13"
    settings = read_settings({}, {}, toml, "x.toml", sections=all_sections())
    assert missing_of_settings(settings, toml, "x.toml") == [
        "x.toml line 2, [spring] lines: there is no luck"
    ]


def test_of_what_cannot_be_read_again_nothing_is_kept(tmp_path: Path) -> None:
    plan = make_plan(read_settings({"file": ["-", "spring://a"]}, {}, None))
    assert checkpoints_of(plan, tmp_path, is_service=True) is None
