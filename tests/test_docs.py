"""The documentation says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from glancemetrics.settings import setting_infos

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting_as_the_help_does() -> None:
    told = dict(re.findall(r"^\| (?:`-\w`, )?`--(\w+)` \|[^|]*\| (.*) \|$", README, re.MULTILINE))
    assert told == {info.name: info.help for info in setting_infos().values()}


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (Path(__file__).parents[1] / link).exists(), link
