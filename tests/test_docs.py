"""The documentation says what is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from glancemetrics.settings import setting_infos
from tests.actors.outputs.feeding import event
from tests.actors.outputs.snapshots import snapshot

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting_as_the_help_does() -> None:
    told = dict(re.findall(r"^\| (?:`-\w`, )?`--(\w+)` \|[^|]*\| (.*) \|$", README, re.MULTILINE))
    assert told == {info.name: info.help for info in setting_infos().values()}


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
