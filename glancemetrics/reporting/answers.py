"""Writes answers of the history: text with charts, rows, JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from glancemetrics.charts.axis import time_axis
from glancemetrics.charts.bars import bar, sparkline
from glancemetrics.charts.columns import Series
from glancemetrics.charts.runs import Drawing, Line
from glancemetrics.charts.values import Quantity
from glancemetrics.history.measures import Measure, Unit, share_of
from glancemetrics.history.query import Answer, Query, RecordQuery
from glancemetrics.history.table_rows import rows_of
from glancemetrics.reporting.looks import Look
from glancemetrics.reporting.tables import cut, laid_out, text_table
from glancemetrics.reporting.time_charts import (
    chart_cells,
    column_chart,
    inked_as,
    line_names,
    lines_over_time,
    steps_per_column,
)
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import (
    UNKNOWN,
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    format_seconds,
    step_name,
)
from glancemetrics.words.instants import iso_time

_CHART_ROWS, _TIMES_ROWS = 8, 6
_MOST_BARS = 30
"""Up to this many steps are listed with a bar each; more are drawn as a chart."""
_USUAL_CELLS = 100
_SPARKS, _FEWEST_SPARKS = 40, 10
"""Width of a group's series in cells, in files and at least."""
_MOST_SPARK_CELLS = 3
"""Cells of a step in such a series."""
_CLASSES = ("2xx", "3xx", "1xx", "4xx", "5xx")
"""Parts of a column from the bottom up: what went well, then what did not."""

_FOR_FILES = Look()

_QUANTITIES = {
    Unit.COUNT: Quantity.COUNT,
    Unit.RATE: Quantity.RATE,
    Unit.BYTES: Quantity.BYTES,
    Unit.SHARE: Quantity.SHARE,
    Unit.SECONDS: Quantity.SECONDS,
}


def answer_text(
    answer: Answer,
    question: Query | RecordQuery,
    look: Look = _FOR_FILES,
    zone: tzinfo | None = None,
) -> str:
    """Write an answer for a terminal or for a file; times in `zone` (or UTC)."""
    if isinstance(question, RecordQuery):
        body = _records(answer, look.width, zone)
    elif question.step is None:
        body = _table(answer, question, look.width, zone)
    elif question.by:
        body = _sparklines(answer, question, look, zone)
    else:
        body = _series(answer, question, look, zone)
    text = body + "".join(f"{note}\n" for note in _notes(answer, question, zone))
    return look.finished(text)


def answer_json(answer: Answer, question: Query | RecordQuery) -> dict[str, object]:
    """Return an answer as an object of JSON. Field names are stable; times are UTC."""
    covers = answer.covers
    fields: dict[str, object] = {
        "since": None if covers.since is None else iso_time(covers.since),
        "until": None if covers.until is None else iso_time(covers.until),
        "exact": answer.is_exact,
        "missing": answer.missing or None,
    }
    if isinstance(question, Query):
        fields |= {
            "by": list(question.by),
            "step": question.step,
            "groups": answer.groups,
            "records": answer.records,
            "ungrouped": answer.ungrouped,
            "grain": answer.grain,
            "total": {name: _plain(value) for name, value in answer.total.items()},
        }
    fields["rows"] = [
        {name: _plain(value) for name, value in row.items()} for row in rows_of(answer.table)
    ]
    return fields


def answer_rows(answer: Answer) -> Iterator[list[object]]:
    """Yield the rows of an answer, times in ISO 8601 in UTC."""
    for row in rows_of(answer.table):
        yield [_plain(value) for value in row.values()]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        has_fraction = bool(moment.microsecond)
        return moment.isoformat(timespec="microseconds" if has_fraction else "seconds")
    return value


_FORMATS: dict[Unit, Callable[[Any], str]] = {
    Unit.COUNT: format_count,
    Unit.RATE: lambda value: f"{format_rate(value, comma=',')}/s",
    Unit.BYTES: format_bytes,
    Unit.SHARE: lambda value: f"{100 * value:.3g} %",
    Unit.SECONDS: format_seconds,
}


def _shown(measure: Measure, value: Any, zone: tzinfo | None) -> str:
    if value is None:
        return UNKNOWN
    if measure.unit is Unit.TIME:
        return _moment(value, zone)
    return _FORMATS[measure.unit](value)


def _moment(value: datetime, zone: tzinfo | None, *, to_minutes: bool = False) -> str:
    text = f"{value.astimezone(zone or UTC):%Y-%m-%d %H:%M:%S}"
    return text[: -len(":00")] if to_minutes else text


def _table(answer: Answer, query: Query, width: int | None, zone: tzinfo | None) -> str:
    titles = [*query.by, *(one.title for one in query.asked)]
    rows = [
        [*(row[name] for name in query.by), *_cells(row, query, zone)]
        for row in answer.table.to_pylist()
    ]
    if query.by and rows:
        total = ["all", *[""] * (len(query.by) - 1), *_cells(answer.total, query, zone)]
        rows.append(total)
    return _right(titles, rows, len(query.by), width)


def _cells(row: Any, query: Query, zone: tzinfo | None) -> list[str]:
    return [_shown(one, row[one.name], zone) for one in query.asked]


def _right(
    titles: Sequence[str], rows: Sequence[Sequence[str]], texts: int, width: int | None = None
) -> str:
    """Lay out a table: the first columns are text, the others numbers."""
    shown = [[visible(str(cell)) for cell in row] for row in rows]
    return laid_out(titles, shown, [i >= texts for i in range(len(titles))], width)


def _series(answer: Answer, query: Query, look: Look, zone: tzinfo | None) -> str:
    rows = answer.table.to_pylist()
    if len(rows) > _MOST_BARS:
        return _charts(rows, query, look, zone)
    charted = charted_of(query)
    values = [_number(row[charted.name]) for row in rows]
    highest = max((value for value in values if value is not None), default=0)
    is_coarse = query.step is not None and not query.step % 60
    cells = [
        [_moment(row["time"], zone, to_minutes=is_coarse), *_cells(row, query, zone)]
        for row in rows
    ]
    text = _right(["time", *(one.title for one in query.asked)], cells, 1).splitlines()
    longest = max(map(len, text), default=0)
    room = max(0, (look.width or _USUAL_CELLS) - longest - 2)
    bars = ["", "", *(_bar(value, highest, room, look) for value in values)]
    return "".join(
        f"{line.ljust(longest)}  {bar}".rstrip() + "\n"
        for line, bar in zip(text, bars, strict=True)
    )


def charted_of(query: Query) -> Measure:
    """Return the measure of a series to draw: not a time, unless there is nothing else."""
    ordered = next(one for one in query.asked if one.name == query.ordered_by)
    return min((ordered, *query.asked), key=lambda one: one.unit is Unit.TIME)


def _number(value: Any) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    return None if value is None else float(value)


def _bar(value: float | None, highest: float, cells: int, look: Look) -> str:
    share = value / highest if value and highest else 0.0
    return look.styled("chart", bar(share, cells, look.drawing).rstrip())


def _charts(rows: Sequence[Any], query: Query, look: Look, zone: tzinfo | None) -> str:
    """Draw a series as columns, and its response times as lines below.

    With more steps than cells, several steps share a column.
    """
    assert query.step is not None
    charted = charted_of(query)
    width = look.width or _USUAL_CELLS
    each = steps_per_column(len(rows), width)
    groups = [rows[start : start + each] for start in range(0, len(rows), each)]
    cells = chart_cells(len(groups), width)
    since = int(rows[0]["time"].timestamp())
    until = since + len(groups) * each * query.step
    below = _time_below(since, until, cells, look, zone)
    quantiles = [one for one in query.asked if share_of(one) is not None]
    lines = []
    if charted not in quantiles:
        parts = _parts(charted, query, look)
        highest = [_highest(group, charted.name) for group in groups]
        series = [Series(role, [of(row) for row in highest]) for role, of in parts.items()]
        if not any(series[-1].values):
            series = series[:1]
        roles = [one.role for one in series]
        lines.append(look.styled("title", _caption(charted.title, query.step, each, roles, look)))
        lines += column_chart(series, below, rows=_CHART_ROWS,
                              quantity=_QUANTITIES[charted.unit], look=look)  # fmt: skip
    if quantiles:
        quantiles.sort(key=lambda one: share_of(one) or 0)
        series = [
            Series(one.name, [_number(_highest(group, one.name)[one.name]) for group in groups])
            for one in quantiles
        ]
        if any(value is not None for one in series for value in one.values):
            said = look.styled("title", _caption("", query.step, each, [], look))
            lines.append(f"{line_names(series, look)}{said}")
            lines += lines_over_time(series, below, rows=_TIMES_ROWS,
                                     quantity=Quantity.SECONDS, look=look)  # fmt: skip
    lines.append("(all numbers: --csv or --json)")
    return "".join(f"{line}\n" for line in lines)


def _time_below(since: int, until: int, cells: int, look: Look, zone: tzinfo | None) -> Line:
    return time_axis(
        since, until, cells=cells, zone=zone or UTC, is_live=False, drawing=look.drawing
    )


def _highest(group: Sequence[Any], name: str) -> Any:
    """Return the row of a column: of several steps that with the highest value."""

    def value(row: Any) -> float:
        number = _number(row[name])
        return -math.inf if number is None else number

    return max(group, key=value)


def _parts(charted: Measure, query: Query, look: Look) -> dict[str, Callable[[Any], float | None]]:
    """Return what a column is made up of, from the bottom up, by role: errors in their colour."""

    def of(name: str) -> Callable[[Any], float | None]:
        return lambda row: _number(row[name])

    names = query.measures
    if charted.name == "hits" and look.shows_parts:
        if "errors" in names:
            return {"hits": lambda row: row["hits"] - row["errors"], "errors": of("errors")}
        if "5xx" in names:
            return {"hits": lambda row: row["hits"] - row["5xx"], "5xx": of("5xx")}
    return {charted.name if charted.name in _CLASSES else "hits": of(charted.name)}


def _caption(what: str, step: int, each: int, roles: Sequence[str], look: Look) -> str:
    said = f"{what} per {step_name(step)}"
    if len(roles) > 1:
        said += f", {inked_as(roles[-1], look)}"
    if each > 1:
        said += f"; each column shows the highest of {each} steps"
    return said


def _sparklines(answer: Answer, query: Query, look: Look, zone: tzinfo | None) -> str:
    """Write one row per group, with a small chart of its series."""
    groups: dict[tuple[str, ...], list[Any]] = {}
    for row in answer.table.to_pylist():
        groups.setdefault(tuple(row[name] for name in query.by), []).append(row)
    measure = charted_of(query)
    steps = max(map(len, groups.values()), default=0)
    most = _SPARKS if look.width is None else max(_FEWEST_SPARKS, look.width // 2)
    cells = min(most, steps * _MOST_SPARK_CELLS)
    series = {names: [_number(row[measure.name]) for row in own] for names, own in groups.items()}
    is_count = measure.unit in {Unit.COUNT, Unit.BYTES}
    rows = []
    for names, values in series.items():
        known = [value for value in values if value is not None]
        highest = max(known, default=0.0)
        top = round(highest) if is_count else highest
        row = [*names, _shown(measure, top if known else None, zone)]
        if measure.adds_up:
            row.append(_shown(measure, round(sum(known)), zone))
        rows.append(row)
    total = ["all"] if measure.adds_up else []
    room = None if look.width is None else look.width - cells - 3
    lines = _right([*query.by, "highest", *total], rows, len(query.by), room).splitlines()
    longest = max(map(len, lines), default=0)
    if look.width is not None:
        cells = max(1, min(cells, look.width - longest - 3))
    sparks = [
        look.styled("chart", sparkline(values, cells, look.drawing)) + _ENDS[look.drawing]
        for values in series.values()
    ]
    title = f"{measure.title} per {step_name(query.step or 1)}"
    beside = [title, "─" * max(cells, len(title)), *sparks]
    drawn = [f"{line.ljust(longest)}  {other}" for line, other in zip(lines, beside, strict=True)]
    if rows:
        times = [row["time"].timestamp() for row in next(iter(groups.values()))]
        until = int(max(times)) + (query.step or 1)
        below = _time_below(int(min(times)), until, cells, look, zone)
        drawn.append(" " * (longest + 2) + look.line(below))
    return "".join(f"{line}\n" for line in drawn)


_ENDS = {Drawing.UNICODE: "▏", Drawing.ASCII: "|"}
"""Where a sparkline ends."""


_RECORD_COLUMNS = ("time", "status", "method", "path", "host", "bytes", "duration", "vhost")


def _records(answer: Answer, width: int | None, zone: tzinfo | None) -> str:
    table = answer.table
    if not table.num_rows:
        return ""
    known = [name for name in _RECORD_COLUMNS if table.column(name).null_count < len(table)]
    several = len(table.column("source").unique()) > 1
    columns = ["time", *(name for name in known if name != "time"), *(["source"] * several)]
    rows = []
    for row in table.to_pylist():
        target = row["path"] if row["path"] is not None else row["request"]
        asked = f"{target}?{row['query']}" if row["query"] is not None else target
        shown = {
            **row,
            "time": _moment(row["time"], zone),
            "path": asked,
            "bytes": UNKNOWN if row["bytes"] is None else format_bytes(row["bytes"]),
            "duration": format_seconds(row["duration"]),
            "status": UNKNOWN if row["status"] is None else f"{row['status']:03}",
        }
        rows.append([shown[name] for name in columns])
    text = text_table(columns, rows)
    if width is None:
        return text
    return "".join(f"{cut(line, width)}\n" for line in text.splitlines())


def _notes(answer: Answer, question: Query | RecordQuery, zone: tzinfo | None) -> Iterator[str]:
    """Yield notes about an answer."""
    covers = answer.covers
    if answer.ungrouped and isinstance(question, Query):
        names = " or ".join(question.by)
        have = "has" if answer.ungrouped == 1 else "have"
        requests = "request" if answer.ungrouped == 1 else "requests"
        yield f"{format_count(answer.ungrouped)} more {requests} {have} no {names}"
    if isinstance(question, Query) and answer.groups > question.limit:
        rest = answer.groups - question.limit
        yield f"… {format_count(rest)} more (see --limit)"
    if answer.has_more:
        yield "… more (see --limit, --offset)"
    if covers.since is not None and covers.until is not None:
        start, end = (datetime.fromtimestamp(at, UTC) for at in (covers.since, covers.until))
        name = (end.astimezone(zone or UTC)).tzname() or "UTC"
        span = format_duration(covers.until - covers.since)
        said = f"{_moment(start, zone)} to {_moment(end, zone)} {name} ({span})"
        if answer.grain > 1:
            said += f", from {format_duration(answer.grain)} rollups"
        if not answer.is_exact:
            said += "; visitors ±2 %, response times ±1 %"
        yield said
    if answer.missing:
        yield f"Incomplete: {answer.missing}."
