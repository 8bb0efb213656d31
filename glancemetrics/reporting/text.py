"""A report as text, for a terminal of any width or for a file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import attrs

from glancemetrics.reporting.panel_names import TIME_PANELS
from glancemetrics.reporting.report import (
    Panel,
    Report,
    Row,
    damaged_note,
    filled,
    more_text,
    step_name,
)
from glancemetrics.words.escaping import readable, visible
from glancemetrics.words.humane import (
    UNKNOWN,
    format_bytes,
    format_count,
    format_duration,
    format_mean_rate,
    format_seconds,
    format_share,
)

NARROWEST = 60
_NAME = "GlanceMetrics · "
_CHART_ROWS = 6
_CHART_LABEL = 6
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_BAR_CELLS = 10
_BAR = "▏▎▍▌▋▊▉█"
_NAMES_AT_LEAST = 16
_ESTIMATE = "~"
_DETAILS = 3
"""Rows shown below a row."""


@attrs.frozen
class Styles:
    """What begins and ends a style; empty strings where there is no colour."""

    title: tuple[str, str] = ("", "")
    dim: tuple[str, str] = ("", "")
    chart: tuple[str, str] = ("", "")
    bad: tuple[str, str] = ("", "")


PLAIN = Styles()
COLOUR = Styles(
    title=("\x1b[1m", "\x1b[0m"),
    dim=("\x1b[2m", "\x1b[0m"),
    chart=("\x1b[36m", "\x1b[0m"),
    bad=("\x1b[31m", "\x1b[0m"),
)


def to_text(report: Report, width: int, styles: Styles = PLAIN) -> str:
    """Write a report in lines of at most `width` cells."""
    writer = _Writer(report, max(width, NARROWEST), styles)
    return "".join(f"{line.rstrip()}\n" for line in writer.lines())


class _Writer:
    def __init__(self, report: Report, width: int, styles: Styles) -> None:
        self._report = report
        self._width = width
        self._styles = styles

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
                yield from _wrapped(f"  {name}: {reason}", self._width)

    def _head(self) -> Iterator[str]:
        report = self._report
        names = [visible(source.name) for source in report.sources]
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
                    for line in _wrapped(f"{visible(source.name)}: {source.trouble}", self._width)
                )

    def _title(self, panel: Panel) -> str:
        title = visible(panel.title)
        if panel.name == "time":
            title = f"{title}, requests by {self._chart_step()}"
        elif panel.name not in TIME_PANELS:
            shown = sum(row.name != "(other)" for row in panel.rows)
            more = panel.distinct - shown
            if more > 0:
                title = f"{title} ({more_text(panel, more)})"
        if panel.short:
            title += f" {_ESTIMATE} hits may be too low by up to {format_count(panel.short)}"
        return self._styled("title", _cut(title, self._width))

    def _chart(self, rows: Sequence[Row]) -> Iterator[str]:
        """Vertical bars, as many side by side as fit."""
        label_width = _CHART_LABEL
        steps = filled(rows, self._report.time_step)
        per = self._steps_per_bar()
        bars = [steps[i : i + per] for i in range(0, len(steps), per)]
        heights = [sum(row.hits for row in bar) for bar in bars]
        cells = max(1, (self._width - label_width - 1) // len(heights))
        cells = min(cells, 6)
        top = max(heights) or 1
        for level in reversed(range(_CHART_ROWS)):
            label = _short_count(top) if level == _CHART_ROWS - 1 else ""
            line = "".join(_block(height / top * _CHART_ROWS - level) * cells for height in heights)
            yield f"{label:>{label_width}} {self._styled('chart', line)}"
        first, last = rows[0].name, rows[-1].name
        gap = len(heights) * cells - len(first) - len(last)
        axis = f"{first}{' ' * gap}{last}" if gap > 0 else first
        yield f"{' ' * label_width} {self._styled('dim', axis)}"
        # Visitors of several steps cannot be added up, so the highest step is shown.
        visitors = [max(row.visitors or 0 for row in bar) for bar in bars]
        sent = [sum(row.bytes for row in bar) for bar in bars]
        for title, values, show in (
            ("visitors", visitors, format_count),
            ("sent", sent, format_bytes),
        ):
            highest = max(values) or 1
            line = "".join(_block(value / highest) * cells for value in values)
            yield f"{' ' * label_width} {self._styled('chart', line)}"
            caption = f"{title}, up to {show(max(values))}"
            yield f"{' ' * label_width} {self._styled('dim', caption)}"

    def _steps_per_bar(self) -> int:
        rows = filled(self._report.panel("time").rows, self._report.time_step)
        return -(-len(rows) // (self._width - _CHART_LABEL - 1))

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
        bar = self._width - taken - _BAR_CELLS - 2 >= 2 * _NAMES_AT_LEAST
        room = self._width - taken - (_BAR_CELLS + 2 if bar else 0)
        head = "  ".join(
            f"{title:>{size}}" for (title, _), size in zip(columns, widths, strict=True)
        )
        yield self._styled("dim", f"  {head}")
        largest = max(row.hits for row in panel.rows) or 1
        for row in panel.rows:
            yield self._line(row, columns, widths, room, _bar(row.hits / largest) if bar else None)
            for inner in row.rows[:_DETAILS] if len(row.rows) > 1 or _tells_more(row) else ():
                blank = " " * _BAR_CELLS if bar else None
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
        begin, end = getattr(self._styles, style)
        return f"{begin}{text}{end}" if begin and text else text


def _tells_more(row: Row) -> bool:
    return any(inner.name != row.name for inner in row.rows)


def _all(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from row.rows


def _block(height: float) -> str:
    return _EIGHTHS[max(0, min(8, round(height * 8)))]


def _bar(share: float) -> str:
    eighths = round(share * _BAR_CELLS * 8)
    whole, rest = divmod(eighths, 8)
    drawn = "█" * whole + (_BAR[rest - 1] if rest else "")
    return (drawn or "▏").ljust(_BAR_CELLS)


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


def _short_count(count: int) -> str:
    if count < 10_000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 10_000_000 else f"{count / 1e6:.0f}M"


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
