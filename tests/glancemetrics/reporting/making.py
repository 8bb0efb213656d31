"""Reports of batches, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pyarrow as pa

from glancemetrics.formats.combined import decode
from glancemetrics.reporting.panels import groups_kept
from glancemetrics.reporting.report import Panel, Report, ReportOptions, build_report
from glancemetrics.reporting.slices import slices_of
from glancemetrics.reporting.tally import Extent, Tally
from tests.glancemetrics.reporting.reference import Numbers

EVERYTHING = 1_000_000


@attrs.frozen
class Late:
    """Work of a thread that is as slow as it may be: it is done when its result is asked for."""

    _work: Callable[[], Extent]

    def result(self) -> Extent:
        return self._work()


def batches_of(log: bytes, lines_each: int = 1000) -> list[pa.RecordBatch]:
    """Decode a log in pieces."""
    lines = log.splitlines(keepends=True)
    return [
        decode(b"".join(lines[i : i + lines_each])).batch for i in range(0, len(lines), lines_each)
    ]


def report_of(batches: list[pa.RecordBatch], *, ceiling: int = 1 << 40, **options: Any) -> Report:
    tally = Tally(ceiling, groups_kept())
    made = ReportOptions(**{"top": EVERYTHING, **options})
    for batch in batches:
        tally.add(slices_of(batch, made.zone))
    return build_report(tally, made)


def settle(tally: Tally) -> None:
    for base in list(tally.by):
        tally.settle(base)


def numbers(panel: Panel) -> dict[str, Numbers]:
    return {row.name: (row.hits, row.visitors or 0, row.bytes, row.errors) for row in panel.rows}
