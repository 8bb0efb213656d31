"""Tunes the C library's memory allocator, to reduce idle memory and zeroing."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_FREE = 64 << 20
_LARGE = 3 << 20
"""Bytes; larger blocks than any of a chunk get their own mapping, and can grow in place."""


def share_memory() -> None:
    """Let all threads and Arrow share one arena, which keeps some of the freed memory.

    Chunks of the same size are allocated again and again: if their memory were returned to the
    system, zeroing it would take an eighth of the time of a report. With one arena per thread, as
    in glibc, and one of Arrow's own, more and more memory lies idle. Other C libraries do not have
    this call and stay as they are.

    Call it before Arrow is loaded, if possible: Arrow's internals only follow the environment.
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
