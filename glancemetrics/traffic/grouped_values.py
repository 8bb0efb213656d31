"""A live dimension that groups another one's values, like browsers group user agents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.strings import codes_of
from glancemetrics.records.dimensions import OTHER, Dimension
from glancemetrics.traffic.insights import TopRow
from glancemetrics.traffic.value_table import OTHER_ID, ValueTable, top_row

Int32s = npt.NDArray[np.int32]

_NONE = -1
"""For values without a group, as a bot has no browser."""


class GroupedValues:
    """Knows the group of each value in a table, by the value's number."""

    def __init__(self, dimension: Dimension) -> None:
        assert dimension.derive is not None
        self._derive = dimension.derive
        self._has_begun = False
        self._groups = np.full(1024, _NONE, np.int32)
        """{number of a value: number of its group}"""
        self._is_known = np.zeros(1024, np.bool_)
        self._numbers: dict[str, int] = {}
        """{group: number}"""

    def begin(self, names: list[str], numbers: Int32s) -> None:
        """Start grouping; these are the existing values."""
        self._has_begun = True
        self.learn(names, numbers)

    def learn(self, names: list[str], numbers: Int32s) -> None:
        """Add values with their numbers."""
        if not self._has_begun or not len(numbers):
            return
        self._reach(int(numbers.max()) + 1)
        unknown = np.flatnonzero(~self._is_known[numbers] & (numbers != OTHER_ID))
        if not len(unknown):
            return
        new = pa.array([names[i] for i in unknown.tolist()], pa.string())
        derived = pc.dictionary_encode(self._derive(new))
        names = derived.dictionary.to_pylist()
        own = [self._numbers.setdefault(n, len(self._numbers)) for n in names]
        self._groups[numbers[unknown]] = np.array([*own, _NONE], np.int32)[codes_of(derived)]
        self._is_known[numbers[unknown]] = True

    def forget(self, kept: npt.NDArray[np.bool_]) -> None:
        """Values whose number is not `kept` release it for others."""
        size = min(len(kept), len(self._is_known))
        self._is_known[:size] &= kept[:size]
        self._groups[~self._is_known] = _NONE
        # Unused groups go too: clients can invent any number of bot names.
        used = np.unique(self._groups[self._groups >= 0])
        names = list(self._numbers)
        self._numbers = {names[number]: i for i, number in enumerate(used.tolist())}
        new = np.full(len(names) + 1, _NONE, np.int32)
        new[used] = np.arange(len(used), dtype=np.int32)
        self._groups = new[self._groups]

    def top(self, table: ValueTable, limit: int) -> tuple[TopRow, ...]:
        """Return the groups with the most hits, and `(other)` as the last row if there is one."""
        if not self._has_begun:
            return ()
        hits, sent, errors = table.totals()
        counted = np.flatnonzero(hits[1:]) + 1
        self._reach(len(hits))
        groups = self._groups[counted]
        counted, groups = counted[groups >= 0], groups[groups >= 0]
        sums = np.zeros((len(self._numbers), 3), np.int64)
        for column, totals in enumerate((hits, sent, errors)):
            np.add.at(sums[:, column], groups, totals[counted])
        rows = [top_row(name, *sums[at].tolist()) for name, at in self._numbers.items()]
        best = sorted((row for row in rows if row.hits), key=lambda row: (-row.hits, row.name))
        best = best[:limit]
        if table.estimated:
            others = (int(totals[OTHER_ID]) for totals in (hits, sent, errors))
            best.append(top_row(OTHER, *others))
        return tuple(best)

    def _reach(self, size: int) -> None:
        missing = size - len(self._groups)
        if missing > 0:
            more = max(missing, len(self._groups))
            self._groups = np.append(self._groups, np.full(more, _NONE, np.int32))
            self._is_known = np.append(self._is_known, np.zeros(more, np.bool_))
