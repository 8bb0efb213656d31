"""`Overlap`: recognizes records that are read again by a run without a checkpoint.

The checkpoint is missing, damaged, of another version or too old: logs are read from somewhere
before their ends, and only the records themselves show whether they are read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from loguru import logger

from actors.history.segments import SegmentGoneError
from actors.history.stored_segments import StoredSegment, logs_in
from glancemetrics.arrow import compute as pc
from glancemetrics.history.recorded import MissingRecordsError
from glancemetrics.native.strings import codes_of, string_hashes
from glancemetrics.records.schema import ORIGIN, SCHEMA, SOURCE, seconds, with_all

Hashes = npt.NDArray[np.uint64]

MOST_COMPARED = 5_000_000
"""Records of unfinished seconds; with more, the first of them may be there twice."""

_COLUMNS = (*SCHEMA.names, *ORIGIN)
_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)


class Overlap:
    """Leaves out records that are read again.

    Seconds before `until` are complete in the history. Later records are compared one by one: as
    many equal records are left out as the history has.
    """

    def __init__(self, until: int | None, stored: Sequence[StoredSegment]) -> None:
        """`until` is `None` if no second is known to be complete."""
        self._until = until
        self._logs = logs_in(stored)
        self._left: dict[int, int] = {}
        """{hash of a record that may be read again: how often it is there}"""
        self._end = until or 0
        """Records of this second or later are all new."""
        compared = 0
        for one in reversed(stored):
            if compared <= MOST_COMPARED and (until is None or one.newest >= until):
                with suppress(MissingRecordsError, SegmentGoneError):
                    compared += self._note(one.read(_COLUMNS))
        if compared > MOST_COMPARED:
            logger.warning(
                "history: some requests may be stored twice: only {:,} were compared", compared
            )

    def _note(self, batch: pa.RecordBatch) -> int:
        at = seconds(batch)
        late = np.flatnonzero(at >= self._until) if self._until is not None else np.arange(len(at))
        if len(late):
            self._end = max(self._end, int(at[late].max()) + 1)
            hashes, counts = np.unique(record_hashes(batch)[late], return_counts=True)
            for one, count in zip(hashes.tolist(), counts.tolist(), strict=True):
                self._left[one] = self._left.get(one, 0) + count
        return len(late)

    def is_over(self, second: int) -> bool:
        """Return whether everything logged from a second on is new."""
        return second > self._end

    def new_of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the records of a batch that are not in the history."""
        at = seconds(batch)
        if not len(at) or at.min() >= self._end:
            return batch
        is_new = np.ones(len(at), np.bool_)
        if self._until is not None:
            is_new &= (at >= self._until) | ~self._is_known(batch)
        again = np.flatnonzero(is_new & (at < self._end))
        if len(again) and self._left:
            is_new[again[self._are_there(record_hashes(batch)[again])]] = False
        return batch if is_new.all() else pc.filter(batch, pa.array(is_new))

    def _is_known(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Return which records come from logs that the history has."""
        column = batch.column(SOURCE)
        known = [name in self._logs for name in column.dictionary.to_pylist()]
        return np.array([*known, False])[codes_of(column)]

    def _are_there(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Return which records the history has; each of its records is used once."""
        there = np.zeros(len(hashes), np.bool_)
        for i, one in enumerate(hashes.tolist()):
            left = self._left.get(one, 0)
            if left:
                self._left[one] = left - 1
                there[i] = True
        return there


def record_hashes(batch: pa.RecordBatch) -> Hashes:
    """Hash the records of a batch, consistently over runs; extra fields do not matter."""
    batch = with_all(batch, _COLUMNS)
    hashes = np.zeros(batch.num_rows, np.uint64)
    for name in _COLUMNS:
        column = batch.column(name)
        if pa.types.is_dictionary(column.type):
            texts = np.append(string_hashes(pc.fill_null(column.dictionary, "")), np.uint64(0))
            values = texts[codes_of(column)]
        else:
            values = _bits(column)
        hashes = (hashes ^ values) * _FACTOR
        hashes ^= hashes >> _SHIFT
    return hashes


def _bits(column: pa.Array) -> Hashes:
    """Return numbers and times as 64 bits; null is all ones."""
    if pa.types.is_floating(column.type):
        bits = pc.fill_null(column, -1.0).to_numpy().astype(np.float64).view(np.uint64)
    else:
        bits = pc.fill_null(pc.cast(column, pa.int64()), -1).to_numpy().view(np.uint64)
    found: Hashes = bits
    return found
