"""Past its ceiling a tally gives way: it stays small, says so, and errs no more than it says."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from glancemetrics.formats.combined import decode
from glancemetrics.records.schema import rows
from glancemetrics.reporting.html import to_html
from glancemetrics.reporting.looks import Look
from glancemetrics.reporting.panel_names import Order
from glancemetrics.reporting.panels import groups_kept
from glancemetrics.reporting.report import Report, ReportOptions, build_report
from glancemetrics.reporting.slices import Base, slices_of
from glancemetrics.reporting.tally import Tally
from glancemetrics.reporting.text import to_text
from glancemetrics.simulation import Shape, Traffic
from tests.glancemetrics.reference import section
from tests.glancemetrics.reporting.making import batches_of, numbers, report_of, settle
from tests.glancemetrics.reporting.reference import visitor
from tests.lines import BASE, line

pytestmark = pytest.mark.slow

CEILING = 1_200_000
SHAPE = Shape(5, visitors=60_000, paths=200_000)


@pytest.fixture(scope="module")
def log() -> bytes:
    return b"".join(Traffic(SHAPE, seed=11).seconds(BASE, 120_000))


@pytest.fixture(scope="module")
def tally(log: bytes) -> Tally:
    tally = Tally(CEILING, groups_kept())
    for batch in batches_of(log, 10_000):
        tally.add(slices_of(batch))
        settle(tally)
        assert tally.size_bytes() <= CEILING
    return tally


@pytest.fixture(scope="module")
def report(tally: Tally) -> Report:
    return build_report(tally, ReportOptions(top=100_000))


def test_totals_stay_exact(log: bytes, report: Report) -> None:
    records = rows(decode(log).batch)
    assert report.hits == len(records)
    assert report.bytes == sum(record.bytes or 0 for record in records)


def test_visitors_are_estimated_and_marked(log: bytes, report: Report) -> None:
    expected = len({visitor(record) for record in rows(decode(log).batch)})
    assert report.visitors_estimated
    assert report.visitors == pytest.approx(expected, rel=0.05)
    assert report.visitors != expected
    text = to_text(report, Look())
    assert re.search(r"Visitors +~\d", text)
    assert "visitors, up to ~" in text
    page = to_html(report)
    chart = page.partition("<figcaption>Visitors</figcaption>")[2].partition("</figure>")[0]
    assert '<p class="top">~' in chart


def test_hits_are_short_by_no_more_than_is_said(log: bytes, report: Report) -> None:
    expected = Counter(record.path for record in rows(decode(log).batch))
    panel = report.panel("paths")
    assert panel.short > 0
    assert "paths" in report.estimated()
    shown = {row.name: row.hits for row in panel.rows}
    other = shown.pop("(other)")
    assert len(shown) > 100
    for name, hits in shown.items():
        assert 0 <= expected[name] - hits <= panel.short
    # What is frequent is never let go.
    assert all(name in shown for name, hits in expected.items() if hits > panel.short)
    assert sum(shown.values()) + other == report.hits
    assert panel.rows[-1].name == "(other)"
    assert panel.rows[-1].visitors is None


def test_groups_of_what_was_let_go_stay_exact(log: bytes, report: Report) -> None:
    expected = Counter(section(record) for record in rows(decode(log).batch))
    panel = report.panel("sections")
    assert panel.short == 0
    assert {row.name: row.hits for row in panel.rows} == expected


def test_names_that_no_array_can_hold_are_let_go(log: bytes) -> None:
    tally = Tally(1 << 40, groups_kept(), text_limit=200_000)
    for batch in batches_of(log, 10_000):
        tally.add(slices_of(batch))
        assert all(counts.text_bytes <= 200_000 for counts in tally.by.values())
    report = build_report(tally, ReportOptions(top=100_000))
    assert set(report.estimated()) == {"paths", "hosts", "networks", "bandwidth"}
    assert not report.visitors_estimated
    hits = Counter(section(record) for record in rows(decode(log).batch))
    assert {row.name: row.hits for row in report.panel("sections").rows} == hits


def test_below_the_ceiling_nothing_is_estimated(log: bytes) -> None:
    report = report_of(batches_of(log, 10_000))
    assert (report.estimated(), report.visitors_estimated) == ([], False)


def test_settling_often_changes_nothing(log: bytes) -> None:
    batches = batches_of(log, 20_000)
    often = Tally(1 << 40, groups_kept())
    for batch in batches:
        often.add(slices_of(batch))
        settle(often)
    settled = build_report(often, ReportOptions(top=1000))
    for panel in report_of(batches, top=1000).panels:
        assert numbers(settled.panel(panel.name)) == numbers(panel)


def test_months_of_minutes_become_hours() -> None:
    log = b"".join(line(BASE + 60 * minute) for minute in range(10_000))
    tally = Tally(1 << 40, groups_kept())
    for batch in batches_of(log, 500):
        tally.add(slices_of(batch))
        settle(tally)
    assert tally.time_step == 3600
    report = build_report(tally, ReportOptions(top=1000))
    assert sum(row.hits for row in report.panel("time").rows) == 10_000
    assert report.panel("time").rows[1].hits == 120
    assert sum(row.visitors or 0 for row in report.panel("weekdays").rows) == report.visitors


def test_a_log_in_which_no_value_comes_twice_ends_with_a_report() -> None:
    log = b"".join(
        line(
            BASE + number // 50,
            host=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            request=f"GET /p{number}/{number} HTTP/1.1",
            referrer=f"https://s{number}.example.org/",
            agent=f"agent/{number}",
            status=404,
        )
        for number in range(20_000)
    )
    tally = Tally(CEILING, groups_kept())
    for batch in batches_of(log, 2000):
        tally.add(slices_of(batch))
        settle(tally)
        assert tally.size_bytes() <= CEILING
    report = build_report(tally, ReportOptions(top=1000))
    assert report.hits == 20_000
    assert report.visitors == pytest.approx(20_000, rel=0.2)
    for name in ("paths", "sections", "referring_sites", "agents", "not_found"):
        panel = report.panel(name)
        assert panel.short
        assert panel.rows[-1].name == "(other)"
        assert panel.rows[-1].hits + panel.distinct == 20_000
    assert "static_files" in report.left_out
    assert tally.level > 0
    for panel in report.panels:
        assert all(row.visitors is None or 1 <= row.visitors <= row.hits for row in panel.rows)
    # A network has all its hosts', also of those that were dropped.
    of_networks = [row.visitors or 0 for row in report.panel("networks").rows]
    assert sum(of_networks) == pytest.approx(20_000, rel=0.2)


def test_rows_that_tie_stand_by_hits_and_then_by_name() -> None:
    log = b"".join(
        line(request=f"GET /{name} HTTP/1.1", size=size)
        for name, size in [("b", 2), ("é", 2), ("a", 2), ("Z", 2), ("c", 1), ("c", 1), ("d", 3)]
    )
    tally = Tally(1 << 40, groups_kept())
    for batch in batches_of(log, 3):
        tally.add(slices_of(batch))
    settle(tally)
    rows_by_bytes = build_report(tally, ReportOptions(top=5, order=Order.BYTES)).panel("paths").rows
    assert [row.name for row in rows_by_bytes] == ["/d", "/c", "/Z", "/a", "/b"]


def test_a_host_that_was_dropped_and_comes_again_has_a_visitor() -> None:
    first = b"".join(line(host=f"10.0.0.{number}") for number in range(20))
    again = line(BASE + 60, host="10.0.0.7") * 3
    tally = Tally(1 << 40, groups_kept())
    for log in (first, again):
        for batch in batches_of(log, 100):
            tally.add(slices_of(batch))
        if log is first:
            tally.by[Base.HOST].cut()
    settle(tally)
    rows_by_name = {
        row.name: row for row in build_report(tally, ReportOptions()).panel("hosts").rows
    }
    assert (rows_by_name["10.0.0.7"].hits, rows_by_name["10.0.0.7"].visitors) == (3, 1)
