"""Tables of values with the most of something: their rows, and how they are drawn. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, tzinfo
from functools import lru_cache
from typing import Any, Protocol

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Click, Row, fitted, left, named, padded, right, safe
from actors.outputs.console.context import local
from actors.outputs.console.layout import first_shown
from actors.outputs.console.scope import joined
from actors.outputs.console.state import Names, State, TableSpec, TableState
from actors.outputs.console.values import SHARES, ErrorLimit, error_limits, short_text, value_text
from glancemetrics.charts.bars import bar
from glancemetrics.charts.runs import Drawing
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.history.measures import Unit, measure_called
from glancemetrics.records.dimensions import dimension_called
from glancemetrics.selecting.plain_words import spellings
from glancemetrics.traffic.insights import TopRow
from glancemetrics.words.escaping import readable
from glancemetrics.words.humane import format_count, short_count

MOST_ROWS = 200
"""Rows of a table; `/` finds among all values."""
_MOST_BEFORE = 1000
_MOST_PINNED = 2 * MOST_ROWS


@attrs.frozen
class TableRow:
    """One row: its names, its measures, and its hits in the window before."""

    names: Names
    values: Mapping[str, Any]
    before: int | None = None
    """`None`: unknown."""


@attrs.frozen(eq=False)
class Table:
    """The rows of a table. Two are never equal: so what is drawn of one is found again quickly."""

    rows: tuple[TableRow, ...]
    total: Mapping[str, Any]
    count: int
    """How many rows there are in all."""
    is_answered: bool = True
    """Whether it is the answer to a question, and not the few numbers of a snapshot."""
    note: str = ""
    """What is wrong with it, in a sentence."""


def ask_of(state: State, spec: TableSpec) -> Ask:
    """Return the question whose answer is the table."""
    table = state.table(spec)
    return state.ask(
        where=_conditions(spec, table),
        by=spec.by,
        measures=spec.measures,
        order=table.sort or spec.order,
        is_ascending=table.is_ascending,
        limit=MOST_ROWS,
    )


def ask_before(state: State, spec: TableSpec) -> Ask:
    """Return the question for the hits in the window before."""
    table = state.table(spec)
    return state.ask(
        where=_conditions(spec, table),
        by=spec.by,
        measures=("hits",),
        limit=_MOST_BEFORE,
        shift=state.seconds,
    )


def _conditions(spec: TableSpec, table: TableState) -> str | None:
    return joined(spec.where, finding(spec, table.find))


def finding(spec: TableSpec, text: str) -> str | None:
    """Return the condition for rows with a name that contains a text, in upper or lower case."""
    if not text:
        return None
    parts = [
        f"contains(lower(CAST({name} AS VARCHAR)), '{written}')"
        for name in spec.by
        for written in spellings(text)
    ]
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def table_of(state: State, spec: TableSpec) -> Table:
    """Return the rows of a table: of the history, or of the snapshot where it has them."""
    if spec.made is not None:
        return spec.made(state)
    answered = state.answers.get(ask_of(state, spec))
    if answered is None or answered.error or (not answered.rows and _knows_more(state, spec)):
        return _of_snapshot(state, spec, answered)
    before = state.answers.get(ask_before(state, spec))
    return _of_answers(spec, state.table(spec), answered, before)


@lru_cache(maxsize=64)
def _of_answers(
    spec: TableSpec, table: TableState, answered: Answered, before: Answered | None
) -> Table:
    """Return the rows of answers. Remembered: keys and drawings need them several times."""
    earlier = _hits_by_names(spec, before)
    is_whole = (
        before is not None
        and not (before.error or before.missing)
        and before.groups <= len(before.rows)
    )
    rows = [
        TableRow(
            names := tuple(row[name] for name in spec.by),
            row,
            earlier.get(names, 0 if is_whole else None),
        )
        for row in answered.rows
    ]
    return Table(
        in_place(rows, table),
        answered.total,
        answered.groups,
        note=answered.missing,
    )


def _hits_by_names(spec: TableSpec, answered: Answered | None) -> Mapping[Names, int]:
    if answered is None or answered.error or answered.missing:
        return {}  # a part of the window before would make everything look like growth
    return {tuple(row[name] for name in spec.by): row["hits"] for row in answered.rows}


def _of_snapshot(state: State, spec: TableSpec, answered: Answered | None) -> Table:
    """Return what the snapshot has while there is no answer, or if there never will be one."""
    error = "" if answered is None else answered.error
    found = _rows_of_snapshot(state, spec)
    if state.shown is None or found is None:
        return Table((), {}, 0, is_answered=False, note=error)
    insights, table = state.shown.shown, state.table(spec)
    if table.find:
        found = tuple(row for row in found if table.find.lower() in readable(row.name).lower())
    rows = [TableRow((row.name,), _values_of(spec, row)) for row in found]
    total = {"hits": insights.hits, "bytes": insights.bytes}
    return Table(in_place(rows, table), total, len(found), is_answered=False, note=error)


def _knows_more(state: State, spec: TableSpec) -> bool:
    """Whether the snapshot has rows of a table whose answer, which is older, has none."""
    return not state.table(spec).find and bool(_rows_of_snapshot(state, spec))


def _rows_of_snapshot(state: State, spec: TableSpec) -> tuple[TopRow, ...] | None:
    """Return the rows that the snapshot has of a table; `None` where it has no such table."""
    is_there = state.scope.is_plain and spec.where is None and len(spec.by) == 1
    if not is_there or state.shown is None:
        return None
    return tuple(state.shown.shown.top.get(dimension_called(spec.by[0]), ()))


def _values_of(spec: TableSpec, row: TopRow) -> dict[str, Any]:
    known = {"hits": row.hits, "bytes": row.bytes, "errors": row.errors}
    if spec.by == ("status",) and row.name.startswith(("1", "2", "3", "4", "5")):
        known[f"{row.name[0]}xx"] = row.hits
    return known


def in_place(rows: Sequence[TableRow], table: TableState) -> tuple[TableRow, ...]:
    """Return the rows that have a place there, then the others."""
    if not table.order:
        return tuple(rows)
    by_names = {row.names: row for row in rows}
    placed = [by_names.pop(names, TableRow(names, {})) for names in table.order]
    return (*placed, *by_names.values())


class Named(Protocol):
    """A row that can be under the cursor."""

    @property
    def names(self) -> Names: ...


def chosen_index(rows: Sequence[Named], table: TableState) -> int:
    """Return the number of the row under the cursor."""
    if table.chosen is None:
        return 0
    return next((i for i, row in enumerate(rows) if row.names == table.chosen), 0)


@attrs.frozen
class _Column:
    """A column besides the names: its measure, its heading, and its width in cells."""

    measure: str
    heading: str
    cells: int
    is_counted: bool = attrs.field(default=False, kw_only=True)
    """Whether a share has its count before it: the table is sorted by that."""


@attrs.frozen
class _Bars:
    """Bars beside a column: the measure they show, and their cells; none if there is no room."""

    measure: str
    cells: int


_COUNTED_SHARE = 14
_WIDTHS = {
    Unit.COUNT: 8,
    Unit.BYTES: 10,
    Unit.SECONDS: 9,
    Unit.RATE: 9,
    Unit.SHARE: 8,
    Unit.TIME: 14,
}
_CHANGE = _Column("change", "change", 8)
_LEAST_NAME = 16
_LEAST_BAR, _MOST_BAR = 8, 24
"""Cells of a bar beside its numbers; without room for it, the bar is behind the name."""


def _column(measure: str, sort: str) -> _Column:
    about = measure_called(measure)
    cells = 8 if measure in SHARES else _WIDTHS.get(about.unit, 9)
    is_counted = measure == sort and measure in SHARES
    heading = len(about.title) + (4 if measure == sort else 2)
    cells = max(_COUNTED_SHARE if is_counted else cells, heading)
    return _Column(measure, about.title, cells, is_counted=is_counted)


def measures_shown(spec: TableSpec, table: Table) -> list[str]:
    """Return the measures of a table that have values: not all logs have response times."""
    with_times = not table.is_answered or any(
        table.total.get(name) is not None for name in spec.measures if name.startswith("p")
    )
    return [name for name in spec.measures if with_times or not name.startswith("p")]


def columns_of(spec: TableSpec, chosen: TableState, table: Table, cells: int) -> list[_Column]:
    """Return the columns there is room for; the first measures are the most important."""
    sort = chosen.sort or spec.order
    wanted = [_column(name, sort) for name in measures_shown(spec, table)]
    wanted.insert(1 + [one.measure for one in wanted].index("hits"), _CHANGE)
    room = cells - 2 - max(_LEAST_NAME, 3 * cells // 8)
    shown = []
    # What it is sorted by is always shown; the change is the first to go.
    by_need = sorted(wanted, key=lambda one: (one.measure != sort, one is _CHANGE))
    for column in by_need:
        if column.cells <= room:
            room -= column.cells
            shown.append(column)
    return [column for column in wanted if column in shown]


def bar_measure(spec: TableSpec, chosen: TableState) -> str:
    """Return the measure that bars show: what the table is sorted by, if that is a sum."""
    sort = chosen.sort or spec.order
    return sort if measure_called(sort).is_a_sum or sort == "total_time" else "hits"


def title_of(state: State, spec: TableSpec) -> str:
    """Return the title of a table, with the number of its rows and what is searched for."""
    table = table_of(state, spec)
    find = state.table(spec).find
    count = f"  {format_count(table.count)}" if table.count > 1 else ""
    shown = f"{spec.title}{_estimated(state, spec, table)}{count}" + (
        f"  /{readable(find, in_cells=True)}" if find else ""
    )
    return f"{shown}  {state.context.hint('zoom', 'all')}" if state.is_zoomed else shown


def _estimated(state: State, spec: TableSpec, table: Table) -> str:
    """Return the mark of a table of a snapshot that could not track all of its values."""
    if table.is_answered or state.shown is None or not table.rows:
        return ""
    return "~" if dimension_called(spec.by[0]) in state.shown.shown.estimated else ""


def draw_table(
    state: State, spec: TableSpec, cells: int, rows: int, *, has_title: bool = True
) -> list[Row]:
    """Return a table in exactly so many rows: a heading, and the rows around the cursor.

    `has_title`: whether the heading has the table's title.
    """
    if rows <= 0 or cells <= 0:
        return []
    table = table_of(state, spec)
    title = title_of(state, spec) if has_title else ""
    is_focused = state.focused == spec
    chosen, context = state.table(spec), state.context
    today = local(state.now if state.shown is None else state.shown.time, context.zone).date()
    limits = error_limits(context.rules, spec.by)
    looks = context.zone, today, context.drawing, limits
    drawn = [*_drawn_rows(spec, table, chosen, title, is_focused, cells, rows, *looks)]
    if not table.rows and rows > 1:
        drawn.append(fitted([(themes.DIM, f"  {_nothing(state, spec, table)}")], cells))
    return padded(drawn, cells, rows)


@lru_cache(maxsize=64)
def _drawn_rows(
    spec: TableSpec,
    table: Table,
    chosen: TableState,
    title: str,
    is_focused: bool,
    cells: int,
    rows: int,
    zone: tzinfo | None,
    today: date,
    drawing: Drawing,
    limits: tuple[ErrorLimit, ...],
) -> tuple[Row, ...]:
    """Draw the heading and the rows. Remembered: most drawings of the screen change few tables."""
    columns = columns_of(spec, chosen, table, cells)
    taken = sum(column.cells for column in columns)
    name_cells = max(4, cells - 2 - taken)
    bar_cells = 0
    measure = bar_measure(spec, chosen)
    if cells >= 60 and measure in [column.measure for column in columns]:
        room = min(_MOST_BAR, name_cells - max(24, cells // 3))
        bar_cells = room if room >= _LEAST_BAR else 0
        name_cells -= bar_cells
    bars = _Bars(measure, bar_cells)
    drawn = [_heading(spec, chosen, title, columns, name_cells, bars, cells)]
    room = rows - len(drawn)
    index = chosen_index(table.rows, chosen)
    first = first_shown(index, len(table.rows), room)
    most = max((row.values.get(measure) or 0 for row in table.rows), default=0)
    for number in range(first, min(first + room, len(table.rows))):
        row = table.rows[number]
        drawn.append(
            _row(
                spec,
                row,
                columns,
                name_cells,
                bars,
                (row.values.get(measure) or 0) / most if most else 0.0,
                cells,
                zone,
                today,
                drawing,
                limits,
                is_chosen=is_focused and number == index,
            )
        )
    return tuple(drawn)


def _nothing(state: State, spec: TableSpec, table: Table) -> str:
    if table.note:
        return safe(table.note)
    if state.table(spec).find:
        found = readable(state.table(spec).find, in_cells=True)
        return f"nothing contains {found} {state.context.hint('leave', 'show all')}".rstrip()
    if not table.is_answered:
        return "…"
    return "nothing in this window"


def _heading(
    spec: TableSpec,
    chosen: TableState,
    title: str,
    columns: Sequence[_Column],
    name_cells: int,
    bars: _Bars,
    cells: int,
) -> Row:
    sort = chosen.sort or spec.order
    row: Row = [(themes.HEADING, f"  {left(title, name_cells)}", _focusing(spec))]
    arrow = "▴" if chosen.is_ascending else "▾"
    for column in columns:
        is_sorted = column.measure == sort
        text = f"{column.heading} {arrow}" if is_sorted else column.heading
        style = themes.SORTED if is_sorted else themes.DIM
        click = sorting(spec, column.measure)
        row.append((style, right(text, column.cells), click))
        if column.measure == bars.measure:
            row.append(("", " " * bars.cells))
    return fitted(row, cells)


def _row(
    spec: TableSpec,
    row: TableRow,
    columns: Sequence[_Column],
    name_cells: int,
    bars: _Bars,
    share: float,
    cells: int,
    zone: tzinfo | None,
    today: date,
    drawing: Drawing,
    limits: tuple[ErrorLimit, ...],
    *,
    is_chosen: bool,
) -> Row:
    over = themes.CURSOR if is_chosen else ""
    click = choosing(spec, row.names)
    hits = row.values.get("hits") or 0
    name = left(names_text(row.names), name_cells)
    drawn: Row = [(over or themes.MARK, "▸ " if is_chosen else "  ", click)]
    # Where there is no room for a bar, it is behind the name.
    behind = (
        round(share * name_cells) if not bars.cells and not over and len(name) == name_cells else 0
    )
    if behind:
        pieces = themes.graded(themes.BEHIND, name[:behind], name_cells)
        drawn += [(style, piece, click) for style, piece in pieces]
    drawn.append((over, name[behind:], click))
    for column in columns:
        style, text = value_text(column.measure, row.values, hits, row.before, zone, today, limits)
        if column.is_counted and row.values.get(column.measure):
            text = f"{short_count(row.values[column.measure])}  {text}"
        if len(text) >= column.cells and column.measure in row.values:
            text = short_text(column.measure, row.values[column.measure], text)
        drawn.append((over or style, right(text, column.cells), click))
        if column.measure == bars.measure and bars.cells:
            length = max(0, bars.cells - 2)
            drawn.append((over, " ", click))
            for style, piece in themes.graded(themes.HIT_BAR, bar(share, length, drawing), length):
                drawn.append((f"{over} {style}".strip(), piece, click))
            drawn.append((over, " ", click))
    return fitted(drawn, cells, over)


def names_text(names: Names) -> str:
    """Return the names of a row as they may be shown."""
    return "  ".join(named(name) for name in names)


def _focusing(spec: TableSpec) -> Click:
    def click(state: State) -> State:
        keys = [one.key for one in state.page.tables(state)]
        if spec.key not in keys:
            return state
        return attrs.evolve(state, focus={**state.focus, state.page.name: spec.key})

    return click


def choosing(spec: TableSpec, names: Names) -> Click:
    """Return the click that puts the cursor on a row."""

    def click(state: State) -> State:
        state = _focusing(spec)(state)
        return state.with_table(spec, pinned(state, spec, names))

    return click


def pinned(state: State, spec: TableSpec, names: Names | None) -> TableState:
    """Return the table with the cursor on a row, and all rows kept where they are.

    Rows that have gone keep their place too, as long as there are not too many of them.
    """
    rows = table_of(state, spec).rows
    if len(rows) > _MOST_PINNED:
        rows = tuple(row for row in rows if row.values or row.names == names)
    order = tuple(row.names for row in rows)
    return attrs.evolve(state.table(spec), chosen=names, order=order)


def sorting(spec: TableSpec, measure: str) -> Click:
    """Return the click that sorts by a column."""

    def click(state: State) -> State:
        state = _focusing(spec)(state)
        return state if measure == "change" else sorted_by(state, spec, measure)

    return click


def sorted_by(state: State, spec: TableSpec, measure: str) -> State:
    """Sort by a measure; the other way round if it is sorted by it."""
    table = state.table(spec)
    is_same = measure == (table.sort or spec.order)
    is_ascending = not table.is_ascending if is_same else False
    return state.with_table(
        spec,
        attrs.evolve(table, sort=measure, is_ascending=is_ascending, order=(), chosen=None),
    )
