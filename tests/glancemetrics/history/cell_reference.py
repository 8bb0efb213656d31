"""Cells counted row by row in plain Python, to hold the fast ones against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from glancemetrics.history.cell import STATUS_CLASSES, Cell
from glancemetrics.records.schema import MOST_BYTES, MOST_SECONDS, SCHEMA
from tests.lines import BASE

LIMITS = (1e-6, 1e-3, 0.25, 0.3, 1.0, 60.0, 1e6, MOST_SECONDS * 2)
"""Seconds."""
SHARES = (0.0, 0.01, 0.5, 0.9, 0.99, 1.0)


@attrs.frozen
class Row:
    """What cells know of a record."""

    time: int
    """Microseconds since the epoch."""
    host: str | None = None
    status: int | None = 200
    bytes: int | None = None
    duration: float | None = None

    @property
    def second(self) -> int:
        return self.time // 1_000_000


def rows_at(seconds: st.SearchStrategy[int]) -> st.SearchStrategy[Row]:
    """Records of such seconds."""
    return st.builds(
        Row,
        st.builds(lambda second, micros: second * 1_000_000 + micros, seconds, MICROS),
        st.none() | st.sampled_from(["", "a", "b", "192.0.2.1", "2001:db8::1", "é"]),
        st.none() | st.sampled_from([0, 99, 100, 199, 200, 304, 404, 499, 500, 599, 600, 999]),
        st.none() | st.sampled_from([0, 1, 512, MOST_BYTES]),
        st.none() | st.sampled_from([0.0, 1e-7, 0.25, MOST_SECONDS]) | st.floats(1e-6, 1000),
    )


MICROS = st.sampled_from([0, 1, 500_000, 999_999])
ROWS = rows_at(st.integers(BASE, BASE + 200))


def batch_of(rows: Sequence[Row]) -> pa.RecordBatch:
    """A batch of `records.SCHEMA`."""
    values = [
        attrs.asdict(row) | {"time": pa.scalar(row.time, pa.timestamp("us", tz="UTC"))}
        for row in rows
    ]
    return pa.RecordBatch.from_pylist(values, schema=SCHEMA)


def classes(rows: Iterable[Row]) -> tuple[int, ...]:
    names = [
        f"{row.status // 100}xx" if row.status and 100 <= row.status < 600 else "other"
        for row in rows
    ]
    return tuple(names.count(name) for name in STATUS_CLASSES)


def check(cell: Cell, rows: Sequence[Row]) -> None:
    """Hold a cell against the records that it should be of."""
    durations = sorted(row.duration for row in rows if row.duration is not None)
    assert cell.hits == len(rows)
    assert cell.bytes == sum(row.bytes or 0 for row in rows)
    assert cell.status_classes == classes(rows)
    assert cell.timed == len(durations)
    assert cell.duration_us == sum(round(seconds * 1e6) for seconds in durations)
    for limit in LIMITS:
        # The limit itself is within one percent, but for rounding.
        surely = sum(seconds < limit / 1.0101 for seconds in durations)
        assert (
            surely <= cell.under(limit) <= sum(seconds <= limit * 1.0102 for seconds in durations)
        )
    assert cell.visitors.is_exact
    assert cell.visitors.estimate() == len({row.host for row in rows if row.host is not None})
    assert cell.first == min(row.time for row in rows)
    assert cell.last == max(row.time for row in rows)
    for share in SHARES:
        if not durations:
            assert cell.quantile(share) is None
            continue
        nearest = durations[max(1, math.ceil(share * len(durations) - 1e-9)) - 1]
        assert cell.quantile(share) == pytest.approx(nearest, rel=0.01 + 1e-9, abs=1e-6)
