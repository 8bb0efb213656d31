"""Memory used by this process, and its limit."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_STATM = Path("/proc/self/statm")
"""Source: proc(5)."""
_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")
"""Source: cgroups(7)."""
_NO_LIMIT = 1 << 60
"""The first version of control groups writes such a number when there is no limit."""


def memory_taken() -> int | None:
    """Return the resident bytes; `None` where the system does not tell."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()


def memory_limit(own_groups: Path = _OWN_GROUPS, groups: Path = _GROUPS) -> int | None:
    """Return the bytes at which the kernel slows or kills the process; `None` without a limit.

    It is the lowest limit of its control group and those above: systemd's `MemoryHigh` and
    `MemoryMax`, and that of `docker run --memory`.
    """
    limits: list[int] = []
    for path in _limit_files(own_groups, groups):
        with suppress(OSError, ValueError):  # "max": no limit
            limits.append(int(path.read_text(encoding="ascii")))
    return min((limit for limit in limits if limit < _NO_LIMIT), default=None)


def _limit_files(own_groups: Path, groups: Path) -> Iterator[Path]:
    with suppress(OSError):
        for line in own_groups.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            own = PurePosixPath(path.lstrip("/"))
            for group in (own, *own.parents):
                if not controllers:
                    yield groups / group / "memory.high"
                    yield groups / group / "memory.max"
                elif controllers == "memory":
                    yield groups / "memory" / group / "memory.limit_in_bytes"
