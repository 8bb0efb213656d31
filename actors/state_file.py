"""Files of state, replaced whole, in folders that are nobody else's."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MODE = 0o640
"""Of all that is written: the owner's, and to be read by the group."""


def open_own(path: Path, flags: int) -> int:
    """Open a file of ours, which is none that a link leads to. Raises `OSError`."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)


def make_folder(folder: Path) -> None:
    """Make a folder for what is ours. Raises `OSError`, also if anyone may change what is in it."""
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        reason = "anyone may change what is in this folder"
        raise PermissionError(errno.EPERM, reason, str(folder))


def replace_state(path: Path, data: bytes) -> None:
    """Put data in place of what a file held, at once and on the disk. Raises `OSError`."""
    make_folder(path.parent)
    made = path.with_suffix(".new")
    descriptor = open_own(made, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)
