"""A live dimension whose names are groups of another one's values: browsers of user agents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.strings import codes_of
from glancemetrics.records.dimensions import OTHER, Dimension
from glancemetrics.traffic.insights import TopRow
from glancemetrics.traffic.value_table import OTHER_ID, ValueTable, top_row

Int32s = npt.NDArray[np.int32]

_NONE = -1
"""Of a value that is in no group, as a bot is of no browser."""


class GroupedValues:
    """Knows of each value of a table, by its number, which group it is in."""

    def __init__(self, dimension: Dimension) -> None:
        assert dimension.derive is not None
        self._derive = dimension.derive
        self._has_begun = False
        self._groups = np.full(1024, _NONE, np.int32)
        """By the number of a value, that of its group."""
        self._is_known = np.zeros(1024, np.bool_)
        self._numbers: dict[str, int] = {}
        """{group: number}"""

    def begin(self, names: list[str], numbers: Int32s) -> None:
        """Tell the groups of all values from here on; these are those that there are."""
        self._has_begun = True
        self.learn(names, numbers)

    def learn(self, names: list[str], numbers: Int32s) -> None:
        """Take in values and the numbers that they have."""
        if not self._has_begun or not len(numbers):
            return
        self._reach(int(numbers.max()) + 1)
        unknown = np.flatnonzero(~self._is_known[numbers] & (numbers != OTHER_ID))
        if not len(unknown):
            return
        derived = self._derive(pa.array([names[i] for i in unknown.tolist()], pa.string()))
        if not pa.types.is_dictionary(derived.type):
            derived = derived.dictionary_encode()
        names = derived.dictionary.to_pylist()
        own = [self._numbers.setdefault(n, len(self._numbers)) for n in names]
        self._groups[numbers[unknown]] = np.array([*own, _NONE], np.int32)[codes_of(derived)]
        self._is_known[numbers[unknown]] = True

    def forget(self, kept: npt.NDArray[np.bool_]) -> None:
        """Values whose number is not `kept` give it back; another may come to have it."""
        size = min(len(kept), len(self._is_known))
        self._is_known[:size] &= kept[:size]
        self._groups[~self._is_known] = _NONE
        # Groups without a value go too: who writes a user agent may name its bot as he likes.
        used = np.unique(self._groups[self._groups >= 0])
        names = list(self._numbers)
        self._numbers = {names[number]: i for i, number in enumerate(used.tolist())}
        new = np.full(len(names) + 1, _NONE, np.int32)
        new[used] = np.arange(len(used), dtype=np.int32)
        self._groups = new[self._groups]

    def top(self, table: ValueTable, limit: int) -> tuple[TopRow, ...]:
        """Return the groups with the most hits, and `(other)` as a last row where there is one."""
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
