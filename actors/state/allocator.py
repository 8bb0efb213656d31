"""Tunes the C library's memory allocator, to reduce idle memory and zeroing."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Fewer than while the program is loaded (`glancemetrics.cli`), which makes no garbage."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_FREE = 64 << 20
_KEPT_FREE_SMALL = 2 << 20
_LARGE = 3 << 20
"""Bytes; larger blocks than any of a chunk get their own mapping, and can grow in place."""
_LARGE_CALM, _KEPT_FREE_CALM = 1 << 17, 1 << 20
_LARGE_SMALL = 1 << 19
"""Bytes; an agent of a quiet server has no larger blocks."""


def share_memory() -> None:
    """Let all threads and Arrow share one arena, which keeps some of the freed memory.

    Chunks of the same size are allocated again and again: if their memory were returned to the
    system, zeroing it would take an eighth of the time of a report. With one arena per thread, as
    in glibc, and one of Arrow's own, more and more memory lies idle. Other C libraries do not have
    this call and stay as they are.

    Call it before Arrow is loaded, if possible: Arrow's internals only follow the environment.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    _tune(_LARGE, _KEPT_FREE)
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.set_memory_pool(arrow.system_memory_pool())


def give_back_memory() -> None:
    """Keep little freed memory, for a program that has to be small and is never in a hurry.

    Otherwise glibc raises both limits with each larger block that was freed: an agent grew from 40
    to 87 MB at 50,000 lines/s, which took 3 % of a core instead of 4.5 %.
    """
    _tune(_LARGE_SMALL, _KEPT_FREE_SMALL)


def stay_small() -> None:
    """Give free memory back to the system, now and later: for a monitor in calm.

    At 1,000 lines/s it would have 15 MB more after half a minute. Under load `share_memory` is
    faster.
    """
    _tune(_LARGE_CALM, _KEPT_FREE_CALM)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def collect_from_now_on() -> None:
    """Look for garbage more often than at the start, but not among all that is loaded by now.

    Only for programs: in a library, what is loaded is not ours.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def _tune(large: int, kept_free: int) -> None:
    """Source: mallopt(3), malloc_trim(3)."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, large)
        library.mallopt(_M_TRIM_THRESHOLD, kept_free)
