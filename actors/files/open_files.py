"""How many files and connections this process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress


def allow_open_files(count: int) -> int:
    """Raise the limit of open files to `count`, as far as that is allowed; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return count if soft == resource.RLIM_INFINITY else soft
    wanted = count if hard == resource.RLIM_INFINITY else min(hard, count)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
