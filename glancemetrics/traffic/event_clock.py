"""The event clock: the instant up to which the log is known, which is where windows may end.

Live and caught up, that is the wall clock: silence counts too. While a source is still being read,
it is the newest record read so far: the next one may be just after it. A log of the past (replayed
with `--from start`, or piped in) has no other clock than its records.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from glancemetrics.state.tree import State

LIVE_WITHIN = 3600
"""Seconds. A source with a record newer than this is live; older ones are replayed."""


class ClockMode(enum.Enum):
    """Which clock windows follow."""

    AUTO = "auto"
    """The wall clock once there was a record of the last hour; the records' times before that."""
    WALL = "wall"
    LOG = "log"


@attrs.define
class _Source:
    newest: int | None = None


class EventClock:
    """Returns the instant up to which all sources have been read."""

    def __init__(self, mode: ClockMode, horizon_seconds: int) -> None:
        """`horizon_seconds`: how far a lagging source may hold the others back."""
        self._mode = mode
        self._horizon = horizon_seconds
        self._sources: dict[str, _Source] = {}
        self._behind: dict[str, _Source] = {}
        """Sources that have not been read to their ends."""
        self._until: dict[str, float] = {}
        """By server, up to when everything that it wrote was read."""
        self._newest: int | None = None
        self._live = mode is ClockMode.WALL

    def to_state(self) -> State:
        """Return its state."""
        return {"newest": self._newest, "live": self._live}

    def restore(self, state: State) -> None:
        """Take over saved state; sources have to be observed again."""
        self._newest = state["newest"]
        self._live = self._live or (self._mode is ClockMode.AUTO and state["live"])

    @property
    def live(self) -> bool:
        """Whether the clock is the wall clock, once caught up."""
        return self._live or self._newest is None

    @property
    def newest(self) -> int | None:
        """Second of the newest record."""
        return self._newest

    def observe(self, source: str, newest: int | None, caught_up: bool, wall: float) -> None:
        """Note the second of a source's newest record, and whether the source is caught up."""
        state = self._sources.setdefault(source, _Source())
        if caught_up:
            self._behind.pop(source, None)
        else:
            self._behind[source] = state
        if newest is None:
            return
        state.newest = newest if state.newest is None else max(state.newest, newest)
        self._newest = newest if self._newest is None else max(self._newest, newest)
        if self._mode is ClockMode.AUTO and newest >= wall - LIVE_WITHIN:
            self._live = True

    def newest_of(self, source: str) -> int | None:
        """Return the second of a source's newest record; `None` before any."""
        known = self._sources.get(source)
        return None if known is None else known.newest

    def _newest_behind(self) -> Iterator[int | None]:
        return (state.newest for state in self._behind.values())

    def forget(self, source: str) -> None:
        """Remove a source, which then holds nothing back."""
        self._sources.pop(source, None)
        self._behind.pop(source, None)

    def read_until(self, server: str, until: float | None) -> None:
        """Note up to when everything that a server wrote was read; `None`: nobody waits for it."""
        if until is None:
            self._until.pop(server, None)
        else:
            self._until[server] = until

    @property
    def is_held_up(self) -> bool:
        """Whether windows wait for servers."""
        return bool(self._until) and self._live

    def held_up(self, now: float, wall: float) -> float:
        """Return the instant up to which everything of all servers was read, at most `now`.

        A server may hold up the others by the horizon at most. An old log is not held up.
        """
        if not self.is_held_up:
            return now
        return min(now, max(min(self._until.values()), wall - self._horizon))

    def now(self, wall: float) -> float | None:
        """Return the instant, in seconds since the epoch, up to which everything was read.

        `None` before any record: the log may be of now or of the past.
        """
        newest = self._newest
        if newest is None:
            return wall if self._mode is ClockMode.WALL else None
        if self._behind:
            held_back = newest - self._horizon
            slowest = held_back
            # One source too far behind to count decides it: with thousands of newly found ones,
            # that is the first.
            if all(t is not None and t > held_back for t in self._newest_behind()):
                slowest = min(t for t in self._newest_behind() if t is not None)
            return min(float(slowest), wall)  # a server's clock may be ahead of ours
        if self._live:
            return wall
        # Nothing more is expected, so the newest second is complete.
        return min(float(newest + 1), wall)
