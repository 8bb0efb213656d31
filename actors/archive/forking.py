"""Decides how many helper processes to fork."""

from __future__ import annotations

import os
import sys

MOST_PROCESSES = 3
"""More would only wait for the process that merges their results."""


def processes_to_use() -> int:
    """Return the number of helper processes worth forking on this machine."""
    if sys.platform != "linux":
        return 0  # on other systems, system libraries may not work after a fork
    return min(len(os.sched_getaffinity(0)) - 1, MOST_PROCESSES)
