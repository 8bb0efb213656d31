"""How late records arrive: measured on a live log, so that windows end where it is complete.

A server that buffers its log (nginx `buffer=64k flush=5s`) writes seconds late and in bursts. A
window that ends now would be incomplete, and would jump with every burst.
"""

from __future__ import annotations

import math
from collections import Counter, deque

import attrs
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


@attrs.define
class _Second:
    """The records that arrived in one second."""

    second: int
    least: float = math.inf
    """The smallest number of seconds by which a record was late."""
    late: Counter[int] = attrs.field(factory=Counter)
    """By delay, in bins, the number of records."""


class ArrivalDelay:
    """The delay within which 99 % of one source's records of the last minute arrived."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque()
        """Of the last minute; a source has few delays in each, and there may be thousands."""
        self._late = [0] * (_BINS + 1)
        """By bin, the number of records of all these seconds."""
        self._total = 0

    def to_state(self) -> State:
        """Return its state."""
        late = [(one.second, *each) for one in self._seconds for each in one.late.items()]
        least = [one.least for one in self._seconds]
        return {"late": np.array(late, np.int64).reshape(-1, 3), "least": np.array(least)}

    def restore(self, state: State) -> None:
        """Take over saved state, unless an earlier version saved it: it is old in a minute."""
        if state["late"].shape[1:] != (3,):
            return
        for second, bin_, records in state["late"].tolist():
            if not self._seconds or self._seconds[-1].second < second:
                self._seconds.append(_Second(second))
            self._add(self._seconds[-1], bin_, records)
        for one, least in zip(self._seconds, state["least"].tolist(), strict=True):
            one.least = least

    def observe(
        self, arrival: float, seconds: npt.NDArray[np.int64], oldest: int, newest: int
    ) -> None:
        """Add records of whole `seconds` that arrived at `arrival`, both since the epoch.

        `oldest` and `newest` are the smallest and the largest of the seconds.
        """
        self._forget(arrival)
        if not self._seconds or self._seconds[-1].second < int(arrival):
            self._seconds.append(_Second(int(arrival)))
        second = self._seconds[-1]
        if oldest == newest:
            self._add(second, _bin(arrival - (newest + 1)), len(seconds))
        else:
            late = np.floor((arrival - (seconds + 1)) / _BIN)
            counts = np.bincount(np.clip(late, 0, _BINS).astype(np.int64))
            for bin_ in np.flatnonzero(counts).tolist():
                self._add(second, bin_, int(counts[bin_]))
        second.least = min(second.least, arrival - (newest + 1))

    def seconds(self, now: float) -> float | None:
        """Return the delay in seconds, in steps of half a second; `None` if nothing arrived."""
        self._forget(now)
        if not self._total:
            return None
        left = math.ceil(self._total * _SHARE)
        for bin_, records in enumerate(self._late):
            left -= records
            if left <= 0:
                return min((bin_ + 1) * _BIN, LONGEST_DELAY)
        raise AssertionError("the bins have all records")

    def behind(self, now: float) -> int:
        """Return by how many seconds most records are late, if by more than any delay; else 0.

        A server that writes slowly is not late with all records: then its clock is slow.
        """
        self._forget(now)
        if 2 * self._late[_BINS] <= self._total:
            return 0
        least = min(one.least for one in self._seconds)
        return round(least) if least >= LONGEST_DELAY else 0

    def _add(self, second: _Second, bin_: int, records: int) -> None:
        second.late[bin_] += records
        self._late[bin_] += records
        self._total += records

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0].second <= int(now) - _MEMORY_SECONDS:
            gone = self._seconds.popleft()
            for bin_, records in gone.late.items():
                self._late[bin_] -= records
                self._total -= records


def _bin(late: float) -> int:
    return min(max(0, math.floor(late / _BIN)), _BINS)
