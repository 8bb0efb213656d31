"""Segments as others read them, and as we do: the same records, column by column."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from actors.history.arrow_layout import layout_of
from actors.history.segment_format import as_stored, read_contents, to_bytes
from glancemetrics.records.schema import SCHEMA, TEXT
from tests.actors.history.records import WITH_SOURCE, records

ROWS = st.fixed_dictionaries(
    {
        "host": st.one_of(st.none(), st.sampled_from(["", "a", "::1"]), st.text(max_size=5)),
        "path": st.one_of(st.none(), st.just(""), st.text(max_size=3)),
        "status": st.one_of(st.none(), st.integers(0, 65_535)),
        "bytes": st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1)),
        "duration": st.one_of(st.none(), st.floats(allow_nan=False)),
        "X-Cache": st.one_of(st.none(), st.text(max_size=3)),
    }
)


def reader_of(data: bytes) -> tuple[object, list[tuple[int, int]]]:
    asked: list[tuple[int, int]] = []

    def read(at: int, length: int) -> bytes:
        asked.append((at, length))
        return data[at : at + length]

    return read, asked


@given(st.lists(ROWS, min_size=1, max_size=30), st.integers(0, 1 << 40))
def test_what_we_read_is_what_arrow_reads(rows: list[dict[str, object]], first: int) -> None:
    schema = WITH_SOURCE.append(pa.field("X-Cache", TEXT))
    nothing = dict.fromkeys(schema.names) | {"time": 0}
    batch = as_stored(pa.RecordBatch.from_pylist([nothing | row for row in rows], schema=schema))
    data, checksum = to_bytes(first, batch)
    read, _ = reader_of(data)
    contents = read_contents(read, len(data), checksum)
    theirs = ipc.open_file(pa.py_buffer(data)).get_batch(0)
    ours = contents.records(read)
    ours.validate(full=True)
    assert ours == theirs.replace_schema_metadata(None) == batch
    assert (contents.first, contents.rows) == (first, len(rows))
    for name in schema.names:
        assert contents.records(read, [name]) == batch.select([name])


def test_a_column_is_read_without_the_others() -> None:
    batch = as_stored(records(0, 100_000))
    data, checksum = to_bytes(0, batch)
    read, asked = reader_of(data)
    contents = read_contents(read, len(data), checksum)
    assert contents.records(read, ["status"]) == batch.select(["status"])
    assert sum(length for _, length in asked) < 0.25 * len(data)


@pytest.mark.parametrize("columns", [1, 30, 200])
def test_contents_may_be_long(columns: int) -> None:
    batch = as_stored(records(0, 3, **{f"field {i}": f"{i}" for i in range(columns)}))
    data, checksum = to_bytes(7, batch)
    read, _ = reader_of(data)
    assert read_contents(read, len(data), checksum).records(read) == batch


def test_what_is_no_arrow_file_has_no_layout() -> None:
    data, _ = to_bytes(0, as_stored(records(0, 3)))
    assert len(layout_of(memoryview(data)).records) == 2 * (len(SCHEMA) + 1)
    with pytest.raises(ValueError, match="not an Arrow IPC file"):
        layout_of(memoryview(b"x" * 100))
    with pytest.raises(ValueError, match="no Arrow message at 8"):
        layout_of(memoryview(data[:8] + bytes(8)))
