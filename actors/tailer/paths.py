"""Which sources `-f` names: a path is one, a glob is each file that matches it, now and later."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

STANDARD_INPUT = "-"

_COMPRESSED_NAMES = (".gz", ".zst", ".bz2", ".xz")


def is_glob(source: str) -> bool:
    return source != STANDARD_INPUT and glob.has_magic(source) and not os.path.lexists(source)


def matching(pattern: str) -> list[str]:
    """Return the files that match a glob, in order.

    Directories are left out, and what logrotate has compressed: `access.log*` means the log.
    """
    return sorted(
        path
        for path in glob.glob(pattern, recursive=True)
        if not path.endswith(_COMPRESSED_NAMES) and not os.path.isdir(path)
    )


def repetitions(sources: Iterable[str]) -> set[str]:
    """Return the sources that are but another name of a file that one before them names."""
    seen: set[str] = set()
    repeated = set()
    for source in sources:
        real = source if source == STANDARD_INPUT else os.path.realpath(source)
        if real in seen:
            repeated.add(source)
        seen.add(real)
    return repeated


def directories(paths: Iterable[str]) -> set[str]:
    """Return the directories in which something happens when one of the paths changes.

    For a symlink these are its own and its target's.
    """
    found = set()
    for path in paths:
        for name in (os.path.abspath(path), os.path.realpath(path)):
            directory = os.path.dirname(name)
            if not glob.has_magic(directory) and os.path.isdir(directory):
                found.add(directory)
    return found
