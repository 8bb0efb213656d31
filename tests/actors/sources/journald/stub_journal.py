"""A journal for tests, and a journalctl in PATH that reads it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from tests.lines import BASE

STUB = Path(__file__).with_name("stub_journalctl.py")


@attrs.define
class StubJournal:
    folder: Path
    count: int = 0

    @property
    def programs(self) -> Path:
        """The directory for PATH."""
        return self.folder / "bin"

    def install(self) -> None:
        self.programs.mkdir(parents=True)
        program = self.programs / "journalctl"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {STUB} {self.folder} "$@"\n')
        program.chmod(0o755)
        (self.folder / "journal").touch()

    def write(
        self,
        *messages: str | Sequence[int],
        unit: str = "nginx.service",
        time: float = BASE,
        sequence: str = "s0",
    ) -> None:
        with (self.folder / "journal").open("a") as file:
            for message in messages:
                self.count += 1
                entry: dict[str, Any] = {
                    "number": self.count,
                    "sequence": sequence,
                    "time": int(time * 1e6),
                    "message": message,
                    "fields": {"_SYSTEMD_UNIT": unit},
                }
                file.write(json.dumps(entry) + "\n")

    def vacuum(self, kept: int = 0) -> None:
        """Remove all but the last entries."""
        path = self.folder / "journal"
        lines = path.read_text().splitlines(keepends=True)
        other = self.folder / "journal.new"
        other.write_text("".join(lines[len(lines) - kept :]))
        other.rename(path)

    def kill(self) -> None:
        """Kill whatever follows the journal."""
        for line in (self.folder / "pids").read_text().splitlines():
            pid, follows = line.split()
            if follows == "True":
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    continue

    @property
    def runs(self) -> int:
        """How often journalctl was started."""
        return len((self.folder / "pids").read_text().splitlines())
