"""A metric's value in its window, per group and slot: sums, quantiles, distinct values.

A slot is a rule's unit of time; a window is a number of slots.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from glancemetrics.alerting.sum_ring import NEVER, SumRing
from glancemetrics.records.duration_bins import BUCKETS, seconds_of
from glancemetrics.state.tree import State

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_DISTINCT_LIMIT = 500_000
"""Distinct values tracked for all groups; past this the oldest are forgotten, then recounted."""


class Measuring(Protocol):
    """A number per group and slot, for the window that ends with the slot."""

    def to_state(self) -> State:
        """Return its state."""

    def restore(self, state: State) -> None:
        """Take over the state of one with the same window. Raises `ValueError` for another."""

    def resize(self, groups: int) -> None:
        """Make room for this many groups."""

    def keep(self, groups: Int64s) -> None:
        """Drop all groups except these, which are renumbered in this order."""

    def add(self, slots: Int64s, groups: Int64s, keys: Int64s, counts: Int64s) -> None:
        """Add counts."""

    def values(self, first: int, count: int) -> Float64s:
        """Return values of `count` slots from `first`, by group; NaN without data.

        Every slot is requested once, in order.
        """

    def is_empty(self, start: int) -> bool:
        """Return whether the slots from `start` on are empty."""

    def idle_groups(self, start: int) -> Bools:
        """Return which groups are empty in the slots from `start` on."""

    def weights(self) -> Float64s:
        """Return how much traffic each group has now."""


class Sums:
    """Sums of counts."""

    def __init__(self, width: int, slots: int) -> None:
        self._ring = SumRing(slots)
        self._width = width

    def to_state(self) -> State:
        return self._ring.to_state()

    def restore(self, state: State) -> None:
        self._ring.restore(state)

    def resize(self, groups: int) -> None:
        self._ring.resize(groups)

    def keep(self, groups: Int64s) -> None:
        self._ring.keep(groups)

    def add(self, slots: Int64s, groups: Int64s, keys: Int64s, counts: Int64s) -> None:
        del keys
        self._ring.add(slots, groups, counts)

    def values(self, first: int, count: int, width: int | None = None) -> Float64s:
        return self._ring.totals(first, count, width or self._width).astype(np.float64)

    def is_empty(self, start: int) -> bool:
        return self._ring.is_empty(start)

    def idle_groups(self, start: int) -> Bools:
        return self._ring.idle_groups(start)

    def weights(self) -> Float64s:
        return self._ring.all_totals().astype(np.float64)


class Quantiles:
    """A quantile of durations, from a histogram that is exact to one percent."""

    def __init__(self, share: float, width: int) -> None:
        self._share = share
        self._width = width
        self._window = np.zeros((1, BUCKETS), np.int64)
        self._slots: dict[int, list[tuple[Int64s, Int64s, Int64s]]] = defaultdict(list)
        self._newest = NEVER
        self._last: Float64s | None = None
        """The last slot's values, until something changes."""

    def to_state(self) -> State:
        slots = [[slot, *part] for slot, parts in self._slots.items() for part in parts]
        return {"groups": len(self._window), "newest": self._newest, "slots": slots}

    def restore(self, state: State) -> None:
        self._window = np.zeros((state["groups"], BUCKETS), np.int64)
        self._newest = state["newest"]
        self._slots.clear()
        self._last = None
        for slot, groups, buckets, counts in state["slots"]:
            self._slots[slot].append((groups, buckets, counts))
            if slot <= self._newest:
                self._change((groups, buckets, counts), 1)

    def resize(self, groups: int) -> None:
        more = groups - len(self._window)
        if more > 0:
            self._window = np.concatenate([self._window, np.zeros((more, BUCKETS), np.int64)])
            self._last = None

    def keep(self, groups: Int64s) -> None:
        numbers = np.full(len(self._window), -1, np.int64)
        numbers[groups] = np.arange(len(groups))
        self._window = self._window[groups]
        self._last = None
        for slot, parts in self._slots.items():
            self._slots[slot] = [
                (numbers[of][kept], buckets[kept], counts[kept])
                for of, buckets, counts in parts
                if (kept := numbers[of] >= 0).any()
            ]

    def add(self, slots: Int64s, groups: Int64s, keys: Int64s, counts: Int64s) -> None:
        for slot in np.unique(slots).tolist():
            there = slots == slot
            part = groups[there], keys[there], counts[there]
            if slot <= self._newest - self._width:
                continue
            self._slots[slot].append(part)
            if slot <= self._newest:
                self._change(part, 1)

    def values(self, first: int, count: int) -> Float64s:
        result = np.empty((len(self._window), count))
        for i, slot in enumerate(range(first, first + count)):
            for part in self._slots.get(slot, ()) if slot > self._newest else ():
                self._change(part, 1)
            for part in self._slots.pop(slot - self._width, ()):
                self._change(part, -1)
            self._newest = max(self._newest, slot)
            if self._last is None:
                self._last = self._quantiles()
            result[:, i] = self._last
        return result

    def is_empty(self, start: int) -> bool:
        return not any(slot >= start and parts for slot, parts in self._slots.items())

    def idle_groups(self, start: int) -> Bools:
        idle = np.ones(len(self._window), np.bool_)
        for slot, parts in self._slots.items():
            for groups, _, _ in parts if slot >= start else ():
                idle[groups] = False
        return idle & ~self._window.any(axis=1)

    def weights(self) -> Float64s:
        weights: Float64s = self._window.sum(axis=1).astype(np.float64)
        return weights

    def _change(self, part: tuple[Int64s, Int64s, Int64s], sign: int) -> None:
        groups, buckets, counts = part
        np.add.at(self._window, (groups, buckets), sign * counts)
        self._last = None

    def _quantiles(self) -> Float64s:
        reached = np.cumsum(self._window, axis=1)
        totals = reached[:, -1]
        ranks = np.maximum(1, np.ceil(self._share * totals - 1e-9))
        buckets = (reached < ranks[:, None]).sum(axis=1)
        values = [seconds_of(bucket) for bucket in buckets.tolist()]
        return np.where(totals > 0, np.array(values), np.nan)


class DistinctValues:
    """The number of distinct values."""

    def __init__(self, width: int, slots: int) -> None:
        self._width = width
        # +1 where a value enters the window, -1 where it leaves.
        self._changes = SumRing(slots + width)
        self._until: dict[tuple[int, int], int] = {}
        """By group and value, the last slot whose window contains it."""
        self._now = np.zeros(1, np.int64)
        self._next: int | None = None

    def to_state(self) -> State:
        pairs = np.array(list(self._until), np.int64).reshape(-1, 2)
        return {
            "changes": self._changes.to_state(),
            "groups": pairs[:, 0],
            "keys": pairs[:, 1],
            "until": np.array(list(self._until.values()), np.int64),
            "now": self._now,
            "next": self._next,
        }

    def restore(self, state: State) -> None:
        self._changes.restore(state["changes"])
        pairs = zip(state["groups"].tolist(), state["keys"].tolist(), strict=True)
        self._until = dict(zip(pairs, state["until"].tolist(), strict=True))
        self._now, self._next = state["now"], state["next"]

    def resize(self, groups: int) -> None:
        self._changes.resize(groups)
        more = max(0, groups - len(self._now))
        self._now = np.concatenate([self._now, np.zeros(more, np.int64)])

    def keep(self, groups: Int64s) -> None:
        numbers = {group: number for number, group in enumerate(groups.tolist())}
        self._changes.keep(groups)
        self._now = self._now[groups]
        self._until = {
            (numbers[group], key): until
            for (group, key), until in self._until.items()
            if group in numbers
        }

    def add(self, slots: Int64s, groups: Int64s, keys: Int64s, counts: Int64s) -> None:
        del counts
        begins: list[tuple[int, int]] = []
        ends: list[tuple[int, int]] = []
        order = np.argsort(slots, kind="stable")
        for slot, group, key in zip(
            slots[order].tolist(), groups[order].tolist(), keys[order].tolist(), strict=True
        ):
            until = slot + self._width - 1
            start = slot if self._next is None else max(slot, self._next)
            known = self._until.get((group, key))
            if known is not None and known >= start:
                start = known + 1
            if until < start:
                continue
            begins.append((start, group))
            ends.append((until + 1, group))
            self._until[group, key] = until
        for changes, sign in ((begins, 1), (ends, -1)):
            if changes:
                at, of = np.array(changes, np.int64).T
                self._changes.add(at, of, np.full(len(at), sign, np.int64))
        if len(self._until) > _DISTINCT_LIMIT:
            self._forget()

    def values(self, first: int, count: int) -> Float64s:
        counts = self._now[:, None] + np.cumsum(self._changes.totals(first, count, 1), axis=1)
        self._now = counts[:, -1].copy()
        self._next = first + count
        return counts.astype(np.float64)

    def is_empty(self, start: int) -> bool:
        return not self._now.any() and self._changes.is_empty(
            start if self._next is None else self._next
        )

    def idle_groups(self, start: int) -> Bools:
        begin = start if self._next is None else self._next
        idle: Bools = self._now == 0
        return idle & self._changes.idle_groups(begin)

    def weights(self) -> Float64s:
        return self._now.astype(np.float64)

    def _forget(self) -> None:
        now = self._next or 0
        self._until = {pair: until for pair, until in self._until.items() if until >= now}
        if len(self._until) > _DISTINCT_LIMIT:
            newest = sorted(self._until.items(), key=lambda item: item[1])[-_DISTINCT_LIMIT // 2 :]
            self._until = dict(newest)


class History:
    """The values of the last slots, for comparisons."""

    def __init__(self, slots: int) -> None:
        self.size = slots
        self._values = np.full((1, 0), np.nan)
        """By group and slot, newest last."""

    def to_state(self) -> State:
        """Return its state."""
        return self._values

    def restore(self, state: State) -> None:
        """Take over saved state."""
        self._values = state

    def keep(self, groups: Int64s) -> None:
        """Drop all groups except these, which are renumbered in this order."""
        self._widen(int(groups.max(initial=-1)) + 1)
        self._values = self._values[groups]

    def before(self, values: Float64s, ago: Sequence[int]) -> list[Float64s]:
        """Add values by group and slot; return the values that many slots before each."""
        self._widen(len(values))
        together = np.concatenate([self._values, values], axis=1)
        count, known = values.shape[1], self._values.shape[1]
        results = []
        for slots in ago:
            result = np.full(values.shape, np.nan)
            missing = min(count, max(0, slots - known))
            begin = known + missing - slots
            result[:, missing:] = together[:, begin : begin + count - missing]
            results.append(result)
        self._values = together[:, -self.size :]
        return results

    def _widen(self, groups: int) -> None:
        more = groups - len(self._values)
        if more > 0:
            empty = np.full((more, self._values.shape[1]), np.nan)
            self._values = np.concatenate([self._values, empty])
