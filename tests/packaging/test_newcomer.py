"""The first ten minutes with GlanceMetrics, typed into a real terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.lines import line
from tests.packaging.test_wheel import build, built_wheel, sdist, wheel
from tests.tmux import Tmux

__all__ = ["build", "built_wheel", "sdist", "wheel"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a log whose last minute is busy."""
    folder = tmp_path / "site"
    folder.mkdir()
    now = int(time.time())
    lines = [line(now - 60 + second) for second in range(60) for _ in range(30)]
    (folder / "access.log").write_bytes(b"".join(lines))
    return folder


@pytest.mark.terminal
@pytest.mark.slow
def test_from_the_wheel_to_a_report(
    wheel: Path, site: Path, tmp_path: Path, terminal: Callable[[int, int], Tmux]
) -> None:
    needs("bash")
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
    screen = terminal(100, 40)
    variables = {
        "PATH": f"{environment}/bin:/usr/bin:/bin",
        "HOME": str(site),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
    }
    inner = " ".join(f"{name}={value}" for name, value in variables.items())
    screen.type(f"cd {site}; env -i {inner} bash --norc --noprofile")
    screen.type("PS1='new> '; clear")

    # Install.
    screen.type(f"pip install --quiet {wheel} && echo installed")
    screen.until(r"(?m)^installed$", 300)

    # Help, without a log and with a misspelt word.
    screen.type("clear; glancemetrics -h | head -24")
    assert "Examples:" in screen.until(r"Commands:")
    screen.type("clear; glancemetrics reprot access.log")
    screen.until(r"reprot: unknown command; did you mean report\?")
    screen.type("clear; glancemetrics --alert-treshold 5 access.log")
    screen.until(r"--alert-treshold: unknown option; did you mean --alert-threshold\?")
    screen.type("clear; glancemetrics access.log --format nginx")
    screen.until(r"did you mean combined \(nginx's default\)\?")

    # No arguments: what there is to follow, or the way out.
    screen.type("clear; glancemetrics < /dev/null")
    screen.until(r"glancemetrics: error: no (log named; try: glancemetrics /|access log found)")

    # A log: the site is well, and the limit that is exceeded is only the default.
    screen.type("clear; glancemetrics access.log")
    page = screen.until(r"● High traffic: [\d.]+ req/s over 2 min \(limit 10\) – the default: ")
    assert " access.log · combined · last " in page
    # On a slow machine, the last line was written a while ago.
    assert re.search(r"● HEALTHY|\? SILENT FOR", page)
    screen.press("q")
    screen.until(r"(?m)^new> *$")

    # An alert.
    screen.type("clear; glancemetrics access.log --alert-threshold 5 --alertwindow 1m")
    page = screen.until(r"▲ High traffic: [\d.]+ req/s over 1 min \(limit 5\)")
    assert "▲ 1 WARNING" in page
    screen.press("q")
    screen.until(r"(?m)^new> *$")
    screen.type("clear; glancemetrics audit show | cat")
    screen.until(r"triggered +warning +High traffic generated an alert - hits = ")

    # A report, and the same for a program.
    screen.type("clear; glancemetrics report access.log -o report.html && ls")
    screen.until(r"report\.html")
    screen.type("clear; glancemetrics access.log --once --json > now.json; echo ended")
    screen.until(r"(?m)^ended$")
    assert json.loads((site / "now.json").read_text())["health"]["records"] == 1800
    assert "<!doctype html>" in (site / "report.html").read_text()

    # Completion, as the wheel installed it.
    script = environment / "share/bash-completion/completions/glancemetrics"
    screen.type(f"clear; source {script}")
    screen("send-keys", "glancemetrics report acc", "Tab")
    screen.until(r"(?m)new> glancemetrics report access\.log *$")
    screen("send-keys", "-l", "--", "--so")
    screen.press("Tab")
    screen.until(r"(?m)new> glancemetrics report access\.log --sort *$")
    screen.press("C-c")
