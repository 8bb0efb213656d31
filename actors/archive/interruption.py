"""Ctrl-C ends reading with partial results; a second Ctrl-C ends the program."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether an interruption was requested."""

    def __init__(self) -> None:
        self._wanted = False
        self.signal: int | None = None
        """The last signal received."""

    def __call__(self) -> bool:
        return self._wanted

    def _request(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if self._wanted:
            raise KeyboardInterrupt
        self._wanted = True


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Handle SIGINT and SIGTERM inside the block."""
    requested = Interruption()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, requested._request)
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
