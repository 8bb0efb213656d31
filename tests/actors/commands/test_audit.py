"""`glancemetrics audit`, and an alert log whose writer is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.outputs.alert_log.files import read_head, read_lines, rotated
from glancemetrics.incidents.chain import verify
from tests.actors.outputs.feeding import event
from tests.waiting import Running

WRITER = """
import sys
from pathlib import Path
from actors.outputs.alert_log.writing import AlertLog
from tests.actors.outputs.feeding import event

log = AlertLog(Path(sys.argv[1]), "5 kB", 1000)
log._open()
for number in range(int(sys.argv[2]), 1000):
    log._write(event(number))
    print(number, flush=True)
"""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "glancemetrics", "audit", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"TZ": "UTC", "XDG_STATE_HOME": str(cwd / "state")},
        timeout=60,
        check=False,
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An alert log, as the real one writes it."""
    path = tmp_path / "state" / "glancemetrics" / "alerts.jsonl"
    path.parent.mkdir(parents=True)
    script = WRITER.replace("1000)", "40)", 1).replace("range(int(sys.argv[2]), 1000)", "range(40)")
    subprocess.run([sys.executable, "-c", script, str(path), "0"], check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    assert rotated(path)
    return path


def test_a_log_that_is_whole_is_proved(log: Path, tmp_path: Path) -> None:
    done = run("verify", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "40 events verified, number 1 to 40: none changed, removed or reordered" in done.stdout
    named = run("verify", f"{log.parent}/alerts*.jsonl", cwd=tmp_path)
    assert named.stdout == done.stdout


def test_the_first_place_where_it_was_changed_is_named(log: Path, tmp_path: Path) -> None:
    oldest = rotated(log)[0]
    oldest.write_bytes(oldest.read_bytes().replace(b"High traffic 3", b"High traffic 4"))
    done = run("verify", cwd=tmp_path)
    assert done.returncode == 1
    assert f"{oldest.name}, line 4 was changed after it was written" in done.stderr


def test_a_file_that_was_taken_out_is_missed(log: Path, tmp_path: Path) -> None:
    files = rotated(log)
    count = len(files[1].read_bytes().splitlines())
    files[1].unlink()
    done = run("verify", cwd=tmp_path)
    assert done.returncode == 1
    assert f"line 1 follows a gap: {count} lines were removed before it" in done.stderr


def test_a_last_line_that_was_changed_is_named(log: Path, tmp_path: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b"High traffic 39", b"High traffic 38"))
    done = run("verify", cwd=tmp_path)
    assert done.returncode == 1
    assert f"{log}, line " in done.stderr
    assert "was changed after it was written" in done.stderr


def test_last_lines_that_were_taken_away_are_missed(log: Path, tmp_path: Path) -> None:
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    done = run("verify", cwd=tmp_path)
    assert done.returncode == 1
    assert "1 line is missing after it" in done.stderr


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_without_its_head_it_is_proved_but_for_the_last_line(
    log: Path, tmp_path: Path, state: str
) -> None:
    head = log.with_name(".alerts.jsonl.head")
    head.unlink()
    if state == "damaged":
        head.write_bytes(b"x")
    done = run("verify", cwd=tmp_path)
    assert done.returncode == 0
    assert "40 events verified" in done.stdout
    why = "no such file" if state == "missing" else "damaged"
    assert done.stderr.startswith(f"glancemetrics: warning: {head}: {why}: a change to the last")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "evil",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"seq": 3, "time": "9999-12-31T23:59:59-23:59", "event": "triggered"}',
        b'{"seq": 3, "time": "0001-01-01T00:00:00+23:59", "event": "triggered"}',
        b'{"seq": 3, "time": "9999-12-31T23:59:59", "event": "triggered"}',
        b'{"seq": 3, "time": ["x"], "event": {"a": 1}}',
        b"9" * 10_000,
        b"\x00" * 1_000_000,
        b"",
    ],
    ids=lambda evil: f"{evil[:20]!r}",
)
def test_a_line_of_any_bytes_ends_in_a_verdict(log: Path, tmp_path: Path, evil: bytes) -> None:
    oldest = rotated(log)[0]
    lines = oldest.read_bytes().splitlines(keepends=True)
    oldest.write_bytes(b"".join([*lines[:2], evil + b"\n", *lines[3:]]))
    done = run("verify", cwd=tmp_path)
    assert done.returncode == 1
    assert f"{oldest}, line " in done.stderr
    assert "Traceback" not in done.stderr
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        shown = run("show", "--timezone", zone, "--since", "2020-01-01", cwd=tmp_path)
        assert shown.returncode == 0
        assert "Traceback" not in shown.stderr
        assert "High traffic 39" in shown.stdout


def test_it_is_shown_to_people(log: Path, tmp_path: Path) -> None:
    done = run("show", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2026-09-21 14:13:20 UTC  triggered  warning   High traffic 0" in done.stdout
    assert done.stdout.count("\n") == 42
    since = run("show", "--since", "2026-09-21T14:13:50", "--timezone", "UTC", cwd=tmp_path)
    assert since.stdout.count("High traffic") == 10


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("verify", "none.jsonl"), 1, "none.jsonl: No such file"),
        (("verify", "none*.jsonl"), 1, "none*.jsonl: no such file"),
        (("show", "--since", "soon"), 2, "--since soon: must be"),
        (("prove",), 2, "say verify or show"),
    ],
)
def test_mistakes(
    log: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, error: str
) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert error in done.stderr
    assert "Traceback" not in done.stderr


def test_a_log_that_was_left_in_the_middle_of_a_rotation_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    writer = [sys.executable, "-c", WRITER, str(path), "990"]
    subprocess.run(writer, stdout=subprocess.DEVNULL, check=True, timeout=60)
    path.rename(tmp_path / "alerts.2026-11-26_10-00-00_000000.jsonl")
    verified = subprocess.run(
        [sys.executable, "-m", "glancemetrics", "audit", "verify", path],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a_writer_that_is_killed_loses_no_event_and_breaks_no_chain(tmp_path: Path) -> None:
    """Killed at random moments during a thousand events, and started again after the last one."""
    path = tmp_path / "alerts.jsonl"
    at = random.Random(5)
    acknowledged = 0
    kills = 0
    while acknowledged < 1000:
        with Running(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            until = acknowledged + at.randint(50, 250)
            for text in writer.stdout:
                acknowledged = int(text) + 1
                if acknowledged == until:
                    writer.send_signal(signal.SIGKILL)
                    kills += 1
            writer.wait(timeout=60)
        # Killed in the middle of a rotation it leaves no file of that name.
        files = [file for file in (*rotated(path), path) if file.exists()]
        left = [line for file in files for line in read_lines(file)]
        assert verify(left, read_head(path)).broken is None
    assert kills >= 3
    lines = [line for file in (*rotated(path), path) for line in read_lines(file)]
    proved = verify(lines, read_head(path))
    assert proved.broken is None
    told = [line.text for line in lines]
    for number in range(1000):
        message = event(number).message.encode()
        assert any(b'"%s"' % message in text for text in told)


def test_the_alert_log_of_the_configuration_is_shown(tmp_path: Path) -> None:
    (tmp_path / "glancemetrics.toml").write_text('alert_log = "mine.jsonl"\n')
    (tmp_path / "mine.jsonl").write_text(
        '{"time": "2026-09-21T14:13:20+00:00", "event": "triggered", "message": "High"}\n'
    )
    assert "High" in run("show", cwd=tmp_path).stdout
    (tmp_path / "glancemetrics.toml").write_text('alert_log = "off"\n')
    assert "the alert log is disabled" in run("show", cwd=tmp_path).stderr
