"""The page's own checks: types and unit tests; and what a build of it may be."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from actors.outputs.web.pages import STATIC
from tests.web.node import WEB, environment, installed, node_command

MOST_BYTES = 150_000
"""Of the whole page, compressed."""


@pytest.mark.slow
def test_types_and_unit_tests() -> None:
    installed()
    command = [*node_command("npm"), "run", "check"]
    done = subprocess.run(
        command,
        cwd=WEB,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    text = (WEB / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert "://" not in re.sub(r'"funding": (\{[^}]*\}|\[[^\]]*\])', "", text)
    for name, one in packages.items():
        assert name == "" or "integrity" in one, name


def test_versions_are_exact() -> None:
    about = json.loads((WEB / "package.json").read_text())
    for version in {**about["dependencies"], **about["devDependencies"]}.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_the_page_is_small_and_loads_nothing_from_elsewhere() -> None:
    manifest = json.loads((STATIC / "manifest.json").read_text())
    assert manifest["gzip_bytes"] < MOST_BYTES
    html = (STATIC / "index.html").read_text()
    assert "://" not in html.replace("http://www.w3.org/", "")
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert "style=" not in html
    assert "<style" not in html
    names = {one["name"] for one in manifest["files"]}
    loaded = re.findall(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"#?]+)"', html)
    assert len(loaded) >= 3
    assert set(loaded) <= names
    for file in STATIC.rglob("*.css"):
        assert "://" not in file.read_text().replace("http://www.w3.org/", "")


def test_licences_of_all_that_is_bundled_are_there() -> None:
    text = (STATIC / "licenses.txt").read_text()
    about = json.loads((WEB / "package.json").read_text())
    for name in set(about["dependencies"]) - {"esbuild"}:
        assert re.search(rf"^{re.escape(name)} \d", text, re.MULTILINE), name
    assert "MIT" in text


def test_no_source_goes_round_the_way_texts_are_shown() -> None:
    for file in (WEB / "src").rglob("*.ts*"):
        text = file.read_text()
        for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert banned not in text, (file, banned)


def test_nothing_that_was_built_is_in_the_repository() -> None:
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert not [name for name in listed if "node_modules/" in name or "web/static/" in name]
