"""`glancemetrics config`: what holds, and where it comes from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from actors.configuration.sections import all_sections
from actors.sources.registry import help_with_sources
from glancemetrics import cli
from glancemetrics.configuration.example import example
from glancemetrics.configuration.settings import Settings, all_settings, read_settings
from glancemetrics.planning.rules_and_targets import read_rules_and_targets


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        cli.main(["config", *arguments])
    out, err = capsys.readouterr()
    assert (end.value.code, err) == (0, "")
    return out


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_each_setting_is_shown_with_its_value_and_place(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "glancemetrics.toml").write_text(
        'alert_threshold = 250\n\n[syslog]\naddress = "unix:///dev/log"\n'
    )
    monkeypatch.setenv("GLANCEMETRICS_REFRESH", "1s")
    monkeypatch.setenv("GLANCEMETRICS_HEARTBEAT", "https://user:hunter2@host/x")
    text = shown(capsys)
    rows = {row.split()[0]: " ".join(row.split()[1:]) for row in text.splitlines() if "  " in row}
    assert text.startswith("Configuration: glancemetrics.toml\n")
    assert rows["alert_threshold"] == "250 glancemetrics.toml line 1"
    assert rows["syslog"] == "unix:///dev/log glancemetrics.toml line 4"
    assert rows["refresh"] == "1s GLANCEMETRICS_REFRESH"
    assert rows["timewindow"] == "10s default"
    assert rows["json"] == "off default"
    assert "hunter2" not in text
    assert set(all_settings(all_sections())) <= set(rows)


def test_without_a_configuration_the_places_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys).startswith("Configuration: none (looked for ./glancemetrics.toml, ")


def uncommented(text: str) -> str:
    return re.sub(r"^# (?=\w+ = |\[\[)", "", text, flags=re.MULTILINE)


def test_the_example_changes_nothing_and_names_every_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "--example")
    assert tomllib.loads(text) == {}
    known = all_settings(all_sections())
    assert set(tomllib.loads(uncommented(text))) == {*known, "rule", "notify"}
    for name, one in known.items():
        assert text.split("# Rules --")[0].count(f"\n# {name} = ") == 1, one
    assert max(map(len, text.splitlines())) <= 100


def test_the_values_of_the_example_are_valid_and_mostly_the_defaults() -> None:
    known = all_settings(all_sections())
    text = uncommented(example(known.values(), lambda one: help_with_sources(one.help)))
    settings = read_settings({}, {}, text, "example.toml", sections=all_sections())
    defaults = Settings()
    for name in ("file", "timewindow", "refresh", "alertwindow", "alert_threshold", "rules",
                 "section_limit", "clock", "once"):  # fmt: skip
        assert getattr(settings, name) == getattr(defaults, name), name
    assert len(read_rules_and_targets(text, "example.toml").targets) == 2


def test_all_mistakes_are_named_below_what_holds(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "glancemetrics.toml").write_text("refresh = 0\nwher = 'x'\n")
    monkeypatch.setenv("GLANCEMETRICS_TIMEWINDOW", "x")
    with pytest.raises(SystemExit) as end:
        cli.main(["config"])
    out, err = capsys.readouterr()
    assert end.value.code == 2
    assert "Configuration: glancemetrics.toml" in out
    assert err.count("error: ") == 3


def test_the_example_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert max(map(len, shown(capsys, "--example").splitlines())) <= 80
