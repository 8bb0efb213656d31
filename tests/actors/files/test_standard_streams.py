"""Standard input, output and error that are closed, full, or nothing that can be waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lines import BASE, line

PROGRAM = f"{sys.executable} -m glancemetrics"
FULL = "glancemetrics: error: cannot write to standard output: No space left on device"
CLOSED = "glancemetrics: error: standard output is closed"


@pytest.fixture
def shell(tmp_path: Path):
    """Run a command line in a folder with a log; `gm` stands for the program."""
    (tmp_path / "access.log").write_bytes(b"".join(line(BASE + i) for i in range(50)))
    (tmp_path / "rules.toml").write_text("timewindow = 10\n")

    def shell(command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command.replace("gm ", f"{PROGRAM} ")],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **env},
        )  # fmt: skip

    return shell


PRINTING = [
    "gm -h",
    "gm --version",
    "gm report -h",
    "gm report access.log",
    "gm report access.log --format combined",
    "gm sql access.log 'select * from log'",
    "gm replay access.log --rules stock",
    "gm formats",
    "gm formats access.log",
    "gm check rules.toml",
    "gm silence",
    "gm acknowledge",
    "gm generate --lines 5 --fast",
    "gm -f - --json < access.log",
    "gm -f - --json --from start < access.log",
]


@pytest.mark.parametrize(
    ("command", "buffered"), [*((each, "") for each in PRINTING), (PRINTING[0], "1")]
)
def test_a_full_standard_output_is_one_sentence_and_status_1(shell, command, buffered) -> None:
    result = shell(f"{command} > /dev/full", PYTHONUNBUFFERED=buffered)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith(FULL)
    assert result.stderr.count("error:") == 1


@pytest.mark.parametrize("command", PRINTING)
def test_a_closed_standard_output_is_one_sentence_and_status_1(shell, command) -> None:
    result = shell(f"{command} >&-")
    assert (result.returncode, result.stderr.splitlines()) == (1, [CLOSED])


@pytest.mark.parametrize("command", PRINTING[3::3])
def test_a_closed_standard_error_changes_nothing(shell, command) -> None:
    result = shell(f"{command} 2>&-")
    assert result.returncode == 0
    assert result.stdout


def test_with_all_of_them_closed_the_status_is_all_there_is(shell) -> None:
    assert shell("gm report access.log <&- >&- 2>&-").returncode == 1
    assert shell("gm --nonsense <&- >&- 2>&-").returncode == 2


@pytest.mark.parametrize("source", ["< /dev/null", "<&-", "< empty"])
def test_standard_input_that_has_nothing_has_ended(shell, tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").touch()
    result = shell(f"gm -f - --json {source}")
    assert (result.returncode, result.stderr) == (0, "")
    (told,) = json.loads(result.stdout.splitlines()[-1])["health"]["sources"]
    assert (told["state"], told["detail"]) == ("ended", "standard input has ended")
    headless = shell(f"gm -f - --no-console {source}")
    assert headless.returncode == 0
    assert headless.stderr.splitlines()[-1] == "glancemetrics: INFO: standard input has ended"
    assert shell(f"gm report - {source}").returncode == 0


def test_snapshots_that_a_device_never_takes_end_the_monitor(shell, tmp_path: Path) -> None:
    (tmp_path / "live.log").write_bytes(line(int(time.time())))
    result = shell("gm -f live.log --json --alert-log off --state-dir off > /dev/full")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(FULL)


def test_no_address_of_the_command_line_is_shown(shell) -> None:
    result = shell("gm --webhook https://TOKEN@example.org/hook")
    assert result.returncode == 2
    assert "TOKEN" not in result.stderr


def test_a_file_that_is_opened_is_not_taken_for_a_stream_that_was_closed(shell, tmp_path) -> None:
    """The alert log must not be file 1, into which snapshots go."""
    log = tmp_path / "alerts.jsonl"
    shell("gm -f - --json --alert-log alerts.jsonl < access.log >&- 2>&-")
    for text in log.read_text().splitlines():
        assert json.loads(text)["event"].startswith("monitoring")


def test_when_nobody_reads_any_more_the_alert_log_is_ended_in_order(shell, tmp_path) -> None:
    now = int(time.time())
    (tmp_path / "live.log").write_bytes(line(now))
    result = shell("gm -f live.log --json -r 0.2 --alert-log alerts.jsonl | head -1")
    assert (result.returncode, result.stderr) == (0, "")
    events = [json.loads(text) for text in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [one["event"] for one in events] == ["monitoring_started", "monitoring_stopped"]


def test_standard_output_by_its_name_is_written_to_even_if_it_is_a_file(shell, tmp_path) -> None:
    """As root, replacing /dev/stdout would take it from all programs."""
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    shell("{ echo before; gm report access.log -o stdout --output-format csv; echo after; } > out")
    assert (tmp_path / "stdout").is_symlink()
    first, second, *_, last = (tmp_path / "out").read_text().splitlines()
    assert (first, second[:6], last) == ("before", "panel,", "after")


def test_a_link_is_followed_to_the_file_that_is_replaced(shell, tmp_path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "latest.csv").symlink_to("pages/today.csv")
    for _ in range(2):  # the file does not exist, then it does
        shell("gm report access.log -o latest.csv")
        assert (tmp_path / "latest.csv").is_symlink()
        assert (tmp_path / "pages/today.csv").read_text().startswith("panel,")
