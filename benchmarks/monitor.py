"""A monitor under measurement: `--json`, its snapshots, its memory and CPU from /proc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Monitor:
    """A running `glancemetrics --json` and the latest that it said."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.began = time.monotonic()
        self.first: float | None = None
        """Seconds from its start to its first snapshot."""
        self.snapshots: list[tuple[float, dict[str, Any]]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def health(self) -> dict[str, Any]:
        health: dict[str, Any] = self.snapshots[-1][1]["health"]
        return health

    def wait_first(self, seconds: float = 60) -> float:
        deadline = time.monotonic() + seconds
        while self.first is None:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit("the monitor gave no snapshot")
            time.sleep(0.002)
        return self.first

    def memory_bytes(self) -> int:
        """Resident set size."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self.first is None:
                self.first = time.monotonic() - self.began
            self.snapshots.append((time.monotonic(), json.loads(line)))


@contextmanager
def monitoring(log: Path, *arguments: str) -> Iterator[Monitor]:
    """Run a monitor on a log."""
    command = [sys.executable, "-m", "glancemetrics", "-f", str(log), "--json", *arguments]
    with subprocess.Popen([*command, "--alert-log", "off"], stdout=subprocess.PIPE) as process:
        try:
            yield Monitor(process)
        finally:
            process.terminate()
            process.wait(10)
