"""A report as text, for a terminal of any width or for a file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from glancemetrics.charts.axis import AXIS_CELLS, named_axis, time_axis
from glancemetrics.charts.bars import bar, sparkline
from glancemetrics.charts.columns import Series
from glancemetrics.charts.runs import Line
from glancemetrics.charts.values import Quantity
from glancemetrics.reporting.looks import Look
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
from glancemetrics.reporting.time_charts import (
    chart_cells,
    column_chart,
    inked_as,
    steps_per_column,
)
from glancemetrics.words.addresses import called
from glancemetrics.words.escaping import readable, visible
from glancemetrics.words.humane import (
    UNKNOWN,
    format_bytes,
    format_count,
    format_duration,
    format_mean_rate,
    format_seconds,
    format_share,
    step_name,
)

NARROWEST, _USUAL_CELLS = 60, 100
_NAME = "GlanceMetrics · "
_CHART_ROWS = 8
_BAR_CELLS = 10
_NAMES_AT_LEAST = 16
_ESTIMATE = "~"
_DETAILS = 3
"""Rows shown below a row."""


def to_text(report: Report, look: Look) -> str:
    """Write a report in lines of at most the width of the look."""
    writer = _Writer(report, look)
    return look.finished("".join(f"{line.rstrip()}\n" for line in writer.lines()))


class _Writer:
    def __init__(self, report: Report, look: Look) -> None:
        self._report = report
        self._look = look
        self._width = max(look.width or _USUAL_CELLS, NARROWEST)

    def lines(self) -> Iterator[str]:
        report = self._report
        yield from self._head()
        if (
            report.rejects.count
            or report.damaged
            or any(source.trouble for source in report.sources)
        ):
            yield ""
            yield from self._trouble()
        for panel in report.panels:
            yield ""
            yield self._title(panel)
            if panel.name == "time":
                yield from self._chart(panel.rows)
            else:
                yield from self._table(panel)
        if report.left_out and report.hits:
            yield ""
            yield self._styled("title", "Empty panels")
            for name, reason in report.left_out.items():
                yield from _wrapped(f"  {title_of(name)}: {reason}", self._width)

    def _head(self) -> Iterator[str]:
        report = self._report
        names = [visible(called(source.name)) for source in report.sources]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        name = _ending((names or [""])[0], self._width - len(_NAME) - len(more))
        yield self._styled("title", _cut(f"{_NAME}{name}{more}", self._width))
        if report.unfinished is not None:
            yield from (
                self._styled("bad", line) for line in _wrapped(report.unfinished, self._width)
            )
        if report.start is None or report.end is None:
            yield report.without_requests
            return
        span = report.end - report.start
        yield f"{_moment(report.start, report)} – {_moment(report.end, report)} {report.time_zone}"
        yield ""
        rate = format_mean_rate(report.hits, span)
        facts = [
            ("Requests", format_count(report.hits)),
            ("Visitors", self._visitors(report.visitors)),
            ("Sent", format_bytes(report.bytes)),
            ("Span", format_duration(span)),
            ("Rate", rate),
            ("Errors", _with_share(report.errors, report.hits)),
            ("4xx", format_count(report.client_errors)),
            ("5xx", format_count(report.server_errors)),
        ]
        if report.foreign:
            facts.append(("Other lines", format_count(report.foreign)))
        if report.filtered:
            facts.append(("Excluded", format_count(report.filtered)))
        yield from _columns(facts, self._width)

    def _trouble(self) -> Iterator[str]:
        report = self._report
        rejects = report.rejects
        if rejects.count:
            share = format_share(rejects.count, report.lines)
            yield self._styled(
                "bad", f"Unparsed lines: {format_count(rejects.count)} ({share} of all lines)"
            )
            for sample in rejects.samples:
                yield _cut(f"  {sample.reason}:", self._width)
                yield _cut(f"    {visible(sample.line)}", self._width)
        if report.damaged:
            yield self._styled("bad", damaged_note(report.damaged))
        for source in report.sources:
            if source.trouble:
                yield from (
                    self._styled("bad", line)
                    for line in _wrapped(
                        f"{visible(called(source.name))}: {source.trouble}", self._width
                    )
                )

    def _title(self, panel: Panel) -> str:
        title = visible(panel.title)
        if panel.name == "time":
            title = f"{title}, requests by {self._chart_step()}"
            if self._look.shows_parts and self._report.errors:
                title += f", {inked_as('errors', self._look)}"
        elif panel.name not in TIME_PANELS:
            shown = sum(row.name != "(other)" for row in panel.rows)
            more = panel.distinct - shown
            if more > 0:
                title = f"{title} ({more_text(panel, more)})"
        if panel.short:
            title += f" {_ESTIMATE} hits may be too low by up to {format_count(panel.short)}"
        return self._styled("title", _cut(title, self._width))

    def _chart(self, rows: Sequence[Row]) -> Iterator[str]:
        """Requests as columns, as many side by side as fit; visitors and bytes in a row each."""
        steps = filled(rows, self._report.time_step)
        per = self._steps_per_bar()
        bars = [steps[i : i + per] for i in range(0, len(steps), per)]
        look, cells = self._look, chart_cells(len(bars), self._width)
        below = self._time_below(rows, len(bars) * per, cells)
        errors = [sum(row.errors for row in bar) for bar in bars]
        hits = [sum(row.hits for row in bar) for bar in bars]
        series = [Series("hits", hits)]
        if look.shows_parts and any(errors):
            well = [count - failed for count, failed in zip(hits, errors, strict=True)]
            series = [Series("hits", well), Series("errors", errors)]
        yield from column_chart(series, below, rows=_CHART_ROWS, quantity=Quantity.COUNT, look=look)
        # Visitors of several steps cannot be added up, so the highest step is shown.
        visitors = [max(row.visitors or 0 for row in bar) for bar in bars]
        sent = [sum(row.bytes for row in bar) for bar in bars]
        indent = " " * AXIS_CELLS
        for title, values, show in (
            ("visitors", visitors, self._visitors),
            ("sent", sent, format_bytes),
        ):
            drawn = sparkline(values, cells, look.drawing)
            yield f"{indent}{look.styled('chart', drawn)}"
            caption = f"{title}, up to {show(max(values))}"
            yield f"{indent}{look.styled('dim', caption)}"

    def _time_below(self, rows: Sequence[Row], steps: int, cells: int) -> Line:
        """Return the time axis; names of steps are local times, so that it needs no zone."""
        step, drawing = self._report.time_step, self._look.drawing
        if not step:
            return named_axis(rows[0].name, rows[-1].name, cells=cells, drawing=drawing)
        since = int(datetime.fromisoformat(rows[0].name).replace(tzinfo=UTC).timestamp())
        return time_axis(
            since, since + steps * step, cells=cells, zone=UTC, is_live=False, drawing=drawing
        )

    def _steps_per_bar(self) -> int:
        rows = filled(self._report.panel("time").rows, self._report.time_step)
        return steps_per_column(len(rows), self._width)

    def _chart_step(self) -> str:
        per, step = self._steps_per_bar(), self._report.time_step
        if per == 1 or not step:
            return step_name(step) if per == 1 else f"{per} months"
        return step_name(per * step)

    def _table(self, panel: Panel) -> Iterator[str]:
        columns = self._shown(panel)
        widths = [
            max(len(title), *(len(show(row)) for row in _all(panel.rows)))
            for title, show in columns
        ]
        taken = sum(widths) + 2 * len(widths) + 2
        has_bars = self._width - taken - _BAR_CELLS - 2 >= 2 * _NAMES_AT_LEAST
        room = self._width - taken - (_BAR_CELLS + 2 if has_bars else 0)
        head = "  ".join(
            f"{title:>{size}}" for (title, _), size in zip(columns, widths, strict=True)
        )
        yield self._styled("dim", f"  {head}")
        for row, length in zip(panel.rows, panel.bars(), strict=True):
            drawn = bar(length, _BAR_CELLS, self._look.drawing)
            yield self._line(row, columns, widths, room, drawn if has_bars else None)
            for inner in row.rows[:_DETAILS] if len(row.rows) > 1 or _tells_more(row) else ():
                blank = " " * _BAR_CELLS if has_bars else None
                yield self._line(inner, columns, widths, room, blank, indent="  ")

    def _line(
        self,
        row: Row,
        columns: Sequence[tuple[str, Callable[[Row], str]]],
        widths: Sequence[int],
        room: int,
        bar: str | None,
        indent: str = "",
    ) -> str:
        cells = "  ".join(
            f"{show(row):>{size}}" for (_, show), size in zip(columns, widths, strict=True)
        )
        drawn = f"  {self._styled('chart', bar)}" if bar is not None else ""
        name = _cut(indent + readable(row.name), room)
        return f"  {cells}{drawn}  {self._styled('dim', name) if indent else name}"

    def _shown(self, panel: Panel) -> list[tuple[str, Callable[[Row], str]]]:
        hits = self._report.hits
        mark = _ESTIMATE if panel.short else ""
        columns: list[tuple[str, Callable[[Row], str]]] = [
            ("hits", lambda row: mark + format_count(row.hits)),
            ("share", lambda row: format_share(row.hits, hits)),
            ("visitors", lambda row: self._visitors(row.visitors)),
            ("sent", lambda row: format_bytes(row.bytes)),
            ("errors", lambda row: format_count(row.errors)),
        ]
        if any(row.total_time is not None for row in panel.rows):
            columns += [
                ("p50", lambda row: format_seconds(row.p50)),
                ("p95", lambda row: format_seconds(row.p95)),
                ("p99", lambda row: format_seconds(row.p99)),
                ("time", lambda row: format_seconds(row.total_time)),
            ]
            if self._width < 100:
                columns = [column for column in columns if column[0] not in ("share", "p50")]
        return columns

    def _visitors(self, visitors: int | None) -> str:
        if visitors is None:
            return UNKNOWN
        mark = _ESTIMATE if self._report.visitors_estimated else ""
        return mark + format_count(visitors)

    def _styled(self, style: str, text: str) -> str:
        return self._look.styled(style, text)


def _tells_more(row: Row) -> bool:
    return any(inner.name != row.name for inner in row.rows)


def _all(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from row.rows


def _columns(facts: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    name_size = max(len(name) for name, _ in facts)
    value_size = max(len(value) for _, value in facts)
    per = max(1, width // (name_size + value_size + 5))
    for i in range(0, len(facts), per):
        yield "   ".join(
            f"  {name:<{name_size}} {value:>{value_size}}" for name, value in facts[i : i + per]
        )


def _with_share(part: int, whole: int) -> str:
    return f"{format_count(part)} ({format_share(part, whole)})"


def _moment(second: float, report: Report) -> str:
    zone = UTC if report.time_zone == "UTC" else ZoneInfo(report.time_zone)
    return f"{datetime.fromtimestamp(second, zone):%Y-%m-%d %H:%M:%S}"


def _wrapped(text: str, width: int) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, width, subsequent_indent="    ")


def _ending(text: str, width: int) -> str:
    """Cut off the beginning if it does not fit: a path's end says more."""
    return text if len(text) <= width else f"…{text[len(text) - max(0, width - 1) :]}"


def _cut(text: str, width: int) -> str:
    """Cut off what does not fit; wide characters take two cells."""
    if text.isascii() and len(text) <= width:
        return text
    cells = 0
    for at, character in enumerate(text):
        size = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if cells + size > width or (cells + size == width and at + 1 < len(text)):
            return text[:at] + "…"
        cells += size
    return text
