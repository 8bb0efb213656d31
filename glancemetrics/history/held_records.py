"""`HeldRecords`: records of the history that are in memory."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pyarrow as pa

from glancemetrics.records.schema import joined, seconds, with_all


@attrs.frozen(eq=False)
class HeldRecords:
    """Records of consecutive ordinals."""

    first: int
    """The ordinal of the first."""
    batch: pa.RecordBatch
    """Of `records.SCHEMA`, with `source` and what is kept."""
    oldest: int
    """Whole seconds since the epoch."""
    newest: int
    nbytes: int
    """What they take."""

    @classmethod
    def of(cls, first: int, batch: pa.RecordBatch) -> HeldRecords:
        """Hold a batch that has rows."""
        at = seconds(batch)
        return cls(first, batch, int(at.min()), int(at.max()), batch.get_total_buffer_size())

    @property
    def rows(self) -> int:
        """How many they are."""
        count: int = self.batch.num_rows
        return count

    @property
    def end(self) -> int:
        """The ordinal after the last."""
        return self.first + self.rows

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some columns; one that they do not have is null."""
        return with_all(self.batch, columns)

    def since(self, ordinal: int) -> HeldRecords:
        """Return those from an ordinal on, of which there are some."""
        if ordinal <= self.first:
            return self
        return self.of(ordinal, self.batch.slice(ordinal - self.first))


def put_together(held: Sequence[HeldRecords]) -> HeldRecords:
    """Join neighbours, whose dictionaries become one: that is a third of the memory."""
    return HeldRecords.of(held[0].first, joined([one.batch for one in held]))


_TIERS = tuple(100_000 // 8**step for step in range(4, -1, -1))
"""Rows. Smaller neighbours are joined when together they have as many: so each record is joined
five times at most, and there are never many small ones."""


def due_for_joining(held: Sequence[HeldRecords]) -> list[HeldRecords]:
    """Return the last neighbours that are to become one next; none when nothing is to do."""
    for tier in _TIERS:
        group: list[HeldRecords] = []
        for one in reversed(held):
            if one.rows >= tier:
                break
            group.insert(0, one)
        if len(group) > 1 and sum(one.rows for one in group) >= tier:
            return group
    return []
