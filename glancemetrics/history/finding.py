"""Finds records: newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.history.choice import ORDINAL, Choice
from glancemetrics.history.query import RecordQuery
from glancemetrics.history.recorded import MissingRecordsError, StoredRecords
from glancemetrics.records.schema import (
    ORIGIN,
    SCHEMA,
    empty_batch,
    joined,
    microseconds,
    with_all,
    with_source,
)


@attrs.frozen(eq=False)
class Found:
    """Records that were found."""

    table: pa.Table
    """Columns of `records.SCHEMA`, extra fields, and `source`."""
    has_more: bool
    """Whether more records follow."""
    troubles: tuple[str, ...]
    """What could not be read: a clause each."""


def find(query: RecordQuery, stored: Iterable[StoredRecords], connection: Any) -> Found:
    """Return records, newest first; of two with the same time, the one that arrived later.

    Raises `UsageError`.
    """
    choice = Choice(
        query.span,
        query.where,
        query.kept,
        connection,
        is_anonymized=query.is_anonymized,
        after=query.after,
    )
    columns = [*SCHEMA.names, *query.kept, *ORIGIN]
    end = query.offset + query.limit
    most = end + 1  # one more, to know whether more follow
    nothing = with_all(with_source(empty_batch(query.kept), ""), columns)
    nothing = nothing.append_column(ORDINAL, pa.array([], "int64"))
    found = _first([nothing], query, most)
    troubles: list[str] = []
    left = sorted(filter(choice.has_some_of, stored), key=lambda one: one.newest, reverse=True)
    if query.is_oldest_first:
        left.sort(key=lambda one: one.oldest)
    for one in left:
        # Once there are enough, parts that are completely behind them need not be read.
        last = _second_of_last(found) if found.num_rows == most else None
        if last is not None:
            is_behind = one.oldest > last if query.is_oldest_first else one.newest < last
            if is_behind:
                break
        try:
            more = choice.of(one, [*columns, ORDINAL])
        except MissingRecordsError as error:
            troubles.append(str(error))
            continue
        found = _first([*found.to_batches(), more], query, most)
    table = found.drop_columns([ORDINAL]).slice(query.offset, query.limit)
    return Found(table, found.num_rows > end, tuple(troubles))


def _second_of_last(found: pa.Table) -> int:
    micros: int = found.column("time")[-1].value
    return micros // 1_000_000


def _first(batches: Sequence[pa.RecordBatch], query: RecordQuery, most: int) -> pa.Table:
    table = pa.Table.from_batches([joined([b for b in batches if b.num_rows] or batches[:1])])
    times = microseconds(table)
    order = np.lexsort((table.column(ORDINAL).to_numpy(), times))
    if not query.is_oldest_first:
        order = order[::-1]
    return pc.take(table, pa.array(order[:most]))
