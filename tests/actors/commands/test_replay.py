"""`glancemetrics replay` and `check`, as people call them."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lines import BASE, line

EPOCH_DAY = 86_400


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "glancemetrics", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def write_log(path: Path) -> None:
    """Half an hour of a request a second; in its second ten minutes, half of them fail."""
    path.write_bytes(
        b"".join(
            line(
                BASE + second,
                host=f"192.0.2.{second % 9}",
                status=500 if 600 <= second < 1200 and second % 2 else 200,
            )
            for second in range(1800)
        )
    )


CONFIG = """\
[[rule]]
name = "Failures"
metric = "error_ratio"
above = 0.25
recover_below = 0.1
window = "1m"
min_hits = 30
severity = "critical"
message = "{value:.0%} of {hits} failed"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_log(tmp_path / "access.log")
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_an_incident_is_told_with_when_how_long_and_how_bad(folder: Path) -> None:
    done = run(*("replay", "access.log", "--config", "config.toml", "--rules", "none"), cwd=folder)
    assert done.returncode == 0, done.stderr
    # Every second request from second 601 on: the 16th of 60 comes in second 631. There are less
    # than six again when the window begins after second 1189.
    assert "2026-09-21 14:23:52  10 min 18 s  critical  Failures" in done.stdout
    assert "peak 50 %" in done.stdout or "50 %" in done.stdout
    assert "Failures       1  10 min 18 s" in done.stdout
    assert "High traffic is not replayed: set its limit" in done.stdout
    assert done.stdout.count("High traffic") == 1


def test_the_same_log_gives_the_same_whatever_it_is_cut_into(folder: Path) -> None:
    whole = run(
        *("replay", "access.log", "--config", "config.toml"),
        *("--rules", "none", "--output-format", "json"),
        cwd=folder,
    )
    lines = (folder / "access.log").read_bytes().splitlines(keepends=True)
    (folder / "access.log.1").write_bytes(b"".join(lines[:700]))
    with gzip.open(folder / "access.log.2.gz", "wb") as file:
        file.write(b"".join(lines[700:1100]))
    (folder / "access.log").write_bytes(b"".join(lines[1100:]))
    parts = run(
        *("replay", "access.log*", "--config", "config.toml"),
        *("--rules", "none", "--output-format", "json"),
        cwd=folder,
    )
    assert json.loads(parts.stdout) == json.loads(whole.stdout)
    ((incident,),) = [json.loads(whole.stdout)["incidents"]]
    assert incident["message"] == "27% of 60 failed"
    assert incident["duration"] == 1250 - 632


def test_without_a_configuration_it_is_the_built_in_rules(folder: Path) -> None:
    done = run("replay", "access.log", cwd=folder)
    assert re.search(r"critical +Server errors +", done.stdout), done.stdout
    assert "High traffic is not replayed: set its limit" in done.stdout
    assert done.stdout.count("High traffic") == 1


def test_without_any_other_rule_it_is_high_traffic_and_its_options(folder: Path) -> None:
    quiet = run("replay", "access.log", "--rules", "none", cwd=folder)
    assert "High traffic       0  –" in quiet.stdout
    loud = run(
        *("replay", "access.log", "--alert_threshold", "0.9", "--alertwindow", "1"),
        *("--rules", "none"),
        cwd=folder,
    )
    assert "High traffic       1" in loud.stdout
    assert "so far" in loud.stdout


def test_thresholds_are_proposed_with_what_they_would_have_raised(folder: Path) -> None:
    done = run("replay", "access.log", "--config", "config.toml", "--suggest", cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = [row.split() for row in done.stdout.splitlines()[2:]]
    assert ["Failures", "above", "0.25", "(now)", "1", "10", "min", "18", "s"] in rows
    assert rows[-1][-2:] == ["0", "–"]


def test_the_page_shows_the_metric_its_threshold_and_the_incident(folder: Path) -> None:
    done = run(
        *("replay", "access.log", "--config", "config.toml", "--rules", "none"),
        *("-o", "replay.html"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    page = (folder / "replay.html").read_text(encoding="utf-8")
    assert page.count('class="incident"') == 1
    assert page.count('class="value"') == 1
    assert page.count('class="limit"') == 1
    assert "50 % of responses are errors" in page
    assert "<script" not in page


def test_hostile_names_of_groups_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(
        b"".join(
            line(BASE + i, request="GET /<script>\\x1b[31m/x HTTP/1.1", status=500)
            for i in range(60)
        )
    )
    (tmp_path / "config.toml").write_text(
        '[[rule]]\nname = "<b>a</b>"\nmetric = "errors"\nabove = 3\nby = "section"\n',
        encoding="utf-8",
    )
    run("replay", "access.log", "--config", "config.toml", "-o", "a.html", cwd=tmp_path)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("none.log",), 1, "none.log: no such file"),
        (("access.log", "--config", "none.toml"), 2, "--config none.toml: No such file"),
        (("access.log", "--config", "bad.toml"), 2, "bad.toml line 3 (rule 'a'): abov = 1"),
        (("access.log", "-o", "x.pdf"), 2, "--output x.pdf: must end in .html, .json or .txt"),
        (("access.log", "--alert_threshold", "x"), 2, "--alert-threshold x: must be a number"),
        (("empty.log",), 1, "empty.log: no requests in it"),
    ],
)
def test_mistakes(folder: Path, arguments: tuple[str, ...], status: int, error: str) -> None:
    (folder / "bad.toml").write_text('[[rule]]\nname = "a"\nabov = 1\n', encoding="utf-8")
    (folder / "empty.log").touch()
    done = run("replay", *arguments, cwd=folder)
    assert done.returncode == status
    assert error in done.stderr
    assert "Traceback" not in done.stderr


def test_check_says_what_would_be_watched(folder: Path) -> None:
    done = run("check", "config.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "config.toml is valid." in done.stdout
    assert "Failures" in done.stdout
    assert "above 25 % over 1m, from 30 requests" in done.stdout


def test_check_says_who_would_be_told_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "check.toml").write_text(
        '[[notify]]\nname = "team"\nwebhook = "https://example.org/hunter2"\n'
        'severity = "warning"\nrules = ["Checkout*"]\nhours = "Mon-Fri 08:00-18:00"\n'
        'group_wait = "30s"\nrepeat = "4h"\n',
        encoding="utf-8",
    )
    done = run("check", "check.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"team +webhook +warning +Checkout\* +"
        r"Mon-Fri 08:00-18:00, grouped for 30s by rule, repeated every 4h",
        done.stdout,
    )
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("refesh = 1", "check.toml line 1: unknown setting refesh; did you mean refresh?"),
        (
            '[[rule]]\nname = "a"\nabsence = "5m"\nwhere = "pat = 1"',
            "check.toml line 4 (rule 'a'): where = 'pat = 1': no column 'pat'",
        ),
        ("[[rule]]\nname = 3\nabsence = '1m'", "check.toml line 2: name = 3: must be a text"),
        ("x = ", "check.toml: is not TOML"),
    ],
)
def test_check_names_the_mistake(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "check.toml").write_text(text, encoding="utf-8")
    done = run("check", "check.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert error in done.stderr
    assert done.stderr.count("\n") == 1


def test_rules_of_a_field_that_is_kept_are_replayed(tmp_path: Path) -> None:
    states = ["HIT"] * 5 + ["MISS"] * 5
    (tmp_path / "access.log").write_bytes(
        b"".join(line(BASE + i)[:-1] + f" cs={one}\n".encode() for i, one in enumerate(states))
    )
    (tmp_path / "config.toml").write_text(
        'keep = ["cs"]\n[[rule]]\nname = "Misses"\nmetric = "hits"\nabove = 3\n'
        'by = "cs"\nwhere = "cs like \'M%\'"\n',
        encoding="utf-8",
    )
    done = run("replay", "access.log", "--config", "config.toml", cwd=tmp_path)
    assert re.search(r"warning +Misses +MISS +peak 5 requests", done.stdout), done.stderr
    done = run("replay", "access.log", "--keep", "none", cwd=tmp_path)
    assert "--keep none: no counted request has this field" in done.stderr
