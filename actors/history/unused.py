"""Histories in the same folder that no monitor writes any more, as where other logs are followed.

They grow old as those that are written do. Their rollups stay: they are small.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loguru import logger

from actors.history.about import keep_since, last_reached_at, read_about
from actors.history.segments import SegmentFolder
from actors.state.state_lock import claim
from glancemetrics.errors import sentence

SUFFIX = ".history"
"""Of the name of a history's folder."""


IDLE_SECONDS = 86_400
"""A history that was written since then is somebody's who is only being restarted."""


def bound_unused(own: Path, now: float) -> None:
    """Let the histories beside one's own that are too large or too old go, by their own limits.

    They grow older from the time on at which they were written last.
    """
    for path in sorted(own.parent.glob(f"*{SUFFIX}")):
        if path == own or path.is_symlink() or not path.is_dir():
            continue
        try:
            written = last_reached_at(path)
            if written is not None and now - written > IDLE_SECONDS:
                with suppress(BlockingIOError), _claimed(path):
                    _bound(path, now - written)
        except Exception as error:  # whatever it is, it is not what is written here
            logger.debug("{}: old requests cannot be deleted: {}", path, sentence(error))


def _bound(path: Path, idle: float) -> None:
    folder, about = SegmentFolder(path), read_about(path)
    segments = folder.segments()
    if not segments or not about.disk or not about.age:
        return
    newest = max(one.newest for one in segments)
    gone = folder.bound(about.disk, newest - about.age + int(idle))
    if gone:
        keep_since(path, max(one.newest for one in gone) + 1)
        logger.info("{}: {} files of old requests were deleted", path, len(gone))


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Keep monitors from a history. Raises `BlockingIOError` if one has it."""
    lock = claim(path)
    try:
        yield
    finally:
        os.close(lock)
