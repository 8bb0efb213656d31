"""The files that `-f` names: a path, or all matches of a glob, now and later."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
from collections.abc import Iterable

from actors.sources.files.identity import Identity

_COMPRESSED_NAMES = (".gz", ".zst", ".bz2", ".xz")


def is_glob(source: str) -> bool:
    return glob.has_magic(source) and not os.path.lexists(source)


def matching(pattern: str) -> list[str]:
    """Return the files that match a glob, sorted.

    Directories are omitted, and so are compressed files: `access.log*` means the log.
    """
    return sorted(
        path
        for path in glob.glob(pattern, recursive=True)
        if not path.endswith(_COMPRESSED_NAMES) and not os.path.isdir(path)
    )


def matches_name(name: str, pattern: str) -> bool:
    """Tell whether a file name matches the last part of a glob, as in `matching`."""
    is_hidden = name.startswith(".") and not pattern.startswith(".")
    return (
        fnmatch.fnmatchcase(name, pattern)
        and not is_hidden
        and not name.endswith(_COMPRESSED_NAMES)
    )


def repetitions(sources: Iterable[str]) -> set[str]:
    """Return the sources that name the same file as an earlier source.

    That is a symlink, a hard link, or another spelling of the same path.
    """
    seen: set[object] = set()
    repeated = set()
    for source in sources:
        names: set[object] = {os.path.realpath(source)}
        with contextlib.suppress(OSError):
            names.add(Identity.of(os.stat(source)))
        if not names.isdisjoint(seen):
            repeated.add(source)
        seen |= names
    return repeated


def directories(names: Iterable[str]) -> set[str]:
    """Return the existing directories of absolute names."""
    found = {os.path.dirname(name) for name in names}
    return {each for each in found if not glob.has_magic(each) and os.path.isdir(each)}
