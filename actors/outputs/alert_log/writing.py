"""The alert log: a rotating file with one JSON line per event, for audits.

Each line has a number and the hash of the line before it (`glancemetrics/incidents/chain.py`), even
when several processes write to the same file.

Syntax of rotation and retention: https://loguru.readthedocs.io/en/stable/api/logger.html#file
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import trio
from loguru import logger

from actors.files.discarding import lead_nowhere
from actors.outputs.alert_log.files import (
    ends_in_the_middle,
    last_link,
    last_steps,
    lock_path,
    write_head,
)
from actors.outputs.output import Inbox, Report
from actors.state.state_file import make_folder, open_own, opener, refuse_link
from glancemetrics.health.health import OutputState
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.incidents.chain import Link, link_after, sealed

_MARK = "alert_log"
"""Marks the log records of an alert log, so that nothing else is written to it."""


class AlertLog:
    """Writes each event to disk immediately: no crash or power failure loses one."""

    name = "alert log"
    wants_events = True
    wants_snapshots = False

    def __init__(
        self, path: Path, rotation: Any, retention: Any, *, is_resuming: bool = False
    ) -> None:
        """`is_resuming`: events written just before a crash may arrive again."""
        self._path = path
        self._is_resuming = is_resuming
        self._steps: set[tuple[str, str]] = set()
        """Steps that were written before."""
        self._rotation = rotation
        self._retention = retention
        self._sink: int | None = None
        self._file: tuple[int, os.stat_result] | None = None
        """The sink's descriptor, and the file that it was opened for."""
        self._link = Link()
        self._writer = {"host": socket.gethostname(), "process": os.getpid()}
        """Identifies the process in each line, as several may write to the same file."""
        self._has_head = True
        self._left: tuple[int, int] | None = None
        """The file and its size after our last line; if it differs later, another process wrote."""

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Write events until there are no more. Raises `OSError` if the file cannot be written."""
        await trio.to_thread.run_sync(self._open)
        report(OutputState.WORKING, str(self._path))
        try:
            while True:
                async with inbox.event() as event:
                    if not self._is_written(event):
                        await trio.to_thread.run_sync(self._write, event)
        except trio.EndOfChannel:
            return
        finally:
            self._close()

    def _open(self) -> None:
        make_folder(self._path.parent)
        with self._locked():
            refuse_link(self._path)
            self._end_line()
            if self._is_resuming:
                self._steps = last_steps(self._path)
            self._left = None
            self._add()

    def _end_line(self) -> None:
        """End a line that was cut, as by a crash or a full disk, also of another process."""
        if ends_in_the_middle(self._path):
            with os.fdopen(open_own(self._path, os.O_WRONLY | os.O_APPEND), "ab") as file:
                file.write(b"\n")

    def _is_written(self, event: AlertEvent) -> bool:
        return event.incident is not None and (event.incident.id, event.kind.value) in self._steps

    def _add(self) -> None:
        self._sink = logger.add(
            self._path,
            level=0,
            format="{message}",
            filter=lambda record: record["extra"].get(_MARK) is self,
            rotation=self._rotation,
            retention=self._retention,
            catch=False,
            colorize=False,
            opener=self._opened,
        )

    def _opened(self, path: str, flags: int) -> int:
        descriptor = opener(path, flags)
        self._file = (descriptor, os.fstat(descriptor))
        return descriptor

    def _write(self, event: AlertEvent) -> None:
        with self._locked():
            at = self._at()
            if at != self._left:
                if self._left is not None and (at is None or at[0] != self._left[0]):
                    # Another process has rotated it.
                    self._close()
                    self._add()
                self._end_line()
                self._link = last_link(self._path)
            line = sealed(event.to_json() | self._writer, self._link)
            try:
                logger.bind(**{_MARK: self}).log("INFO", "{}", line)
            except OSError:
                self._drop()
                raise
            self._sync()
            self._link = link_after([line.encode()])
            self._note_head()
            now = self._at()
            if now is not None and (at is None or now[0] != at[0]):
                self._sync_folder()
            self._left = now

    def _note_head(self) -> None:
        try:
            write_head(self._path, self._link)
        except OSError as error:
            # The event is written, and must not be written again because of this.
            if self._has_head:
                logger.warning(
                    "{}: cannot write the file that proves the last line: {}", self.name, error
                )
            self._has_head = False
        else:
            self._has_head = True

    def _sync_folder(self) -> None:
        """A new file survives a power failure only once its name is on disk."""
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _sync(self) -> None:
        """Put the line on disk before a checkpoint says that it is written."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def _at(self) -> tuple[int, int] | None:
        """Return the file's inode and size; `None` if it is missing."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep others from writing in the meantime."""
        descriptor = open_own(lock_path(self._path), os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _close(self) -> None:
        if self._sink is not None:
            _remove(self._sink)
            self._sink = None

    def _drop(self) -> None:
        """Lead what the sink could not write nowhere: the event will be written again.

        Otherwise that would be written whenever the sink's file is closed, perhaps behind what
        others have written since.
        """
        if self._file is None:
            return
        descriptor, opened = self._file
        with suppress(OSError):  # it is closed
            if os.path.samestat(os.fstat(descriptor), opened):
                lead_nowhere(descriptor)


def _remove(sink: int) -> None:
    try:
        logger.remove(sink)
    except (OSError, ValueError):
        logger.debug("the alert log did not close cleanly")
