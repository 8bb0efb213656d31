"""Reports of what a running monitor has kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pyarrow as pa
import pytest

from actors.archive.history_reports import HistoryReports
from actors.history.segments import SegmentGoneError
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.history.held_records import HeldRecords
from glancemetrics.history.recorded import MissingRecordsError, Recorded
from glancemetrics.planning.plan import make_plan
from glancemetrics.records.time_span import TimeSpan
from tests.actors.outputs.console.replays import batch_of, recorded, records
from tests.lines import BASE

PLAN = make_plan(Settings(file=("/var/log/access.log",)))
LAST_MINUTE = TimeSpan(BASE - 60, BASE)


async def test_it_is_about_the_span_and_nothing_else_was_excluded(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    said = await HistoryReports(PLAN, recorded).write(str(path), None, LAST_MINUTE)
    assert said == f"{path}: report of 600 requests"
    page = path.read_text()
    assert "Excluded by filter" not in page
    assert "/var/log/access.log" in page


async def test_what_a_condition_leaves_out_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    said = await HistoryReports(PLAN, recorded).write(str(path), "status = 404", LAST_MINUTE)
    left = int(said.split("report of ")[1].split()[0])
    assert 0 < left < 100
    page = path.read_text()
    assert "Excluded by filter" in page
    assert f"{600 - left}" in page


async def test_without_a_request_there_is_no_report(tmp_path: Path) -> None:
    reports = HistoryReports(PLAN, recorded)
    with pytest.raises(GlanceMetricsError, match="no requests to report on in this window"):
        await reports.write(str(tmp_path / "x"), None, TimeSpan(BASE - 9000, BASE - 8000))
    assert not (tmp_path / "x").exists()


@attrs.frozen
class _Rewritten:
    """A segment that is merged with others before it is read."""

    whole: HeldRecords
    error: Exception

    @property
    def first(self) -> int:
        return self.whole.first

    @property
    def rows(self) -> int:
        return self.whole.rows

    @property
    def oldest(self) -> int:
        return self.whole.oldest

    @property
    def newest(self) -> int:
        return self.whole.newest

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        raise self.error


async def test_segments_that_are_merged_meanwhile_are_read_once(tmp_path: Path) -> None:
    found = records(is_broken=False)
    first = HeldRecords.of(0, batch_of(found[:4000]))
    rest = HeldRecords.of(4000, batch_of(found[4000:]))
    merged = HeldRecords.of(0, batch_of(found))
    listed = [
        Recorded(stored=(first, _Rewritten(rest, SegmentGoneError())), since=0, until=BASE),
        Recorded(stored=(merged,), since=0, until=BASE),
    ]
    reports = HistoryReports(PLAN, lambda: listed.pop(0) if len(listed) > 1 else listed[0])
    path = tmp_path / "report.html"
    said = await reports.write(str(path), None, TimeSpan(BASE - 900, BASE))
    assert said.endswith("report of 9,000 requests")


async def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    found = records(is_broken=False)
    good = HeldRecords.of(0, batch_of(found[:4000]))
    for error, words in (
        (SegmentGoneError(), "a part of the history was being rewritten"),
        (MissingRecordsError("5,000 requests are lost"), "5,000 requests are lost"),
    ):
        bad = _Rewritten(HeldRecords.of(4000, batch_of(found[4000:])), error)
        kept = Recorded(stored=(good, bad), since=0, until=BASE)
        path = tmp_path / "report.html"
        reports = HistoryReports(PLAN, lambda kept=kept: kept)  # type: ignore[misc]
        assert (await reports.write(str(path), None, TimeSpan(0, BASE))).endswith("4,000 requests")
        assert words in path.read_text()
