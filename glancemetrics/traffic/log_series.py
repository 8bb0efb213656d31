"""`LogSeries`: the buckets of the window, and its totals, kept up to date as it moves.

Adding costs only what is added, moving only what enters and leaves, and reading the insights only
depends on the distinct values, never on the records in the window.

Memory is bounded by a limit on the distinct values of each dimension, whatever the traffic: past
it the rarer half is folded into `(other)`, and the dimension is marked as estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.columns import column_of
from glancemetrics.native.sums import LARGEST
from glancemetrics.records.dimensions import HOST, USER, Dimension, code, live_dimensions
from glancemetrics.records.grouping import compact, distinct_keys, sum_by
from glancemetrics.records.names import NAME_LENGTH, shortened
from glancemetrics.records.schema import are_errors, sizes, statuses
from glancemetrics.state.tree import State
from glancemetrics.traffic.distinct import SlidingDistinct
from glancemetrics.traffic.grouped_values import GroupedValues
from glancemetrics.traffic.insights import Insights
from glancemetrics.traffic.log_bucket import DimensionCounts, LogBucket, merged
from glancemetrics.traffic.value_table import OTHER_ID, ValueTable

Int64s = npt.NDArray[np.int64]

DISTINCT_LIMIT = 50_000
"""Default number of distinct values tracked per dimension."""

_COUNTS_PER_VALUE = 20
"""Counts kept over the whole window, per value that may be tracked."""

_CLASSES = {0: "other", 1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}


@attrs.frozen(eq=False)
class _Rows:
    """The rows of a batch that belong to the series, as plain columns."""

    index: Int64s
    """Position of each row in the batch."""
    second: Int64s
    status: Int64s
    """0 without a status."""
    bytes: Int64s
    error: npt.NDArray[np.bool_]


class LogSeries:
    """Consecutive buckets of one second each, and the totals of the window over them.

    The window is the `window_seconds` before `end`, a second since the epoch that only moves
    forward (`advance`). Buckets at or after `end` wait until it reaches them.
    """

    def __init__(
        self,
        window_seconds: int,
        distinct_limit: int = DISTINCT_LIMIT,
        dimensions: Iterable[Dimension] | None = None,
    ) -> None:
        """`dimensions` to count; by default all live ones."""
        self.window_seconds = window_seconds
        live = live_dimensions() if dimensions is None else list(dimensions)
        self._grouped = {one: GroupedValues(one) for one in live if one.values_of is not None}
        self.end: int | None = None
        self._buckets: dict[int, LogBucket] = {}
        self._tables = {one: ValueTable(distinct_limit) for one in live if one.values_of is None}
        self._hosts = SlidingDistinct()
        self._hits = 0
        self._bytes = 0
        self._classes = np.zeros(10, np.int64)
        self._counts_per_bucket = max(16, distinct_limit * _COUNTS_PER_VALUE // window_seconds)

    def buckets(self) -> Iterator[LogBucket]:
        """Yield the existing buckets, oldest first; seconds without records have none."""
        return (self._buckets[second] for second in sorted(self._buckets))

    def add(self, batch: pa.RecordBatch, seconds: Int64s, since: int | None = None) -> None:
        """Add the records of a batch, each to its own second.

        `seconds` are the whole seconds of the batch's `time`. Records before the window are left
        out, and also those before `since`, if the caller knows the next start of the window.
        """
        starts = [] if self.end is None else [self._start()]
        starts += [] if since is None else [since]
        index = np.flatnonzero(seconds >= max(starts)) if starts else np.arange(batch.num_rows)
        if not len(index):
            return
        status = statuses(batch)[index]
        rows = _Rows(
            index,
            seconds[index],
            status,
            sizes(batch)[index],
            are_errors(status),
        )
        distinct, where = np.unique(rows.second, return_inverse=True)
        buckets = [self._bucket(second) for second in distinct.tolist()]
        self._add_sums(buckets, where, rows)
        for dimension in self._tables:
            self._add_dimension(dimension, batch, buckets, where, rows)

    def advance(self, end: int) -> None:
        """Move the window's end forward to `end`; a step back is ignored."""
        before = self.end
        if before is not None and end <= before:
            return
        start_before = None if before is None else before - self.window_seconds
        self.end = end
        for second in self._between(start_before, self._start()):
            bucket = self._buckets.pop(second)
            if before is not None and second < before:
                self._count_out(bucket)
        for second in self._between(before, end):
            self._count_in(self._buckets[second])

    def to_state(self) -> State:
        """Return the buckets, with their own numbering of the values."""
        buckets = list(self.buckets())
        return {
            "end": self.end,
            "seconds": np.array([bucket.second for bucket in buckets], np.int64),
            "hits": np.array([bucket.hits for bucket in buckets], np.int64),
            "bytes": np.array([min(bucket.bytes, LARGEST) for bucket in buckets], np.int64),
            "classes": np.array([bucket.status_classes for bucket in buckets], np.int64),
            "dimensions": {
                dimension.plural: self._dimension_state(buckets, dimension)
                for dimension in self._tables
            },
            "hosts": None if self.end is None else self._hosts.to_state(self._start()),
        }

    def restore(self, state: State) -> None:
        """Take over saved state, whose window may have had another length."""
        seconds = state["seconds"].tolist()
        for i, second in enumerate(seconds):
            self._buckets[second] = LogBucket(
                second, int(state["hits"][i]), int(state["bytes"][i]), state["classes"][i]
            )
        for dimension in self._tables:
            # Of a dimension that was not counted then, the window knows nothing yet.
            if (held := state["dimensions"].get(dimension.plural)) is not None:
                self._restore_dimension(seconds, dimension, held)
        if state["end"] is not None:
            self._hosts.restore(state["hosts"])
            self.advance(state["end"])

    def _dimension_state(self, buckets: list[LogBucket], dimension: Dimension) -> State:
        counted = [
            (i, counts)
            for i, bucket in enumerate(buckets)
            if (counts := bucket.counts(dimension)) is not None
        ]
        nothing = np.zeros(0, np.int64)
        ids = np.concatenate([nothing.astype(np.int32), *(counts.ids for _, counts in counted)])
        used, codes = np.unique(ids, return_inverse=True)
        table = self._tables[dimension]
        return {
            "names": ["" if number == OTHER_ID else table.name(number) for number in used.tolist()],
            "other": bool(len(used)) and int(used[0]) == OTHER_ID,
            "codes": codes.astype(np.int32),
            "buckets": np.repeat(
                np.array([i for i, _ in counted], np.int32),
                np.array([len(counts) for _, counts in counted], np.int64),
            ),
            **{
                name: np.concatenate([nothing, *(getattr(counts, name) for _, counts in counted)])
                for name in ("hits", "bytes", "errors")
            },
        }

    def _restore_dimension(self, seconds: list[int], dimension: Dimension, state: State) -> None:
        names, is_crowded = state["names"], state["other"]
        numbers = self._number(dimension, names[1:] if is_crowded else names)
        if is_crowded:
            numbers = np.concatenate([np.array([OTHER_ID], np.int32), numbers])
        ids = numbers[state["codes"]] if len(numbers) else np.zeros(0, np.int32)
        firsts = np.searchsorted(state["buckets"], np.arange(len(seconds) + 1))
        for i, second in enumerate(seconds):
            part = slice(int(firsts[i]), int(firsts[i + 1]))
            if part.start < part.stop:
                columns = (state[name][part] for name in ("hits", "bytes", "errors"))
                counts = merged([DimensionCounts(ids[part], *columns)])
                self._buckets[second].set_counts(dimension, counts)

    def insights(self, limits: dict[Dimension, int]) -> Insights:
        """Return the numbers of the window; `limits` is the number of rows per dimension."""
        assert self.end is not None, "advance() sets the window"
        hosts = self._tables[HOST]
        visitors = hosts.distinct()
        if hosts.estimated:
            visitors = max(visitors, round(self._hosts.estimate(self._start())))
        tops = {one: table.top(limits.get(one, 0)) for one, table in self._tables.items()}
        for one, grouped in self._grouped.items():
            tops[one] = grouped.top(self._table_under(one), limits.get(one, 0))
        classes = {name: int(self._classes[i]) for i, name in _CLASSES.items() if i}
        classes["other"] = self._hits - sum(classes.values())
        return Insights(
            end=self.end,
            window_seconds=self.window_seconds,
            hits=self._hits,
            bytes=self._bytes,
            visitors=visitors,
            known_users=self._tables[USER].distinct(),
            client_errors=int(self._classes[4]),
            server_errors=int(self._classes[5]),
            status_classes=classes,
            top={dimension: rows for dimension, rows in tops.items() if rows},
            estimated=frozenset(d for d in tops if self._table_under(d).estimated),
        )

    def rows_of(self, bucket: LogBucket, dimension: Dimension) -> dict[str, tuple[int, int, int]]:
        """Return a bucket's counts by name: hits, bytes, errors."""
        counts = bucket.counts(dimension)
        if counts is None:
            return {}
        table = self._tables[dimension]
        return {
            table.name(number): (hits, size, errors)
            for number, hits, size, errors in zip(
                counts.ids.tolist(),
                counts.hits.tolist(),
                counts.bytes.tolist(),
                counts.errors.tolist(),
                strict=True,
            )
        }

    def _table_under(self, dimension: Dimension) -> ValueTable:
        return self._tables[dimension.values_of or dimension]

    def _start(self) -> int:
        assert self.end is not None
        return self.end - self.window_seconds

    def _in_window(self, second: int) -> bool:
        return self.end is not None and self._start() <= second < self.end

    def _bucket(self, second: int) -> LogBucket:
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = LogBucket(second)
        return bucket

    def _between(self, start: int | None, end: int) -> list[int]:
        """Return the seconds with a bucket, from `start` (or the first) up to `end`, in order."""
        if start is not None and end - start <= len(self._buckets):
            return [second for second in range(start, end) if second in self._buckets]
        return sorted(
            second
            for second in self._buckets
            if second < end and (start is None or second >= start)
        )

    def _count_in(self, bucket: LogBucket) -> None:
        self._hits += bucket.hits
        self._bytes += bucket.bytes
        self._classes += bucket.status_classes
        for dimension, table in self._tables.items():
            self._thin(bucket, dimension)
            counts = bucket.counts(dimension)
            if counts is not None:
                table.enter(counts)

    def _count_out(self, bucket: LogBucket) -> None:
        self._hits -= bucket.hits
        self._bytes -= bucket.bytes
        self._classes -= bucket.status_classes
        for dimension, table in self._tables.items():
            counts = bucket.counts(dimension)
            if counts is not None:
                table.leave(counts)

    def _add_sums(self, buckets: list[LogBucket], where: Int64s, rows: _Rows) -> None:
        size = len(buckets)
        hits = np.bincount(where, minlength=size)
        sums = sum_by(where, rows.bytes, size)
        classes = np.bincount(
            where * 10 + np.minimum(rows.status // 100, 9), minlength=size * 10
        ).reshape(size, 10)
        for i, bucket in enumerate(buckets):
            bucket.hits += int(hits[i])
            bucket.bytes += int(sums[i])
            bucket.status_classes += classes[i]
            if self._in_window(bucket.second):
                self._hits += int(hits[i])
                self._bytes += int(sums[i])
                self._classes += classes[i]

    def _add_dimension(
        self,
        dimension: Dimension,
        batch: pa.RecordBatch,
        buckets: list[LogBucket],
        where: Int64s,
        rows: _Rows,
    ) -> None:
        coded = code(batch, dimension)
        codes = coded.codes[rows.index]
        known = codes >= 0
        if not known.any():
            return
        row_bytes, errors = rows.bytes, rows.error
        if not known.all():
            codes, where = codes[known], where[known]
            row_bytes, errors = row_bytes[known], errors[known]
        used, codes = compact(codes, len(coded.names))
        names = _names(pc.take(coded.names, column_of(used)))
        numbers = self._number(dimension, names)
        cells, hits, sums, failed = _grouped(where * len(used) + codes, row_bytes, errors)
        firsts = np.searchsorted(cells, np.arange(len(buckets) + 1) * len(used))
        ids = numbers[cells % len(used)]
        table = self._tables[dimension]
        crowded = OTHER_ID in numbers
        for i, bucket in enumerate(buckets):
            part = slice(int(firsts[i]), int(firsts[i + 1]))
            if part.start == part.stop:
                continue
            counts = DimensionCounts(ids[part], hits[part], sums[part], failed[part])
            if crowded:
                counts = merged([counts])
            bucket.add_counts(dimension, counts)
            if self._in_window(bucket.second):
                table.enter(counts)
        if dimension == HOST:
            seconds = np.array([bucket.second for bucket in buckets], np.int64)
            self._hosts.add(names, cells % len(used), seconds[cells // len(used)])

    def _number(self, dimension: Dimension, names: list[str]) -> npt.NDArray[np.int32]:
        table = self._tables[dimension]
        if len(table) + len(names) > table.limit:
            missing = table.missing(names)
            if len(table) + missing > table.limit:
                self._make_room(dimension, missing)
        numbers = table.number(names)
        for grouped in self._groupings_of(dimension):
            grouped.learn(names, numbers)
        return numbers

    def _groupings_of(self, dimension: Dimension) -> list[GroupedValues]:
        return [one for by, one in self._grouped.items() if by.values_of == dimension]

    def learn_groups(self) -> None:
        """Start grouping the values of grouped dimensions; the first time takes a while.

        Before that, grouped dimensions have no rows.
        """
        for dimension, grouped in self._grouped.items():
            grouped.begin(*self._table_under(dimension).named())

    def _make_room(self, dimension: Dimension, missing: int) -> None:
        """Forget values that are in no bucket; if that is not enough, fold the rarer ones too."""
        table = self._tables[dimension]
        weights = np.zeros(table.capacity, np.int64)
        for bucket in self._buckets.values():
            counts = bucket.counts(dimension)
            if counts is not None:
                weights[counts.ids] += counts.hits
        weights[OTHER_ID] = 0
        kept = weights > 0
        if int(np.count_nonzero(kept)) + missing > table.limit:
            room = min(table.limit // 2, int(np.count_nonzero(kept)))
            kept = np.zeros(table.capacity, np.bool_)
            if room:
                kept[np.argpartition(weights, len(weights) - room)[-room:]] = True
            kept[OTHER_ID] = True
            for bucket in self._buckets.values():
                counts = bucket.counts(dimension)
                if counts is not None:
                    self._fold(bucket, dimension, counts, ~kept[counts.ids])
        table.forget(kept)
        for grouped in self._groupings_of(dimension):
            grouped.forget(kept)

    def _thin(self, bucket: LogBucket, dimension: Dimension) -> None:
        """Fold a bucket's rarest values if one second has more than its share."""
        counts = bucket.counts(dimension)
        if counts is None or len(counts) <= self._counts_per_bucket:
            return
        gone = np.ones(len(counts), np.bool_)
        gone[np.argsort(-counts.hits, kind="stable")[: self._counts_per_bucket]] = False
        bucket.set_counts(dimension, _folded(counts, gone))

    def _fold(
        self,
        bucket: LogBucket,
        dimension: Dimension,
        counts: DimensionCounts,
        gone: npt.NDArray[np.bool_],
    ) -> None:
        if not gone.any():
            return
        less = _folded(counts, gone)
        bucket.set_counts(dimension, less)
        if self._in_window(bucket.second):
            self._tables[dimension].leave(counts)
            self._tables[dimension].enter(less)


def _folded(counts: DimensionCounts, gone: npt.NDArray[np.bool_]) -> DimensionCounts:
    ids = np.where(gone, OTHER_ID, counts.ids).astype(np.int32)
    return merged([attrs.evolve(counts, ids=ids)])


def _names(values: pa.Array) -> list[str]:
    names: list[str] = values.to_pylist()
    if pc.max(pc.binary_length(values)).as_py() > NAME_LENGTH:
        return [shortened(name) for name in names]
    return names


def _grouped(
    keys: Int64s, sizes: Int64s, errors: npt.NDArray[np.bool_]
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Group rows by key: the sorted distinct keys, and rows, bytes and errors for each."""
    cells, group = distinct_keys(keys)
    hits = np.bincount(group, minlength=len(cells))
    failed = np.bincount(group[errors], minlength=len(cells))
    return cells, hits, sum_by(group, sizes, len(cells)), failed
