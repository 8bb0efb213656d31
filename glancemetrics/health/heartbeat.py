"""The heartbeat file: when the last snapshot was taken, and how often there is one."""

from __future__ import annotations

import attrs

_GRACE_REFRESHES = 3
_GRACE_SECONDS = 5


def heartbeat(time: float, refresh_seconds: float, trouble: str = "") -> str:
    """Return the text of a heartbeat file; `time` in seconds since the epoch.

    `trouble` is why the monitor is of no use although it runs, in a sentence.
    """
    return f"{time:.3f} {refresh_seconds}\n{' '.join(trouble.split())}\n"


@attrs.frozen
class Heartbeat:
    """The content of a heartbeat file."""

    taken: float
    refresh_seconds: float
    trouble: str

    @classmethod
    def read(cls, text: str) -> Heartbeat:
        """Raises `ValueError` for any other text."""
        times, _, trouble = text.partition("\n")
        taken, refresh = map(float, times.split())
        return cls(taken, refresh, trouble.strip())

    def overdue_seconds(self, now: float) -> float:
        """Return how late the next heartbeat is; negative before it is due."""
        grace = _GRACE_REFRESHES * self.refresh_seconds + _GRACE_SECONDS
        return now - self.taken - grace
