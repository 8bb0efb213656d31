"""`Overlap`: what a history has already when a run begins that knows of no checkpoint.

That is damaged, of another version or too old: logs are read from somewhere before their end, and
nothing but the time of a record tells whether it is read again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from actors.history.about import Gap
from actors.history.segments import SegmentGoneError
from actors.history.stored_segments import StoredSegment
from glancemetrics.history.recorded import MissingRecordsError
from glancemetrics.records.schema import seconds


class Overlap:
    """Leaves out the records that were read before."""

    def __init__(self, until: int) -> None:
        """Of seconds before `until` the history has all that was logged."""
        self.until = until
        self.gap: Gap | None = None
        """What was logged then was not read, neither before nor now."""
        self._is_first = True

    def new_of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the records of a batch that are not in the history."""
        at = seconds(batch)
        is_new = at >= self.until
        if self._is_first and len(at):
            self._is_first = False
            # Where nothing comes again, it is not read from where the last run ended.
            if at.min() > self.until:
                self.gap = Gap(self.until, int(at.min()))
        return batch if is_new.all() else batch.filter(pa.array(is_new))


def end_of_known(stored: Sequence[StoredSegment], until: int) -> int:
    """Return the ordinal after the last record that was logged before a second.

    What is behind it is of seconds that had not ended. Where several logs came in turn, some of
    that may be before it.
    """
    for one in reversed(stored):
        if one.oldest >= until:
            continue
        if one.newest < until:
            return one.end
        try:
            known = np.flatnonzero(seconds(one.read(["time"])) < until)
        except (MissingRecordsError, SegmentGoneError):
            return one.end
        if len(known):
            return one.first + int(known[-1]) + 1
    return stored[0].first if stored else 0
