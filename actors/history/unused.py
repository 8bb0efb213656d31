"""Histories in the same directory that no monitor uses any more, for example of other logs.

They age like those in use. Their rollups stay: they are small.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loguru import logger

from actors.history import SUFFIX
from actors.history.about import keep_since, last_reached_at, read_about
from actors.history.segments import SegmentFolder
from actors.state.state_lock import claim
from glancemetrics.errors import sentence

IDLE_SECONDS = 86_400
"""A history used more recently belongs to a monitor that is only being restarted."""


def bound_unused(own: Path, now: float) -> None:
    """Shrink unused histories beside one's own to their own limits.

    They age from the time of their last use.
    """
    for path in sorted(own.parent.glob(f"*{SUFFIX}")):
        if path == own or path.is_symlink() or not path.is_dir():
            continue
        try:
            last_use = last_reached_at(path)
            if last_use is not None and now - last_use > IDLE_SECONDS:
                with suppress(BlockingIOError), _claimed(path):
                    _bound(path, now - last_use)
        except Exception as error:  # whatever it is, it does not concern this history
            logger.debug("{}: cannot delete old requests: {}", path, sentence(error))


def _bound(path: Path, idle: float) -> None:
    folder, about = SegmentFolder(path), read_about(path)
    segments = folder.segments()
    if not segments or not about.disk or not about.age:
        return
    newest = max(one.newest for one in segments)
    gone = folder.bound(about.disk, newest - about.age + int(idle))
    if gone:
        keep_since(path, max(one.newest for one in gone) + 1)
        logger.info("{}: deleted {} files of old requests", path, len(gone))


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Keep monitors from using a history. Raises `BlockingIOError` if one does."""
    lock = claim(path)
    try:
        yield
    finally:
        os.close(lock)
