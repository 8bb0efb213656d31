"""Snapshots as JSON on standard output, one per line, for pipes and scripts."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable

import trio

from actors.files.standard_streams import problem_of_stdout
from actors.outputs.output import Inbox, Report
from glancemetrics.errors import GlanceMetricsError, StdoutClosedError
from glancemetrics.health.health import OutputState
from glancemetrics.traffic.snapshot import Snapshot


class JsonLines:
    """Writes every snapshot as a line. A slow reader gets the latest one."""

    name = "json"
    wants_events = False
    wants_snapshots = True

    def __init__(self, descriptor: Callable[[], int], *, only_last: bool = False) -> None:
        self._descriptor = descriptor
        self._only_last = only_last
        self.problem = ""
        """Why the last snapshot could not be written, in a sentence."""

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Write until there are no more snapshots.

        Raises `StdoutClosedError` when the reader is gone, `GlanceMetricsError` when there is no
        standard output, and `OSError` when it may work later.
        """
        report(OutputState.WORKING, "standard output")
        last = None
        async for snapshot in inbox.snapshots:
            last = snapshot
            if not self._only_last:
                await self._deliver(snapshot)
        if self._only_last and last is not None:
            await self._deliver(last)

    async def _deliver(self, snapshot: Snapshot) -> None:
        try:
            await trio.to_thread.run_sync(self._write, snapshot, abandon_on_cancel=True)
        except BrokenPipeError:
            raise StdoutClosedError from None
        except OSError as error:
            self.problem = problem_of_stdout(error)
            if error.errno == errno.EBADF or self._is_device():
                raise GlanceMetricsError(self.problem) from None
            raise  # a disk may have room again
        self.problem = ""

    def _is_device(self) -> bool:
        """Return whether it is a device like `/dev/full`, which never has room."""
        return stat.S_ISCHR(os.fstat(self._descriptor()).st_mode)

    def _write(self, snapshot: Snapshot) -> None:
        line = json.dumps(snapshot.to_json()).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor(), line) :]
