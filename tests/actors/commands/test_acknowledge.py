"""`glancemetrics acknowledge`; tests/actors/outputs/test_notifier.py has what follows from it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.state.acknowledgements import Acknowledgements

INCIDENT = "Server errors[/a b]-20261126T100503Z"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "glancemetrics", "acknowledge", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(cwd)},
        timeout=60,
        check=False,
    )


def test_incidents_are_acknowledged_listed_and_taken_back(tmp_path: Path) -> None:
    assert run(cwd=tmp_path).stdout == "No acknowledged incidents.\n"
    made = run(INCIDENT, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert INCIDENT in made.stdout
    assert run("high_traffic-20261126T100503Z", cwd=tmp_path).returncode == 0
    assert INCIDENT in run(cwd=tmp_path).stdout
    path = tmp_path / "glancemetrics" / "acknowledgements.json"
    assert Acknowledgements(path).known()[INCIDENT].at == pytest.approx(time.time(), abs=60)
    ended = run(INCIDENT, "--end", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    listed = run(cwd=tmp_path).stdout
    assert INCIDENT not in listed
    assert "high_traffic-20261126T100503Z" in listed


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("Server errors",), 2, "Server errors: must be the id of an incident, such as Scanner-2"),
        (("--end",), 2, "--end: name an incident"),
        ((INCIDENT, "--end"), 1, f"{INCIDENT}: not acknowledged; `glancemetrics acknowledge`"),
        ((INCIDENT, "--state-dir", "none"), 2, "--state-dir none: no such directory; name that"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: tuple[str, ...], status: int, error: str) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert error in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "glancemetrics" / "acknowledgements.json"
    path.parent.mkdir()
    path.write_text("[{]")
    for arguments in ((), (INCIDENT,), (INCIDENT, "--end")):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert "acknowledgements.json: damaged; delete it" in done.stderr
