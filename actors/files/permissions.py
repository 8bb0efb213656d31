"""How a person gets to read what they may not read."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path


def way_to_read(path: str) -> str:
    """Return what to do to read a file, or to list a directory: `try: sudo ...`.

    On servers a group may read the logs; of which one that is decides what stands in the way, the
    file or a directory above it.
    """
    try:
        status = _first_refused(Path(path).absolute()).stat()
        needed = stat.S_IRGRP | (stat.S_IXGRP if stat.S_ISDIR(status.st_mode) else 0)
        is_groups = status.st_mode & needed == needed and status.st_gid != 0
        if is_groups and status.st_gid not in {os.getegid(), *os.getgroups()}:
            group = grp.getgrgid(status.st_gid).gr_name
            return f"try: sudo usermod -aG {group} $USER, then log in again"
    except (OSError, KeyError):  # KeyError: a group without a name
        pass
    return "try it with sudo"


def _first_refused(path: Path) -> Path:
    """Return the topmost part of a path that refuses access; the path itself if none does."""
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return folder
    return path
