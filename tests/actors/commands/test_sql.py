"""`glancemetrics sql` at a terminal: how it ends, where options stand, and what it shows."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lines import line
from tests.waiting import Running, until_taken, until_worked

COMMAND = [sys.executable, "-m", "glancemetrics"]
ENDLESS = (
    "select count(*) from range(10000000000) a, {log} range(10000000000) b "
    "where a.range % 7 = b.range % 5"
)
HOSTILE = "/a\x9b2J\u202e\u2066b\u00e9\U0001f642\U000e0041"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "access.log"
    log.write_bytes(line() * 3)
    return log


@pytest.fixture
def hostile_log(tmp_path: Path) -> Path:
    log = tmp_path / "access.log"
    log.write_bytes(line().replace(b"GET /", b"GET " + HOSTILE.encode(), 1))
    return log


def on_terminal(*arguments: object) -> str:
    """What a command writes where standard output is a terminal."""
    ours, theirs = pty.openpty()
    with Running(
        [*COMMAND, *map(str, arguments)], stdout=theirs, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, env={**os.environ, "PAGER": "cat"},
    ) as process:  # fmt: skip
        os.close(theirs)
        written = b""
        while True:
            try:
                written += os.read(ours, 65536)
            except OSError:  # the other side has closed
                break
        process.wait(30)
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    os.close(ours)
    return written.decode()


@pytest.mark.parametrize("names_log", ["log,", "log x, log y,", ""])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_long_query(log: Path, number: signal.Signals, names_log: str) -> None:
    with Running(
        [*COMMAND, "sql", str(log), ENDLESS.format(log=names_log)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        until_worked(process, 2.5)  # DuckDB works
        process.send_signal(number)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert (out, said) == (b"", b"")


def test_ctrl_c_while_a_log_is_read_answers_from_what_was_read() -> None:
    with Running(
        [*COMMAND, "sql", "-", "select count(*) n from log", "--output-format", "csv"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(line() * 5)
        process.stdin.flush()
        until_taken(process.stdin)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert out.split() == [b"n", b"5"]
    assert b"Interrupted; results are partial" in said
    assert process.returncode == 0


@pytest.mark.parametrize(
    "order",
    [
        ["{log}", "--output-format", "csv", "{query}"],
        ["--output-format", "csv", "{log}", "{query}"],
        ["{log}", "{log}", "--output-format", "csv", "--since", "2000-01-01", "{query}"],
        ["{log}", "{query}", "--output-format", "csv"],
    ],
)
def test_options_stand_anywhere(log: Path, order: list[str]) -> None:
    words = [word.format(log=log, query="select count(*) n from log") for word in order]
    result = subprocess.run([*COMMAND, "sql", *words], capture_output=True, check=True)
    assert result.stdout.split()[0] == b"n"


def test_options_stand_between_the_logs_of_a_report(log: Path) -> None:
    other = log.with_name("other.log")
    other.write_bytes(line() * 4)
    words = ["report", str(log), "--output-format", "json", str(other)]
    result = subprocess.run([*COMMAND, *words], capture_output=True, check=True)
    assert json.loads(result.stdout)["hits"] == 7


@pytest.mark.parametrize(
    ("output_format", "expected"),
    [
        ("json", '[\n {\n  "sum": 3000000,\n  "half": 1.5,\n  "mean": 1.0\n }\n]\n'),
        ("csv", "sum,half,mean\r\n3000000,1.5,1.0\r\n"),
        ("table", "      sum  half  mean\n─────────  ────  ────\n3,000,000   1.5     1\n"),
    ],
)
def test_a_sum_is_a_number(log: Path, output_format: str, expected: str) -> None:
    """DuckDB sums integers as decimals."""
    query = "select 1000000 * sum(status // 200) sum, 1.5 half, avg(status // 200) mean from log"
    result = subprocess.run(
        [*COMMAND, "sql", str(log), query, "--output-format", output_format],
        capture_output=True, check=True,
    )  # fmt: skip
    assert result.stdout.decode() == expected


def test_the_only_table_is_the_log(log: Path) -> None:
    result = subprocess.run(
        [*COMMAND, "sql", str(log), "show tables", "--output-format", "csv"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert result.stdout.split() == [b"name", b"log"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "{log}", "select path from log", "--output-format", "csv"),
        ("sql", "{log}", "select path from log", "--output-format", "csv", "-o", "/dev/stdout"),
        ("sql", "{log}", "select path from log", "--output-format", "json"),
        ("sql", "{log}", "select chr(27) || path as path from log", "--output-format", "json"),
        ("sql", "{log}", "select chr(27) || path as path from log", "--output-format", "csv"),
        ("report", "{log}", "--output-format", "csv"),
        ("report", "{log}", "--output-format", "json"),
    ],
)
def test_on_a_terminal_nothing_is_raw_and_in_a_pipe_all_is(
    hostile_log: Path, arguments: tuple[str, ...]
) -> None:
    words = [word.format(log=hostile_log) for word in arguments]
    shown = on_terminal(*words)
    assert not set("\x1b\x9b\u202e\u2066\U000e0041") & set(shown)
    assert "é🙂" in shown
    piped = subprocess.run([*COMMAND, *words], capture_output=True, check=True).stdout.decode()
    assert HOSTILE in piped
    if "csv" in arguments:
        rows, raw = (list(csv.reader(io.StringIO(text))) for text in (shown, piped))
        assert len(rows) == len(raw)
    elif arguments[0] == "sql":
        assert json.loads(shown) == json.loads(piped)
    else:
        assert json.loads(shown)["panels"] == json.loads(piped)["panels"]
