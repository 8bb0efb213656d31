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
from docs import reference_pages
from docs.shared_files import FOLDER as SHARED_FOLDER
from docs.shared_files import shared_files
from glancemetrics.configuration.settings import read_settings
from glancemetrics.planning.rules_and_targets import read_rules_and_targets
from glancemetrics.reporting.panel_names import PANEL_NAMES
from glancemetrics.rules.own_health import own_rules
from glancemetrics.rules.stock import stock_rules
from tests.actors.client.monitors import monitor, until_read
from tests.actors.outputs.feeding import event
from tests.actors.outputs.snapshots import snapshot
from tests.glancemetrics.reporting.making import batches_of, report_of
from tests.lines import line

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """Return the anchors of headings, as MkDocs makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each).replace("`", "") for each in headings]
    return {slugify(each, "-") for each in plain}


def slugify(text: str, separator: str) -> str:
    """Do what Python-Markdown does: tests run without it."""
    text = re.sub(r"[^\w\s-]", "", text).strip().lower()
    return re.sub(rf"[{separator}\s]+", separator, text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = path if not name else path.parent / name
        assert target.exists(), link
        if DOCS in path.parents:
            assert DOCS in target.resolve().parents, f"{link}: not part of the site"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    listed = set(re.findall(r"[\w/-]+\.md", (PROJECT / "mkdocs.yml").read_text(encoding="utf-8")))
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    formats = {name for name in there if name.startswith("reference/formats/")}
    assert there - listed == formats - {"reference/formats/README.md"}
    assert listed <= there


def test_the_reference_is_what_the_code_says() -> None:
    made = reference_pages.pages()
    written = {name: page(f"reference/{name}") for name in made}
    assert written == made, "make reference writes them"
    for folder in ("commands", "formats"):
        there = {f"{folder}/{path.name}" for path in (DOCS / "reference" / folder).iterdir()}
        assert there == {name for name in made if name.startswith(f"{folder}/")}


def test_the_shared_files_are_what_the_code_says() -> None:
    written = {
        path.relative_to(SHARED_FOLDER).as_posix(): path.read_text(encoding="utf-8")
        for path in SHARED_FOLDER.rglob("*")
        if path.is_file()
    }
    assert written == shared_files(), "make share writes them"


def test_reasons_are_given_for_every_built_in_rule() -> None:
    told = page("guides/alerts.md")
    for rule in (*stock_rules(), *(own.rule for own in own_rules())):
        assert re.search(rf"^\|[^|]*\b{rule.name}\b", told, re.MULTILINE), rule.name


def keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_field_of_the_json_is_documented() -> None:
    told = page("reference/json.md")
    words = set(re.findall(r"\w+", told))
    named = {*keys(snapshot().to_json()), *keys(event().to_json())} - {"2xx", "3xx", "4xx"}
    assert named <= words, named - words


def test_the_configurations_in_the_docs_are_right() -> None:
    examples = 0
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for example in re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            read_settings({}, {}, example, path.name, sections=all_sections())
            read_rules_and_targets(example, path.name)
            examples += 1
    assert examples >= 7


def test_the_examples_of_the_library_are_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    guide = DOCS / "guides" / "library.md"
    (command,) = re.findall(r"^ +glancemetrics (generate .*)$", guide.read_text(), re.MULTILINE)
    subprocess.run([sys.executable, "-m", "glancemetrics", *command.split()], check=True)
    outcome = doctest.testfile(str(guide), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert outcome.attempted > 10
    assert outcome.failed == 0


def test_the_examples_of_the_client_are_so(tmp_path: Path) -> None:
    """On the log of the guide to the library."""
    (command,) = re.findall(
        r"^ +glancemetrics (generate .*)$", page("guides/library.md"), re.MULTILINE
    )
    program = [sys.executable, "-m", "glancemetrics"]
    subprocess.run([*program, *command.split()], check=True, cwd=tmp_path)
    with monitor(tmp_path / "access.log", tmp_path / "state") as running:
        until_read(running.url, 10_000)
        text = page("guides/client.md")
        (tmp_path / "client.md").write_text(
            text.replace('"127.0.0.1:7890"', f'"{running.url}"')
            .replace("http://127.0.0.1:7890", running.url)
        )  # fmt: skip
        outcome = doctest.testfile(
            str(tmp_path / "client.md"), module_relative=False, optionflags=doctest.ELLIPSIS
        )
    assert outcome.attempted > 15
    assert outcome.failed == 0


def test_every_panel_of_a_report_is_documented() -> None:
    told = page("guides/report.md")
    for name in PANEL_NAMES:
        assert f"`{name}`" in told, name


def test_every_field_of_a_json_report_is_documented() -> None:
    told = page("reference/json.md")
    words = set(re.findall(r"\w+", told))
    fields = report_of(batches_of(line())).to_json()
    panels = fields.pop("panels")
    left_out = fields.pop("left_out")
    assert set(keys(fields)) <= words
    assert {"panels", "left_out"} <= words
    assert isinstance(panels, dict)
    assert isinstance(left_out, dict)
    assert {key for panel in panels.values() for key in keys(panel)} <= words
