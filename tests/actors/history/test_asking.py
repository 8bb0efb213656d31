"""Answers of all that is kept, wherever it is, against those worked out record by record."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.history.segments import SegmentFolder
from actors.history.stored_segments import stored_in
from glancemetrics.errors import UsageError
from glancemetrics.history.asking import answer
from glancemetrics.history.held_records import HeldRecords
from glancemetrics.history.query import Query, RecordQuery
from glancemetrics.history.recorded import Hole, Recorded, known_seconds, unread_in
from glancemetrics.history.rollups import Rollups
from glancemetrics.records.schema import LogRecord
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.selecting.sql import connect
from tests.glancemetrics.history import reference
from tests.glancemetrics.history.test_answering import (
    BASE,
    CONDITIONS,
    QUERIES,
    RECORDS,
    SPANS,
    START,
    batch_of,
    flat,
)
from tests.glancemetrics.records.test_dimensions import NOTHING

PARTS = st.lists(st.lists(RECORDS, min_size=1, max_size=6), min_size=1, max_size=5)
CELLS = [name for name in reference.MEASURES if name != "users" and not name.startswith("under_")]
PLAIN = st.builds(
    lambda measures, **values: Query(measures=measures, **values),
    measures=st.lists(st.sampled_from(CELLS), min_size=1, max_size=4, unique=True),
    span=SPANS,
    step=st.none() | st.sampled_from([1, 10, 60]),
)


@pytest.fixture(scope="module")
def connection() -> Any:
    return connect()


def kept_in(folder: Path, parts: list[list[LogRecord]], on_disk: int, rolled: int) -> Recorded:
    """Keep some parts on disk and the others in memory, and some of all in rollups."""
    segments, held, rollups = SegmentFolder(folder), [], Rollups()
    unrolled, first = [], 0
    for number, part in enumerate(parts):
        batch = batch_of(part)
        if number < on_disk:
            segments.write(first, batch)
        else:
            held.append(HeldRecords.of(first, batch))
        if number < rolled:
            rollups.add(batch)
        else:
            unrolled.append(batch)
        first += len(part)
    while segments.merge():
        pass
    return Recorded(stored=(*stored_in(segments), *held), rollups=rollups, unrolled=tuple(unrolled))


@settings(max_examples=150)
@given(parts=PARTS, on_disk=st.integers(0, 5), rolled=st.integers(0, 5), query=QUERIES)
def test_wherever_records_are_the_answer_is_the_same(
    connection: Any, parts: list[list[LogRecord]], on_disk: int, rolled: int, query: Query
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorded = kept_in(Path(folder), parts, on_disk, rolled)
        told = answer(query, recorded, connection)
    everything = [record for part in parts for record in part]
    wanted = reference.chosen(everything, query, CONDITIONS[query.where])
    check(told.table.to_pylist(), wanted, query)
    total = {name: reference.MEASURES[name](wanted) for name in query.measures}
    assert flat(dict(told.total)) == flat(total)
    assert told.is_exact


def check(rows: list[dict[str, Any]], wanted: list[LogRecord], query: Query) -> None:
    """Hold rows against those with records; of a series the others are nothing."""
    expected = [flat(row) for row in reference.rows(wanted, query)]
    if query.step is None:
        assert [flat(row) for row in rows] == expected
        return
    key = ("time", *query.by)
    known = {tuple(row[name] for name in key): row for row in expected}
    assert len(known) == len(expected)
    for row in rows:
        at = tuple(row[name] for name in key)
        if at in known:
            assert flat(row) == known.pop(at)
        else:
            assert not any(row[name] for name in query.measures)
    assert not known


@settings(max_examples=150)
@given(parts=PARTS, gone=st.integers(1, 5), rolled=st.integers(1, 5), query=PLAIN)
def test_what_rollups_say_of_records_that_are_gone(
    connection: Any, parts: list[list[LogRecord]], gone: int, rolled: int, query: Query
) -> None:
    everything = [record for part in parts for record in part]
    with tempfile.TemporaryDirectory() as folder:
        recorded = kept_in(Path(folder), parts, 0, max(rolled, gone))
        left = recorded.stored[gone:]
        recorded = attrs.evolve(recorded, stored=left, since=START + 10**6)
        told = answer(query, recorded, connection)
    wanted = reference.chosen(everything, query, CONDITIONS[None])
    if told.grain == 0:  # the span is one of which neither knows anything
        return
    near = dict.fromkeys((name for name in query.measures if name.startswith("p")), True)
    rows = told.table.to_pylist()
    expected = reference.rows(wanted, query)
    if query.step is not None:
        known = {row["time"]: row for row in rows}
        for row in expected:
            assert close(known.pop(row["time"]), row, near)
        assert not any(any(row[name] for name in query.measures) for row in known.values())
    elif wanted:
        assert close(rows[0], expected[0], near)
    assert told.is_exact == (not near or not reference.durations(wanted))


LIMITS = {"under_1ms": 0.001, "under_300ms": 0.3, "under_2.5s": 2.5, "under_1m": 60.0}


@settings(max_examples=150)
@given(
    parts=PARTS,
    measures=st.lists(st.sampled_from(list(LIMITS)), min_size=1, unique=True),
    step=st.none() | st.sampled_from([1, 10, 60]),
)
def test_rollups_count_requests_under_a_response_time_within_a_percent_of_it(
    connection: Any, parts: list[list[LogRecord]], measures: list[str], step: int | None
) -> None:
    records = [record for part in parts for record in part]
    rollups = Rollups()
    for part in parts:
        rollups.add(batch_of(part))
    query = Query(measures=(*measures, "timed"), step=step, span=TimeSpan(START, START + 60))
    told = answer(query, Recorded(rollups=rollups), connection)
    assert told.grain
    assert told.is_exact == (not reference.durations(records))
    rows = told.table.to_pylist()
    for name in measures:
        least, most = (
            reference.under(records, LIMITS[name] * factor) for factor in (0.9899, 1.0102)
        )
        counted = told.total[name]
        assert isinstance(counted, int)
        assert least <= counted <= most
        assert sum(row[name] for row in rows) == counted
    assert told.total["timed"] == sum(row["timed"] for row in rows)
    assert told.total["timed"] == len(reference.durations(records))


def close(row: dict[str, Any], expected: dict[str, Any], near: dict[str, bool]) -> bool:
    return all(
        row[name] == pytest.approx(value, rel=0.0101 if name in near else 1e-9)
        if isinstance(value, float)
        else row[name] == value
        for name, value in expected.items()
    )


def held(*records: LogRecord, first: int = 0) -> HeldRecords:
    return HeldRecords.of(first, batch_of(list(records)))


def at(second: int) -> LogRecord:
    return attrs.evolve(RECORD, time=RECORD.time.fromtimestamp(START + second, RECORD.time.tzinfo))


RECORD = LogRecord(
    **{
        **dict.fromkeys(field.name for field in attrs.fields(LogRecord)),
        "time": reference.datetime.fromtimestamp(START, reference.UTC),
        "path": "/",
        "status": 200,
    }
)


def test_what_is_not_covered_is_said(connection: Any) -> None:
    kept = Recorded(stored=(held(at(10), at(20)),), since=START + 5)
    told = answer(Query(span=TimeSpan(START, START + 30)), kept, connection)
    assert told.covers == TimeSpan(START + 5, START + 30)
    assert told.missing == "no data before 2026-11-20 12:00:05 UTC"
    assert answer(Query(span=TimeSpan(START + 6, START + 30)), kept, connection).missing == ""


def test_a_rate_is_of_the_time_that_is_covered(connection: Any) -> None:
    kept = Recorded(stored=(held(*map(at, range(10, 20))),), since=START + 10)
    told = answer(
        Query(span=TimeSpan(START, START + 30), measures=("rate",), step=8), kept, connection
    )
    assert told.total["rate"] == 10 / 20
    assert told.table.column("rate").to_pylist() == [6 / 6, 4 / 8, 0]


def test_a_rate_is_of_the_time_that_was_read(connection: Any) -> None:
    spans = [(START + 12, START + 18), (START + 15, START + 20), (START + 26, START + 40)]
    holes = tuple(Hole(since=one, until=end, why="", is_all=True) for one, end in spans)
    kept = Recorded(stored=(held(*map(at, (10, 11, 20, 25))),), since=START, holes=holes)
    query = Query(span=TimeSpan(START, START + 30), measures=("rate",), step=10)
    told = answer(query, kept, connection)
    assert told.table.column("rate").to_pylist() == [0, 2 / 2, 2 / 6]
    assert told.total["rate"] == 4 / 18
    assert (told.known, told.unread) == (
        18,
        ((START + 12, START + 20), (START + 26, START + 30)),
    )


@given(
    spans=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=6),
    since=st.integers(0, 40),
    length=st.integers(0, 20),
)
def test_seconds_that_were_read_are_those_in_no_hole(
    spans: list[tuple[int, int]], since: int, length: int
) -> None:
    holes = [Hole(since=one, until=one + long, why="", is_all=True) for one, long in spans]
    unread = unread_in(0, 60, holes)
    assert all(begin < end for begin, end in unread)
    assert all(before[1] < after[0] for before, after in pairwise(unread))
    lost = {second for hole in holes for second in range(hole.since, hole.until)}
    known = set(range(since, since + length)) - lost
    assert known_seconds(since, since + length, unread) == len(known)


def test_a_hole_in_the_span_is_named(connection: Any) -> None:
    hole = Hole(since=START + 30, until=START + 40, records=7, why="the disk was full")
    kept = Recorded(stored=(held(at(10)), held(at(50), first=8)), holes=(hole,))
    said = (
        "7 requests between 2026-11-20 12:00:30 UTC and 2026-11-20 12:00:40 UTC are missing "
        "(the disk was full)"
    )
    assert answer(Query(), kept, connection).missing == said
    assert answer(RecordQuery(), kept, connection).missing == said
    assert answer(Query(span=TimeSpan(START + 10, START + 20)), kept, connection).missing == ""
    assert answer(Query(span=TimeSpan(START + 41, None)), kept, connection).missing == ""


@pytest.mark.parametrize(
    "query", [Query(), Query(by=("path",), step=5), Query(step=1, measures=("p95", "last_seen"))]
)
def test_where_nothing_is_kept_that_is_the_answer(connection: Any, query: Query) -> None:
    told = answer(query, Recorded(), connection)
    assert (told.table.num_rows, told.missing) == (0, "no data yet")
    told = answer(RecordQuery(), Recorded(), connection)
    assert (told.table.num_rows, told.missing) == (0, "no data yet")


def test_a_span_without_a_record_is_no_record_and_not_unknown(connection: Any) -> None:
    kept = Recorded(stored=(held(at(10), at(50)),))
    told = answer(Query(span=TimeSpan(START + 20, START + 40), step=10), kept, connection)
    assert told.table.column("hits").to_pylist() == [0, 0]
    assert (told.total["hits"], told.missing) == (0, "")


@pytest.mark.parametrize(
    ("where", "hits"),
    [
        ("1 = 1", 2),
        ("true", 2),
        ("false", 0),
        ("random() < 2", 2),
        ("status = 200 and 1 = 1", 2),
        ("1 = 2 and path = '/'", 0),
    ],
)
def test_a_condition_may_be_about_no_field(connection: Any, where: str, hits: int) -> None:
    kept = Recorded(stored=(held(at(10), at(50)),))
    assert answer(Query(where=where), kept, connection).total["hits"] == hits
    assert answer(RecordQuery(where=where), kept, connection).table.num_rows == hits


def test_a_step_of_which_nothing_is_known_is_not_nothing(connection: Any) -> None:
    hole = Hole(since=START + 20, until=START + 45, why="not read", is_all=True)
    kept = Recorded(stored=(held(at(10), at(50)),), holes=(hole,))
    query = Query(span=TimeSpan(START, START + 60), step=10, measures=("hits", "errors"))
    told = answer(query, kept, connection)
    assert told.table.column("hits").to_pylist() == [1, None, None, 0, 1]
    assert (told.known, told.unread) == (50 - 25, ((START + 20, START + 45),))
    part = attrs.evolve(kept, holes=(attrs.evolve(hole, is_all=False),))
    assert answer(query, part, connection).table.column("hits").to_pylist() == [1, 0, 0, 0, 1]


def test_too_many_rows_are_refused(connection: Any) -> None:
    paths = [attrs.evolve(at(10), path=f"/{number}") for number in range(50)]
    kept = Recorded(stored=(held(*paths),))
    span = TimeSpan(START, START + 50_000)
    query = Query(by=("path",), step=1, span=span, limit=50)
    with pytest.raises(UsageError, match=r"50 groups with 49,990 steps each: over 2,000,000 rows"):
        answer(query, kept, connection)
    few = attrs.evolve(query, limit=2)
    assert answer(few, kept, connection).table.num_rows == 99_980


def test_too_many_steps_are_refused(connection: Any) -> None:
    kept = Recorded(stored=(held(at(10)),))
    with pytest.raises(UsageError, match="too short for this time span"):
        answer(Query(span=TimeSpan(0, START), step=1), kept, connection)


def test_what_will_soon_be_merged_is_read_first(connection: Any) -> None:
    order: list[int] = []

    @attrs.frozen(eq=False)
    class Noted(HeldRecords):
        def read(self, columns: Sequence[str]) -> pa.RecordBatch:
            order.append(self.first)
            return super().read(columns)

    batch = batch_of([LogRecord(**{**NOTHING, "time": BASE})])
    stored = tuple(Noted.of(first, batch) for first in range(5))
    assert answer(Query(by=("path",)), Recorded(stored=stored), connection).total["hits"] == 5
    assert order == [4, 3, 2, 1, 0]


def at_seconds(*seconds: int) -> pa.RecordBatch:
    times = [datetime.fromtimestamp(START + second, UTC) for second in seconds]
    return batch_of([LogRecord(**{**NOTHING, "time": time}) for time in times])


def test_steps_of_rollups_are_all_as_long_as_the_longest(connection: Any) -> None:
    rollups = Rollups()
    rollups.add(at_seconds(*range(0, 14 * 3600, 45)))
    recorded = Recorded(rollups=rollups, since=START + 14 * 3600)
    span = TimeSpan(START + 3600, START + 14 * 3600)  # of the first hour only 60 s are told apart
    told = answer(Query(span=span, step=90, measures=("hits", "rate")), recorded, connection)
    rows = told.table.to_pylist()
    assert {(b["time"] - a["time"]).total_seconds() for a, b in pairwise(rows)} == {120}
    assert {row["hits"] for row in rows} == {2, 3}
    assert all(row["rate"] == row["hits"] / 120 for row in rows)
    assert told.missing == "that far back only steps of 120 s are kept"


def test_what_is_left_of_a_time_that_is_not_whole_is_not_counted(connection: Any) -> None:
    held = HeldRecords.of(0, at_seconds(*range(100)))
    recorded = Recorded(stored=(held,), since=START + 90)
    span = TimeSpan(START, START + 100)
    told = answer(Query(span=span, measures=("hits", "rate")), recorded, connection)
    assert told.covers == TimeSpan(START + 90, START + 100)
    assert told.total == {"hits": 10, "rate": 1.0}
