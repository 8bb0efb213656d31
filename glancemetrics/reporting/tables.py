"""Tables as CSV and as text, harmless for what reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from glancemetrics.reporting.report import Report, Row
from glancemetrics.words.escaping import visible

COLUMNS = (
    *("panel", "group", "name", "hits", "share", "visitors", "bytes", "errors"),
    *("total_time", "p50", "p95", "p99"),
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is computed by spreadsheets (OWASP, "CSV Injection")."""


def report_csv(report: Report) -> str:
    """Write a report as CSV: every row of every panel on a line of its own."""
    return csv_of(COLUMNS, _report_rows(report))


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(_harmless, columns))
    for row in rows:
        writer.writerow(map(_harmless, row))
    return out.getvalue()


def text_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write rows in columns as wide as they need; numbers to the right."""
    shown = [[_shown(value) for value in row] for row in rows]
    numeric = [
        all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
        for i in range(len(columns))
    ]
    titles = [visible(name) for name in columns]
    widths = [max(len(title), *(len(row[i]) for row in shown), 0) for i, title in enumerate(titles)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(cells, widths, numeric, strict=True)
        ).rstrip()

    rule = "  ".join("─" * width for width in widths)
    return "".join(f"{text}\n" for text in (line(titles), rule, *map(line, shown)))


def _report_rows(report: Report) -> Iterator[list[object]]:
    for panel in report.panels:
        for row in panel.rows:
            yield _cells(panel.name, "", row)
            for inner in row.rows:
                yield _cells(panel.name, row.name, inner)


def _cells(panel: str, group: str, row: Row) -> list[object]:
    numbers = (row.hits, row.share, row.visitors, row.bytes, row.errors)
    return [panel, group, row.name, *numbers, row.total_time, row.p50, row.p95, row.p99]


def _harmless(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "\\x00")
    return f"'{text}" if text.startswith(_FORMULA) else text


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return visible(str(value))
