"""The screen: panels laid out for a terminal's size, and what the keys have changed. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import panels, styles
from actors.outputs.console.cells import Row, fitted, left
from actors.outputs.console.keys import KEYS
from actors.outputs.console.panels import Context
from actors.outputs.console.silencing import Silencing, render_silencing
from actors.state.silences import Silence
from glancemetrics.records.dimensions import SECTION, Dimension
from glancemetrics.traffic.snapshot import Snapshot

_COLUMN_CELLS = 62
"""A column of tables is at least this wide."""
_GAP = 2
_SMALLEST_TABLE = 4
_NORMAL_TABLE = 11
_PRINTED_ROWS = 10


@attrs.define
class View:
    """What the person has chosen to see."""

    paused: bool = False
    help: bool = False
    focus: int = 0
    """Number of the focused table among those that are shown."""
    offsets: dict[Dimension, int] = attrs.field(factory=dict)
    tables: tuple[Dimension, ...] = ()
    """The tables that have rows, in order."""

    silencing: Silencing | None = None
    """The page of silences, while it is shown."""
    silences: tuple[Silence, ...] = ()
    """Those that last."""

    @property
    def focused(self) -> Dimension | None:
        return self.tables[self.focus % len(self.tables)] if self.tables else None

    def pause(self) -> None:
        self.paused = not self.paused

    def toggle_help(self) -> None:
        self.help = not self.help

    def leave_page(self) -> None:
        self.help = False
        self.silencing = None

    def toggle_silencing(self, rules: tuple[str, ...]) -> None:
        """Show or leave the page of silences; `rules` are the rules in its order."""
        self.silencing = Silencing(rules) if self.silencing is None else None

    def focus_next(self) -> None:
        self.focus = (self.focus + 1) % max(1, len(self.tables))

    def focus_previous(self) -> None:
        self.focus = (self.focus - 1) % max(1, len(self.tables))

    def go_right(self) -> None:
        if self.silencing is not None:
            self.silencing.lengthen(1)
        else:
            self.focus_next()

    def go_left(self) -> None:
        if self.silencing is not None:
            self.silencing.lengthen(-1)
        else:
            self.focus_previous()

    def scroll_down(self) -> None:
        self._scroll(1)

    def scroll_up(self) -> None:
        self._scroll(-1)

    def page_down(self) -> None:
        self._scroll(10)

    def page_up(self) -> None:
        self._scroll(-10)

    def scroll_home(self) -> None:
        if self.focused is not None:
            self.offsets[self.focused] = 0

    def _scroll(self, rows: int) -> None:
        if self.silencing is not None:
            self.silencing.move(rows)
        elif self.focused is not None:
            self.offsets[self.focused] = max(0, self.offsets.get(self.focused, 0) + rows)


def render(
    snapshot: Snapshot | None, view: View, context: Context, cells: int, rows: int
) -> list[Row]:
    """Return exactly `rows` rows of exactly `cells` cells each."""
    if snapshot is None:
        drawn: list[Row] = [
            fitted([(styles.TITLE, f" GlanceMetrics  {context.version}")], cells),
            fitted([("", " Reading the log …")], cells),
        ]
    elif view.help:
        drawn = _help(cells)
    elif view.silencing is not None:
        drawn = render_silencing(snapshot, view.silencing, view.silences, context, cells, rows - 1)
    else:
        drawn = _overview(snapshot, view, context, cells, rows)
    blank = fitted([], cells)
    drawn = [fitted(row, cells) for row in drawn[: rows - 1]]
    drawn += [blank] * (rows - 1 - len(drawn))
    return [*drawn, fitted(_hints(view), cells)][:rows]


def render_once(snapshot: Snapshot, context: Context, cells: int) -> list[Row]:
    """Return the screen as it is printed: every table, ten rows of each, and no outputs."""
    insights = snapshot.shown
    top = {dimension: rows[:_PRINTED_ROWS] for dimension, rows in insights.top.items()}
    snapshot = attrs.evolve(snapshot, shown=attrs.evolve(insights, top=top))
    middle = panels.explanation(snapshot, context, cells)
    if middle is None:
        columns = max(1, cells // _COLUMN_CELLS)
        bands = -(-len(top) // columns)
        middle = _tables(snapshot, View(), cells, bands * (_PRINTED_ROWS + 1))
    return [
        panels.title(snapshot, context, cells, False),
        *panels.health(snapshot, context, cells),
        *panels.chart(snapshot, cells, 4),
        *panels.figures(snapshot, context, cells),
        *panels.alerts(snapshot, context, cells, ()),
        *middle,
    ]


def _overview(snapshot: Snapshot, view: View, context: Context, cells: int, rows: int) -> list[Row]:
    chart_rows = 2 if rows < 30 else 4 if rows < 45 else 6
    above = [
        panels.title(snapshot, context, cells, view.paused),
        *panels.health(snapshot, context, cells),
        *panels.ended(snapshot, cells),
        *panels.chart(snapshot, cells, chart_rows),
        *panels.figures(snapshot, context, cells),
        *panels.alerts(snapshot, context, cells, view.silences),
    ]
    below = panels.outputs(snapshot.health, context, cells)
    room = rows - 1 - len(above) - len(below)
    middle = panels.explanation(snapshot, context, cells)
    if middle is None:
        middle = _tables(snapshot, view, cells, room)
    middle = middle[: max(0, room)]
    padding = [fitted([], cells)] * max(0, room - len(middle))
    return [*above, *middle, *padding, *below]


def _tables(snapshot: Snapshot, view: View, cells: int, rows: int) -> list[Row]:
    """Tables in as many columns as fit; the focused one is always among those shown."""
    view.tables = panels.tables(snapshot.shown)
    if not view.tables or rows < 2:
        return []
    columns = max(1, min(len(view.tables), cells // _COLUMN_CELLS))
    bands = _bands(len(view.tables), columns, rows)
    shown = _around_focus(view, columns * bands)
    column_cells = (cells - _GAP * (columns - 1)) // columns
    drawn: list[list[Row]] = [
        _column(snapshot, view, shown[i::columns], column_cells, rows) for i in range(columns)
    ]
    blank = fitted([], column_cells)
    gap = [("", " " * _GAP)]
    return [
        _joined([column[i] if i < len(column) else blank for column in drawn], gap)
        for i in range(max(map(len, drawn)))
    ]


def _bands(tables: int, columns: int, rows: int) -> int:
    """How many tables stand one above the other: so many that none is too small to be of use."""
    most = -(-tables // columns)
    if rows >= _NORMAL_TABLE * most:
        return most
    if rows >= _NORMAL_TABLE + _SMALLEST_TABLE:
        return min(most, max(2, rows // _NORMAL_TABLE))
    return min(most, 2 if rows >= 2 * _SMALLEST_TABLE else 1)


def _around_focus(view: View, count: int) -> tuple[Dimension, ...]:
    first = max(0, view.focus % len(view.tables) - count + 1)
    return view.tables[first : first + count]


def _column(
    snapshot: Snapshot, view: View, tables: tuple[Dimension, ...], cells: int, rows: int
) -> list[Row]:
    """Tables one above the other.

    The sections, which people look at first, are whole if they can be; the others share what is
    left, small ones whole before large ones are long.
    """
    sizes = [len(snapshot.shown.top[dimension]) + 1 for dimension in tables]
    if tables[:1] == (SECTION,):
        first = min(sizes[0], max(2, rows - _SMALLEST_TABLE * (len(tables) - 1)))
        heights = [first, *_shares(sizes[1:], rows - first)]
    else:
        heights = _shares(sizes, rows)
    drawn: list[Row] = []
    for dimension, size, height in zip(tables, sizes, heights, strict=True):
        offset = min(view.offsets.get(dimension, 0), max(0, size - height))
        view.offsets[dimension] = offset
        drawn += panels.top_table(
            snapshot, dimension, cells, height, offset, dimension is view.focused
        )
    return drawn


def _shares(sizes: list[int], rows: int) -> list[int]:
    """Share rows out fairly: nobody gets more than its size, the smaller first."""
    shares = [0] * len(sizes)
    left = rows
    by_size = sorted(range(len(sizes)), key=sizes.__getitem__)
    for number, i in enumerate(by_size):
        shares[i] = min(sizes[i], left // (len(sizes) - number))
        left -= shares[i]
    return shares


def _joined(rows: list[Row], gap: Row) -> Row:
    joined = list(rows[0])
    for row in rows[1:]:
        joined += gap + row
    return joined


_MEANINGS = (
    ("~", "an estimate: more distinct values than --distinct-limit"),
    ("(other)", "the rarer values, counted together"),
    ("–", "unknown"),
    ("rejects", "lines that no known format matches"),
    ("foreign", "lines of other programs in the same log"),
    ("damaged", "requests with a field that could not be read"),
    ("lag", "what is written to the log and not yet read"),
    ("delay", "how late the server writes its log; windows end that far behind"),
    ("late", "requests too old for any window when they were read"),
    ("early", "requests dated more than a minute in the future"),
)
_HELP_CELLS = 80
"""From here on, the keys are listed in two columns: with one they need 18 rows."""


def _help(cells: int) -> list[Row]:
    columns = 2 if cells >= _HELP_CELLS else 1
    lines = -(-len(KEYS) // columns)
    rows: list[Row] = [[(styles.HEADING, " Keys")]]
    for first in range(lines):
        row: Row = []
        for key in KEYS[first::lines]:
            about = left(key.help, cells // columns - 13)
            row += [(styles.FIGURE, f"   {left(key.shown, 10)}"), ("", about)]
        rows.append(row)
    rows += [[], [(styles.HEADING, " Marks and words")]]
    rows += [[(styles.FIGURE, f"   {mark:<10}"), ("", meaning)] for mark, meaning in _MEANINGS]
    return [fitted(row, cells) for row in rows]


def _hints(view: View) -> Row:
    if view.help:
        return [(styles.BAR, " ? or Esc back   q quit ")]
    if view.silencing is not None:
        return [(styles.BAR, " ↑↓ rule   ←→ duration   Enter silence   e end   Esc back ")]
    pause = "p resume" if view.paused else "p pause"
    return [(styles.BAR, f" q quit   {pause}   ? help   s silences   Tab next table   ↑↓ scroll ")]
