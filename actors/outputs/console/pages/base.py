"""What pages have in common: tables with a cursor, in as many boxes as fit. Pure."""

from __future__ import annotations

from actors.outputs.console.cells import Row
from actors.outputs.console.headline import body_rows
from actors.outputs.console.layout import Band, Block, asks_of_bands, stacked
from actors.outputs.console.moving import move_cursor
from actors.outputs.console.narrowing import chosen_names, narrow_to_row
from actors.outputs.console.pages.plain import PlainPage
from actors.outputs.console.state import State, TableSpec, focused_among
from actors.outputs.console.tables import ask_before, ask_of, draw_table, title_of
from glancemetrics.history.ask import Ask

TABLE_CELLS, TABLE_ROWS = 58, 11
"""A table in a box is at least so wide and so high."""
BOXED_CELLS, BOXED_ROWS = 100, 26
"""From this size on there are boxes."""


class TablesPage(PlainPage):
    """A page with tables: the cursor is in one of them, and Enter narrows to a row."""

    def asks(self, state: State) -> tuple[Ask, ...]:
        """Return the questions of what is shown."""
        return asks_of_bands(self._bands(state, state.cells, body_rows(state)))

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        return stacked(self._bands(state, cells, rows), cells, rows)

    def _bands(self, state: State, cells: int, rows: int) -> list[Band]:
        if state.is_zoomed:
            table = focused_of(state, self.tables(state))
            return [Band(rows, (table_block(state, table, boxed=False),))]
        return self.bands(state, cells, rows)

    def bands(self, state: State, cells: int, rows: int) -> list[Band]:
        """Return what is shown: its tables, in as many boxes as fit."""
        tables = self.tables(state)
        if cells < BOXED_CELLS or rows < BOXED_ROWS:
            return [Band(rows, (table_block(state, focused_of(state, tables), boxed=False),))]
        return table_bands(state, tables, cells, rows)

    def moved(self, state: State, rows: int) -> State:
        return move_cursor(state, rows)

    def opened(self, state: State) -> State:
        return narrow_to_row(state)

    def copied(self, state: State) -> str:
        found = chosen_names(state)
        return "" if found is None else "  ".join(found[1])


def focused_of(state: State, tables: tuple[TableSpec, ...]) -> TableSpec:
    """Return the table with the cursor."""
    return focused_among(tables, state.focus.get(state.views[state.view].name))


def table_block(state: State, spec: TableSpec, *, boxed: bool = True) -> Block:
    """Return a table, in a box or without one."""
    return Block(
        lambda cells, rows: draw_table(state, spec, cells, rows, has_title=not boxed),
        title=title_of(state, spec) if boxed else "",
        is_focused=state.focused == spec,
        asks=asks_of(state, (spec,)),
    )


def table_bands(state: State, tables: tuple[TableSpec, ...], cells: int, rows: int) -> list[Band]:
    """Return tables in as many boxes as fit; the one with the cursor is always among them."""
    columns = max(1, min(4, cells // TABLE_CELLS, len(tables)))
    bands = max(1, min(rows // TABLE_ROWS, -(-len(tables) // columns)))
    focused = state.focused
    index = tables.index(focused) if focused in tables else 0
    first = max(0, index - columns * bands + 1)
    shown = tables[first : first + columns * bands]
    found = []
    for number in range(bands):
        blocks = [
            table_block(state, spec) for spec in shown[number * columns : (number + 1) * columns]
        ]
        height = rows * (number + 1) // bands - rows * number // bands
        found.append(Band(height, tuple(blocks)))
    return found


def asks_of(state: State, tables: tuple[TableSpec, ...]) -> tuple[Ask, ...]:
    """Return the questions for tables, and for the window before."""
    return (
        *(ask_of(state, spec) for spec in tables),
        *(ask_before(state, spec) for spec in tables),
    )
