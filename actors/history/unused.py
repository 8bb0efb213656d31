"""Histories in the same folder that no monitor writes any more, as where other logs are followed.

They grow old as those that are written do. Their rollups stay: they are small.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loguru import logger

from actors.history.about import keep_since, last_reached_at
from actors.history.segments import SegmentFolder
from actors.state.state_lock import claim

SUFFIX = ".history"
"""Of the name of a history's folder."""


def bound_unused(own: Path, disk: int, age: int, now: float) -> None:
    """Let the histories beside one's own go that are too large or too old.

    `disk` are bytes of each, `age` are seconds back from its newest record, and from there on
    those that have passed since it was written.
    """
    for path in sorted(own.parent.glob(f"*{SUFFIX}")):
        if path == own or path.is_symlink() or not path.is_dir():
            continue
        try:
            with suppress(BlockingIOError), _claimed(path):
                _bound(path, disk, age, now)
        except OSError as error:
            logger.warning("{}: old requests cannot be deleted: {}", path, error.strerror)


def _bound(path: Path, disk: int, age: int, now: float) -> None:
    folder = SegmentFolder(path)
    segments = folder.segments()
    written = last_reached_at(path)
    if not segments or written is None:
        return
    newest = max(one.newest for one in segments)
    gone = folder.bound(disk, newest - age + max(0, int(now - written)))
    if gone:
        keep_since(path, max(one.newest for one in gone) + 1)


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Keep monitors from a history. Raises `BlockingIOError` if one has it."""
    lock = claim(path)
    try:
        yield
    finally:
        os.close(lock)
