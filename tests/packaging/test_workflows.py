"""Workflows, templates, make targets and changelog fragments, checked without running them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
GITHUB = PROJECT / ".github"
SCHEMAS = {
    "vendor.github-workflows": "workflows/*.yml",
    "vendor.dependabot": "dependabot.yml",
    "vendor.github-issue-config": "ISSUE_TEMPLATE/config.yml",
    "vendor.github-issue-forms": "ISSUE_TEMPLATE/[!c]*.yml",
}

pytestmark = pytest.mark.skipif(not GITHUB.exists(), reason="a source archive")


def make(*arguments: str) -> str:
    """Return what make would run."""
    command = ["make", "--dry-run", "--always-make", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_for_github_have_the_keys_that_github_knows(schema: str) -> None:
    files = sorted(GITHUB.glob(SCHEMAS[schema]))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_workflow_names_a_host_but_github() -> None:
    """Package managers know their registries; a mirror's address does not belong here."""
    for path in [*GITHUB.rglob("*.*"), PROJECT / ".pre-commit-config.yaml"]:
        text = path.read_text()
        assert set(re.findall(r"https?://([^/\s\"')]+)", text)) <= {"github.com"}, path
        assert not re.search(r"(index|repository|registry)[-_]url", text), path
        assert not re.search(
            r"\b(pypi|npmjs|pythonhosted|docker|ghcr|quay)\.(org|io|com)\b", text
        ), path


def test_actions_are_pinned_to_a_version() -> None:
    for path in GITHUB.glob("workflows/*.yml"):
        for used in re.findall(r"uses: (\S+)", path.read_text()):
            assert used.startswith("./") or re.search(r"@(v\d|release/v\d|[0-9a-f]{40})", used)


def test_every_make_target_that_is_named_somewhere_exists() -> None:
    named: set[str] = set()
    pages = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), PROJECT / ".ci/run"]
    for path in [*pages, *GITHUB.rglob("*.yml"), *GITHUB.rglob("*.md")]:
        text = path.read_text()
        named |= set(re.findall(r"(?:`| {4}|run: |&& |^)make ([a-z][a-z_-]*)", text, re.MULTILINE))
    assert {"run", "test", "lint", "wheel"} <= named
    for target in named:
        make(target)


@pytest.mark.parametrize("target", ["run", "demo", "generate_logs"])
def test_running_the_program_installs_nothing_that_only_tests_need(target: str) -> None:
    planned = make(target, "FILE=access.log")
    assert "--editable" in planned
    assert "--group" not in planned
    assert "takes about a minute" in planned
    assert "--group dev" in make("test")


def test_fragments_are_of_a_kind_that_the_changelog_has() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kinds = {"added", "changed", "fixed", "removed", "security"}
    for path in (PROJECT / "changelog.d").glob("*.md"):
        assert path.name.split(".")[-2] in kinds, path
        assert path.read_text().splitlines()[0][:20] in done.stdout
