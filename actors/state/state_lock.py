"""The lock of a monitor's state, held while it runs."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from actors.state.state_file import open_own

_TRIES, _PAUSE_SECONDS = 10, 0.1


def claim(state: Path, *, is_patient: bool = False) -> int:
    """Lock a state until the returned descriptor is closed.

    `is_patient`: wait one second for a program that only deletes old data. Raises
    `BlockingIOError` if another program holds the lock, and `OSError`.
    """
    lock = open_own(state.with_suffix(".lock"), os.O_RDWR)
    try:
        for left in reversed(range(_TRIES if is_patient else 1)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(_PAUSE_SECONDS)  # before the event loop runs, or in a worker thread
    except OSError:
        os.close(lock)
        raise
    return lock
