"""Discards what was not written: descriptors that lead nowhere.

Imports nothing slow: standard output needs it at the end.
"""

from __future__ import annotations

import os


def lead_nowhere(descriptor: int) -> None:
    """Discard what will be written to a descriptor, as what a file object holds when it is closed.

    Raises `OSError`.
    """
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, descriptor, inheritable=descriptor <= 2)  # programs inherit standard streams only
    os.close(null)
