"""The command line, run as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lines import line

COMMAND = [sys.executable, "-m", "glancemetrics"]


@pytest.fixture
def run(tmp_path: Path):
    def run(*arguments: str, stdin: bytes | None = b"", **env: str):
        return subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env={"PATH": "/usr/bin:/bin", "XDG_STATE_HOME": str(tmp_path / "state"), **env},
        )

    return run


def test_help_lists_every_flag(run) -> None:
    result = run("-h")
    text = result.stdout.decode().replace(",", " ")  # as Python 3.13 has it
    assert result.returncode == 0
    for flag in ("--file PATH", "--timewindow", "--alertwindow", "--alert_threshold",
                 "--section_limit",
                 "--refresh", "--incident_limit", "--from", "--alert_log ", "--alert_log_rotation",
                 "--alert_log_retention", "--syslog ", "--json", "--no_console", "--config",
                 "--log_level", "--version", "generate", "healthcheck"):  # fmt: skip
        assert flag in text, flag


@pytest.mark.parametrize("arguments", [["-h"], ["report", "-h"], ["report", "--top", "x"]])
def test_help_and_mistakes_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys\ntry:\n    import glancemetrics.cli as c; c.main({arguments})\n"
        "except SystemExit:\n    pass\n"
        "print([m for m in ('pyarrow', 'numpy', 'trio', 'loguru', 'prompt_toolkit') "
        "if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout.decode().splitlines()[-1] == "[]"


def test_version(run) -> None:
    assert run("--version").stdout.decode().startswith("glancemetrics 0.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--timewindow", "0"], "--timewindow 0: must be a whole number of seconds"),
        (["--time"], "unrecognized arguments: --time"),
        (["--config", "/nonexistent.toml"], "--config /nonexistent.toml: No such file"),
        (["-f", "/tmp"], "--file /tmp: is a directory; name a log in it"),
        (["generate", "--rate", "0"], "0 must be a number of lines a second above 0"),
        (["generate", "--fast"], "--fast: say how many, with --lines"),
        (["generate", "-o", "/nonexistent/x"], "--output /nonexistent/x: No such file"),
        (["generate", "--spike", "60s"], "60s must be SPAN@VALUE[+AFTER]"),
        (["healthcheck"], "name the file that --heartbeat writes"),
    ],
)
def test_a_mistake_gets_one_sentence_and_status_2(run, arguments, sentence) -> None:
    result = run(*arguments)
    error = result.stderr.decode()
    assert result.returncode == 2
    assert error.startswith("glancemetrics: error: ")
    assert sentence in error
    assert error.count("\n") == 1


def test_a_config_typo_names_the_file_and_the_key(run, tmp_path: Path) -> None:
    config = tmp_path / "gm.toml"
    config.write_text("treshold = 5\n")
    result = run("--config", str(config))
    assert result.returncode == 2
    assert f"{config}: there is no setting 'treshold'" in result.stderr.decode()


def test_piped_in_lines_come_out_as_json_when_the_input_ends(run, tmp_path: Path) -> None:
    data = line() * 3 + b"bad\n" + line(status=500)[:-1]
    result = run("-f", "-", "--json", stdin=data)
    assert result.returncode == 0, result.stderr
    snapshot = json.loads(result.stdout.splitlines()[-1])
    health = snapshot["health"]
    assert (health["lines"], health["records"], health["rejects"]) == (5, 4, 1)
    assert (snapshot["hits"], snapshot["server_errors"]) == (4, 1)
    trail = [json.loads(text) for text in
             (tmp_path / "state/glancemetrics/alerts.jsonl").read_text().splitlines()]  # fmt: skip
    assert [event["event"] for event in trail] == ["monitoring_started", "monitoring_stopped"]


def test_a_redirected_file_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line() * 1000)
    with log.open("rb") as stdin:
        result = subprocess.run(
            [*COMMAND, "-f", "-", "--json", "--alert-log", "off"],
            stdin=stdin, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
    assert json.loads(result.stdout.splitlines()[-1])["hits"] == 1000


def test_dashes_and_underscores_are_the_same_in_flags(run) -> None:
    for flag in ("--alert_threshold", "--alert-threshold"):
        result = run("-f", "-", "--json", flag, "5", "--alert-log", "off")
        assert result.returncode == 0, result.stderr


def test_a_reader_that_goes_away_is_a_quiet_end(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line())
    with subprocess.Popen(
        [*COMMAND, "-f", str(log), "--json", "-r", "0.1", "--alert-log", "off"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_generate_writes_as_many_lines_as_told(run) -> None:
    result = run("generate", "--fast", "--lines", "1234", "--seed", "7", "--start", "2026-01-01")
    assert result.stdout.count(b"\n") == 1234
    assert b"[01/Jan/2026:00:00:00 +0000]" in result.stdout


def test_generate_paces_and_rotates(run, tmp_path: Path) -> None:
    log = tmp_path / "made.log"
    began = time.monotonic()
    run("generate", "--rate", "2000", "--duration", "1s", "-o", str(log), "--rotate", "100kB")
    assert 0.9 < time.monotonic() - began < 10
    written = sum(path.read_bytes().count(b"\n") for path in tmp_path.glob("made.log*"))
    assert 1600 < written < 2400
    assert (tmp_path / "made.log.1").exists()


def test_a_healthcheck_tells_the_living_from_the_dead(run, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    assert run("healthcheck", str(beat)).returncode == 1
    beat.write_text(f"{time.time():.3f} 2\n")
    assert run("healthcheck", str(beat)).returncode == 0
    beat.write_text(f"{time.time() - 100:.3f} 2\n")
    result = run("healthcheck", str(beat))
    assert result.returncode == 1
    assert "overdue" in result.stderr.decode()
