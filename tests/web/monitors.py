"""A real monitor with --web, as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import httpx

from tests.waiting import Running, eventually, free_port


@attrs.frozen
class Monitor:
    """A running monitor."""

    url: str
    """With a slash at its end."""
    process: Running
    folder: Path

    def get(self, path: str, **details: object) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, **details)  # type: ignore[arg-type]

    def until_read(self, records: int) -> None:
        """Wait until so many requests have been counted."""

        def is_read() -> bool:
            found = self.get("api/v1/health")
            return found.status_code == 200 and found.json()["records"] >= records

        eventually(is_read, what=f"{records} requests")


@contextmanager
def monitor(
    folder: Path, *options: str, log: str = "access.log", port: int | None = None
) -> Iterator[Monitor]:
    """Run a monitor of a log in a folder, with --web on a free port."""
    port = free_port() if port is None else port
    command = [
        *(sys.executable, "-m", "glancemetrics", log, f"--web=127.0.0.1:{port}", "--no-console"),
        *("--state-dir", str(folder / "state"), "--refresh", "0.5", *options),
    ]
    with Running(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        found = Monitor(f"http://127.0.0.1:{port}/", process, folder)

        def is_up() -> bool:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            try:
                return httpx.get(f"{found.url}healthz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(is_up, what="the page")
        try:
            yield found
        finally:
            process.terminate()
            process.communicate(timeout=20)
