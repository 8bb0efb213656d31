"""Records whose every column tells their ordinal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

from actors.history.segments import Segment, SegmentFolder
from glancemetrics.records.schema import SCHEMA, TEXT
from tests.lines import BASE

WITH_SOURCE = SCHEMA.append(pa.field("source", TEXT))

Row = dict[str, object]


def row(ordinal: int, **others: object) -> Row:
    return dict.fromkeys(WITH_SOURCE.names) | {
        "time": datetime.fromtimestamp(BASE + ordinal, UTC),
        "host": f"host{ordinal % 5}",
        "path": f"/{ordinal}",
        "user": None if ordinal % 3 else "u",
        "status": 200 + ordinal % 300,
        "bytes": ordinal,
        "source": "a.log",
        **others,
    }


def records(first: int, end: int, **others: object) -> pa.RecordBatch:
    """Return a record for each ordinal; other columns are text, the same in all."""
    schema = WITH_SOURCE
    for name in others:
        schema = schema.append(pa.field(name, TEXT))
    found = [row(ordinal, **others) for ordinal in range(first, end)]
    return pa.RecordBatch.from_pylist(found, schema=schema)


def rows_in(folder: SegmentFolder, segments: Sequence[Segment] | None = None) -> dict[int, Row]:
    """Return what a folder has, by ordinal; fails where an ordinal is there twice."""
    found: dict[int, Row] = {}
    end = 0
    for segment in folder.segments() if segments is None else segments:
        assert end <= segment.first < segment.end
        end = segment.end
        batch = folder.read(segment)
        assert batch.num_rows == segment.rows
        found.update(zip(range(segment.first, end), batch.to_pylist(), strict=True))
    return found


def expected(*ordinals: int) -> dict[int, Row]:
    return {ordinal: row(ordinal) for ordinal in ordinals}
