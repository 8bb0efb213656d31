"""Cells as tables, to be saved; other programs can read them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.history.cell import STATUS_CLASSES, Cell
from glancemetrics.history.durations import Durations
from glancemetrics.history.visitors import Visitors
from glancemetrics.native.sums import LARGEST
from glancemetrics.records.duration_bins import BUCKETS
from glancemetrics.records.grouping import sum_by

Int64s = npt.NDArray[np.int64]

VERSION = "1"

_TIME = pa.timestamp("us", tz="UTC")
_CLASSES = [f"class_{name}" for name in STATUS_CLASSES]
_COUNTS = ["hits", "bytes", *_CLASSES, "timed", "duration_us"]
_VERSION_KEY, _WIDTH_KEY = b"glancemetrics.version", b"glancemetrics.width"
_SECOND = 1_000_000

SCHEMA = pa.schema(
    [
        ("start", _TIME),
        *((name, pa.int64()) for name in _COUNTS),
        ("duration_buckets", pa.list_(pa.int16())),
        ("duration_counts", pa.list_(pa.int64())),
        ("visitors", pa.binary()),
        ("first", _TIME),
        ("last", _TIME),
    ]
)
"""A row per cell, in order.

`start` is when it begins; `first` and `last` are the times of its oldest and newest record. `hits`
is the number of records, `class_2xx` of those with such a status, `timed` of those with a duration.
`bytes` and `duration_us` (microseconds) are sums, limited to the largest int64. Durations of a
bucket are about `records.duration_bins.seconds_of(bucket)`. `visitors` is described at
`history.visitors.Visitors.to_bytes`. The metadata hold the version and the width of the cells.
"""


def metadata_of(width: int) -> dict[bytes, str]:
    """Return the metadata of a table with cells of `width` seconds."""
    return {_VERSION_KEY: VERSION, _WIDTH_KEY: str(width)}


def table_of(cells: Mapping[int, Cell], width: int) -> pa.Table:
    """Return the table for cells of `width` seconds, keyed by the second at which they begin."""
    starts = sorted(cells)
    kept = [cells[start] for start in starts]
    counts = [
        (
            cell.hits,
            min(cell.bytes, LARGEST),
            *cell.status_classes,
            cell.timed,
            min(cell.duration_us, LARGEST),
        )
        for cell in kept
    ]
    columns = [
        _times(np.array(starts, np.int64) * _SECOND),
        *map(pa.array, np.array(counts, np.int64).reshape(-1, len(_COUNTS)).T.copy()),
        _lists([cell.durations.buckets for cell in kept], np.int16),
        _lists([cell.durations.counts for cell in kept], np.int64),
        pa.array([cell.visitors.to_bytes() for cell in kept], pa.binary()),
        _times(np.array([cell.first for cell in kept], np.int64)),
        _times(np.array([cell.last for cell in kept], np.int64)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA.with_metadata(metadata_of(width)))


def cells_in(table: pa.Table, width: int) -> dict[int, Cell]:
    """Return the cells of a table. Raises `ValueError` for another version, or if damaged."""
    metadata = table.schema.metadata or {}
    version = metadata.get(_VERSION_KEY, b"none").decode(errors="replace")
    if version != VERSION:
        raise ValueError(f"rollups of version {version}: version {VERSION} is needed")
    try:
        return _cells(table, width)
    except ValueError as error:
        raise ValueError(f"rollups of {width} s are damaged: {error}") from None


def _cells(table: pa.Table, width: int) -> dict[int, Cell]:
    if (table.schema.metadata or {}).get(_WIDTH_KEY) != str(width).encode():
        raise ValueError("cells of another width")
    if not table.schema.equals(SCHEMA):
        raise ValueError("unexpected columns")
    table.validate(full=True)
    columns = {name: table.column(name).combine_chunks() for name in SCHEMA.names}
    if any(column.null_count for column in columns.values()):
        raise ValueError("missing value")
    times = {
        name: pc.cast(columns[name], pa.int64()).to_numpy() for name in ("start", "first", "last")
    }
    counts = {name: columns[name].to_numpy() for name in _COUNTS}
    buckets, ends = _flat(columns["duration_buckets"])
    bucket_counts, count_ends = _flat(columns["duration_counts"])
    if not np.array_equal(ends, count_ends):
        raise ValueError("different numbers of buckets and counts")
    _check_times(times, width)
    _check_counts(counts)
    _check_durations(counts["timed"], buckets, bucket_counts, ends)
    begins = np.append(0, ends)
    by_class = zip(*(counts[name].tolist() for name in _CLASSES), strict=True)
    rows = zip(
        (times["start"] // _SECOND).tolist(),
        counts["hits"].tolist(),
        counts["bytes"].tolist(),
        by_class,
        counts["duration_us"].tolist(),
        itertools.pairwise(begins.tolist()),
        columns["visitors"].to_pylist(),
        times["first"].tolist(),
        times["last"].tolist(),
        strict=True,
    )
    return {
        start: Cell(
            hits,
            size,
            classes,
            duration_us,
            Durations.of(buckets[begin:end], bucket_counts[begin:end]),
            Visitors.from_bytes(visitors),
            first,
            last,
        )
        for start, hits, size, classes, duration_us, (begin, end), visitors, first, last in rows
    }


def _check_times(times: Mapping[str, Int64s], width: int) -> None:
    start, first, last = times["start"], times["first"], times["last"]
    if (start % (width * _SECOND)).any() or (np.diff(start) <= 0).any():
        raise ValueError("cells begin at wrong times")
    if not ((start <= first) & (first <= last) & (last < start + width * _SECOND)).all():
        raise ValueError("records outside the time of their cell")


def _check_counts(counts: Mapping[str, Int64s]) -> None:
    hits = counts["hits"]
    if any((column < 0).any() for column in counts.values()) or (hits == 0).any():
        raise ValueError("count too low")
    if any((counts[name] > hits).any() for name in (*_CLASSES, "timed")):
        raise ValueError("a part is larger than the whole")
    if (np.sum([counts[name] for name in _CLASSES], axis=0) != hits).any():
        raise ValueError("hits differ from the sum of the status classes")


def _check_durations(timed: Int64s, buckets: Int64s, counts: Int64s, ends: Int64s) -> None:
    cell = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    if ((buckets < 0) | (buckets >= BUCKETS)).any():
        raise ValueError("invalid duration bucket")
    if (np.diff(cell * BUCKETS + buckets) <= 0).any():
        raise ValueError("duration buckets are not in order")
    if (counts <= 0).any() or (sum_by(cell, counts, len(ends)) != timed).any():
        raise ValueError("number of durations differs from the sum of the buckets")


def _times(micros: Int64s) -> pa.Array:
    return pa.array(micros).view(_TIME)


def _lists(parts: Sequence[npt.NDArray[np.integer]], kind: type[np.integer]) -> pa.Array:
    ends = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    values = np.concatenate([np.zeros(0, kind), *parts], dtype=kind, casting="same_kind")
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(values))


def _flat(lists: pa.ListArray) -> tuple[Int64s, Int64s]:
    """Return the values of all lists, and where each list ends."""
    values = lists.flatten()
    if values.null_count:
        raise ValueError("missing value")
    return values.to_numpy().astype(np.int64), np.cumsum(pc.list_value_length(lists).to_numpy())
