"""How late records arrive: measured on a live log, so that windows end where it is complete.

A server that buffers its log (nginx `buffer=64k flush=5s`) writes seconds late and in bursts. A
window that ends now would be incomplete, and would jump with every burst.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from glancemetrics.state.tree import State

LONGEST_DELAY = 60.0
"""Seconds; later arrivals count as late records, not as the log's delay."""

_BIN = 0.5
_BINS = int(LONGEST_DELAY / _BIN)
_MEMORY_SECONDS = 60
_SHARE = 0.99
"""Share of the records that a window should contain. The rest are servers that log a request with
its start time (Apache's `%t`): one long download must not hold everything back."""


class ArrivalDelay:
    """The delay within which 99 % of one source's records of the last minute arrived."""

    def __init__(self) -> None:
        self._late = np.zeros((_MEMORY_SECONDS, _BINS + 1), np.int64)
        self._least = np.full(_MEMORY_SECONDS, np.inf)
        """By second of arrival, the smallest number of seconds by which a record was late."""
        self._newest = 0

    def to_state(self) -> State:
        """Return its state."""
        return {"late": self._late, "least": self._least, "newest": self._newest}

    def restore(self, state: State) -> None:
        """Take over saved state. Raises `ValueError` if it has another layout."""
        if state["late"].shape != self._late.shape:
            raise ValueError("delays with another layout")
        self._late, self._newest = state["late"], state["newest"]
        self._least = state.get("least", self._least)

    def observe(self, arrival: float, seconds: npt.NDArray[np.int64]) -> None:
        """Add records of whole `seconds` that arrived at `arrival`, both since the epoch."""
        self._forget(arrival)
        late = arrival - (seconds + 1)
        bins = np.clip(np.floor(late / _BIN), 0, _BINS).astype(np.int64)
        slot = self._newest % _MEMORY_SECONDS
        self._late[slot] += np.bincount(bins, minlength=_BINS + 1)
        self._least[slot] = min(self._least[slot], late.min())

    def seconds(self, now: float) -> float | None:
        """Return the delay in seconds, in steps of half a second; `None` if nothing arrived."""
        self._forget(now)
        counts = self._late.sum(axis=0)
        total = int(counts.sum())
        if not total:
            return None
        bin_ = int(np.searchsorted(np.cumsum(counts), math.ceil(total * _SHARE)))
        return min((bin_ + 1) * _BIN, LONGEST_DELAY)

    def behind(self, now: float) -> int:
        """Return by how many seconds most records are late, if by more than any delay; else 0.

        A server that writes slowly is not late with all records: then its clock is slow.
        """
        self._forget(now)
        counts = self._late.sum(axis=0)
        least = float(self._least.min())
        is_slow = 2 * int(counts[_BINS]) > int(counts.sum()) and least >= LONGEST_DELAY
        return round(least) if is_slow else 0

    def _forget(self, now: float) -> None:
        second = int(now)
        if second <= self._newest:
            return
        ahead = min(max(0, second - self._newest), _MEMORY_SECONDS)
        forgotten = np.arange(second - ahead + 1, second + 1) % _MEMORY_SECONDS
        self._late[forgotten] = 0
        self._least[forgotten] = np.inf
        self._newest = max(self._newest, second)
