"""The registry of outputs: a kind is one line, and brings all that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import attrs
import pytest

from actors.configuration.needs import missing_of_settings
from actors.outputs.desk import Desk
from actors.outputs.kind import OutputKind
from actors.outputs.output import Inbox, Output, Report
from actors.outputs.registry import OUTPUTS, make_outputs, output_sections
from actors.state.acknowledgements import Acknowledgements
from actors.state.silences import Silences
from glancemetrics.cli import main
from glancemetrics.configuration.setting import optional_text, setting, whole
from glancemetrics.configuration.settings import Settings, read_settings


@attrs.frozen(kw_only=True)
class BellSettings:
    TABLE: ClassVar = "bell"

    path: str | None = setting(
        None, optional_text, name="bell", metavar="PATH", help="ring it", allowed="a path"
    )
    times: int = setting(1, whole(1, 9), metavar="N", help="how often", allowed="from 1 to 9")


@attrs.define
class Bell:
    path: str
    times: int
    name: str = "bell"
    wants_events: bool = True
    wants_snapshots: bool = False

    async def run(self, inbox: Inbox, report: Report) -> None: ...


def _make(told: BellSettings, desk: Desk) -> Iterator[Output]:
    if told.path is not None:
        yield Bell(told.path, told.times)


def _missing(told: BellSettings) -> Iterator[tuple[str, str]]:
    if told.path == "nowhere":
        yield "path", "there is no bell"


@pytest.fixture(autouse=True)
def bells(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind more."""
    added = OutputKind(BellSettings, _make, _missing)
    monkeypatch.setattr("actors.outputs.registry.OUTPUTS", [*OUTPUTS, added])
    monkeypatch.setattr("actors.configuration.needs.OUTPUTS", [*OUTPUTS, added])


def made(settings: Settings, folder: Path) -> list[Output]:
    desk = Desk(
        settings=settings,
        rules={},
        targets=(),
        expected="a line",
        state_folder=folder,
        silences=Silences(folder / "silences"),
        acknowledgements=Acknowledgements(folder / "acknowledgements"),
        wall=lambda: 0.0,
        started_at=0.0,
        stop=lambda: None,
        end=lambda: None,
        has_terminal=False,
    )
    return make_outputs(desk)


@pytest.mark.parametrize(
    ("flags", "environment", "toml"),
    [
        ({"bell": "/b", "bell_times": "3"}, {}, None),
        ({}, {"GLANCEMETRICS_BELL": "/b", "GLANCEMETRICS_BELL_TIMES": "3"}, None),
        ({}, {}, 'bell = "/b"\nbell_times = 3'),
        ({}, {}, '[bell]\npath = "/b"\ntimes = 3'),
    ],
)
def test_an_output_that_is_added_is_told_and_made(
    flags: dict[str, str], environment: dict[str, str], toml: str | None, tmp_path: Path
) -> None:
    settings = read_settings(flags, environment, toml, "x.toml", sections=output_sections())
    assert [type(one).__name__ for one in made(settings, tmp_path)] == ["AlertLog", "Bell"]
    assert made(settings, tmp_path)[1] == Bell("/b", 3)
    assert [one.name for one in made(Settings(), tmp_path)] == ["alert log"]


def test_it_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["-h"])
    told = " ".join(capsys.readouterr().out.split())
    assert "--bell PATH ring it" in told
    assert "--bell-times N how often [1]" in told


@pytest.mark.parametrize(
    ("toml", "where"),
    [
        ('\nbell = "nowhere"', "x.toml line 2, bell: there is no bell"),
        ('[bell]\ntimes = 2\npath = "nowhere"', "x.toml line 3, [bell] path: there is no bell"),
    ],
)
def test_what_it_needs_is_looked_for_and_its_line_is_named(toml: str, where: str) -> None:
    settings = read_settings({}, {}, toml, "x.toml", sections=output_sections())
    assert missing_of_settings(settings, toml, "x.toml") == [where]
