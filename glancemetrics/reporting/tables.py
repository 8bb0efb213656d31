"""Tables as CSV and as text, safe for what reads them."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from glancemetrics.words.escaping import visible

if TYPE_CHECKING:
    from glancemetrics.reporting.report import Report, Row

COLUMNS = (
    *("panel", "group", "name", "hits", "share", "visitors", "bytes", "errors"),
    *("total_time", "p50", "p95", "p99"),
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets compute cells that begin with these (OWASP, "CSV Injection")."""

_LEAST_TEXT = 12
"""Minimum width of a text column, in cells."""


def report_csv(report: Report) -> str:
    """Write a report as CSV: one line per row of each panel."""
    return csv_of(COLUMNS, _report_rows(report))


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(_harmless, columns))
    for row in rows:
        writer.writerow(map(_harmless, row))
    return out.getvalue()


def text_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None
) -> str:
    """Write rows in columns as wide as needed; numbers right-aligned.

    If that is wider than `width` cells, the last column is wrapped.
    """
    shown = [[_shown(value) for value in row] for row in rows]
    numeric = [
        all(isinstance(row[i], (int, float, Decimal)) or row[i] is None for row in rows)
        for i in range(len(columns))
    ]
    titles = [visible(name) for name in columns]
    if width is not None and rows and not numeric[-1]:
        shown = _wrapped(titles, shown, width)
    return laid_out(titles, shown, numeric)


def _wrapped(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Return rows with the text of the last column over several, where it is too wide."""
    before = list(zip(*([titles, *rows]), strict=True))[:-1]
    room = width - sum(max(map(len, column)) + 2 for column in before)
    if room < _LEAST_TEXT:
        return [list(row) for row in rows]
    lines = []
    for *others, last in rows:
        pieces = textwrap.wrap(last, room) or [last]
        lines.append([*others, pieces[0]])
        lines += [[*([""] * len(others)), piece] for piece in pieces[1:]]
    return lines


def laid_out(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    is_number: Sequence[bool],
    width: int | None = None,
) -> str:
    """Write safe texts in columns, numbers right-aligned.

    If that is wider than `width` cells, the longest of the other texts are cut.
    """
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    if width is not None:
        _narrow(widths, is_number, width)
    lines = [titles, ["─" * width for width in widths], *rows]
    return "".join(
        "  ".join(
            cell.rjust(width) if number else cut(cell, width).ljust(width)
            for cell, width, number in zip(line, widths, is_number, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def _narrow(widths: list[int], is_number: Sequence[bool], most: int) -> None:
    """Narrow the widest text columns until all fit."""
    excess = sum(widths) + 2 * (len(widths) - 1) - most
    while excess > 0:
        texts = [i for i, number in enumerate(is_number) if not number]
        widest = max(texts, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= _LEAST_TEXT:
            return
        less = min(excess, widths[widest] - _LEAST_TEXT, max(1, excess // 2))
        widths[widest] -= less
        excess -= less


def cut(text: str, width: int) -> str:
    """Shorten a text to at most `width` cells."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


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
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return visible(str(value))
