"""`Choice`: which records of the history a question is about, and only those columns it needs.

What a condition says of numbers is asked first, of each part of the history by itself; the other
columns are read only of what that leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.strings import codes_of, compacted, indices_of
from glancemetrics.records.schema import SCHEMA, SOURCE, seconds
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.selecting.conjuncts import Conjunct, conjuncts_of
from glancemetrics.selecting.sql import Conditions, Where, shortened

ORDINAL = "ordinal"

_FEW = 8
"""Columns that are read at once; of more, those that are numbers are read first."""

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


class MissingRecordsError(Exception):
    """Records of the history cannot be read, and will not be later; says so in a clause."""


class StoredRecords(Protocol):
    """Some records of the history, in the order in which they came."""

    @property
    def first(self) -> int:
        """The ordinal of the first: how many records came before it, in all runs."""
        ...

    @property
    def rows(self) -> int: ...

    @property
    def oldest(self) -> int:
        """Whole seconds since the epoch of the oldest of them."""
        ...

    @property
    def newest(self) -> int: ...

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some of their columns; one that they do not have is null.

        Raises `MissingRecordsError`.
        """
        ...


class Choice:
    """Which records a question is about."""

    def __init__(
        self, span: TimeSpan, where: str | None, kept: Sequence[str], connection: Any
    ) -> None:
        """Raises `UsageError` for a condition that is wrong."""
        self._span = span
        self._parts: list[Conjunct] = []
        self._numeric = self._others = Conditions((), connection)
        if where is not None:
            Where(where, kept, connection)
            columns = [*SCHEMA.names, *kept, SOURCE]
            self._parts = conjuncts_of(where, columns, connection)
            numeric = [part.expression for part in self._parts if part.is_numeric]
            others = [part.expression for part in self._parts if not part.is_numeric]
            self._numeric = Conditions(numeric, connection, kept, f"--where {shortened(where)}")
            self._others = Conditions(others, connection, kept, f"--where {shortened(where)}")

    def has_some_of(self, stored: StoredRecords) -> bool:
        """Tell whether some of the records may be in the span."""
        since, until = self._span.since, self._span.until
        return (since is None or stored.newest >= since) and (
            until is None or stored.oldest < until
        )

    def of(self, stored: StoredRecords, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some columns of those records that are wanted; `ORDINAL` is one that all have."""
        asked = [part for part in self._parts if not part.is_numeric]
        needed = {*columns, *(name for part in asked for name in part.columns)} - {ORDINAL}
        numbers = self._needed_first(stored)
        if len(needed | numbers) <= _FEW:
            # A part that is read twice costs more than a few columns.
            batch = stored.read(sorted(needed | numbers))
            rows = self._rows_by_number(stored, batch)
        else:
            rows = self._rows_by_number(stored, stored.read(sorted(numbers)) if numbers else None)
            batch = stored.read(sorted(needed))
        if ORDINAL in columns:
            ordinals = np.arange(stored.first, stored.first + stored.rows)
            batch = batch.append_column(ORDINAL, pa.array(ordinals))
        batch = _taken(batch, rows)
        if asked:
            batch = _taken(batch, np.flatnonzero(_all(self._others.keeps(batch))))
        return batch.select(list(columns))

    def _needed_first(self, stored: StoredRecords) -> set[str]:
        """Return the columns by which most records are left out: numbers, and the time."""
        parts = (part for part in self._parts if part.is_numeric)
        needed = {name for part in parts for name in part.columns}
        return needed if self._is_inside(stored) else needed | {"time"}

    def _rows_by_number(self, stored: StoredRecords, batch: pa.RecordBatch | None) -> Rows | None:
        """Return the rows in the span that have the numbers that are wanted; `None`: all."""
        is_inside = self._is_inside(stored)
        has_parts = any(part.is_numeric for part in self._parts)
        if batch is None or (is_inside and not has_parts):
            return None
        kept = np.ones(batch.num_rows, np.bool_)
        if not is_inside:
            at, span = seconds(batch), self._span
            kept &= at >= (span.since if span.since is not None else at.min(initial=0))
            kept &= at < span.until if span.until is not None else True
        if has_parts:
            kept &= _all(self._numeric.keeps(batch))
        return np.flatnonzero(kept)

    def _is_inside(self, stored: StoredRecords) -> bool:
        since, until = self._span.since, self._span.until
        return (since is None or stored.oldest >= since) and (
            until is None or stored.newest < until
        )


def _taken(batch: pa.RecordBatch, rows: Rows | None) -> pa.RecordBatch:
    """Return some rows, of which columns of text have only those values that they need."""
    if rows is None or len(rows) == batch.num_rows:
        return batch
    taken = batch.take(pa.array(rows))
    columns = [
        _compact(column) if pa.types.is_dictionary(column.type) else column
        for column in taken.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=taken.schema)


def _compact(column: pa.DictionaryArray) -> pa.DictionaryArray:
    names = column.dictionary
    if len(names) <= len(column):
        return column
    codes, used = compacted(codes_of(column), len(names))
    return pa.DictionaryArray.from_arrays(indices_of(codes), names.take(pa.array(used)))


def _all(kept: Mapping[str, Bools]) -> Bools:
    every: Bools = np.logical_and.reduce(list(kept.values()))
    return every
