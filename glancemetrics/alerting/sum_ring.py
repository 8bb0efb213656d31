"""Sums by group for the last slots of time: windows at constant memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glancemetrics.state.tree import State

Int64s = npt.NDArray[np.int64]

NEVER = -(1 << 62)
"""A slot before all others, also before those of years before 1970."""

_KINDS = (np.int16, np.int32, np.int64)
"""Types of the numbers: the smallest that holds them. Of most clients nearly all are 0."""
_MOST_SPARE = 4
"""Rows that are kept for each one that is used."""


class SumRing:
    """A ring of one number per group and slot, for the last `slots` slots.

    Slots are numbered by time. The ring advances with the newest one; slots before and after it
    read as 0.
    """

    def __init__(self, slots: int) -> None:
        self._room: npt.NDArray[np.signedinteger[Any]] = np.zeros((1, slots), _KINDS[0])
        """With spare rows for more groups."""
        self._largest = 0
        """No number is larger, or further below 0."""
        self._sums = self._room
        self._end: int | None = None
        """The slot after the newest."""
        self._newest = NEVER
        """The newest slot with a count."""

    @property
    def groups(self) -> int:
        return len(self._sums)

    @property
    def nbytes(self) -> int:
        """Memory used."""
        return self._room.nbytes

    def to_state(self) -> State:
        """Return its state."""
        return {"numbers": self._sums, "end": self._end, "newest": self._newest}

    def restore(self, state: State) -> None:
        """Take over the state of one of the same size. Raises `ValueError` for another size."""
        # An earlier version saved them as int64, and could not go on with others.
        numbers = state["sums"] if "sums" in state else state["numbers"]
        if numbers.shape[1] != self._sums.shape[1]:
            raise ValueError("a ring of another size")
        self._room = self._sums = numbers
        self._largest = _largest(numbers)
        self._end, self._newest = state["end"], state["newest"]

    def resize(self, groups: int) -> None:
        """Make room for this many groups; new ones are empty."""
        if groups > len(self._room):
            room = np.zeros((2 * groups, self._room.shape[1]), self._room.dtype)
            room[: len(self._sums)] = self._sums
            self._room = room
        if groups > len(self._sums):
            self._sums = self._room[:groups]

    def keep(self, groups: Int64s) -> None:
        """Drop all groups except these, which are renumbered in this order."""
        kept = self._sums[groups]
        if len(self._room) > _MOST_SPARE * max(1, len(kept)):
            self._room = self._sums = np.ascontiguousarray(kept)
            return
        self._sums[len(kept) :] = 0
        self._sums = self._room[: len(kept)]
        self._sums[:] = kept

    def add(self, slots: Int64s, groups: Int64s, counts: Int64s) -> None:
        """Add counts to slots and groups; counts older than the ring are dropped."""
        if not len(slots):
            return
        self._move(int(slots.max()) + 1)
        assert self._end is not None
        size = self._sums.shape[1]
        kept = slots >= self._end - size
        self._newest = max(self._newest, int(slots.max()))
        more = counts[kept]
        self._hold(more)
        numbers = more.astype(self._sums.dtype)
        np.add.at(self._sums, (groups[kept], slots[kept] % size), numbers)

    def totals(self, first: int, count: int, width: int) -> Int64s:
        """Return sums of `width` slots each: those ending with `first` and the next `count - 1`.

        The result has the shape (groups, count).
        """
        if count == 1:
            return self._total(first - width + 1, first + 1)[:, None]
        sums = np.zeros((len(self._sums), count + width), np.int64)
        np.cumsum(self._values(first - width + 1, first + count), axis=1, out=sums[:, 1:])
        return sums[:, width:] - sums[:, :-width]

    def all_totals(self) -> Int64s:
        """Return the sum over all slots, by group."""
        totals: Int64s = self._sums.sum(axis=1)
        return totals

    def is_empty(self, start: int) -> bool:
        """Return whether the slots from `start` on are empty."""
        return self._newest < start

    def idle_groups(self, start: int) -> npt.NDArray[np.bool_]:
        """Return which groups are empty in the slots from `start` on."""
        if self._end is None or start >= self._end:
            return np.ones(len(self._sums), np.bool_)
        return np.logical_not(self._values(start, self._end).any(axis=1))

    def _total(self, start: int, end: int) -> Int64s:
        """Return the sums of the slots from `start` up to, but not including, `end`."""
        size = self._sums.shape[1]
        if self._end is None:
            return np.zeros(len(self._sums), np.int64)
        first, last = max(start, self._end - size), min(end, self._end)
        if first >= last:
            return np.zeros(len(self._sums), np.int64)
        at = first % size
        until = at + last - first
        total: Int64s = self._sums[:, at : min(until, size)].sum(axis=1)
        return total if until <= size else total + self._sums[:, : until - size].sum(axis=1)

    def _values(self, start: int, end: int) -> Int64s:
        result = np.zeros((len(self._sums), end - start), np.int64)
        if self._end is None:
            return result
        size = self._sums.shape[1]
        first, last = max(start, self._end - size), min(end, self._end)
        if first < last:
            at = np.arange(first, last) % size
            result[:, first - start : last - start] = self._sums[:, at]
        return result

    def _hold(self, more: Int64s) -> None:
        """Make sure that the numbers will still fit when these are added."""
        if self._room.dtype == _KINDS[-1]:
            return
        added = int(np.abs(more).sum(dtype=np.float64))
        self._largest += added
        if self._largest <= np.iinfo(self._room.dtype).max:
            return
        # Not all of it went to the same number, and some have left.
        self._largest = _largest(self._sums) + added
        for kind in _KINDS:
            # With some way to go, lest it has to be looked up for each addition.
            if self._largest <= np.iinfo(kind).max // 2 or kind is _KINDS[-1]:
                if kind != self._room.dtype:
                    count = len(self._sums)
                    self._room = self._room.astype(kind)
                    self._sums = self._room[:count]
                return

    def _move(self, end: int) -> None:
        size = self._sums.shape[1]
        if self._end is None:
            self._end = end
            return
        ahead = min(end - self._end, size)
        if ahead > 0:
            self._sums[:, np.arange(end - ahead, end) % size] = 0
            self._end = end


def _largest(numbers: npt.NDArray[np.signedinteger[Any]]) -> int:
    """Return how far the numbers are from 0 at most."""
    return max(int(numbers.max(initial=0)), -int(numbers.min(initial=0)))
