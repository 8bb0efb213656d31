"""Which configuration holds: the one that is named, or the first that is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.configuration import loading
from actors.configuration.loading import Configuration, configuration
from glancemetrics.errors import UsageError


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The three places, with none of them written yet."""
    system = tmp_path / "etc" / "config.toml"
    user = tmp_path / "home" / "glancemetrics" / "config.toml"
    here = tmp_path / "here" / "glancemetrics.toml"
    for each in (system, user, here):
        each.parent.mkdir(parents=True)
    monkeypatch.chdir(here.parent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GLANCEMETRICS_CONFIG", raising=False)
    monkeypatch.setattr(loading, "SYSTEM_WIDE", system)
    return [system, user, here]


def test_the_nearest_one_is_found(places: list[Path]) -> None:
    assert configuration() is None
    for place in places:
        place.write_text(f"# {place.parent.name}\n")
        found = configuration()
        assert found is not None
        assert found.text == f"# {place.parent.name}\n"
        assert found.is_found


def test_one_that_is_named_wins_and_off_is_none(
    places: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places[0].write_text("refresh = 1\n")
    named = tmp_path / "mine.toml"
    named.write_text("refresh = 2\n")
    assert configuration(str(named)) == Configuration("refresh = 2\n", str(named))
    monkeypatch.setenv("GLANCEMETRICS_CONFIG", str(named))
    assert configuration() == Configuration("refresh = 2\n", str(named))
    assert configuration("off") is None
    monkeypatch.setenv("GLANCEMETRICS_CONFIG", "none.toml")
    with pytest.raises(UsageError, match=r"GLANCEMETRICS_CONFIG=none\.toml: No such file"):
        configuration()


def test_one_of_the_working_directory_that_others_control_is_skipped(
    places: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    places[2].write_text("refresh = 1\n")
    places[1].write_text("refresh = 2\n")
    places[2].chmod(0o666)
    assert configuration() == Configuration("refresh = 2\n", str(places[1]), is_found=True)
    assert "glancemetrics.toml: not used, because everybody may write it" in capsys.readouterr().err
    places[2].chmod(0o644)
    assert configuration() == Configuration("refresh = 1\n", places[2].name, is_found=True)
    if os.getuid() == 0:
        os.chown(places[2], 65534, 65534)
        assert configuration() == Configuration("refresh = 2\n", str(places[1]), is_found=True)
        assert "it belongs to another user" in capsys.readouterr().err
    assert configuration("off") is None
