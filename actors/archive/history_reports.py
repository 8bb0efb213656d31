"""Writes an HTML report of what a running monitor has kept: what a screen shows, to pass on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from actors.archive.reporting import report_on_batches
from actors.files.output_file import write_text
from actors.history.segments import SegmentGoneError
from actors.state.left_threads import run_leavable
from glancemetrics.arrow import compute as pc
from glancemetrics.errors import GlanceMetricsError, UsageError
from glancemetrics.history.recorded import MissingRecordsError, Recorded
from glancemetrics.planning.plan import Plan
from glancemetrics.records.schema import ORIGIN, SCHEMA, seconds, with_all
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.reporting.html import to_html
from glancemetrics.reporting.panel_names import PANEL_NAMES
from glancemetrics.reporting.report import ReportOptions, Source
from glancemetrics.selecting.selection import make_selection
from glancemetrics.words.humane import requests_text

_MEMORY = 256_000_000
"""Bytes that a report takes at most beside a running monitor; rarer values are then estimates."""
_MOST_LOOKUPS = 20
"""So often may segments be merged while a report is written."""


class HistoryReports:
    """Reports on a monitor's history."""

    def __init__(self, plan: Plan, recorded: Callable[[], Recorded]) -> None:
        self._plan = plan
        self._recorded = recorded

    async def write(self, path: str, where: str | None, span: TimeSpan) -> str:
        """Write a report of the requests of a span that meet a condition; return what it holds.

        Raises `GlanceMetricsError`. If it is cancelled, the thread ends soon.
        """
        given_up = threading.Event()
        try:
            return await run_leavable(lambda: self._write(path, where, span, given_up))
        finally:
            given_up.set()

    def _write(
        self, path: str, where: str | None, span: TimeSpan, given_up: threading.Event
    ) -> str:
        kept = tuple(name for name in self._plan.reading.context.kept if name not in PANEL_NAMES)
        now = time.time()
        selection = make_selection(
            now=now, since=span.since, until=span.until, where=where, kept=kept
        )
        troubles: list[str] = []
        read = 0

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal read
            columns = [*SCHEMA.names, *kept, *ORIGIN]
            for batch in self._batches(columns, span, troubles):
                if given_up.is_set():
                    raise UsageError("report cancelled")
                read += batch.num_rows
                yield with_all(batch, columns)

        name = ", ".join(self._plan.sources.texts)
        report = report_on_batches(
            batches(),
            selection=selection,
            options=ReportOptions(top=1000, kept=kept),
            max_memory=_MEMORY,
            sources=lambda: [Source(name, read, 0, "; ".join(troubles) or None, "history")],
        )
        if not report.hits:
            raise GlanceMetricsError("no requests to report on in this window")
        write_text(to_html(report, now), path, option="")
        return f"{path}: report of {requests_text(report.hits)}"

    def _batches(
        self, columns: list[str], span: TimeSpan, troubles: list[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the requests of a span; what is being rewritten meanwhile is looked up again."""
        position, lookups = 0, 0
        left = list(self._recorded().stored)
        while left:
            part = left.pop(0)
            since, until = span.since or part.oldest, span.until or part.newest + 1
            end = part.first + part.rows
            if end <= position or part.newest < since or part.oldest >= until:
                continue
            try:
                batch = part.read(columns)
            except SegmentGoneError:
                lookups += 1
                if lookups <= _MOST_LOOKUPS:
                    left = list(self._recorded().stored)
                    continue
                troubles.append("a part of the history was being rewritten")
            except MissingRecordsError as error:
                troubles.append(str(error))
            else:
                yield _within(batch.slice(max(0, position - part.first)), since, until)
            position = end


def _within(batch: pa.RecordBatch, since: int, until: int) -> pa.RecordBatch:
    """Return the requests logged from a second on, and before another."""
    times = seconds(batch)
    return pc.filter(batch, pa.array((times >= since) & (times < until)))
