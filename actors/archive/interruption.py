"""Ctrl-C asks a reading to end with what it has; a second one ends the program."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody wants this to stop."""

    def __init__(self) -> None:
        self._wanted = False
        self.signal: int | None = None
        """The last that came."""

    def __call__(self) -> bool:
        return self._wanted

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if self._wanted:
            raise KeyboardInterrupt
        self._wanted = True


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Take over SIGINT and SIGTERM for a while."""
    asked = Interruption()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, asked._ask)
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
