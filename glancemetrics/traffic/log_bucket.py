"""`LogBucket`: everything about one second of a log."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from glancemetrics.records.dimensions import Dimension
from glancemetrics.records.grouping import sum_by

Int64s = npt.NDArray[np.int64]

_PARTS_BEFORE_MERGE = 8


@attrs.frozen(eq=False)
class DimensionCounts:
    """Sparse counts of one dimension: row i belongs to the value with number `ids[i]`."""

    ids: npt.NDArray[np.int32]
    hits: Int64s
    bytes: Int64s
    errors: Int64s

    def __len__(self) -> int:
        return len(self.ids)


def merged(parts: list[DimensionCounts]) -> DimensionCounts:
    """Add up counts, so that each id occurs once."""
    if len(parts) == 1 and len(np.unique(parts[0].ids)) == len(parts[0]):
        return parts[0]
    ids, where = np.unique(np.concatenate([part.ids for part in parts]), return_inverse=True)
    return DimensionCounts(
        ids,
        *(
            sum_by(where, np.concatenate([getattr(part, name) for part in parts]), len(ids))
            for name in ("hits", "bytes", "errors")
        ),
    )


@attrs.define(eq=False)
class LogBucket:
    """What was logged for one second of event time. Grows while records for it arrive."""

    second: int
    """Seconds since the epoch."""
    hits: int = 0
    bytes: int = 0
    """Sum of the response sizes; records without a size add 0."""
    status_classes: Int64s = attrs.field(factory=lambda: np.zeros(10, np.int64))
    """Hits by hundreds of the status, 1 for 1xx and so on; 0 for no status."""
    _parts: dict[Dimension, list[DimensionCounts]] = attrs.field(factory=dict)

    @property
    def client_errors(self) -> int:
        return int(self.status_classes[4])

    @property
    def server_errors(self) -> int:
        return int(self.status_classes[5])

    def add_counts(self, dimension: Dimension, counts: DimensionCounts) -> None:
        parts = self._parts.setdefault(dimension, [])
        parts.append(counts)
        if len(parts) > _PARTS_BEFORE_MERGE:
            self._parts[dimension] = [merged(parts)]

    def counts(self, dimension: Dimension) -> DimensionCounts | None:
        """Return the counts of one dimension, each value once; `None` without any."""
        parts = self._parts.get(dimension)
        if not parts:
            return None
        if len(parts) > 1:
            parts[:] = [merged(parts)]
        return parts[0]

    def set_counts(self, dimension: Dimension, counts: DimensionCounts) -> None:
        self._parts[dimension] = [counts]
