"""Shows progress on stderr while a log is read, if stderr is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from actors.archive.reporting import Progress
from glancemetrics.words.humane import format_bytes, format_count, format_duration

_EVERY_SECONDS = 0.1
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """One line, overwritten again and again, and removed at the end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._shown = self._began
        self._visible = False
        self._to_terminal = sys.stderr is not None and sys.stderr.isatty()

    def show(self, progress: Progress) -> None:
        """Show the progress, at most ten times a second."""
        now = self._clock()
        if not self._to_terminal or now - self._shown < _EVERY_SECONDS:
            return
        self._shown = now
        self._visible = True
        self._write(_CLEAR + progress_text(progress, now - self._began))

    def clear(self) -> None:
        if self._visible:
            self._write(_CLEAR)
            self._visible = False

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def progress_text(progress: Progress, elapsed: float) -> str:
    """Return how much has been read, how fast, and the remaining time."""
    speed = f"{format_count(round(progress.lines / max(elapsed, 1e-3)))} lines/s"
    if not progress.total_bytes:
        return f"{format_bytes(progress.read_bytes)}, {speed}"
    share = progress.read_bytes / progress.total_bytes
    text = f"{100 * share:3.0f} % of {format_bytes(progress.total_bytes)}, {speed}"
    if 0 < share < 1:
        text += f", {format_duration(round(elapsed / share - elapsed))} left"
    return text
