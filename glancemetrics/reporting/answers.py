"""Writes answers of the history: text with charts, rows, JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from glancemetrics.history.measures import Measure, Unit
from glancemetrics.history.query import Answer, Query, RecordQuery
from glancemetrics.incidents.alert_events import iso_time
from glancemetrics.reporting.tables import cut, laid_out, text_table
from glancemetrics.words.escaping import visible
from glancemetrics.words.humane import (
    UNKNOWN,
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    format_seconds,
)

_BLOCKS = " ▁▂▃▄▅▆▇█"
_EIGHTHS = len(_BLOCKS) - 1
_CHART_ROWS = 8
_MOST_BARS = 30
"""Up to this many steps are listed with a bar each; more are drawn as a chart."""
_USUAL_CELLS = 100
_SPARKS = 40
"""Width of a group's series in cells."""
_LABEL_CELLS = 10


def answer_text(
    answer: Answer,
    question: Query | RecordQuery,
    width: int | None = None,
    zone: tzinfo | None = None,
) -> str:
    """Write an answer for a terminal of `width` cells or for a file; times in `zone` (or UTC)."""
    if isinstance(question, RecordQuery):
        body = _records(answer, width, zone)
    elif question.step is None:
        body = _table(answer, question, width, zone)
    elif question.by:
        body = _sparklines(answer, question, width, zone)
    else:
        body = _series(answer, question, _USUAL_CELLS if width is None else width, zone)
    return body + "".join(f"{note}\n" for note in _notes(answer, question, zone))


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
        {name: _plain(value) for name, value in row.items()} for row in answer.table.to_pylist()
    ]
    return fields


def answer_rows(answer: Answer) -> Iterator[list[object]]:
    """Yield the rows of an answer, times in ISO 8601 in UTC."""
    for row in answer.table.to_pylist():
        yield [_plain(value) for value in row.values()]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        has_fraction = bool(moment.microsecond)
        return moment.isoformat(timespec="microseconds" if has_fraction else "seconds")
    return value


_FORMATS: dict[Unit, Callable[[Any], str]] = {
    Unit.COUNT: format_count,
    Unit.RATE: lambda value: f"{format_rate(value)}/s",
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


def _series(answer: Answer, query: Query, width: int, zone: tzinfo | None) -> str:
    rows = answer.table.to_pylist()
    charted = charted_of(query)
    values = [_number(row[charted.name]) for row in rows]
    if len(rows) > _MOST_BARS:
        return _chart(rows, values, charted, width, zone)
    highest = max((value for value in values if value is not None), default=0)
    is_coarse = query.step is not None and not query.step % 60
    cells = [
        [_moment(row["time"], zone, to_minutes=is_coarse), *_cells(row, query, zone)]
        for row in rows
    ]
    text = _right(["time", *(one.title for one in query.asked)], cells, 1).splitlines()
    room = width - max(map(len, text), default=0) - 3
    bars = ["", "", *(_bar(value, highest, room) for value in values)]
    longest = max(map(len, text), default=0)
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


def _bar(value: float | None, highest: float, cells: int) -> str:
    if not value or not highest or cells < 1:
        return ""
    return "█" * max(1, round(cells * value / highest))


def _chart(
    rows: Sequence[Any],
    values: Sequence[float | None],
    measure: Measure,
    width: int,
    zone: tzinfo | None,
) -> str:
    """Draw a series as columns; with more steps than cells, several steps per column."""
    columns, each = _columns(values, max(10, width - _LABEL_CELLS - 3))
    highest = max((value for value in columns if value is not None), default=0.0)
    lines = []
    for row in reversed(range(_CHART_ROWS)):
        label = ""
        if row == _CHART_ROWS - 1:
            label = _label(measure, highest)
        elif row == 0:
            label = "0"
        drawn = "".join(_block(value, highest, row) for value in columns)
        lines.append(f"{label.rjust(_LABEL_CELLS)} ┤{drawn}".rstrip())
    first, last = (_moment(rows[i]["time"], zone, to_minutes=True) for i in (0, -1))
    room = max(1, len(columns) - len(first) - len(last))
    lines.append(" " * (_LABEL_CELLS + 2) + first + " " * room + last)
    said = f"{measure.title} per step"
    if each > 1:
        said += f"; each column shows the highest of {each} steps"
    said += " (all numbers: --csv or --json)"
    return "".join(f"{line}\n" for line in [*lines, said])


def _label(measure: Measure, highest: float) -> str:
    is_count = measure.unit in {Unit.COUNT, Unit.BYTES}
    return _shown(measure, round(highest) if is_count else highest, None)[:_LABEL_CELLS]


def _columns(values: Sequence[float | None], cells: int) -> tuple[list[float | None], int]:
    """Return the highest of every few neighbours, and how many they are."""
    each = max(1, math.ceil(len(values) / cells))
    parts = (values[start : start + each] for start in range(0, len(values), each))
    return [max((v for v in part if v is not None), default=None) for part in parts], each


def _block(value: float | None, highest: float, row: int) -> str:
    if value is None:
        return "·" if row == 0 else " "
    eighths = round(_CHART_ROWS * _EIGHTHS * value / highest) if highest else 0
    if value and row == 0:
        eighths = max(1, eighths)
    return _BLOCKS[min(max(eighths - row * _EIGHTHS, 0), _EIGHTHS)]


def _sparklines(answer: Answer, query: Query, width: int | None, zone: tzinfo | None) -> str:
    """Write one row per group, with a small chart of its series."""
    groups: dict[tuple[str, ...], list[Any]] = {}
    for row in answer.table.to_pylist():
        groups.setdefault(tuple(row[name] for name in query.by), []).append(row)
    measure = charted_of(query)
    rows = []
    for names, own in groups.items():
        values = [_number(row[measure.name]) for row in own]
        known = [value for value in values if value is not None]
        columns, _ = _columns(values, _SPARKS)
        highest = max(known, default=0.0)
        spark = "".join(
            "·" if v is None else _BLOCKS[math.ceil(_EIGHTHS * v / highest) if highest else 0]
            for v in columns
        )
        is_count = measure.unit in {Unit.COUNT, Unit.BYTES}
        top = round(highest) if is_count else highest
        row = [*names, _shown(measure, top if known else None, zone)]
        if measure.adds_up:
            row.append(_shown(measure, round(sum(known)), zone))
        rows.append([*row, f"{spark}▏"])
    total = ["all"] if measure.adds_up else []
    titles = [*query.by, "highest", *total, f"{measure.title} per step"]
    text = _right(titles, rows, len(query.by), width)
    if not rows:
        return text
    first, last = (answer.table.column("time")[at].as_py() for at in (0, -1))
    return f"{text}{measure.title} from {_moment(first, zone)} to {_moment(last, zone)}\n"


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
