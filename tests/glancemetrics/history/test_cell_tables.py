"""Cells survive tables, also files of them; what is damaged is refused."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.history.cell import Cell, cells_of
from glancemetrics.history.cell_tables import cells_in, table_of
from glancemetrics.native.sums import LARGEST
from glancemetrics.records.schema import MOST_BYTES
from tests.glancemetrics.history.cell_reference import ROWS, Row, batch_of
from tests.lines import BASE

WIDTH = 10


def through_ipc(table: pa.Table) -> pa.Table:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_file(sink.getvalue()).read_all()


def through_parquet(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(table, file)
    return pq.read_table(file)


def sample() -> dict[int, Cell]:
    """Three cells: of two timed records and one without a duration, of one, of many visitors."""
    start = BASE * 1_000_000
    rows = [Row(start, "a", 200, 7, 0.5), Row(start + 1, "b", 404, 1, 2.5), Row(start + 2)]
    rows += [Row(start + 10_000_000, "a", None, None, 0.25)]
    rows += [Row(start + 25_000_000, f"h{i}") for i in range(600)]
    return cells_of(batch_of(rows), WIDTH)


@pytest.mark.parametrize("through", [lambda table: table, through_ipc, through_parquet])
@given(rows=st.lists(ROWS, max_size=30), more=st.booleans())
def test_cells_are_the_same_after_a_table(
    through: Callable[[pa.Table], pa.Table], rows: list[Row], more: bool
) -> None:
    cells = cells_of(batch_of(rows), WIDTH) | (sample() if more else {})
    table = through(table_of(cells, WIDTH))
    assert cells_in(table, WIDTH) == cells
    assert cells_in(pa.concat_tables([table.slice(0, 1), table.slice(1)]), WIDTH) == cells


def test_a_table_can_be_read_by_people() -> None:
    first, second, third = table_of(sample(), WIDTH).to_pylist()
    assert f"{first['start']:%Y-%m-%d %H:%M:%S %Z}" == "2026-09-21 14:13:20 UTC"
    assert {key: first[key] for key in ("hits", "bytes", "class_2xx", "class_4xx", "timed")} == {
        "hits": 3,
        "bytes": 8,
        "class_2xx": 2,
        "class_4xx": 1,
        "timed": 2,
    }
    assert (first["duration_us"], first["duration_counts"]) == (3_000_000, [1, 1])
    assert second["class_other"] == 1
    assert [len(row["visitors"]) for row in (first, second, third)] == [8, 4, 2048]


def test_a_sum_that_no_int64_holds_is_written_as_the_largest() -> None:
    cells = cells_of(batch_of([Row(BASE * 1_000_000, bytes=MOST_BYTES)] * 140_000), WIDTH)
    (cell,) = cells_in(table_of(cells, WIDTH), WIDTH).values()
    assert cell.bytes == LARGEST


def changed(name: str, change: Callable[[list[Any]], None]) -> Callable[[pa.Table], pa.Table]:
    """Return what changes the values of a column."""

    def damage(table: pa.Table) -> pa.Table:
        field = table.field(name)
        is_time = pa.types.is_timestamp(field.type)
        values = table[name].cast(pa.int64() if is_time else field.type).to_pylist()
        change(values)
        damaged = pa.array(values, pa.int64() if is_time else field.type).cast(field.type)
        return table.set_column(table.schema.get_field_index(name), field, damaged)

    return damage


def set_to(row: int, value: object) -> Callable[[list[Any]], None]:
    return lambda values: values.__setitem__(row, value)


def to_metadata(**values: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.replace_schema_metadata(
        {f"glancemetrics.{key}": value for key, value in values.items()}
    )


DAMAGES = {
    "another version": to_metadata(version="2", width="10"),
    "no version": lambda table: table.replace_schema_metadata(None),
    "another width": to_metadata(version="1", width="60"),
    "a column less": lambda table: table.drop_columns(["bytes"]),
    "another type": lambda table: table.set_column(1, "hits", table["hits"].cast(pa.int32())),
    "a row twice": lambda table: pa.concat_tables([table, table.slice(2)]),
    "another order": lambda table: pa.concat_tables([table.slice(2), table.slice(0, 2)]),
    "no value": changed("bytes", set_to(0, None)),
    "no value in a list": changed("duration_counts", set_to(0, [1, None])),
    "a beginning between": changed("start", set_to(0, BASE * 1_000_000 - 1_000_000)),
    "a record before": changed("first", set_to(0, BASE * 1_000_000 - 1)),
    "a record behind": changed("last", set_to(0, BASE * 1_000_000 + 10_000_000)),
    "no hits": changed("hits", set_to(1, 0)),
    "less bytes than none": changed("bytes", set_to(0, -1)),
    "hits of no class": changed("hits", set_to(0, 4)),
    "more of a class": changed("class_2xx", set_to(0, 5)),
    "more durations": changed("timed", set_to(0, 3)),
    "less durations than none": changed("duration_us", set_to(0, -1)),
    "a bucket more": changed("duration_buckets", set_to(1, [1, 2])),
    "a bucket twice": changed("duration_buckets", set_to(0, [7, 7])),
    "a bucket below": changed("duration_buckets", set_to(0, [-1, 7])),
    "a bucket above": changed("duration_buckets", set_to(0, [7, 4096])),
    "an empty bucket": changed("duration_counts", set_to(0, [2, 0])),
    "visitors cut short": changed("visitors", set_to(2, b"abc")),
    "visitors of no rank": changed("visitors", set_to(2, b"\xff" * 2048)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_refused_with_a_sentence(
    damage: Callable[[pa.Table], pa.Table],
) -> None:
    table = table_of(sample(), WIDTH)
    assert cells_in(table, WIDTH) == sample()
    with pytest.raises(ValueError, match=r"^(the )?rollups of [^\n]+$"):
        cells_in(damage(table), WIDTH)


@given(st.data())
def test_any_damaged_byte_is_refused_or_read(data: st.DataObject) -> None:
    """A disk that forgets bits must not stop the monitor: nothing but a `ValueError` is raised."""
    table = table_of(sample(), WIDTH)
    name = data.draw(st.sampled_from(table.column_names))
    column = table.column(name).combine_chunks()
    buffers = [None if each is None else bytearray(each) for each in column.buffers()]
    buffer = data.draw(st.sampled_from([each for each in buffers if each]))
    place = data.draw(st.integers(0, len(buffer) - 1))
    buffer[place] ^= data.draw(st.integers(1, 255))
    inner = None
    kept = [None if each is None else pa.py_buffer(bytes(each)) for each in buffers]
    if pa.types.is_list(column.type):
        inner = [pa.Array.from_buffers(column.type.value_type, len(column.values), kept[2:])]
        kept = kept[:2]
    place_of_column = table.schema.get_field_index(name)
    with contextlib.suppress(ValueError):
        damaged = pa.Array.from_buffers(column.type, len(column), kept, children=inner)
        cells = cells_in(table.set_column(place_of_column, table.field(name), damaged), WIDTH)
        assert cells_in(table_of(cells, WIDTH), WIDTH) == cells
