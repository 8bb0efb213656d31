"""A report as a self-contained HTML page.

Tables and charts are plain HTML and SVG, so that it can be read without scripts; the script only
sorts, searches and folds. Text from a log is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape
from urllib.parse import quote
from zoneinfo import ZoneInfo

from glancemetrics.reporting.html.document import document, text_of
from glancemetrics.reporting.panel_names import TIME_PANELS
from glancemetrics.reporting.panels import title_of
from glancemetrics.reporting.report import (
    Panel,
    Report,
    Row,
    damaged_note,
    filled,
    more_text,
)
from glancemetrics.version import __version__
from glancemetrics.words.escaping import readable
from glancemetrics.words.humane import (
    UNKNOWN,
    capitalized,
    format_bytes,
    format_count,
    format_duration,
    format_mean_rate,
    format_seconds,
    format_share,
    step_name,
)

_ROWS_SHOWN = 10
"""Rows of a table that are visible at first."""
_CHART_WIDTH, _CHART_HEIGHT = 960, 120


def to_html(report: Report, now: float | None = None) -> str:
    """Write a report as a page; `now` is the time of writing, in seconds since the epoch."""
    return document(f"{_sources(report)} · GlanceMetrics", _body(report, now), scripted=True)


def _body(report: Report, now: float | None) -> Iterator[str]:
    yield "<header>"
    yield f"<h1>{text_of(_sources(report))}</h1>"
    if report.start is not None and report.end is not None:
        yield (
            f"<p>{_moment(report.start, report)} – {_moment(report.end, report)} "
            f"{text_of(report.time_zone)}</p>"
        )
    else:
        yield f"<p>{report.without_requests}</p>"
    yield '<button type="button" id="scheme" hidden>Dark</button>'
    yield "</header>"
    if report.unfinished is not None:
        yield f'<p class="warning">{text_of(report.unfinished)}</p>'
    yield from _summary(report)
    yield from _trouble(report)
    yield '<nav aria-label="Panels">'
    for panel in report.panels:
        yield f'<a href="#{quote(panel.name)}">{text_of(panel.title)}</a>'
    yield "</nav>\n<main>"
    for panel in report.panels:
        yield f'<section id="{text_of(panel.name)}">'
        if panel.name == "time":
            yield f"<h2>{text_of(panel.title)}, by {step_name(report.time_step)}</h2>"
            yield from _charts(panel, report)
            yield "<details><summary>As a table</summary>"
            yield from _table(panel, report)
            yield "</details>"
        else:
            yield f"<h2>{text_of(panel.title)}</h2>"
            yield from _note(panel)
            yield from _table(panel, report)
        yield "</section>"
    yield "</main>"
    yield "<footer>"
    if report.left_out and report.hits:
        yield "<h2>Empty panels</h2><dl>"
        for name, reason in report.left_out.items():
            yield f"<dt>{text_of(title_of(name))}</dt><dd>{text_of(reason)}</dd>"
        yield "</dl>"
    made = "" if now is None else f", {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    yield f"<p>Made by GlanceMetrics {__version__}{made}</p>"
    yield "</footer>"


def _summary(report: Report) -> Iterator[str]:
    span = (report.end or 0.0) - (report.start or 0.0)
    facts = [
        ("Requests", format_count(report.hits)),
        ("Visitors", _visitors(report.visitors, report)),
        ("Sent", format_bytes(report.bytes)),
        ("Errors", f"{format_count(report.errors)} ({_share(report.errors, report.hits)})"),
        ("4xx", format_count(report.client_errors)),
        ("5xx", format_count(report.server_errors)),
        ("Span", format_duration(span)),
        ("Rate", format_mean_rate(report.hits, span)),
    ]
    if report.foreign:
        facts.append(("Lines of other programs", format_count(report.foreign)))
    if report.filtered:
        facts.append(("Excluded by filter", format_count(report.filtered)))
    yield '<dl class="summary">'
    for name, value in facts:
        yield f"<div><dt>{name}</dt><dd>{value}</dd></div>"
    yield "</dl>"


def _trouble(report: Report) -> Iterator[str]:
    for source in report.sources:
        if source.trouble:
            yield f'<p class="warning">{text_of(source.name)}: {text_of(source.trouble)}</p>'
    if report.damaged:
        yield f'<p class="warning">{text_of(damaged_note(report.damaged))}</p>'
    rejects = report.rejects
    if not rejects.count:
        return
    share = _share(rejects.count, report.lines)
    yield '<details class="warning">'
    lines = "line" if rejects.count == 1 else "lines"
    yield (
        f"<summary>{format_count(rejects.count)} {lines} could not be parsed "
        f"({share} of all)</summary><dl>"
    )
    for sample in rejects.samples:
        yield f"<dt>{text_of(sample.reason)}</dt><dd><code>{text_of(sample.line)}</code></dd>"
    yield "</dl></details>"


def _note(panel: Panel) -> Iterator[str]:
    more = panel.distinct - sum(row.name != "(other)" for row in panel.rows)
    if more > 0 and panel.name not in TIME_PANELS:
        yield f'<p class="note">{capitalized(more_text(panel, more))} not shown.</p>'
    if panel.short:
        yield (
            '<p class="note">~ Estimated: too many different values; hits may be too low by up to '
            f"{format_count(panel.short)}.</p>"
        )


def _charts(panel: Panel, report: Report) -> Iterator[str]:
    rows = filled(panel.rows, report.time_step)
    charts: list[tuple[str, Callable[[Row], int], Callable[[int], str]]] = [
        ("Requests", lambda row: row.hits, format_count),
        ("Visitors", lambda row: row.visitors or 0, partial(_visitors, report=report)),
        ("Sent", lambda row: row.bytes, format_bytes),
    ]
    for title, value_of, show in charts:
        yield "<figure>"
        yield f"<figcaption>{title}</figcaption>"
        yield from _chart(rows, value_of, show, errors=title == "Requests")
        yield (
            f'<p class="axis"><span>{text_of(panel.rows[0].name)}</span>'
            f"<span>{text_of(panel.rows[-1].name)}</span></p>"
        )
        yield "</figure>"


def _chart(
    rows: Sequence[Row],
    value_of: Callable[[Row], int],
    show: Callable[[int], str],
    *,
    errors: bool,
) -> Iterator[str]:
    top = max(1, *(value_of(row) for row in rows))
    width = _CHART_WIDTH / len(rows)
    yield (
        f'<svg viewBox="0 0 {_CHART_WIDTH} {_CHART_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="highest: {show(top)}">'
    )
    for number, row in enumerate(rows):
        value = value_of(row)
        if not value:
            continue
        tip = f"{row.name}: {show(value)}"
        if errors and row.errors:
            tip += f", {format_count(row.errors)} errors"
        yield f"<g><title>{text_of(tip)}</title>"
        yield _column(number * width, width, value / top, "bar")
        if errors and row.errors:
            yield _column(number * width, width, row.errors / top, "bar bad")
        yield "</g>"
    yield "</svg>"
    yield f'<p class="top">{show(top)}</p>'


def _column(x: float, width: float, share: float, kind: str) -> str:
    height = max(1.0, share * (_CHART_HEIGHT - 4))
    gap = min(1.0, width * 0.1)
    return (
        f'<rect class="{kind}" x="{x + gap / 2:.2f}" y="{_CHART_HEIGHT - height:.2f}" '
        f'width="{width - gap:.2f}" height="{height:.2f}"/>'
    )


def _table(panel: Panel, report: Report) -> Iterator[str]:
    timed = any(row.total_time is not None for row in panel.rows)
    over_time = panel.name in TIME_PANELS
    kept = ' data-keep="1"' if over_time else ""
    yield f'<div class="scroll"><table{kept} data-shown="{_ROWS_SHOWN}">'
    titles = ["Hits", "Share", "Visitors", "Sent", "Errors"]
    if timed:
        titles += ["p50", "p95", "p99", "Time"]
    heads = "".join(
        f'<th scope="col" class="number {title.lower()}">{title}</th>' for title in titles
    )
    name = "When" if over_time else capitalized(panel.noun)
    yield f'<thead><tr><th scope="col" class="name">{text_of(name)}</th>{heads}</tr></thead>'
    for row, length in zip(panel.rows, panel.bars(), strict=True):
        yield "<tbody>"
        yield _row(row, report, panel, timed, length)
        if len(row.rows) > 1 or any(inner.name != row.name for inner in row.rows):
            for inner in row.rows:
                yield _row(inner, report, panel, timed, None)
        yield "</tbody>"
    yield "</table></div>"


def _row(row: Row, report: Report, panel: Panel, timed: bool, bar: float | None) -> str:
    mark = "~" if panel.short else ""
    cells = [
        (row.hits, mark + format_count(row.hits), "hits"),
        (row.share, _share(row.hits, report.hits), "share"),
        (-1 if row.visitors is None else row.visitors, _visitors(row.visitors, report), "visitors"),
        (row.bytes, format_bytes(row.bytes), "sent"),
        (row.errors, format_count(row.errors), "errors"),
    ]
    if timed:
        cells += [
            (-1.0 if seconds is None else seconds, format_seconds(seconds), name)
            for seconds, name in (
                (row.p50, "p50"),
                (row.p95, "p95"),
                (row.p99, "p99"),
                (row.total_time, "time"),
            )
        ]
    numbers = "".join(
        f'<td class="number {name}" data-value="{value}">{shown}</td>'
        for value, shown, name in cells
    )
    drawn = ""
    if bar is not None:
        drawn = (
            '<svg class="share-bar" viewBox="0 0 100 1" preserveAspectRatio="none" '
            f'aria-hidden="true"><rect width="{100 * bar:.1f}" height="1"/></svg>'
        )
    kind = "" if bar is not None else ' class="detail"'
    name = escape(readable(row.name))
    return f'<tr{kind}><th scope="row" class="name">{name}{drawn}</th>{numbers}</tr>'


def _visitors(visitors: int | None, report: Report) -> str:
    if visitors is None:
        return UNKNOWN
    return ("~" if report.visitors_estimated else "") + format_count(visitors)


def _share(part: int, whole: int) -> str:
    return escape(format_share(part, whole))


def _sources(report: Report) -> str:
    names = [source.name for source in report.sources]
    if not names:
        return "records"
    shown = "standard input" if names[0] == "-" else names[0]
    return f"{shown} and {len(names) - 1} more" if len(names) > 1 else shown


def _moment(second: float, report: Report) -> str:
    zone = UTC if report.time_zone == "UTC" else ZoneInfo(report.time_zone)
    return f"{datetime.fromtimestamp(second, zone):%Y-%m-%d %H:%M:%S}"
