"""Answers a `Query` from the whole history: from records if possible, from rollups behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import attrs
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.errors import UsageError
from glancemetrics.history.answering import Counted, Mapped, count
from glancemetrics.history.cell import Cell, cells_of, merged
from glancemetrics.history.finding import find
from glancemetrics.history.measures import Measure, Unit, limit_of, share_of
from glancemetrics.history.query import MOST_ROWS, MOST_STEPS, Answer, Query, RecordQuery
from glancemetrics.history.recorded import (
    Recorded,
    Seconds,
    known_seconds,
    time_text,
    unread_in,
)
from glancemetrics.history.rollups import RolledUp
from glancemetrics.history.table_rows import rows_of
from glancemetrics.native.sums import LARGEST
from glancemetrics.records.schema import TIME
from glancemetrics.records.time_span import TimeSpan

_BEHIND = 10
"""Seconds that a running monitor may lag behind the query."""

MANY_RECORDS = 5_000_000
"""With more records than this, rollups are used if they can answer."""


@attrs.frozen
class _Bounds:
    """From one second up to, but not including, another."""

    since: int
    until: int

    @property
    def length(self) -> int:
        return self.until - self.since

    @property
    def span(self) -> TimeSpan:
        return TimeSpan(self.since, self.until)


def answer(
    query: Query | RecordQuery,
    recorded: Recorded,
    connection: Any,
    mapped: Mapped = map,
    zone: tzinfo = UTC,
) -> Answer:
    """Answer a query from the history. Raises `UsageError`.

    `connection` is used by this query alone (`sql.connect`); times in sentences are in `zone`.
    """
    if isinstance(query, RecordQuery):
        return _found(query, recorded, connection, zone)
    span = _bounded(query.span, recorded)
    if span is None:
        return _of_nothing(query, "no data yet")
    _check_steps(query, span)
    if _is_for_rollups(query, span, recorded):
        return _rolled_up(query, span, recorded, zone)
    return _counted(query, span, recorded, connection, mapped, zone)


def _found(query: RecordQuery, recorded: Recorded, connection: Any, zone: tzinfo) -> Answer:
    found = find(query, recorded.stored, connection)
    table = found.table
    span = _bounded(query.span, recorded)
    if span is None:
        return Answer(table=table, missing="no data yet")
    covers = _covered(span, recorded)
    missing = [_missing(query.span, covers, _start(recorded), recorded, zone), *found.troubles]
    return Answer(
        table=table,
        records=table.num_rows,
        has_more=found.has_more,
        reached=max((one.first + one.rows for one in recorded.stored), default=0),
        covers=covers.span,
        missing=_sentence(missing),
    )


def _bounded(span: TimeSpan, recorded: Recorded) -> _Bounds | None:
    """Return the span with both ends; `None` if the history is empty and an end is open."""
    since, until = span.since, span.until
    if since is None:
        starts = [recorded.oldest, recorded.rollups.reach if recorded.rollups else None]
        since = min((one for one in starts if one is not None), default=None)
    if until is None:
        ends = [recorded.newest, recorded.rollups.newest if recorded.rollups else None]
        newest = max((one for one in ends if one is not None), default=None)
        until = None if newest is None else newest + 1
    if since is None or until is None:
        return None
    return _Bounds(since, max(since, until))


def _check_steps(query: Query, span: _Bounds) -> None:
    if query.step is not None and span.length / query.step > MOST_STEPS:
        raise UsageError(
            f"step {query.step} s: too short for this time span (over {MOST_STEPS:,} steps)"
        )


def _covered(span: _Bounds, recorded: Recorded) -> _Bounds:
    """Return the part of a span for which all records are there."""
    start, end = _start(recorded), recorded.until
    until = span.until if end is None else min(span.until, max(end, (recorded.newest or 0) + 1))
    since = span.since if start is None else max(span.since, start)
    until = max(span.since, until)
    return _Bounds(min(since, until), until)


def _missing(
    asked: TimeSpan, covers: _Bounds, start: int | None, recorded: Recorded, zone: tzinfo
) -> str:
    """Say which parts of a span are missing; nothing is known before `start`."""
    clauses = []
    end = recorded.until
    if asked.since is not None and start is not None and asked.since < start:
        clauses.append(f"no data before {time_text(start, zone)}")
    if asked.until is not None and end is not None and asked.until > end + _BEHIND:
        clauses.append(f"no data after {time_text(end, zone)}")
    first = covers.since if asked.since is None else asked.since
    clauses += [
        hole.text(zone)
        for hole in recorded.holes
        if hole.since < covers.until and hole.until >= first
    ]
    return "; ".join(clauses)


def _sentence(clauses: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, clauses)))


def _start(recorded: Recorded) -> int | None:
    """The second from which on no record has been deleted."""
    return recorded.oldest if recorded.since is None else recorded.since


def _of_nothing(query: Query, why: str) -> Answer:
    fields = [("time", TIME)] if query.step is not None else []
    fields += [(name, pa.string()) for name in query.by]
    fields += [(one.name, _kind(one)) for one in query.asked]
    return Answer(table=pa.schema(fields).empty_table(), total=_nothing(query), missing=why)


def _nothing(query: Query) -> dict[str, Any]:
    """Return the measures of no records."""
    return {one.name: 0 if one.is_a_sum else None for one in query.asked}


def _counted(
    query: Query,
    span: _Bounds,
    recorded: Recorded,
    connection: Any,
    mapped: Mapped,
    zone: tzinfo,
) -> Answer:
    covers = _covered(span, recorded)
    # Newest first: they are small and soon merged; if one is gone, everything starts over.
    newest_first = recorded.stored[::-1]
    # Before this span some records are gone: their count would be of no specific time.
    counted = count(attrs.evolve(query, span=covers.span), newest_first, connection, mapped)
    _check_rows(query, covers, counted.groups)
    unread = unread_in(covers.since, covers.until, recorded.holes)
    known = known_seconds(covers.since, covers.until, unread)
    missing = [
        _missing(query.span, covers, _start(recorded), recorded, zone),
        *counted.troubles,
        *recorded.troubles,
    ]
    return Answer(
        table=_table(query, covers, _rows(query, counted), unread),
        total=_with_rate(query, counted.total, known),
        groups=counted.groups,
        records=counted.records,
        ungrouped=counted.ungrouped,
        covers=covers.span,
        known=known,
        unread=unread,
        missing=_sentence(missing),
    )


_Rows = dict[tuple[str, ...], dict[int | None, Mapping[str, Any]]]
"""{names of a group: {start of a step, or None: its measures}}, in the order of groups"""


def _rows(query: Query, counted: Counted) -> _Rows:
    table = counted.table
    if query.step is not None:
        table = table.set_column(0, "time", pc.cast(table.column("time"), pa.int64()))
    rows: _Rows = {} if query.by else {(): {}}
    for row in rows_of(table):
        group = tuple(row[name] for name in query.by)
        at = None if query.step is None else row["time"] // 1_000_000
        rows.setdefault(group, {})[at] = row
    return rows


def _check_rows(query: Query, covers: _Bounds, groups: int) -> None:
    """Raise `UsageError` for more rows than a page, a chart or a program can take."""
    groups = min(groups, query.limit) if query.by else 1
    steps = 1 if query.step is None else covers.length // query.step
    columns = len(query.by) + len(query.measures)
    most = query.most_values
    if most is not None and groups * steps * columns > most:
        each = f"{columns} columns" if steps == 1 else f"{steps:,} steps of {columns} columns"
        raise UsageError(
            f"{groups:,} groups with {each}: over {most:,} values; lower the limit, ask for fewer "
            "measures, or lengthen the step"
        )
    if query.step is not None and groups * steps > MOST_ROWS:
        raise UsageError(
            f"{groups:,} groups with {steps:,} steps each: over {MOST_ROWS:,} rows; lower the "
            "limit, lengthen the step or shorten the time span"
        )


def _table(query: Query, covers: _Bounds, rows: _Rows, unread: Sequence[Seconds]) -> pa.Table:
    """Lay out the measures: each group, and in a series each step of the span.

    A step of which nothing was read has nulls; the rate of one that was read in part is over that.
    """
    since, until = covers.since, covers.until
    columns: dict[str, list[Any]] = {name: [] for name in (*query.by, *query.measures)}
    times: list[int] = []
    nothing = _nothing(query)
    for group, parts in rows.items():
        starts: Iterable[int | None] = parts
        if query.step is not None:
            first = since // query.step * query.step
            inside = set(range(first, until, query.step))
            starts = sorted(inside | {start for start in parts if start is not None})
        for start in starts:
            begin, end = since, until
            if start is not None and query.step is not None:
                times.append(start * 1_000_000)
                begin, end = max(start, since), min(start + query.step, until)
            known = known_seconds(begin, end, unread)
            measured = _with_rate(query, parts.get(start, nothing), known)
            if start not in parts and start is not None and known <= 0 and unread:
                measured = dict.fromkeys(query.measures)
            for name, value in zip(query.by, group, strict=True):
                columns[name].append(value)
            for name in query.measures:
                columns[name].append(measured[name])
    kinds = {name: pa.string() for name in query.by} | {m.name: _kind(m) for m in query.asked}
    table = pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
    if query.step is not None:
        table = table.add_column(
            0, pa.field("time", TIME), pc.cast(pa.array(times, pa.int64()), TIME)
        )
    return table


def _with_rate(query: Query, measured: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    """Return the measures, with the rate computed from its count."""
    if "rate" not in query.measures:
        return dict(measured)
    return {**measured, "rate": (measured["rate"] or 0) / max(1, seconds)}


def _kind(measure: Measure) -> pa.DataType:
    match measure.unit:
        case Unit.COUNT | Unit.BYTES:
            return pa.int64()
        case Unit.TIME:
            return TIME
        case _:
            return pa.float64()


_OF_CELL: dict[str, Callable[[Cell], Any]] = {
    "hits": lambda cell: cell.hits,
    "rate": lambda cell: cell.hits,
    "bytes": lambda cell: min(cell.bytes, LARGEST),
    "errors": lambda cell: cell.status_classes[3] + cell.status_classes[4],
    "error_ratio": lambda cell: (cell.status_classes[3] + cell.status_classes[4]) / cell.hits,
    "1xx": lambda cell: cell.status_classes[0],
    "2xx": lambda cell: cell.status_classes[1],
    "3xx": lambda cell: cell.status_classes[2],
    "4xx": lambda cell: cell.status_classes[3],
    "5xx": lambda cell: cell.status_classes[4],
    "visitors": lambda cell: round(cell.visitors.estimate()),
    "timed": lambda cell: cell.timed,
    "total_time": lambda cell: cell.duration_us / 1_000_000 if cell.timed else None,
    "first_seen": lambda cell: _instant(cell.first),
    "last_seen": lambda cell: _instant(cell.last),
}
"""What rollups know, besides quantiles and numbers of requests under a response time."""


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)


def _of_cells(measure: Measure) -> Callable[[Cell], Any] | None:
    """Return how a cell is measured; `None` if rollups do not know it."""
    share, limit = share_of(measure), limit_of(measure)
    if share is not None:
        return lambda cell: cell.quantile(share)
    if limit is not None:
        return lambda cell: cell.under(limit)
    return _OF_CELL.get(measure.name)


def _is_for_rollups(query: Query, span: _Bounds, recorded: Recorded) -> bool:
    """Return whether rollups know more than records, or the same much faster."""
    if recorded.rollups is None or query.where is not None or query.by:
        return False
    if any(_of_cells(one) is None for one in query.asked):
        return False
    reach = recorded.rollups.reach
    if not recorded.stored:
        return reach is not None
    covers = _covered(span, recorded)
    if reach is not None and max(reach, span.since) < covers.since:
        return True
    inside = (
        one.rows for one in recorded.stored if one.newest >= span.since and one.oldest < span.until
    )
    return sum(inside) > MANY_RECORDS


def _rolled_up(query: Query, span: _Bounds, recorded: Recorded, zone: tzinfo) -> Answer:
    assert recorded.rollups is not None
    asked = query.step
    rolled = recorded.rollups.cells(span.since, span.until, asked)
    while query.step is not None and rolled.grain > query.step:
        # All steps get the longest length needed: otherwise some would overlap others.
        query = attrs.evolve(query, step=rolled.grain)
        rolled = recorded.rollups.cells(span.since, span.until, query.step)
    cells = _with_unrolled(rolled, query, recorded.unrolled)
    since, reach = rolled.since, recorded.rollups.reach
    if reach is not None:
        since = max(since, reach - reach % max(1, rolled.grain))
    covers = _Bounds(since, max(since, rolled.until))
    whole = merged(list(cells.values())) if cells else None
    nothing = _nothing(query)
    asked_of = {one.name: of for one in query.asked if (of := _of_cells(one)) is not None}

    def measured(cell: Cell | None) -> dict[str, Any]:
        return nothing if cell is None else {name: of(cell) for name, of in asked_of.items()}

    parts: dict[int | None, Mapping[str, Any]]
    if query.step is None:
        parts = {None: measured(whole)}
    else:
        parts = {start: measured(cell) for start, cell in cells.items()}
    missing = [_missing(query.span, covers, reach, recorded, zone)]
    missing += recorded.troubles
    if query.step != asked:
        missing.append(f"that far back only steps of {query.step} s are kept")
    unread = unread_in(covers.since, covers.until, recorded.holes)
    known = known_seconds(covers.since, covers.until, unread)
    return Answer(
        table=_table(query, covers, {(): parts}, unread),
        total=_with_rate(query, measured(whole), known),
        groups=1,
        records=0 if whole is None else whole.hits,
        covers=covers.span,
        known=known,
        unread=unread,
        grain=rolled.grain,
        is_exact=all(_is_exact(one, cells.values(), whole) for one in query.asked),
        missing=_sentence(missing),
    )


def _is_exact(measure: Measure, cells: Iterable[Cell], whole: Cell | None) -> bool:
    if share_of(measure) is not None or limit_of(measure) is not None:
        return whole is None or not whole.timed
    if measure.name != "visitors" or whole is None:
        return True
    return whole.visitors.is_exact and all(cell.visitors.is_exact for cell in cells)


def _with_unrolled(
    rolled: RolledUp, query: Query, unrolled: Sequence[pa.RecordBatch]
) -> dict[int, Cell]:
    """Return cells by step, including records that are not in the rollups yet."""
    found = {start: [cell] for start, cell in rolled.cells.items()}
    width = query.step or 1
    for batch in unrolled:
        micros = pc.cast(batch.column("time"), pa.int64())
        inside = pc.and_(
            pc.greater_equal(micros, rolled.since * 1_000_000),
            pc.less(micros, rolled.until * 1_000_000),
        )
        for start, cell in cells_of(pc.filter(batch, inside), width).items():
            at = rolled.since if query.step is None else start
            found.setdefault(at, []).append(cell)
    return {start: merged(found[start]) for start in sorted(found)}
