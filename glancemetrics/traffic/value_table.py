"""The values of one dimension: a number for each, and their counts in the window."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from glancemetrics.native.sums import LARGEST
from glancemetrics.records.dimensions import OTHER
from glancemetrics.traffic.insights import TopRow
from glancemetrics.traffic.log_bucket import DimensionCounts

Int64s = npt.NDArray[np.int64]

OTHER_ID = 0
"""The number for values that are no longer tracked individually."""


def top_row(name: str, hits: int, sent: int, errors: int) -> TopRow:
    """Return the row of a value; `sent` is its bytes."""
    # A sum that overflowed is right again once enough has left the window.
    return TopRow(name, hits, sent if sent >= 0 else LARGEST, errors)


class ValueTable:
    """Numbers the values of one dimension and keeps the window's totals by number.

    At most `limit` values are tracked. The owner of the counts makes room in time (`forget`); what
    does not fit anyway is counted under `OTHER_ID`.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._ids: dict[str, int] = {}
        self._names: list[str] = [OTHER]
        self._free: list[int] = []
        self._hits = np.zeros(1024, np.int64)
        self._bytes = np.zeros(1024, np.int64)
        self._errors = np.zeros(1024, np.int64)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def capacity(self) -> int:
        """All numbers are below this."""
        return len(self._hits)

    def missing(self, names: list[str]) -> int:
        """Return how many of the names have no number yet."""
        return list(map(self._ids.get, names)).count(None)

    def number(self, names: list[str]) -> npt.NDArray[np.int32]:
        """Return each name's number; new names get one while there is room."""
        numbers = list(map(self._ids.get, names))
        if None not in numbers:
            return np.array(numbers, np.int32)
        return np.array(
            [
                self._new(name) if number is None else number
                for number, name in zip(numbers, names, strict=True)
            ],
            np.int32,
        )

    def forget(self, kept: npt.NDArray[np.bool_]) -> None:
        """Forget the values whose number is not `kept`; they must have no counts."""
        for name in [name for name, id_ in self._ids.items() if not kept[id_]]:
            id_ = self._ids.pop(name)
            self._names[id_] = ""
            self._free.append(id_)

    def enter(self, counts: DimensionCounts) -> None:
        """Add counts that are now inside the window. Ids may repeat."""
        for totals, values in self._pairs(counts):
            np.add.at(totals, counts.ids, values)

    def leave(self, counts: DimensionCounts) -> None:
        """Subtract counts that have left the window. Each id occurs once."""
        for totals, values in self._pairs(counts):
            totals[counts.ids] -= values

    @property
    def estimated(self) -> bool:
        """Whether the window has counts of values that are not tracked individually."""
        return bool(self._hits[OTHER_ID])

    def distinct(self) -> int:
        """Number of tracked values in the window."""
        return int(np.count_nonzero(self._hits[1:]))

    def top(self, limit: int) -> tuple[TopRow, ...]:
        """Return the values with the most hits, and `(other)` as the last row if there is one."""
        hits = self._hits[1:]
        size = min(limit, len(hits))
        if size <= 0:
            return ()
        cut = int(np.partition(hits, len(hits) - size)[len(hits) - size])
        best = (np.flatnonzero(hits > cut) + 1).tolist()
        if cut > 0:
            # Ties at the cut are broken by name: the same window always shows the same rows.
            tied = (np.flatnonzero(hits == cut) + 1).tolist()
            best += heapq.nsmallest(size - len(best), tied, key=self._names.__getitem__)
        rows = sorted(map(self._row, best), key=lambda row: (-row.hits, row.name))
        return (*rows, self._row(OTHER_ID)) if self.estimated else tuple(rows)

    def name(self, number: int) -> str:
        return self._names[number]

    def named(self) -> tuple[list[str], npt.NDArray[np.int32]]:
        """Return the tracked values and their numbers."""
        return list(self._ids), np.fromiter(self._ids.values(), np.int32, len(self._ids))

    def totals(self) -> tuple[Int64s, Int64s, Int64s]:
        """Return the window's hits, bytes and errors by number."""
        return self._hits, self._bytes, self._errors

    def _row(self, number: int) -> TopRow:
        sums = (int(totals[number]) for totals in self.totals())
        return top_row(self._names[number], *sums)

    def _pairs(self, counts: DimensionCounts) -> Iterable[tuple[Int64s, Int64s]]:
        return (
            (self._hits, counts.hits),
            (self._bytes, counts.bytes),
            (self._errors, counts.errors),
        )

    def _new(self, name: str) -> int:
        known = self._ids.get(name)  # a name may occur twice in a call, once shortened
        if known is not None:
            return known
        if len(self._ids) >= self.limit:
            return OTHER_ID
        if self._free:
            number = self._free.pop()
            self._names[number] = name
        else:
            number = len(self._names)
            self._names.append(name)
            if number >= self.capacity:
                self._hits, self._bytes, self._errors = (
                    np.concatenate([totals, np.zeros_like(totals)])
                    for totals in (self._hits, self._bytes, self._errors)
                )
        self._ids[name] = number
        return number
