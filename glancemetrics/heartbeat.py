"""What a heartbeat file says: when the last snapshot was taken, and how often there is one."""

from __future__ import annotations

_GRACE_REFRESHES = 3
_GRACE_SECONDS = 5


def heartbeat(time: float, refresh_seconds: float) -> str:
    """Return the text of a heartbeat file; `time` in seconds since the epoch."""
    return f"{time:.3f} {refresh_seconds}\n"


def overdue_seconds(text: str, now: float) -> float:
    """Return by how much the next heartbeat is overdue, negative before it is.

    Raises `ValueError` where the text is none.
    """
    taken, refresh = map(float, text.split())
    return now - taken - _GRACE_REFRESHES * refresh - _GRACE_SECONDS
