"""A real journald in a namespace of its own, and the real journalctl, killed again and again.

systemd-journald needs no systemd around it: `systemd-journald NAMESPACE` makes its own sockets and
journal. Source: https://www.freedesktop.org/software/systemd/man/latest/systemd-journald.service.html
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.conftest import needs, thorough
from tests.lines import line
from tests.waiting import eventually

JOURNALD = Path("/lib/systemd/systemd-journald")
RUN = Path("/run/systemd")
TEXT = "journald:SYSLOG_IDENTIFIER=trial"
SECONDS = thorough(8, 60)


@attrs.define
class RealJournal:
    folder: Path
    namespace: str
    written: int = 0

    @property
    def _settings(self) -> Path:
        return RUN / f"journald@{self.namespace}.conf.d"

    def start(self) -> subprocess.Popen[bytes]:
        self._settings.mkdir(parents=True)
        (self._settings / "trial.conf").write_text(
            "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nRuntimeMaxFileSize=1M\n"
        )
        process = subprocess.Popen([JOURNALD, self.namespace], stderr=subprocess.PIPE)
        socket_path = RUN / f"journal.{self.namespace}/socket"
        eventually(socket_path.exists, 20, "journald's socket")
        programs = self.folder / "bin"
        programs.mkdir()
        program = programs / "journalctl"
        real = shutil.which("journalctl")
        program.write_text(f'#!/bin/sh\nexec {real} --namespace={self.namespace} "$@"\n')
        program.chmod(0o755)
        return process

    def remove(self) -> None:
        for folder in (self._settings, RUN / f"journal.{self.namespace}"):
            shutil.rmtree(folder, ignore_errors=True)
        for journal in Path("/run/log/journal").glob(f"*.{self.namespace}"):
            shutil.rmtree(journal)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}

    def write(self, count: int) -> None:
        """Write numbered lines, as nginx does through syslog."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect(str(RUN / f"journal.{self.namespace}/socket"))
            for _ in range(count):
                self.written += 1
                message = line(int(time.time()), size=self.written).rstrip()
                to.send(b"SYSLOG_IDENTIFIER=trial\nMESSAGE=" + message + b"\n")

    def sync(self) -> None:
        """Wait until everything written is in the journal."""
        self.journalctl("--sync")

    def journalctl(self, *arguments: str) -> bytes:
        return subprocess.run(
            ["journalctl", *arguments], env=self.environment, check=True, stdout=subprocess.PIPE
        ).stdout

    def kept(self) -> list[int]:
        """The numbers of the lines that the journal has."""
        text = self.journalctl("--output=cat", "SYSLOG_IDENTIFIER=trial")
        return [int(number) for number in re.findall(rb'" 200 (\d+) "', text)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[RealJournal]:
    needs("journalctl")
    if os.geteuid() or not JOURNALD.exists() or not Path("/etc/machine-id").exists():
        pytest.skip("a journald of its own needs root, and the identity of a machine")
    made = RealJournal(tmp_path, f"gm{os.getpid()}")
    process = made.start()
    try:
        yield made
    finally:
        process.kill()
        process.communicate(timeout=20)
        made.remove()


@attrs.define
class Monitor:
    journal: RealJournal
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = self.journal.folder
        arguments = ["-f", TEXT, "--json", "--state-dir", str(folder / "state"), "-r", "0.5"]
        arguments += ["--from", "start", "--timewindow", "3600", "--alert_threshold", "1e9"]
        with (folder / "out").open("wb") as out, (folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "glancemetrics", *arguments],
                env=self.journal.environment,
                stdout=out,
                stderr=errors,
            )

    def end(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(20)

    def kill_journalctl(self) -> None:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in children.read_text().split():
            os.kill(int(pid), signal.SIGKILL)

    @property
    def last(self) -> dict[str, object]:
        lines = (self.journal.folder / "out").read_bytes().split(b"\n")[:-1]
        snapshot: dict[str, object] = json.loads(lines[-1]) if lines else {}
        return snapshot

    @property
    def health(self) -> dict[str, object]:
        found = self.last.get("health", {})
        assert isinstance(found, dict)
        return found

    @property
    def counted(self) -> tuple[object, object]:
        """Lines, and the sum of their numbers."""
        return self.last.get("hits"), self.last.get("bytes")

    def until(self, numbers: Sequence[int]) -> None:
        """Wait until exactly these lines are counted."""
        expected = len(numbers), sum(numbers)
        deadline = time.monotonic() + 60
        while self.counted != expected and time.monotonic() < deadline:
            time.sleep(0.2)
        errors = (self.journal.folder / "errors").read_text()
        assert self.counted == expected, (self.health, errors[-2000:])


@contextmanager
def monitoring(journal: RealJournal) -> Iterator[Monitor]:
    monitor = Monitor(journal)
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.end()


def test_each_entry_once_while_monitor_and_journalctl_are_killed(journal: RealJournal) -> None:
    chance = random.Random(1)
    with monitoring(journal) as monitor:
        time.sleep(2.5)  # until there is a checkpoint
        end = time.monotonic() + SECONDS
        rotations = 0
        for step in itertools.count():
            if time.monotonic() > end:
                break
            journal.write(chance.randrange(2000))
            match step % 4:
                case 0:
                    monitor.end(chance.choice([signal.SIGKILL, signal.SIGTERM]))
                    journal.write(chance.randrange(500))
                    monitor.start()
                    time.sleep(chance.uniform(0, 2))
                case 1:
                    monitor.kill_journalctl()
                case 2:
                    journal.journalctl("--rotate")
                    rotations += 1
                case 3:
                    time.sleep(chance.uniform(0, 0.5))
        journal.sync()
        kept = journal.kept()
        assert kept == list(range(1, journal.written + 1))
        monitor.until(kept)
        assert monitor.health["gaps"] == 0
    print(f"{journal.written} entries, {rotations} rotations")


def test_what_is_vacuumed_while_nothing_runs_is_a_gap(journal: RealJournal) -> None:
    with monitoring(journal) as monitor:
        journal.write(100)
        monitor.until(range(1, 101))
        time.sleep(6)  # until that is in a checkpoint
        monitor.end(signal.SIGTERM)
        journal.write(50)
        journal.journalctl("--rotate")
        journal.journalctl("--vacuum-files=1")
        journal.write(20)
        journal.sync()
        kept = journal.kept()
        assert kept == list(range(151, 171))
        monitor.start()
        monitor.until([*range(1, 101), *kept])
        assert monitor.health["gaps"] == 1
        assert "no longer has the last entry" in str(monitor.health["last_gap"])
        # Rotated only, nothing is missing.
        journal.journalctl("--rotate")
        journal.write(10)
        monitor.until([*range(1, 101), *journal.kept()])
        assert monitor.health["gaps"] == 1


def test_once_reads_all_of_the_journal(journal: RealJournal) -> None:
    journal.write(3000)
    journal.sync()
    arguments = ["-f", TEXT, "--once", "--json", "--from", "start", "--timewindow", "3600"]
    printed = subprocess.run(
        [sys.executable, "-m", "glancemetrics", *arguments],
        env=journal.environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    # Of the present second, which is in no window yet, they are records too.
    assert json.loads(printed.splitlines()[-1])["health"]["records"] == 3000
