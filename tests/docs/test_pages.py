"""The documentation says what is so."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.configuration.sections import all_sections
from actors.sources.registry import help_with_sources
from docs.format_pages import pages
from glancemetrics.configuration.settings import all_settings, read_settings
from glancemetrics.planning.rules_and_targets import read_rules_and_targets
from glancemetrics.reporting.panel_names import PANEL_NAMES
from tests.actors.outputs.feeding import event
from tests.actors.outputs.snapshots import snapshot
from tests.glancemetrics.reporting.making import batches_of, report_of
from tests.lines import line

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting_as_the_help_does() -> None:
    told = dict(re.findall(r"^\| (?:`-\w`, )?`--(\w+)` \|[^|]*\| (.*) \|$", README, re.MULTILINE))
    known = all_settings(all_sections())
    assert told == {name: help_with_sources(setting.help) for name, setting in known.items()}


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (Path(__file__).parents[1] / link).exists(), link


def keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_field_of_the_json_is_documented() -> None:
    told = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", told))
    named = {*keys(snapshot().to_json()), *keys(event().to_json())} - {"2xx", "3xx", "4xx"}
    assert named <= words, named - words


def test_the_configurations_in_the_docs_are_right() -> None:
    examples = 0
    for path in (Path(__file__).parents[1] / "docs").glob("*.md"):
        for text in re.findall(
            r"^```toml\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
        ):
            read_settings({}, {}, text, path.name, sections=all_sections())
            read_rules_and_targets(text, path.name)
            examples += 1
    assert examples >= 2


def test_the_examples_of_the_library_are_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    guide = Path(__file__).parents[1] / "docs" / "library.md"
    (command,) = re.findall(r"^ +glancemetrics (generate .*)$", guide.read_text(), re.MULTILINE)
    subprocess.run([sys.executable, "-m", "glancemetrics", *command.split()], check=True)
    outcome = doctest.testfile(str(guide), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert outcome.attempted > 10
    assert outcome.failed == 0


def test_every_panel_and_option_of_a_report_is_documented() -> None:
    told = (Path(__file__).parents[1] / "docs" / "report.md").read_text(encoding="utf-8")
    for name in PANEL_NAMES:
        assert f"`{name}`" in told, name
    result = subprocess.run(
        [sys.executable, "-m", "glancemetrics", "report", "-h"], capture_output=True, check=True
    )
    for option in re.findall(r"^  (?:-\w \w+, )?(--[\w-]+)", result.stdout.decode(), re.MULTILINE):
        assert f"`{option}" in told, option


def test_every_field_of_a_json_report_is_documented() -> None:
    told = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", told))
    fields = report_of(batches_of(line())).to_json()
    panels = fields.pop("panels")
    left_out = fields.pop("left_out")
    assert set(keys(fields)) <= words
    assert {"panels", "left_out"} <= words
    assert isinstance(panels, dict)
    assert isinstance(left_out, dict)
    assert {key for panel in panels.values() for key in keys(panel)} <= words


def test_the_pages_on_formats_say_what_the_formats_do() -> None:
    folder = Path(__file__).parents[1] / "docs" / "formats"
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert written == pages(), "make format-pages writes them"
