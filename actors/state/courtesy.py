"""Threads that do many small things in Python let each other finish.

Each holds the interpreter for microseconds and then waits for the system; two that do so at a time
wake each other thousands of times a second, which costs more than what they do. What takes long in
compiled code asks for nothing here: it runs beside all else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 0.05
"""Who is at it may be stuck, as on a dead mount."""

_lock = threading.Lock()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Do what is inside when no other thread does such, or after a while in any case."""
    is_ours = _lock.acquire(timeout=_PATIENCE_SECONDS)
    try:
        yield
    finally:
        if is_ours:
            _lock.release()
