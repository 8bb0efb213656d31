"""Cells as tables that other programs read, to be kept over a restart."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
"""A row for each cell, in their order.

`start` is when it begins; `first` and `last` when its oldest and newest records were logged. `hits`
are the records, `class_2xx` those of such a status, `timed` those that have a duration. `bytes` and
`duration_us` (microseconds) are sums; one that no int64 holds stays at the largest. The durations
of a bucket are around `records.duration_bins.seconds_of(bucket)`. `visitors` is what
`history.visitors.Visitors.to_bytes` says. The metadata tell the version and the width of the cells.
"""


def metadata_of(width: int) -> dict[bytes, str]:
    """Return the metadata of a table whose cells are `width` seconds wide."""
    return {_VERSION_KEY: VERSION, _WIDTH_KEY: str(width)}


def table_of(cells: Mapping[int, Cell], width: int) -> pa.Table:
    """Return the table of cells that are `width` seconds wide, by the second of their beginning."""
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
    """Return the cells of a table. Raises `ValueError` if it is of another version, or damaged."""
    metadata = table.schema.metadata or {}
    version = metadata.get(_VERSION_KEY, b"none").decode(errors="replace")
    if version != VERSION:
        raise ValueError(f"rollups of version {version} cannot be read: {VERSION} is needed")
    try:
        return _cells(table, width)
    except ValueError as error:
        raise ValueError(f"the rollups of {width} s are damaged: {error}") from None


def _cells(table: pa.Table, width: int) -> dict[int, Cell]:
    if (table.schema.metadata or {}).get(_WIDTH_KEY) != str(width).encode():
        raise ValueError("their cells are of another width")
    if not table.schema.equals(SCHEMA):
        raise ValueError("their columns are not those of rollups")
    table.validate(full=True)
    columns = {name: table.column(name).combine_chunks() for name in SCHEMA.names}
    if any(column.null_count for column in columns.values()):
        raise ValueError("a value is missing")
    times = {name: columns[name].cast(pa.int64()).to_numpy() for name in ("start", "first", "last")}
    counts = {name: columns[name].to_numpy() for name in _COUNTS}
    buckets, ends = _flat(columns["duration_buckets"])
    bucket_counts, count_ends = _flat(columns["duration_counts"])
    if not np.array_equal(ends, count_ends):
        raise ValueError("buckets and their counts are not as many")
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
        raise ValueError("cells do not begin where they should")
    if not ((start <= first) & (first <= last) & (last < start + width * _SECOND)).all():
        raise ValueError("records are not of the time of their cell")


def _check_counts(counts: Mapping[str, Int64s]) -> None:
    hits = counts["hits"]
    if any((column < 0).any() for column in counts.values()) or (hits == 0).any():
        raise ValueError("a count is below what it can be")
    if any((counts[name] > hits).any() for name in (*_CLASSES, "timed")):
        raise ValueError("of some records there are more than there are records")
    if (np.sum([counts[name] for name in _CLASSES], axis=0) != hits).any():
        raise ValueError("hits are not those of all classes of status")


def _check_durations(timed: Int64s, buckets: Int64s, counts: Int64s, ends: Int64s) -> None:
    cell = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    if ((buckets < 0) | (buckets >= BUCKETS)).any():
        raise ValueError("there is no such bucket of durations")
    if (np.diff(cell * BUCKETS + buckets) <= 0).any():
        raise ValueError("buckets of durations are not in order")
    if (counts <= 0).any() or (sum_by(cell, counts, len(ends)) != timed).any():
        raise ValueError("durations are not as many as in all buckets")


def _times(micros: Int64s) -> pa.Array:
    return pa.array(micros).view(_TIME)


def _lists(parts: Sequence[npt.NDArray[np.integer]], kind: type[np.integer]) -> pa.Array:
    ends = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    values = np.concatenate([np.zeros(0, kind), *parts], dtype=kind, casting="same_kind")
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(values))


def _flat(lists: pa.ListArray) -> tuple[Int64s, Int64s]:
    """Return the values of all lists, and where each ends."""
    values = lists.flatten()
    if values.null_count:
        raise ValueError("a value is missing")
    return values.to_numpy().astype(np.int64), np.cumsum(pc.list_value_length(lists).to_numpy())
