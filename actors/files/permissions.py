"""How a person gets to read what they may not read."""

from __future__ import annotations

import glob
import grp
import os
import stat
from pathlib import Path

WAY_OUT = " – "
"""Between what is wrong and what to do about it on this machine."""


def way_to_read(path: str) -> str:
    """Return what to do to read a file, or to list a directory: `try: sudo ...`.

    On servers a group may read the logs. It is that of the file, or of a directory above it
    that may not be entered.
    """
    refused, needed = _refused(Path(os.path.realpath(path)))
    try:
        status = refused.stat()
        is_groups = status.st_mode & needed == needed and status.st_gid != 0
        if is_groups and status.st_gid not in {os.getegid(), *os.getgroups()}:
            group = grp.getgrgid(status.st_gid).gr_name
            return f"try: sudo usermod -aG {group} $USER, then log in again"
    except (OSError, KeyError):  # KeyError: a group without a name
        pass
    return "try it with sudo"


def refused_folder(pattern: str) -> str | None:
    """Return the directory that keeps a glob from its matches, because it may not be listed."""
    folder = Path(pattern)
    while glob.has_magic(str(folder)):
        folder = folder.parent
    is_refused = os.path.lexists(folder) and not os.access(folder, os.R_OK | os.X_OK)
    return str(folder) if is_refused or not _may_enter(folder) else None


def _may_enter(folder: Path) -> bool:
    return all(os.access(each, os.X_OK) for each in folder.parents if os.path.lexists(each))


def _refused(path: Path) -> tuple[Path, int]:
    """Return the topmost part of a path that refuses access, and what a group needs there."""
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return folder, stat.S_IXGRP
    # That of pathlib fails without permission.
    is_folder = os.path.isdir(path)  # noqa: PTH112
    return path, stat.S_IRGRP | (stat.S_IXGRP if is_folder else 0)
