"""Files before they are followed: their newest record, of now or of the past, and their size."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from actors.sources.dating import LineDating
from actors.sources.files.access_logs import AccessLogs
from actors.sources.files.paths import is_glob, matching
from glancemetrics.lines.sample import sample_of
from glancemetrics.lines.time_bisect import newest_time

_FUTURE_SECONDS = 2 * 3600
"""After what is new enough: later times come from a wrong clock."""
_MOST_FILES = 100
"""With more, those that were written to last are looked at."""


def newest_of(texts: Sequence[str], dating: LineDating, enough: int) -> int | None:
    """Return the second of the newest record in paths, globs and directories.

    The first that is found not before `enough` will do. `None` if there is no record, or if one of
    them is a pipe, whose records are yet to come.
    """
    is_log = AccessLogs(dating)
    paths = [
        path for text in texts for path in (matching(text, is_log) if is_glob(text) else [text])
    ]
    sized = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode):
            return None
        sized.append((status.st_mtime, path, status.st_size))
    newest = None
    for _, path, size in sorted(sized, reverse=True)[:_MOST_FILES]:
        second = _newest_in(path, size, dating, enough + _FUTURE_SECONDS)
        if second is not None:
            newest = second if newest is None else max(newest, second)
            if newest >= enough:
                break
    return newest


def size_of(texts: Sequence[str]) -> int | None:
    """Return the bytes of the files of paths, globs and directories; `None` if one is a pipe."""
    size = 0
    for path in (path for text in texts for path in (matching(text) if is_glob(text) else [text])):
        try:
            status = os.stat(path)
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode):
            return None
        size += status.st_size
    return size


def _newest_in(path: str, size: int, dating: LineDating, until: int) -> int | None:
    try:
        with Path(path).open("rb", buffering=0) as file:
            descriptor = file.fileno()

            def read_at(offset: int, length: int) -> bytes:
                return os.pread(descriptor, length, offset)

            return newest_time(read_at, size, dating(sample_of(read_at, size)).times, until)
    except OSError:
        return None
