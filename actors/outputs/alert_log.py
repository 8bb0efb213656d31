"""The alert log: one JSON line an event in a rotating file, for whoever audits.

Source of the rotation and retention words: https://loguru.readthedocs.io/en/stable/api/logger.html#file
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import trio
from loguru import logger

from actors.outputs.output import Inbox, Report
from glancemetrics.alert_events import AlertEvent
from glancemetrics.snapshot import OutputState

_MARK = "alert_log"
"""Bound to the lines that go to an alert log, so that nothing else does."""


class AlertLog:
    """Writes each event at once, so that a crash loses none."""

    name = "alert log"
    wants_events = True
    wants_snapshots = False

    def __init__(self, path: Path, rotation: Any, retention: Any) -> None:
        self._path = path
        self._rotation = rotation
        self._retention = retention

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Write events until there are no more. Raises `OSError` when the file cannot be."""
        sink = await trio.to_thread.run_sync(self._open)
        report(OutputState.WORKING, str(self._path))
        try:
            while True:
                async with inbox.event() as event:
                    await trio.to_thread.run_sync(self._write, event)
        except trio.EndOfChannel:
            return
        finally:
            _remove(sink)

    def _open(self) -> int:
        self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        return logger.add(
            self._path,
            level=0,
            format="{message}",
            filter=lambda record: record["extra"].get(_MARK) is self,
            rotation=self._rotation,
            retention=self._retention,
            catch=False,
            colorize=False,
            opener=_private,
        )

    def _write(self, event: AlertEvent) -> None:
        logger.bind(**{_MARK: self}).log("INFO", "{}", json.dumps(event.to_json()))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


def _remove(sink: int) -> None:
    try:
        logger.remove(sink)
    except (OSError, ValueError):
        # On a full disk closing fails as writing did: the event in hand is written again.
        logger.debug("the alert log did not close cleanly")
