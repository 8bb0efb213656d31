"""What memory this program takes."""

from __future__ import annotations

import resource
from pathlib import Path

_STATM = Path("/proc/self/statm")
"""Source: proc(5)."""


def memory_taken() -> int | None:
    """Return the bytes that are resident; `None` where nobody tells."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()
