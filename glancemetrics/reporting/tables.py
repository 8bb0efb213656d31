"""A report as CSV: every row of every panel on a line of its own."""

from __future__ import annotations

import csv
import io

from glancemetrics.reporting.report import Report, Row

COLUMNS = (
    *("panel", "group", "name", "hits", "share", "visitors", "bytes", "errors"),
    *("total_time", "p50", "p95", "p99"),
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is computed by spreadsheets (OWASP, "CSV Injection")."""


def to_csv(report: Report) -> str:
    """Write a report as CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for panel in report.panels:
        for row in panel.rows:
            writer.writerow(_cells(panel.name, "", row))
            for inner in row.rows:
                writer.writerow(_cells(panel.name, row.name, inner))
    return out.getvalue()


def _cells(panel: str, group: str, row: Row) -> list[object]:
    numbers = (row.hits, row.share, row.visitors, row.bytes, row.errors)
    durations = (row.total_time, row.p50, row.p95, row.p99)
    return [panel, _harmless(group), _harmless(row.name), *numbers, *durations]


def _harmless(text: str) -> str:
    text = text.replace("\0", "\\x00")
    return f"'{text}" if text.startswith(_FORMULA) else text
