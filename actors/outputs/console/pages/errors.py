"""Errors: what fails, by URL, status and client; and the newest requests that failed. Pure."""

from __future__ import annotations

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, fitted, safe
from actors.outputs.console.layout import Band, Block
from actors.outputs.console.pages.base import (
    BOXED_CELLS,
    BOXED_ROWS,
    TablesPage,
    focused_of,
    table_bands,
    table_block,
)
from actors.outputs.console.pages.requests_list import RowForm, request_row
from actors.outputs.console.state import State, TableSpec
from glancemetrics.history.ask import Ask

FAILED = "status >= 400"
_MEASURES = ("hits", "visitors", "p95", "bytes", "last_seen")


class Errors(TablesPage):
    """See the module's docstring."""

    name = "errors"
    title = "Errors"

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        del state
        return (
            _spec("Failing URLs", "status", "path"),
            _spec("Failing routes", "status", "route"),
            _spec("Statuses", "status"),
            _spec("Clients with errors", "host"),
            _spec("Failing virtual hosts", "status", "vhost"),
            _spec("Referrers of errors", "referrer"),
        )

    def bands(self, state: State, cells: int, rows: int) -> list[Band]:
        tables = self.tables(state)
        below = rows // 3
        if cells < BOXED_CELLS or rows < BOXED_ROWS:
            table = table_block(state, focused_of(state, tables), boxed=False)
            if rows < 12:
                return [Band(rows, (table,))]
            return [Band(rows - below, (table,)), Band(below, (failed_requests(state, ""),))]
        return [
            *table_bands(state, tables, cells, rows - below),
            Band(below, (failed_requests(state, "Requests that failed, newest first"),)),
        ]


_LEAST_SECONDS = 3600
"""What failed a minute ago still matters to somebody who looks now."""


def _spec(title: str, *by: str) -> TableSpec:
    return TableSpec(
        key=f"errors/{'/'.join(by)}", title=title, by=by, where=FAILED, measures=_MEASURES
    )


def failed_ask(state: State) -> Ask:
    """Return the question for the newest requests that failed, of the last hour at least."""
    seconds = max(state.seconds, _LEAST_SECONDS)
    return state.ask(where=FAILED, is_records=True, limit=60, seconds=seconds)


def failed_requests(state: State, title: str) -> Block:
    """Return the newest requests that failed, newest first."""
    ask = failed_ask(state)

    def draw(cells: int, rows: int) -> list[Row]:
        answered = state.answers.get(ask)
        if answered is None:
            return [fitted([(themes.DIM, " …")], cells)]
        if answered.error:
            return [fitted([(themes.WARNING, f" {safe(answered.error)}")], cells)]
        if not answered.rows:
            return [fitted([(themes.RECOVERED, " ✓ No request failed")], cells)]
        form = RowForm.of(state, answered.rows)
        return [request_row(state, record, cells, form) for record in answered.rows[:rows]]

    return Block(draw, title=title, asks=(ask,))
