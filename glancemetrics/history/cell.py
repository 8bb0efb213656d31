"""`Cell`: what is kept of a span of time, for all requests together.

Cells merge without loss: whatever the order and batches of the records, the result is the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.history.durations import Durations, merged_durations
from glancemetrics.history.visitors import HASH_BITS, Visitors, hashes_of, merged_visitors
from glancemetrics.native.strings import codes_of
from glancemetrics.records.duration_bins import BUCKETS, bucket_of
from glancemetrics.records.grouping import distinct_keys, exact_sums_by, sorted_distinct
from glancemetrics.records.schema import microseconds, sizes, statuses

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
"""The names of `Cell.status_classes`, in order."""

_OTHER = STATUS_CLASSES.index("other")
_SECOND = 1_000_000
"""Microseconds."""
_HASH = (1 << HASH_BITS) - 1


@attrs.frozen
class Cell:
    """What is kept of a span of time with at least one record."""

    hits: int
    bytes: int
    """Exact sum of the response sizes; records without a size add 0."""
    status_classes: tuple[int, ...]
    """Hits for each of `STATUS_CLASSES`; records without a status are among the others."""
    duration_us: int
    """Exact sum of the durations, in microseconds."""
    durations: Durations
    """Of records with a duration."""
    visitors: Visitors
    """The distinct hosts, of records with a host."""
    first: int
    """Time of the oldest record, in microseconds since the epoch."""
    last: int
    """Time of the newest record."""

    @property
    def timed(self) -> int:
        """Number of records with a duration."""
        return self.durations.count

    def under(self, seconds: float) -> int:
        """Return the number of records with a duration below one.

        That limit is within one percent.
        """
        return self.durations.under(seconds)

    def quantile(self, share: float) -> float | None:
        """Return the seconds that a share (0 to 1) of the durations does not exceed.

        By nearest rank, within one percent; `None` if no record has a duration.
        """
        return self.durations.quantile(share)


def merged(cells: Sequence[Cell]) -> Cell:
    """Merge one or more cells."""
    if len(cells) == 1:
        return cells[0]
    return Cell(
        sum(cell.hits for cell in cells),
        sum(cell.bytes for cell in cells),
        tuple(map(sum, zip(*(cell.status_classes for cell in cells), strict=True))),
        sum(cell.duration_us for cell in cells),
        merged_durations(cell.durations for cell in cells),
        merged_visitors(cell.visitors for cell in cells),
        min(cell.first for cell in cells),
        max(cell.last for cell in cells),
    )


def cells_of(batch: pa.RecordBatch, width: int) -> dict[int, Cell]:
    """Return the cells, `width` seconds each, for a batch of `records.SCHEMA`.

    Keys are the seconds since the epoch at which they begin: multiples of `width`.
    """
    return Rows.of(batch).cells(width)


@attrs.frozen(eq=False)
class Rows:
    """Records as plain columns for counting."""

    times: Int64s
    """Microseconds since the epoch."""
    status_classes: Int64s
    """Index into `STATUS_CLASSES`."""
    sizes: Int64s
    hosts: Int64s
    """The hash of each host, -1 for none."""
    buckets: Int64s
    """The bucket of each duration, -1 for none."""
    micros: Int64s
    """Durations in microseconds, 0 for none."""

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> Rows:
        """Convert a batch of `records.SCHEMA`."""
        hundreds = statuses(batch) // 100
        return cls(
            microseconds(batch),
            np.where((hundreds >= 1) & (hundreds <= 5), hundreds - 1, _OTHER),
            sizes(batch),
            _host_hashes(batch.column("host")),
            *_durations(batch.column("duration")),
        )

    def __len__(self) -> int:
        return len(self.times)

    def since(self, second: int) -> Rows:
        """Return the records that are not older than a second."""
        kept = self.times >= second * _SECOND
        if kept.all():
            return self
        return Rows(*(getattr(self, field.name)[kept] for field in attrs.fields(Rows)))

    def cells(self, width: int) -> dict[int, Cell]:
        """Count each cell of `width` seconds, by the second at which it begins."""
        if not len(self):
            return {}
        numbers = self.times // (width * _SECOND)
        lowest = int(numbers.min())
        used, cell = distinct_keys(numbers - lowest)
        size = len(used)
        classes = len(STATUS_CLASSES)
        by_class = np.bincount(cell * classes + self.status_classes, minlength=size * classes)
        oldest = np.empty(size, np.int64)
        oldest[cell] = self.times  # any of the cell's times, as a start
        newest = oldest.copy()
        np.minimum.at(oldest, cell, self.times)
        np.maximum.at(newest, cell, self.times)
        columns = zip(
            np.bincount(cell).tolist(),
            exact_sums_by(cell, self.sizes, size),
            map(tuple, by_class.reshape(size, classes).tolist()),
            exact_sums_by(cell, self.micros, size),
            self._durations_of(cell, size),
            self._visitors_of(cell, size),
            oldest.tolist(),
            newest.tolist(),
            strict=True,
        )
        starts = ((used + lowest) * width).tolist()
        return {start: Cell(*values) for start, values in zip(starts, columns, strict=True)}

    def _durations_of(self, cell: Int64s, size: int) -> Iterator[Durations]:
        timed = self.buckets >= 0
        keys = cell[timed] * BUCKETS + self.buckets[timed]
        keys, counts = np.unique(keys, return_counts=True)
        buckets = keys % BUCKETS
        for part in _parts(keys // BUCKETS, size):
            yield Durations.of(buckets[part], counts[part])

    def _visitors_of(self, cell: Int64s, size: int) -> Iterator[Visitors]:
        known = self.hosts >= 0
        keys = sorted_distinct(cell[known] << HASH_BITS | self.hosts[known])
        hashes = (keys & _HASH).astype(np.uint32)
        for part in _parts(keys >> HASH_BITS, size):
            yield Visitors.of(hashes[part])


def _parts(cells: Int64s, size: int) -> Iterator[slice]:
    """Yield the rows of each cell; rows are sorted by cell."""
    ends = np.searchsorted(cells, np.arange(size + 1)).tolist()
    yield from itertools.starmap(slice, itertools.pairwise(ends))


def _host_hashes(hosts: pa.DictionaryArray) -> Int64s:
    # Code -1 selects the last one.
    hashes = np.append(hashes_of(hosts.dictionary).astype(np.int64), -1)
    return hashes[codes_of(hosts)]


def _durations(durations: pa.DoubleArray) -> tuple[Int64s, Int64s]:
    if durations.null_count == len(durations):
        return np.full(len(durations), -1), np.zeros(len(durations), np.int64)
    timed = pc.is_valid(durations).to_numpy(zero_copy_only=False)
    seconds = np.maximum(pc.fill_null(durations, 0.0).to_numpy(), 0.0)
    return np.where(timed, bucket_of(seconds), -1), np.rint(seconds * _SECOND).astype(np.int64)
