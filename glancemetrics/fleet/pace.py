"""How often agents send: less often if there are many, so that the hub can follow.

An entry costs the hub about as much as fifty lines, whatever is in it.
"""

from __future__ import annotations

SHORTEST = 0.25
"""Seconds between two entries of an agent."""
LONGEST = 5.0
ENTRIES_PER_SECOND = 2000
"""Of all agents, from which on they send less often."""


def pace_of(agents: int) -> float:
    """Return how many seconds each agent gathers lines for an entry."""
    return min(max(SHORTEST, agents / ENTRIES_PER_SECOND), LONGEST)


def pace_in_bytes(seconds: float) -> bytes:
    """Return the text for Redis."""
    return f"{seconds:.2f}".encode()


def read_pace(text: bytes | None) -> float:
    """Read it; whatever is not a pace is the shortest."""
    try:
        seconds = float(text or b"")
    except ValueError:
        return SHORTEST
    return seconds if SHORTEST <= seconds <= LONGEST else SHORTEST
