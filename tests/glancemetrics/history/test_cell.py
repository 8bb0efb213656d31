"""Cells against records counted row by row."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.history.cell import cells_of, merged
from glancemetrics.records.schema import MOST_BYTES, MOST_SECONDS, empty_batch
from tests.glancemetrics.history.cell_reference import ROWS, Row, batch_of, check, rows_at
from tests.lines import BASE


@given(st.lists(ROWS, max_size=40), st.sampled_from([1, 7, 10, 60, 3600]))
def test_cells_hold_what_a_row_by_row_count_says(rows: list[Row], width: int) -> None:
    expected: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        expected[row.second // width * width].append(row)
    cells = cells_of(batch_of(rows), width)
    assert list(cells) == sorted(expected)
    for start, cell in cells.items():
        check(cell, expected[start])


@given(st.lists(rows_at(st.integers(-(10**8), 4 * 10**9)), min_size=1, max_size=9))
def test_records_of_any_time_may_be_in_one_batch(rows: list[Row]) -> None:
    cells = cells_of(batch_of(rows), 10)
    assert sum(cell.hits for cell in cells.values()) == len(rows)
    for start, cell in cells.items():
        check(cell, [row for row in rows if start <= row.second < start + 10])


def test_a_batch_without_records_has_no_cells() -> None:
    assert cells_of(empty_batch(), 60) == {}


def test_a_part_of_a_batch_is_counted_alone() -> None:
    rows = [Row(BASE * 1_000_000 + i, f"h{i}", 200 + i, i, i / 10) for i in range(9)]
    (cell,) = cells_of(batch_of(rows).slice(3, 4), 60).values()
    check(cell, rows[3:7])


@given(st.lists(st.lists(ROWS, min_size=1, max_size=12), min_size=1, max_size=5), st.data())
def test_cells_merge_in_any_order_and_grouping_to_the_same(
    parts: list[list[Row]], data: st.DataObject
) -> None:
    cells = [cells_of(batch_of(part), 1000).values() for part in parts]
    single = data.draw(st.permutations(list(itertools.chain.from_iterable(cells))))
    rows = list(itertools.chain.from_iterable(parts))
    whole = merged(single)
    check(whole, rows)
    cut = data.draw(st.integers(0, len(single)))
    grouped = [merged(group) for group in (single[:cut], single[cut:]) if group]
    assert merged(grouped) == whole
    assert merged(list(cells_of(batch_of(rows), 1000).values())) == whole


@pytest.mark.parametrize("count", [700, 3000])
def test_many_visitors_merge_in_any_order_to_the_same(count: int) -> None:
    hosts = [f"198.51.{i // 256}.{i % 256}" for i in range(count)]
    parts = [
        next(iter(cells_of(batch_of([Row(BASE * 1_000_000, host) for host in some]), 60).values()))
        for some in (hosts[:400], hosts[300:650], hosts[600:], hosts[:1])
    ]
    (whole,) = cells_of(batch_of([Row(BASE * 1_000_000, host) for host in hosts]), 60).values()
    assert not whole.visitors.is_exact
    for order in itertools.permutations(parts):
        assert merged(order).visitors == whole.visitors
        assert merged([merged(order[:2]), merged(order[2:])]).visitors == whole.visitors


def test_sums_are_exact_where_no_int64_holds_them() -> None:
    row = Row(BASE * 1_000_000, None, 200, MOST_BYTES, MOST_SECONDS)
    (cell,) = cells_of(batch_of([row] * 300_000), 60).values()
    assert cell.bytes == 300_000 * MOST_BYTES
    assert cell.duration_us == 300_000 * MOST_SECONDS * 1_000_000
    assert merged([cell, cell]).bytes == 600_000 * MOST_BYTES


def test_a_duration_below_zero_counts_as_none_took() -> None:
    (cell,) = cells_of(batch_of([Row(BASE * 1_000_000, duration=-2.0)]), 60).values()
    assert (cell.timed, cell.duration_us, cell.quantile(0.5)) == (1, 0, 0.0)
