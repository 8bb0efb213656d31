"""Rollups against all records, kept in a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import attrs
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glancemetrics.history.cell_tables import cells_in
from glancemetrics.history.rollups import LEVELS, RolledUp, Rollups
from tests.conftest import thorough
from tests.glancemetrics.history.cell_reference import Row, batch_of, check, rows_at
from tests.lines import BASE

HOUR, DAY = 3600, 86_400
NOW = BASE + 1234

AGES = (
    st.integers(-100, 30)
    | st.integers(3500, 4000)
    | st.integers(0, 13 * HOUR)
    | st.integers(0, 8 * DAY)
    | st.integers(0, 740 * DAY)
)
"""Seconds before `NOW`: around the edges of all levels."""
SECONDS = AGES.map(lambda age: NOW - age)
STEPS = st.none() | st.sampled_from([1, 5, 10, 15, 60, 90, 300, HOUR, 5400, DAY, 7 * DAY])
STEPS |= st.integers(1, 100_000)


@attrs.define
class Reference:
    """Records in a list, and which seconds are told apart of them."""

    rows: list[Row] = attrs.field(factory=list)
    newest: int | None = None
    too_old: int = 0
    begins: dict[int, int] = attrs.field(factory=dict)
    """The first second of which there are cells, by their width."""

    def add(self, batch: Sequence[Row]) -> None:
        if not batch:
            return
        newest = max(row.second for row in batch)
        self.newest = newest if self.newest is None else max(newest, self.newest)
        self.begins = {w: (self.newest + 1 - LEVELS[w]) // w * w for w in LEVELS}
        kept = [row for row in batch if row.second >= self.begins[HOUR]]
        self.too_old += len(batch) - len(kept)
        self.rows += kept

    def finest(self, second: int) -> int:
        """The width of the finest cells that are left of a second."""
        return next(width for width, begin in self.begins.items() if begin <= second)

    def between(self, since: int, until: int) -> list[Row]:
        return [r for r in self.rows if max(since, self.begins[HOUR]) <= r.second < until]


def filled(batches: Sequence[Sequence[Row]]) -> tuple[Rollups, Reference]:
    rollups, reference = Rollups(), Reference()
    for batch in batches:
        rollups.add(batch_of(batch))
        reference.add(batch)
    return rollups, reference


def check_answer(
    answer: RolledUp, reference: Reference, since: int, until: int, step: int | None
) -> None:
    """Hold an answer against the records of the span that it says it is about."""
    assert reference.newest is not None
    rows = reference.between(answer.since, answer.until)
    assert sum(cell.hits for cell in answer.cells.values()) == len(rows)
    if since == until or until <= reference.begins[HOUR]:
        assert answer.since == answer.until == until
        return

    # The span is that which was asked for, of whole cells.
    begin = max(since, reference.begins[HOUR])
    begin -= begin % reference.finest(begin)
    end = begin
    widths = {reference.finest(begin)}
    while end < min(until, reference.newest + 1):
        widths.add(reference.finest(end))
        end += reference.finest(end)
    assert (answer.since, answer.until) == (begin, max(end, until))

    # Each record is in the step that began last before it.
    assert list(answer.cells) == sorted(answer.cells)
    of_step: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        of_step[max(key for key in answer.cells if key <= row.second)].append(row)
    assert of_step.keys() == answer.cells.keys()
    for key, cell in answer.cells.items():
        check(cell, of_step[key])

    # Steps are those that were asked for, or it is said that they are not.
    if step is None:
        assert list(answer.cells) in ([], [answer.since])
        return
    for key, those in of_step.items():
        for row in those:
            assert row.second - key < max(step, answer.grain)
            if answer.grain <= step:
                assert key == row.second // step * step
    if all(step % width == 0 for width in widths):
        assert answer.grain <= step
    assert answer.grain >= max([reference.finest(row.second) for row in rows], default=min(LEVELS))


@given(
    st.lists(st.lists(rows_at(SECONDS), max_size=12), min_size=1, max_size=4),
    st.lists(st.tuples(SECONDS, SECONDS, STEPS), min_size=1, max_size=4),
)
@settings(max_examples=thorough(300, 5000))
def test_any_span_in_any_steps_is_what_the_records_say(
    batches: list[list[Row]], questions: list[tuple[int, int, int | None]]
) -> None:
    rollups, reference = filled(batches)
    assert rollups.too_old == reference.too_old
    for one, other, step in questions:
        since, until = sorted([one, other])
        answer = rollups.cells(since, until, step)
        if reference.newest is None:
            assert answer == RolledUp({}, since, until, 1)
        else:
            check_answer(answer, reference, since, until, step)


@given(st.lists(rows_at(SECONDS), min_size=1, max_size=25), st.data())
@settings(max_examples=thorough(100, 2000))
def test_any_order_and_split_leave_the_same_cells(rows: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    split, _ = filled(parts)
    whole, reference = filled([rows])
    assert split.to_tables() == whole.to_tables()
    for width, table in whole.to_tables().items():
        expected: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if row.second >= reference.begins[width]:
                expected[row.second // width * width].append(row)
        cells = cells_in(table, width)
        assert list(cells) == sorted(expected)
        for start, cell in cells.items():
            check(cell, expected[start])


@given(st.lists(rows_at(SECONDS), max_size=15), st.lists(rows_at(SECONDS), max_size=15))
def test_what_was_read_from_tables_goes_on_as_if_nothing_had_been(
    before: list[Row], after: list[Row]
) -> None:
    first, _ = filled([before])
    second = Rollups.from_tables(first.to_tables())
    assert second.reach == first.reach
    for rollups in (first, second):
        rollups.add(batch_of(after))
    assert second.to_tables() == first.to_tables()


@given(st.lists(rows_at(SECONDS), max_size=15))
def test_the_reach_is_the_oldest_second_that_is_counted(rows: list[Row]) -> None:
    rollups, reference = filled([rows])
    seconds = [row.second for row in reference.rows]
    assert rollups.reach == (min(seconds) if seconds else None)


def row(second: int) -> Row:
    return Row(second * 1_000_000)


def test_the_newest_record_moves_everything_forward() -> None:
    rollups, _ = filled([[row(NOW), row(NOW + 1)], [row(NOW + 800 * DAY)]])
    assert rollups.reach == NOW + 800 * DAY
    assert rollups.too_old == 0
    assert [table.num_rows for table in rollups.to_tables().values()] == [1, 1, 1, 1]
    rollups.add(batch_of([row(NOW)]))
    assert rollups.too_old == 1


@pytest.mark.parametrize("width", LEVELS)
def test_a_level_reaches_as_far_as_it_should_whatever_the_newest_second_is(width: int) -> None:
    named = {1: HOUR, 10: 12 * HOUR, 60: 7 * DAY, HOUR: 730 * DAY}[width]
    # A clock that is a minute fast, and a window that ends some seconds ago.
    since, until = NOW - 80 - named, NOW - 80
    rollups, _ = filled([[row(NOW), row(since), row(until)]])
    since, until = since // width * width, until // width * width
    answer = rollups.cells(since, until, width)
    assert (answer.since, answer.until, answer.grain) == (since, until, width)
    assert list(answer.cells) == [since]


def test_of_the_past_whole_cells_are_told() -> None:
    old = BASE // HOUR * HOUR - 100 * DAY
    rollups, _ = filled([[row(BASE), row(old + 60), row(old + HOUR + 1)]])
    answer = rollups.cells(old + 120, old + 180, 60)
    assert (answer.since, answer.until, answer.grain) == (old, old + HOUR, HOUR)
    assert {start: cell.hits for start, cell in answer.cells.items()} == {old: 1}


def test_steps_are_fine_again_where_fine_cells_are_left() -> None:
    edge = NOW + 1 - LEVELS[1]
    rollups, _ = filled(
        [[row(NOW), row(edge - 20), row(edge - 19), row(edge + 10), row(edge + 11)]]
    )
    answer = rollups.cells(edge - 30, NOW, 1)
    assert answer.grain == 10
    assert {start: cell.hits for start, cell in answer.cells.items()} == {
        (edge - 20) // 10 * 10: 2,
        edge + 10: 1,
        edge + 11: 1,
    }


def test_a_step_that_cells_do_not_make_up_is_longer_and_it_is_said() -> None:
    old = (NOW - DAY) // 360 * 360
    rollups, _ = filled([[row(NOW), row(old + 80), row(old + 110), row(old + 130)]])
    answer = rollups.cells(old, old + 180, 90)
    assert answer.grain == 120
    assert {start: cell.hits for start, cell in answer.cells.items()} == {
        old: 2,
        old + 120: 1,
    }


def test_a_cell_across_the_edge_of_a_level_is_told_whole() -> None:
    now = next(second for second in range(NOW, NOW + 10) if (second + 1 - LEVELS[1]) % 10 == 7)
    edge = now + 1 - LEVELS[1]
    rollups, _ = filled([[row(now), row(edge - 7), row(edge - 1), row(edge + 2), row(edge + 3)]])
    answer = rollups.cells(edge - 1, edge + 1, 1)
    assert (answer.since, answer.until, answer.grain) == (edge - 7, edge + 3, 10)
    assert {start: cell.hits for start, cell in answer.cells.items()} == {edge - 7: 3}


def test_no_second_is_in_two_steps_where_longer_ones_end() -> None:
    now = next(second for second in range(NOW, NOW + 60) if (second + 1 - LEVELS[1]) % 60 == 30)
    edge = now + 1 - LEVELS[1]
    rollups, _ = filled([[row(now), row(edge + 5), row(edge + 11), row(edge + 15)]])
    # From ten seconds before the edge on there is a step of 20 seconds instead of 15.
    answer = rollups.cells(edge - 10, now + 1, 15)
    assert answer.grain == 20
    assert list(answer.cells) == [edge - 10, edge + 10, edge + 15, now // 15 * 15]


def test_a_span_without_an_end_costs_no_more_than_what_is_kept() -> None:
    rollups, _ = filled([[row(NOW)]])
    answer = rollups.cells(0, 10**15, 1)
    assert answer.until == 10**15
    assert {start: cell.hits for start, cell in answer.cells.items()} == {NOW: 1}
    assert rollups.cells(NOW + 10**9, NOW + 10**12, 1).cells == {}


@pytest.mark.parametrize(("until", "step"), [(NOW - 1, 1), (NOW + 1, 0), (NOW + 1, -5)])
def test_a_span_that_is_none_is_refused(until: int, step: int) -> None:
    with pytest.raises(ValueError, match="invalid time span"):
        Rollups().cells(NOW, until, step)


def test_tables_that_do_not_belong_together_are_refused() -> None:
    tables = filled([[row(NOW)]])[0].to_tables()
    later = filled([[row(NOW + 1)]])[0].to_tables()
    wrong: list[dict[int, pa.Table]] = [
        {},
        {width: table for width, table in tables.items() if width != 60},
        tables | {60: later[60]},
        tables | {60: tables[10]},
        tables | {10: Rollups().to_tables()[10]},
    ]
    for each in wrong:
        with pytest.raises(ValueError, match=r"rollups [^\n]+$"):
            Rollups.from_tables(each)
