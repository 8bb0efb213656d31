"""A dimension is declared in one place, and everything that counts by dimensions has it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from actors.archive.reporting import report_on_batches
from glancemetrics.alerting.counting import Counting, Stream
from glancemetrics.formats.combined import decode
from glancemetrics.history.answering import count
from glancemetrics.history.held_records import HeldRecords
from glancemetrics.history.query import Query
from glancemetrics.records.dimensions import DIMENSIONS, Dimension
from glancemetrics.records.schema import seconds, with_source
from glancemetrics.reporting.memory_limit import DEFAULT_MEMORY
from glancemetrics.reporting.report import ReportOptions
from glancemetrics.rules.metrics import HITS, read_metric
from glancemetrics.rules.rule_tables import read_rules
from glancemetrics.selecting.filters import Filters
from glancemetrics.selecting.selection import Selection
from glancemetrics.selecting.sql import Where, connect, query
from glancemetrics.traffic.log_series import LogSeries
from tests.lines import BASE, line


def extensions(paths: pa.Array) -> pa.Array:
    found = pc.extract_regex(paths, r"\.(?P<extension>[a-z]+)$")
    return pc.struct_field(found, "extension")


@pytest.fixture(autouse=True)
def extension() -> Iterator[Dimension]:
    """What stands after the last dot of a path."""
    added = Dimension(
        name="extension",
        plural="extensions",
        title="Extensions",
        column="path",
        derive=extensions,
        is_live=True,
    )
    DIMENSIONS.append(added)
    yield added
    DIMENSIONS.remove(added)


BATCH = with_source(
    decode(
        line(BASE, request="GET /a.css HTTP/1.1") * 3
        + line(BASE, request="GET /b.js HTTP/1.1", status=500) * 2
        + line(BASE, request="GET /c HTTP/1.1")
    ).batch,
    "a.log",
)


def test_the_live_window_counts_it(extension: Dimension) -> None:
    series = LogSeries(10)
    series.add(BATCH, seconds(BATCH))
    series.advance(BASE + 1)
    rows = series.insights({extension: 5}).top[extension]
    assert [(row.name, row.hits, row.errors) for row in rows] == [("css", 3, 0), ("js", 2, 2)]


def test_rules_are_by_it_and_tell_it_apart() -> None:
    (rule,) = read_rules(
        '[[rule]]\nname = "x"\nmetric = "distinct(extension)"\nabove = 1\nby = "extension"\n', "x"
    )
    assert rule.by == "extension"
    wanted = [
        (Stream(by="extension"), HITS),
        (Stream(), read_metric("distinct(extension)").measure),
    ]
    by, distinct = Counting(wanted).count(BATCH)
    counts = zip((by.names[group] for group in by.groups), by.counts, strict=True)
    assert dict(counts) == {"css": 3, "js": 2}
    assert sorted(distinct.counts) == [2, 3]


def test_conditions_and_sql_know_it() -> None:
    assert Where("extension = 'js'").keeps(BATCH).tolist() == [False] * 3 + [True] * 2 + [False]
    expression = "extension = 'css'"
    kept = Filters([expression]).keeps(BATCH)[expression]
    assert kept.tolist() == [True] * 3 + [False] * 3
    answer = query(
        "select extension, count(*) n from log group by 1 order by 2", [BATCH], connect()
    )
    assert answer.column("extension").to_pylist() == [None, "js", "css"]


def test_the_history_is_asked_by_it() -> None:
    kept = [HeldRecords.of(0, BATCH)]
    told = count(Query(by=("extension",), where="extension <> 'x'"), kept, connect())
    assert told.table.to_pylist() == [
        {"extension": "css", "hits": 3},
        {"extension": "js", "hits": 2},
    ]


def test_a_report_has_its_panel_where_it_is_asked_for() -> None:
    options = ReportOptions(panels=frozenset({"extensions"}))
    report = report_on_batches(
        [BATCH], selection=Selection(), options=options, max_memory=DEFAULT_MEMORY
    )
    panel = report.panel("extensions")
    assert panel.title == "Extensions"
    assert [(row.name, row.hits, row.errors) for row in panel.rows] == [("css", 3, 0), ("js", 2, 2)]
