"""State files, replaced atomically, in private folders."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MODE = 0o640
"""Mode of files: writable by the owner, readable by the group."""


PRIVATE_MODE = 0o600
"""Mode of files that only the owner may read."""

FOLDER_MODE, PRIVATE_FOLDER_MODE = 0o750, 0o700
"""Modes of their folders."""


def open_own(path: Path, flags: int, mode: int = MODE) -> int:
    """Open or create a state file. Raises `OSError`, also for a symbolic link."""
    try:
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise _link_error(path) from None
        raise


def opener(path: str, flags: int) -> int:
    """Open a state file, for `open` and loguru. Raises like `open_own`."""
    return open_own(Path(path), flags)


def refuse_link(path: Path) -> None:
    """Raise `OSError` for a symbolic link; used before a library opens the file."""
    if path.is_symlink():
        raise _link_error(path)


def _link_error(path: Path) -> OSError:
    reason = "symbolic links are not followed; remove the link, or use the path of its target"
    return OSError(errno.ELOOP, reason, str(path))


def make_folder(folder: Path, mode: int = FOLDER_MODE) -> None:
    """Make a folder for state. Raises `OSError`, also if it is world-writable."""
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    found = folder.stat().st_mode
    if found & stat.S_IWOTH and not found & stat.S_ISVTX:
        reason = "folder is world-writable (run chmod o-w on it)"
        raise PermissionError(errno.EPERM, reason, str(folder))


def replace_state(path: Path, data: bytes) -> None:
    """Replace the contents of a file atomically and durably. Raises `OSError`."""
    make_folder(path.parent)
    replace(path, data, MODE)


def replace(path: Path, data: bytes, mode: int, *, is_urgent: bool = True) -> None:
    """Replace the contents of a file atomically. Raises `OSError`.

    With `is_urgent` false, the system decides when it is written to disk.
    """
    made = path.with_suffix(".new")
    descriptor = open_own(made, os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if is_urgent:
            os.fsync(file.fileno())
    made.replace(path)
