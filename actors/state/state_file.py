"""Files of state, replaced whole, in folders that are nobody else's."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MODE = 0o640
"""Of all that is written: the owner's, and to be read by the group."""


PRIVATE_MODE = 0o600
"""Of what is nobody else's business."""

FOLDER_MODE, PRIVATE_FOLDER_MODE = 0o750, 0o700
"""Of the folders that hold such."""


def open_own(path: Path, flags: int, mode: int = MODE) -> int:
    """Open a file of ours, made if there is none. Raises `OSError`, also for a symbolic link."""
    try:
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise _link_error(path) from None
        raise


def opener(path: str, flags: int) -> int:
    """Open a file of ours, for `open` and loguru. Raises as `open_own`."""
    return open_own(Path(path), flags)


def refuse_link(path: Path) -> None:
    """Raise `OSError` for a symbolic link, where others open a file for us."""
    if path.is_symlink():
        raise _link_error(path)


def _link_error(path: Path) -> OSError:
    reason = "is a link, and symbolic links are not followed; remove it, or name the file itself"
    return OSError(errno.ELOOP, reason, str(path))


def make_folder(folder: Path, mode: int = FOLDER_MODE) -> None:
    """Make a folder for what is ours. Raises `OSError`, also if anyone may change what is in it."""
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    found = folder.stat().st_mode
    if found & stat.S_IWOTH and not found & stat.S_ISVTX:
        reason = "anyone may change what is in this folder"
        raise PermissionError(errno.EPERM, reason, str(folder))


def replace_state(path: Path, data: bytes) -> None:
    """Put data in place of what a file held, at once and on the disk. Raises `OSError`."""
    make_folder(path.parent)
    replace(path, data, MODE)


def replace(path: Path, data: bytes, mode: int, *, is_urgent: bool = True) -> None:
    """Put data in place of what a file held, at once. Raises `OSError`.

    If it is not urgent it comes to the disk when the system likes.
    """
    made = path.with_suffix(".new")
    descriptor = open_own(made, os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if is_urgent:
            os.fsync(file.fileno())
    made.replace(path)
