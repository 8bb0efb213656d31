"""Serialises threads that do many small steps in Python.

Each holds the interpreter for microseconds and then waits for the system; two such threads wake
each other thousands of times a second, which costs more than their work. Long work in compiled code
does not need this: it runs in parallel.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 0.05
"""The other thread may be stuck, for example on a dead mount."""

_lock = threading.Lock()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Run the block while no other thread runs one, or after a short wait in any case."""
    is_ours = _lock.acquire(timeout=_PATIENCE_SECONDS)
    try:
        yield
    finally:
        if is_ours:
            _lock.release()
