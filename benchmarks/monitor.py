"""A monitor being measured: its snapshots from `--json`, its memory and CPU from /proc."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Monitor:
    """A running `glancemetrics --json` and its snapshots."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.began = time.monotonic()
        self.first: float | None = None
        """Seconds from its start to its first snapshot."""
        self.snapshots: list[tuple[float, dict[str, Any]]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def health(self) -> dict[str, Any]:
        health: dict[str, Any] = self.snapshots[-1][1]["health"]
        return health

    def wait_first(self, seconds: float = 60) -> float:
        deadline = time.monotonic() + seconds
        while self.first is None:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit("the monitor printed no snapshot")
            time.sleep(0.002)
        return self.first

    def memory_bytes(self) -> int:
        """Resident set size."""
        return resident_bytes(self._process.pid)

    def peak_memory_bytes(self) -> int:
        """The largest resident set size so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._process.pid)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            arrived = time.monotonic()
            self.snapshots.append((arrived, json.loads(line)))
            if self.first is None:
                self.first = arrived - self.began


@contextmanager
def monitoring(log: Path | str, *arguments: str) -> Iterator[Monitor]:
    """Run a monitor on a log."""
    command = [sys.executable, "-m", "glancemetrics", "-f", str(log), "--json", *arguments]
    with subprocess.Popen([*command, "--alert-log", "off"], stdout=subprocess.PIPE) as process:
        try:
            yield Monitor(process)
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def console(log: Path, columns: int, rows: int) -> Iterator[Callable[[], float]]:
    """Run the console in a pseudo-terminal; yields a function for its CPU seconds."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    command = [sys.executable, "-m", "glancemetrics", "-f", str(log), "--alert-log", "off"]
    command += ["--timewindow", "600"]  # so that the tables stay full
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment
    ) as process:
        threading.Thread(target=swallow, args=(master,), daemon=True).start()
        try:
            yield lambda: cpu_seconds(process.pid)
        finally:
            process.terminate()
            process.wait(10)
            os.close(slave)


def swallow(descriptor: int) -> None:
    """Read and discard the output of a terminal."""
    with contextlib.suppress(OSError):
        while os.read(descriptor, 65_536):
            pass


def resident_bytes(process: int) -> int:
    """Resident set size."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE


def proportional_bytes(process: int) -> int:
    """Proportional set size: what is shared with others counts in part."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(text.partition("\nPss:")[2].split()[0]) * 1024


def cpu_seconds(process: int) -> float:
    """CPU seconds used so far, of all threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
