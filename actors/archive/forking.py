"""Whether this program is helped by processes that it forks, and by how many."""

from __future__ import annotations

import os
import sys

MOST_PROCESSES = 3
"""More would wait for the one that puts together what they made."""


def processes_to_use() -> int:
    """Return how many processes are worth it here beside this one."""
    if sys.platform != "linux":
        return 0  # elsewhere a fork may find the system's own libraries unusable
    return min(len(os.sched_getaffinity(0)) - 1, MOST_PROCESSES)
