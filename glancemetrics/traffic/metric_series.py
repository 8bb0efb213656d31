"""`MetricSeries`: one number per second, for windows of any length, at constant memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glancemetrics.state.tree import State

Int64s = npt.NDArray[np.int64]


class MetricSeries:
    """A ring of one number for each of the last `seconds` seconds.

    Seconds are whole seconds since the epoch. The ring begins where the first number was added and
    advances with the newest; older seconds read as 0.
    """

    def __init__(self, seconds: int) -> None:
        self._ring = np.zeros(seconds, np.int64)
        self._newest: int | None = None

    def to_state(self) -> State:
        """Return its state."""
        return {"ring": self._ring, "newest": self._newest}

    def restore(self, state: State) -> None:
        """Take over saved state, which may be of another length."""
        other = MetricSeries(len(state["ring"]))
        other._ring, other._newest = state["ring"], state["newest"]
        if other._newest is not None:
            seconds = np.arange(other._newest - len(other._ring) + 1, other._newest + 1)
            self.add(seconds, other.values(int(seconds[0]), other._newest + 1))

    def add(self, seconds: Int64s, values: Int64s) -> None:
        """Add values to their seconds, which may repeat; those older than the ring are dropped."""
        if not len(seconds):
            return
        self._move(int(seconds.max()))
        assert self._newest is not None
        kept = seconds > self._newest - len(self._ring)
        np.add.at(self._ring, seconds[kept] % len(self._ring), values[kept])

    def total(self, start: int, end: int) -> int:
        """Return the sum of the seconds from `start` up to, but not including, `end`."""
        return int(self.values(start, end).sum())

    def values(self, start: int, end: int) -> Int64s:
        """Return a number per second from `start` up to, but not including, `end`."""
        result = np.zeros(max(0, end - start), np.int64)
        if self._newest is None:
            return result
        first = max(start, self._newest - len(self._ring) + 1)
        last = min(end, self._newest + 1)
        if first >= last:
            return result
        at = first % len(self._ring)
        until = at + last - first
        if until <= len(self._ring):
            result[first - start : last - start] = self._ring[at:until]
        else:
            result[first - start : last - start] = self._ring.take(
                np.arange(at, until), mode="wrap"
            )
        return result

    def _move(self, newest: int) -> None:
        if self._newest is None:
            self._newest = newest
            return
        ahead = min(newest - self._newest, len(self._ring))
        if ahead <= 0:
            return
        self._ring[np.arange(newest - ahead + 1, newest + 1) % len(self._ring)] = 0
        self._newest = newest
