"""`Choice`: selects the records that a query is about, and only the columns it needs.

Conditions on numbers are checked first, for each part of the history; the other columns are read
only for the remaining rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.history.query import Reached
from glancemetrics.history.recorded import StoredRecords
from glancemetrics.native.strings import codes_of, indices_of, used_texts
from glancemetrics.records.networks import anonymized_column, anonymized_lists
from glancemetrics.records.schema import ORIGIN, SCHEMA, TEXT, column_type, seconds
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.selecting.conjuncts import Conjunct, conjuncts_of
from glancemetrics.selecting.filters import Filters
from glancemetrics.selecting.sql import Where, shortened

ORDINAL = "ordinal"
WHOLE_HOST = "(whole host)"
"""The address as it was logged, where `host` is anonymized."""

_HOST = "host"
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


class Choice:
    """Selects the records that a query is about."""

    def __init__(
        self,
        span: TimeSpan,
        where: str | None,
        kept: Sequence[str],
        connection: Any,
        *,
        is_anonymized: bool = False,
        after: Reached | None = None,
    ) -> None:
        """`after`: without what is known. Raises `UsageError` for an invalid condition."""
        self._span = span
        self._after = after
        self._is_anonymized = is_anonymized
        parts: list[Conjunct] = []
        if where is not None:
            Where(where, kept, connection)
            parts = conjuncts_of(where, [*SCHEMA.names, *kept, *ORIGIN], connection)

        def asked(parts: list[Conjunct]) -> tuple[list[Conjunct], Filters]:
            expressions = [part.expression for part in parts]
            asked_by = f"--where {shortened(where or '')}"
            return parts, Filters(expressions, connection, kept, asked_by)

        self._numeric = asked([part for part in parts if part.is_numeric])
        self._others = asked([part for part in parts if not part.is_numeric])

    def has_some_of(self, stored: StoredRecords) -> bool:
        """Return whether some of the records may be in the span."""
        since, until, after = self._span.since, self._span.until, self._after
        return (
            (since is None or stored.newest >= since)
            and (until is None or stored.oldest < until)
            and (
                after is None
                or stored.newest >= after.second
                or stored.first + stored.rows > after.ordinal
            )
        )

    def of(self, stored: StoredRecords, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some columns of the selected records; `ORDINAL` and `WHOLE_HOST` are available."""
        chosen = _Chosen(_Anonymized(stored) if self._is_anonymized else stored)
        if not self._is_inside(stored):
            chosen.keep(self._in_span(chosen.columns(["time"])))
        if self._after is not None:
            chosen.keep(_is_new(chosen.columns(["time", ORDINAL]), self._after))
        # Numbers are read faster than texts, and exclude the most.
        for parts, conditions in (self._numeric, self._others):
            if parts and chosen.rows:
                needed = {name for part in parts for name in part.columns}
                # A condition without columns, like 1 = 1, still applies to each record.
                batch = chosen.columns(sorted(needed) or ["time"])
                chosen.keep(_all(conditions.keeps(batch)))
        return chosen.columns(columns)

    def _in_span(self, batch: pa.RecordBatch) -> Bools:
        since, until = self._span.since, self._span.until
        at = seconds(batch)
        kept = np.ones(len(at), np.bool_)
        if since is not None:
            kept &= at >= since
        if until is not None:
            kept &= at < until
        return kept

    def _is_inside(self, stored: StoredRecords) -> bool:
        since, until = self._span.since, self._span.until
        return (since is None or stored.oldest >= since) and (
            until is None or stored.newest < until
        )


def _is_new(batch: pa.RecordBatch, after: Reached) -> Bools:
    ordinals = batch.column(ORDINAL).to_numpy()
    found: Bools = (seconds(batch) >= after.second) | (ordinals >= after.ordinal)
    return found


class _Anonymized:
    """Stored records whose addresses have no last part."""

    def __init__(self, stored: StoredRecords) -> None:
        self._stored = stored
        self.first, self.rows = stored.first, stored.rows
        self.oldest, self.newest = stored.oldest, stored.newest

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """Return some columns, also `WHOLE_HOST`. Raises `MissingRecordsError`."""
        logged = [_HOST if name == WHOLE_HOST else name for name in columns]
        batch = self._stored.read(list(dict.fromkeys(logged)))
        arrays = [
            _anonymized(asked, batch.column(name))
            for asked, name in zip(columns, logged, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, list(columns))


def _anonymized(name: str, column: pa.Array) -> pa.Array:
    """Return a column as viewers may see it; fields of --keep may have addresses in them."""
    if name.lower() == _HOST:
        return anonymized_column(column)
    is_kept = name not in SCHEMA.names and name not in {*ORIGIN, WHOLE_HOST}
    return anonymized_lists(column) if is_kept and column.type == TEXT else column


class _Chosen:
    """Selected rows of stored records; columns are read when needed, once each."""

    def __init__(self, stored: StoredRecords) -> None:
        self._stored = stored
        self._places: Rows | None = None
        """The selected rows; `None`: all."""
        self._columns: dict[str, pa.Array] = {}

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self._stored.rows if self._places is None else len(self._places)

    def keep(self, kept: Bools) -> None:
        """Keep only some rows."""
        if kept.all():
            return
        rows = np.flatnonzero(kept)
        self._places = rows if self._places is None else self._places[rows]
        self._columns = {name: _taken(one, rows) for name, one in self._columns.items()}

    def columns(self, names: Sequence[str]) -> pa.RecordBatch:
        """Return some columns. Raises `MissingRecordsError`."""
        missing = [name for name in names if name not in self._columns]
        if ORDINAL in missing:
            missing.remove(ORDINAL)
            places = np.arange(self._stored.rows) if self._places is None else self._places
            self._columns[ORDINAL] = pa.array(self._stored.first + places)
        if missing and not self.rows:
            self._columns |= {name: pa.array([], column_type(name)) for name in missing}
        elif missing:
            batch = self._stored.read(missing)
            for name, column in zip(missing, batch.columns, strict=True):
                self._columns[name] = _taken(column, self._places)
        return pa.RecordBatch.from_arrays([self._columns[name] for name in names], list(names))


def _taken(column: pa.Array, rows: Rows | None) -> pa.Array:
    """Return some rows; a text column is reduced to the values in use."""
    if rows is None:
        return column
    taken = pc.take(column, pa.array(rows))
    return _compact(taken) if pa.types.is_dictionary(column.type) else taken


def _compact(column: pa.DictionaryArray) -> pa.DictionaryArray:
    if len(column.dictionary) <= len(column):
        return column
    codes, texts = used_texts(codes_of(column), column.dictionary)
    return pa.DictionaryArray.from_arrays(indices_of(codes), texts, safe=False)


def _all(kept: Mapping[str, Bools]) -> Bools:
    every: Bools = np.logical_and.reduce(list(kept.values()))
    return every
