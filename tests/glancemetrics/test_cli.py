"""The command line, run as a person runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.commands.registry import COMMANDS
from actors.configuration.sections import all_sections
from glancemetrics.configuration.settings import all_settings
from tests.lines import line
from tests.waiting import Running

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


def test_help_lists_every_option_once_in_80_columns(run) -> None:
    result = run("-h", COLUMNS="300")
    text = result.stdout.decode()
    assert result.returncode == 0
    assert max(map(len, text.splitlines())) <= 80
    for setting in all_settings(all_sections()).values():
        assert text.count(f" {setting.flag} ") >= 1, setting.flag
        assert f"--{setting.name} " not in text or "_" not in setting.name
    titles = re.findall(r"^(\w[\w ]+):$", text, re.MULTILINE)
    assert titles == [
        *("Examples", "Commands", "Arguments"),
        *("Input", "Window", "Alerts", "Outputs", "Web", "History", "Advanced", "Other"),
    ]
    assert "(default" not in text


def test_every_default_with_a_number_has_a_unit() -> None:
    for setting in all_settings(all_sections()).values():
        assert not re.fullmatch(r"[\d.]+", setting.default_shown), setting.name


@pytest.mark.parametrize(
    "arguments",
    [
        ["-h"],
        ["report", "--top", "x"],
        ["reprot"],
        ["--alert-treshold", "5"],
        *([command.name, "-h"] for command in COMMANDS),
    ],
    ids=" ".join,
)
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
    said = {run(*how).stdout for how in (["--version"], ["-V"], ["version"])}
    assert len(said) == 1
    assert said.pop().startswith(b"glancemetrics 0.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--timewindow", "0"], "--timewindow 0: must be a duration from 1s to 7d"),
        (["--timewindow", "10x"], "--timewindow 10x: must be a duration from 1s to 7d"),
        (["--ti"], "--ti: unknown option; `glancemetrics -h`"),
        (["--alert-treshold", "5"], "--alert-treshold: unknown option; did you mean --alert-thr"),
        (["--alert_treshold=5"], "--alert-treshold: unknown option; did you mean --alert-thresh"),
        (["--refresh"], "--refresh: needs a value (DURATION)"),
        (["--json=yes"], "--json: takes no value"),
        (["--rules", "bilt-in"], "--rules bilt-in: must be built-in or none (did you mean built-"),
        (["reprot", "access.log"], "reprot: unknown command; did you mean report?"),
        (["--json", "report"], "report: a command must come first: glancemetrics report ..."),
        (["nonsense"], "nonsense: no such command or file; `glancemetrics -h` lists the commands"),
        (["--web", "foo"], "--web foo: must be off, HOST:PORT or a port; foo is no file either"),
        (["help", "reprot"], "reprot: unknown command; did you mean report?"),
        (["completion"], "say bash, zsh or fish: glancemetrics completion bash"),
        (["completion", "bsh"], "bsh: say bash, zsh or fish; did you mean bash?"),
        (["audit", "verfy"], "say verify or show; did you mean verify?"),
        (["--config", "/nonexistent.toml"], "--config /nonexistent.toml: No such file"),
        (["generate", "--rate", "0"], "--rate 0: must be a number of lines per second"),
        (["generate", "--rate", "abc"], "--rate abc: must be a number of lines per second"),
        (["generate", "--fast"], "--fast: needs --lines or --duration"),
        (["generate", "-o", "/nonexistent/x"], "--output /nonexistent/x: No such file"),
        (["generate", "--spike", "60s"], "--spike 60s: must be DURATION@VALUE[+AFTER]"),
        (["report", "x", "--sort", "hist"], "must be hits, visitors, bytes, errors or p95; did "),
        (["report", "x", "--last", "1h", "--since", "today"], "--last: cannot be combined with"),
        (["query", "--json", "--csv"], "--csv: cannot be combined with --json"),
        (["check"], "no configuration found; name one: glancemetrics check FILE"),
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
    assert f"{config} line 1: unknown setting treshold" in result.stderr.decode()


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
    with Running(
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


@pytest.mark.parametrize("has_thread", [False, True])
def test_a_program_that_ends_leaves_nothing_undone(has_thread: bool) -> None:
    started = "threading.Thread(target=lambda: time.sleep(0.5) or print('thread')).start()"
    program = (
        "import atexit, sys, threading, time\n"
        "from glancemetrics.cli import main\n"
        "atexit.register(print, 'at exit')\n"
        f"{started if has_thread else ''}\n"
        "sys.argv = ['glancemetrics', 'report', '--unknown']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "--unknown" in done.stderr
    assert done.stdout.split("\n") == [*(["thread"] if has_thread else []), "at exit", ""]


def test_what_others_would_import_unused_is_left_alone(run, tmp_path: Path) -> None:
    for name in ("pandas", "yaml"):
        note = f"open({str(tmp_path / 'imported')!r}, 'w')"
        (tmp_path / f"{name}.py").write_text(f"{note}\n__version__ = '9.0'\n")
    log = tmp_path / "access.log"
    log.write_bytes(line(agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"))
    result = run("report", str(log), PYTHONPATH=str(tmp_path))
    assert result.returncode == 0
    assert b"Firefox" in result.stdout
    assert not (tmp_path / "imported").exists()
