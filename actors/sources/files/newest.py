"""Files before they are followed: their newest record, of now or of the past, and their size."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from actors.sources.dating import LineDating
from actors.sources.files.access_logs import AccessLogs
from actors.sources.files.paths import IsLog, is_glob, matching
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
    found = _regular_files(texts, AccessLogs(dating))
    if found is None:
        return None
    sized = [(status.st_mtime, path, status.st_size) for path, status in found]
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
    found = _regular_files(texts)
    return None if found is None else sum(status.st_size for _, status in found)


def _regular_files(
    texts: Sequence[str], is_log: IsLog = lambda _: True
) -> list[tuple[str, os.stat_result]] | None:
    """Return the existing files of paths, globs and directories; `None` if one is a pipe."""
    found = []
    for path in (
        path for text in texts for path in (matching(text, is_log) if is_glob(text) else [text])
    ):
        try:
            status = os.stat(path)
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode):
            return None
        found.append((path, status))
    return found


def _newest_in(path: str, size: int, dating: LineDating, until: int) -> int | None:
    try:
        with Path(path).open("rb", buffering=0) as file:
            descriptor = file.fileno()

            def read_at(offset: int, length: int) -> bytes:
                return os.pread(descriptor, length, offset)

            return newest_time(read_at, size, dating(sample_of(read_at, size)).times, until)
    except OSError:
        return None
