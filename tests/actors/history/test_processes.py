"""A monitor and `query` as processes: killed and asked while it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from pyarrow import dataset

from tests.actors.commands.test_query import run
from tests.lines import line
from tests.waiting import eventually, until_worked

COMMAND = [sys.executable, "-m", "glancemetrics"]


def monitor(log: Path, state: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "-f", str(log), "--no-console", "--state-dir", str(state), "--from", "start"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextmanager
def monitoring(log: Path, state: Path) -> Iterator[None]:
    """Run a monitor, and end it well."""
    running = monitor(log, state)
    try:
        yield
    finally:
        running.terminate()
        _, said = running.communicate(timeout=30)
    assert (running.returncode, b"terminate called" in said) == (0, False), said


def asked(state: Path, *arguments: str) -> dict[str, Any]:
    command = [*COMMAND, "query", "--state-dir", str(state), "--json", *arguments]
    answered = subprocess.run(command, capture_output=True, check=False)
    return dict(json.loads(answered.stdout)) if answered.returncode == 0 else {"records": 0}


class Writer(threading.Thread):
    """Writes lines, each of another size, until it is stopped."""

    def __init__(self, log: Path) -> None:
        super().__init__(daemon=True)
        self._log = log
        self._stop_wished = threading.Event()
        self.count = 0

    def run(self) -> None:
        with self._log.open("ab", 0) as file:
            while not self._stop_wished.is_set():
                now = int(time.time())
                numbers = range(self.count + 1, self.count + 8)
                file.write(b"".join(line(now, size=n) for n in numbers))
                self.count += 7
                time.sleep(0.02)

    def stop(self) -> None:
        self._stop_wished.set()
        self.join()


@contextmanager
def writing(log: Path) -> Iterator[Writer]:
    log.touch()
    writer = Writer(log)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def test_a_monitor_that_is_killed_again_and_again_has_each_request_once(tmp_path: Path) -> None:
    log, state = tmp_path / "access.log", tmp_path / "state"
    with writing(log) as writer:
        for pause in (2.5, 1.2, 3.1):
            running = monitor(log, state)
            time.sleep(pause)
            running.kill()
            running.communicate()
        with monitoring(log, state):
            # It is asked while it writes and merges.
            for _ in range(3):
                assert asked(state, "--by", "section")["missing"] is None
            writer.stop()
            check_all_are_there_once(writer, state)


def check_all_are_there_once(writer: Writer, state: Path) -> None:
    eventually(lambda: asked(state)["records"] >= writer.count, seconds=60)
    time.sleep(1)
    told = asked(state, "--measures", "hits,bytes")
    assert told["total"] == {
        "hits": writer.count,
        "bytes": writer.count * (writer.count + 1) // 2,
    }
    assert told["missing"] is None


def test_a_damaged_checkpoint_doubles_nothing(tmp_path: Path) -> None:
    """The log is read from its start again, of which the history has most."""
    log, state = tmp_path / "access.log", tmp_path / "state"
    with writing(log) as writer:
        for _ in range(2):
            with monitoring(log, state):
                eventually(lambda: bool(list(state.glob("*.state"))), seconds=60)
                time.sleep(2.5)
            (checkpoint,) = state.glob("*.state")
            checkpoint.write_bytes(checkpoint.read_bytes()[:-10])
        with monitoring(log, state):
            time.sleep(1)
            writer.stop()
            check_all_are_there_once(writer, state)


def test_it_is_private(tmp_path: Path) -> None:
    log, state = tmp_path / "access.log", tmp_path / "state"
    log.write_bytes(line() * 10)
    with monitoring(log, state):
        eventually(lambda: asked(state)["records"] == 10, seconds=60)
    (folder,) = state.glob("*.history")
    # As docs/guides/history.md says that others read it.
    files = dataset.dataset(sorted(map(str, folder.glob("[0-9]*.arrow"))), format="ipc")
    asked_of = duckdb.from_arrow(files)
    assert asked_of.query("files", "select count(*) from files").fetchall() == [(10,)]
    modes = {path.stat().st_mode & 0o077 for path in (folder, *folder.glob("*.arrow"))}
    assert modes == {0}
    assert run("report", "--history", "--state-dir", state, "-o", tmp_path / "x.html") == 0


def test_off_means_off(tmp_path: Path) -> None:
    log, state = tmp_path / "access.log", tmp_path / "state"
    log.write_bytes(line() * 10)
    command = [*COMMAND, "-f", str(log), "--no-console", "--state-dir", str(state)]
    running = subprocess.Popen([*command, "--history", "off"], stderr=subprocess.PIPE)
    eventually(lambda: bool(list(state.glob("*.state"))), seconds=60)
    running.terminate()
    running.communicate(timeout=30)
    assert not list(state.glob("*.history"))


def test_a_kill_before_the_first_checkpoint_doubles_nothing(tmp_path: Path) -> None:
    log, state = tmp_path / "access.log", tmp_path / "state"
    log.write_bytes(b"".join(line(int(time.time()), size=n) for n in range(1, 30_001)))
    for _ in range(3):
        running = monitor(log, state)
        eventually(lambda: bool(list(state.glob("*.history/*.arrow"))), seconds=60)
        running.kill()
        running.communicate()
    with monitoring(log, state):
        eventually(lambda: asked(state)["records"] >= 30_000, seconds=60)
        time.sleep(2)
        assert asked(state)["records"] == 30_000


def test_a_log_that_is_written_otherwise_is_the_same_log(tmp_path: Path) -> None:
    log, state = tmp_path / "access.log", tmp_path / "state"
    log.write_bytes(line() * 10)
    for named in (
        log,
        Path(os.path.relpath(log)),
        log.parent / "." / ".." / log.parent.name / log.name,
    ):
        with monitoring(named, state):
            eventually(lambda: asked(state)["records"] >= 10, seconds=60)
            eventually(lambda: bool(list(state.glob("*.state"))), seconds=60)
            time.sleep(1)
        assert asked(state)["records"] == 10


def test_ctrl_c_ends_a_query_at_once(tmp_path: Path) -> None:
    log, state = tmp_path / "access.log", tmp_path / "state"
    log.write_bytes(line() * 10)
    with monitoring(log, state):
        eventually(lambda: asked(state)["records"] == 10, seconds=60)
    endless = "(select count(*) from range(100000000000) a where a.range % 7 = status % 5) >= 0"
    refused = subprocess.run(
        [*COMMAND, "query", endless, "--state-dir", state], capture_output=True, check=False
    )
    assert b"must be a condition on single requests" in refused.stderr
    # 9 MB are hashed four hundred times.
    slow = " and ".join(f"md5(repeat(path, 4500000 + {n})) <> 'x'" for n in range(400))
    asking = subprocess.Popen(
        [*COMMAND, "query", slow, "--state-dir", state, "--by", "path"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until_worked(asking, 2)  # it hashes
    asking.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = asking.communicate(timeout=30)
    assert time.monotonic() - began < 4
    assert asking.returncode == 130, said
    assert b"defect" not in said
