"""A report is opened where there is a desktop."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.outputs.console.opening import open_in_browser
from tests.waiting import eventually


@pytest.fixture
def desktop(tmp_path: Path) -> dict[str, str]:
    """A desktop whose xdg-open notes what it was given."""
    program = tmp_path / "bin/xdg-open"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf %s "$*" > {tmp_path}/opened\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:/usr/bin:/bin", "DISPLAY": ":0"}


def test_a_report_is_opened_by_the_desktop(
    desktop: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_in_browser(Path("--a report.html"), desktop)
    opened = tmp_path / "opened"
    eventually(lambda: opened.exists() and opened.read_text())
    assert opened.read_text() == f"{tmp_path}/--a report.html"


def test_without_a_display_or_a_program_nothing_is_opened(
    desktop: dict[str, str], tmp_path: Path
) -> None:
    assert not open_in_browser(tmp_path, {**desktop, "DISPLAY": ""})
    assert not open_in_browser(tmp_path, {**desktop, "PATH": str(tmp_path)})
    assert not (tmp_path / "opened").exists()
