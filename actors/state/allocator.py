"""How the C library hands out memory: less is kept by it, and less is zeroed anew."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_FREE = 64 << 20
_LARGE = 3 << 20
"""Bytes; what is larger than all that a chunk needs is a mapping of its own, and grows in place."""


def share_memory() -> None:
    """Let all threads, and Arrow, take memory from one place, which keeps some that was freed.

    Chunks of the same size come again and again: given back to the system, their memory would have
    to be zeroed anew each time, an eighth of the time of a report. In a place for each thread, as
    glibc has them, and in one of Arrow's own, more and more lies idle. Other C libraries have no
    such call, and go on as they are.

    Best before Arrow is loaded: what it does inside follows but its environment.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.set_memory_pool(arrow.system_memory_pool())
