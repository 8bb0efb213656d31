"""Slices: what one batch contributes to each dimension of a report.

A slice numbers the distinct values in the batch and has, for each row, its value and its visitor;
sums are already added up. Slices of many batches make a tally.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.native.columns import column_of
from glancemetrics.native.strings import codes_of, compacted
from glancemetrics.native.sums import HITS, sums_by_code
from glancemetrics.records import schema as records
from glancemetrics.records.dimensions import PATH, STATUS, Coded, code
from glancemetrics.records.duration_bins import bucket_of
from glancemetrics.records.grouping import sum_by
from glancemetrics.records.names import all_shortened
from glancemetrics.records.schema import ORIGIN, microseconds
from glancemetrics.records.zones import offsets_at
from glancemetrics.reporting.visitors import Hashes, visitor_hashes

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

_NONE: Int64s = np.zeros(0, np.int64)

FROM = "\n"
"""Separates a path from the referrer that led to it; no log line has it in a field."""


class Base(enum.Enum):
    """What is counted by; every panel is based on one of these."""

    TIME = "time"
    """Local minute (seconds since the epoch, as if the zone were UTC)."""
    HOST = "host"
    PATH = "path"
    NOT_FOUND = "not found"
    """Paths of requests with status 404."""
    NOT_FOUND_FROM = "not found from"
    """The same with the referrer: `path FROM referrer`."""
    SERVER_ERROR = "server error"
    """Paths of requests with status 5xx."""
    REFERRER = "referrer"
    AGENT = "agent"
    STATUS = "status"
    METHOD = "method"
    PROTOCOL = "protocol"
    USER = "user"
    VHOST = "vhost"


Counted = Base | str
"""One of these, or the name of an extra field (`--keep`)."""


BASE_COLUMNS = {
    Base.HOST: "host",
    Base.REFERRER: "referrer",
    Base.AGENT: "agent",
    Base.METHOD: "method",
    Base.PROTOCOL: "protocol",
    Base.USER: "user",
    Base.VHOST: "vhost",
}


@attrs.frozen(eq=False)
class _Coded:
    codes: Int32s
    names: pa.Array
    are_short: bool = False
    """Whether the names need not be shortened, like those joined from shortened ones."""


@attrs.frozen(eq=False)
class Slice:
    """One dimension of one batch."""

    names: pa.Array
    """Distinct values: int64 for `Base.TIME`, strings for all others."""
    codes: Int32s
    """For each row the number of its value, -1 for none; for all rows or for some."""
    visitors: Hashes
    """For each of these rows, the hash of its visitor."""
    sums: Int64s
    """By value and `native.sums` field: hits, bytes, errors."""
    micros: Int64s
    """By value, the sum of durations in microseconds; empty if no row has one."""
    durations: Int64s
    """For each row with a duration: its value's code, shifted left by 32, and its bucket."""


@attrs.frozen(eq=False)
class Slices:
    """Everything that a report needs from one batch."""

    records: int
    bytes: int
    errors: int
    client_errors: int
    server_errors: int
    oldest: int
    """Microseconds since the epoch; like the next, meaningless without records."""
    newest: int
    visitors: Hashes
    """The hash of each record's visitor."""
    by: dict[Counted, Slice]
    """Dimensions that have values in the batch."""


def slices_of(batch: pa.RecordBatch, zone: ZoneInfo | None = None) -> Slices:
    """Slice a batch of `records.SCHEMA`; days and minutes are in `zone`, by default UTC.

    Its other columns are extra fields, and the source, which is not sliced.
    """
    if not batch.num_rows:
        return Slices(0, 0, 0, 0, 0, 0, 0, np.zeros(0, np.uint64), {})
    times = microseconds(batch)
    local = times // 1_000_000
    if zone is not None:
        local = local + offsets_at(local, zone)
    visitors = visitor_hashes(batch, local)
    facts = _Facts.of(batch, visitors)
    by: dict[Counted, Slice] = {}
    for base, coded, rows in _coded(batch, local, facts.statuses):
        part = facts.slice(coded, rows)
        if len(part.names):
            by[base] = part
    return Slices(
        batch.num_rows,
        int(facts.sizes.sum()),
        int(np.count_nonzero(facts.errors)),
        int(np.count_nonzero(facts.errors & (facts.statuses < 500))),
        int(np.count_nonzero(facts.errors & (facts.statuses >= 500))),
        int(times.min()),
        int(times.max()),
        visitors,
        by,
    )


def _coded(
    batch: pa.RecordBatch, local: Int64s, statuses: Int64s
) -> Iterator[tuple[Counted, _Coded, Int64s | None]]:
    """Yield each dimension, and the rows it covers (`None`: all)."""
    yield Base.TIME, _minutes(local), None
    paths = _narrow(code(batch, PATH))
    yield Base.PATH, paths, None
    yield Base.STATUS, _narrow(code(batch, STATUS)), None
    kept = {name: name for name in batch.schema.names[len(records.SCHEMA) :] if name not in ORIGIN}
    columns: list[tuple[Counted, str]] = [*BASE_COLUMNS.items(), *kept.items()]
    for base, name in columns:
        column = batch.column(name)
        if column.null_count < len(column):
            yield base, _Coded(codes_of(column), column.dictionary), None
    missing = np.flatnonzero(statuses == 404)
    if len(missing):
        yield Base.NOT_FOUND, paths, missing
        referrers = batch.column("referrer")
        led = missing[pc.is_valid(referrers).to_numpy(zero_copy_only=False)[missing]]
        if len(led):
            yield Base.NOT_FOUND_FROM, _joined(paths, referrers, led), led
    failed = np.flatnonzero((statuses >= 500) & (statuses < 600))
    if len(failed):
        yield Base.SERVER_ERROR, paths, failed


def _narrow(coded: Coded) -> _Coded:
    return _Coded(coded.codes.astype(np.int32), coded.names)


def _minutes(local: Int64s) -> _Coded:
    minutes = local // 60 * 60
    starts = np.flatnonzero(np.diff(minutes, prepend=minutes[0] - 1))
    if len(starts) > len(minutes) // 8:  # they are not in order
        encoded = pc.dictionary_encode(column_of(minutes))
        return _Coded(encoded.indices.to_numpy(), encoded.dictionary)
    runs = np.diff(starts, append=len(minutes))
    codes = np.repeat(np.arange(len(starts), dtype=np.int32), runs)
    return _Coded(codes, column_of(minutes[starts]))


def _joined(paths: _Coded, referrers: pa.DictionaryArray, rows: Int64s) -> _Coded:
    """Join path and referrer of some rows; codes are by row of the whole batch."""
    take = column_of(rows)
    pairs = pc.dictionary_encode(
        pc.binary_join_element_wise(
            pc.take(all_shortened(paths.names), column_of(paths.codes[rows])),
            pc.take(all_shortened(referrers.dictionary), pc.take(referrers.indices, take)),
            pa.scalar(FROM, pa.string()),
        )
    )
    codes = np.full(len(paths.codes), -1, np.int32)
    codes[rows] = pairs.indices.to_numpy()
    return _Coded(codes, pairs.dictionary, are_short=True)


@attrs.frozen(eq=False)
class _Facts:
    """What is summed for each row."""

    visitors: Hashes
    statuses: Int64s
    sizes: Int64s
    errors: Bools
    micros: Int64s
    buckets: Int64s
    timed: Bools | None
    """Rows with a duration; `None` if no row has one."""

    @classmethod
    def of(cls, batch: pa.RecordBatch, visitors: Hashes) -> _Facts:
        statuses = records.statuses(batch)
        durations = batch.column("duration")
        none: Int64s = np.zeros(0, np.int64)
        micros, buckets, timed = none, none, None
        if durations.null_count < len(durations):
            timed = pc.is_valid(durations).to_numpy(zero_copy_only=False)
            seconds = np.maximum(pc.fill_null(durations, 0.0).to_numpy(), 0.0)
            micros, buckets = np.rint(seconds * 1e6).astype(np.int64), bucket_of(seconds)
        return cls(
            visitors,
            statuses,
            records.sizes(batch),
            records.are_errors(statuses),
            micros,
            buckets,
            timed,
        )

    def slice(self, coded: _Coded, rows: Int64s | None) -> Slice:
        """Count one dimension, for all rows or for some."""
        codes, names = coded.codes, coded.names

        def of(values: Any) -> Any:
            return values if rows is None else values[rows]

        if rows is None:
            sums = sums_by_code(codes, self.sizes, self.errors, len(names))
        if rows is not None or not sums[:, HITS].all():
            # Only some of the values occur.
            codes, which = compacted(of(codes), len(names))
            names = pc.take(names, column_of(which))
            sums = sums_by_code(codes, of(self.sizes), of(self.errors), len(names))
        if pa.types.is_string(names.type) and not coded.are_short:
            names = all_shortened(names)
        micros = durations = _NONE
        if self.timed is not None:
            timed = of(self.timed) & (codes >= 0)
            micros = sum_by(codes[timed], of(self.micros)[timed], len(names))
            durations = (codes[timed].astype(np.int64) << 32) | of(self.buckets)[timed]
        return Slice(names, codes, of(self.visitors), sums, micros, durations)
