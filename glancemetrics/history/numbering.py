"""Numbers for texts, consistent over all batches of an answer."""

from __future__ import annotations

import pyarrow as pa

from glancemetrics.errors import UsageError
from glancemetrics.native.strings import StringTable, indices_of


class Numbering:
    """Numbers the texts of all batches: DuckDB groups numbers six times as fast."""

    def __init__(self, like: pa.RecordBatch, most_memory: int) -> None:
        """`like` is an example of the batches."""
        kinds = zip(like.schema.names, like.schema.types, strict=True)
        self._tables = {name: StringTable() for name, kind in kinds if pa.types.is_dictionary(kind)}
        self._most = most_memory
        self.schema = self.numbered(like).schema

    def numbered(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch with its texts replaced by numbers."""
        columns = [
            indices_of(self._tables[name].enter_column(column)) if name in self._tables else column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        if sum(table.nbytes for table in self._tables.values()) > self._most:
            raise too_large()
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def names(self, column: str) -> pa.StringArray:
        """Return the texts of a column, by number."""
        return self._tables[column].sealed()


def too_large() -> UsageError:
    return UsageError(
        "query exceeds its memory limit; narrow the time span or the filter, or group by a field "
        "with fewer values"
    )
