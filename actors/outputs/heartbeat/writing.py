"""The heartbeat: a file rewritten at every snapshot, for health checks of containers."""

from __future__ import annotations

import os
from pathlib import Path

import trio

from actors.outputs.output import Inbox, Report
from actors.state.state_file import open_own
from glancemetrics.health.health import OutputState
from glancemetrics.health.heartbeat import heartbeat
from glancemetrics.traffic.snapshot import Snapshot


class Heartbeat:
    """Writes when the last snapshot was taken and when the next is due."""

    name = "heartbeat"
    wants_events = False
    wants_snapshots = True
    wants_traffic = False

    def __init__(self, path: Path, refresh_seconds: float) -> None:
        self._path = path
        self._refresh_seconds = refresh_seconds

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Write until there are no more snapshots; then delete the file."""
        report(OutputState.WORKING, str(self._path))
        async for snapshot in inbox.snapshots:
            await trio.to_thread.run_sync(self._write, snapshot)
        self._path.unlink(missing_ok=True)

    def _write(self, snapshot: Snapshot) -> None:
        aside = self._path.with_name(self._path.name + ".new")
        with os.fdopen(open_own(aside, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(heartbeat(snapshot.time, self._refresh_seconds, snapshot.health.blindness))
        aside.replace(self._path)
