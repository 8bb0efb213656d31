"""Where to begin in a log that exists at the start."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING

import attrs

from glancemetrics.lines.line_ends import last_line_end

if TYPE_CHECKING:
    from glancemetrics.lines.time_bisect import LineTimes


class From(enum.Enum):
    """Where to begin."""

    WINDOW = "window"
    START = "start"
    END = "end"


@attrs.frozen
class StartPosition:
    """Where to begin, and the window for `window`."""

    where: From
    window_seconds: int
    """Length of the longest window."""
    now: float | None
    """The end of the window, seconds since the epoch; `None` for the newest record of the log."""

    @property
    def since(self) -> int | None:
        """The second before which nothing is read; `None` if not known yet."""
        match self.where:
            case From.END:
                return None if self.now is None else int(self.now)
            case From.WINDOW:
                return None if self.now is None else int(self.now) - self.window_seconds
        return None

    def offset(self, descriptor: int, size: int, line_times: LineTimes) -> tuple[int, int | None]:
        """Return the offset to begin at in an open file, and the second of its newest record.

        The second is only determined for `window`.
        """

        def read_at(offset: int, length: int) -> bytes:
            return os.pread(descriptor, length, offset)

        match self.where:
            case From.START:
                return 0, None
            case From.END:
                return last_line_end(read_at, size), None
            case From.WINDOW:
                # Late: needs numpy, which an agent has not.
                from glancemetrics.lines.time_bisect import find_start, newest_time

                now = self.now
                if now is None:
                    newest = newest_time(read_at, size, line_times)
                    now = 0 if newest is None else newest + 1
                start = find_start(read_at, size, line_times, int(now) - self.window_seconds)
                return start.offset, start.newest
