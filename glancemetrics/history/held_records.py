"""`HeldRecords`: records of the history in memory."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pyarrow as pa

from glancemetrics.records.schema import joined, seconds, with_all


@attrs.frozen(eq=False)
class HeldRecords:
    """Records with consecutive ordinals."""

    first: int
    """The ordinal of the first."""
    batch: pa.RecordBatch
    """Columns of `records.SCHEMA`, `source` and extra fields."""
    oldest: int
    """Whole seconds since the epoch."""
    newest: int
    nbytes: int
    """Memory used."""

    @classmethod
    def of(cls, first: int, batch: pa.RecordBatch) -> HeldRecords:
        """Hold a batch with at least one row."""
        at = seconds(batch)
        return cls(first, batch, int(at.min()), int(at.max()), batch.get_total_buffer_size())

    @property
    def rows(self) -> int:
        """The number of records."""
        count: int = self.batch.num_rows
        return count

    @property
    def end(self) -> int:
        """The ordinal after the last."""
        return self.first + self.rows

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some columns; missing ones are null."""
        return with_all(self.batch, columns)

    def since(self, ordinal: int) -> HeldRecords:
        """Return the records from an ordinal on; there must be some."""
        if ordinal <= self.first:
            return self
        return self.of(ordinal, self.batch.slice(ordinal - self.first))


def put_together(held: Sequence[HeldRecords]) -> HeldRecords:
    """Join neighbours, which then share dictionaries: that takes a third of the memory."""
    return HeldRecords.of(held[0].first, joined([one.batch for one in held]))


_TIERS = tuple(100_000 // 8**step for step in range(4, -1, -1))
"""Rows. Smaller neighbours are joined once they have this many together: so each record is joined
five times at most, and there are never many small batches."""


def due_for_joining(held: Sequence[HeldRecords]) -> list[HeldRecords]:
    """Return the last neighbours to join next; none if there is nothing to do."""
    for tier in _TIERS:
        group: list[HeldRecords] = []
        for one in reversed(held):
            if one.rows >= tier:
                break
            group.insert(0, one)
        if len(group) > 1 and sum(one.rows for one in group) >= tier:
            return group
    return []
