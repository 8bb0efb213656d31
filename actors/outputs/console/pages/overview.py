"""Overview: traffic, response times, alerts, and the tables of what people ask for most. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import themes
from actors.outputs.console.alerts import (
    alert_rows,
    by_severity,
    ended_text,
    ended_then,
    none_ongoing,
    ongoing,
    pending_rows,
)
from actors.outputs.console.cells import Row, filled
from actors.outputs.console.charts import (
    classes_legend,
    columns_in,
    traffic,
    traffic_ask,
)
from actors.outputs.console.figures import total_ask
from actors.outputs.console.layout import Band, Block
from actors.outputs.console.pages.base import (
    BOXED_CELLS,
    BOXED_ROWS,
    TablesPage,
    focused_of,
    table_bands,
    table_block,
)
from actors.outputs.console.pages.errors import failed_requests
from actors.outputs.console.pages.latency import times_block
from actors.outputs.console.pages.specs import kept_specs, specs
from actors.outputs.console.state import State, TableSpec
from actors.outputs.console.troubles import explanation

_SPECS = (
    *("section", "path", "host", "status", "method", "user", "referrer", "agent"),
    *("browser", "bot", "vhost"),
)
_GRID_CELLS, _GRID_ROWS = 160, 44
(_STATUS,) = specs("overview", ["status"])


class Overview(TablesPage):
    """See the module's docstring."""

    name = "overview"
    title = "Overview"

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        """Return tables of fields that the window has values of."""
        wanted = (*specs(self.name, _SPECS), *kept_specs(state, self.name))
        if state.shown is None or not state.shown.shown.top:
            return wanted
        there = {dimension.name for dimension, rows in state.shown.shown.top.items() if rows}
        return tuple(spec for spec in wanted if spec.by[0] in there) or wanted

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        if state.shown is not None and state.scope.is_plain and not _has_chart(state):
            nothing = explanation(state.shown, state.context, cells)
            if nothing is not None:
                return filled(nothing, cells, rows)
        return super().render(state, cells, rows)

    def bands(self, state: State, cells: int, rows: int) -> list[Band]:
        if cells < BOXED_CELLS or rows < BOXED_ROWS:
            return self._compact(state, cells, rows)
        if cells >= _GRID_CELLS and rows >= _GRID_ROWS:
            return self._grid(state, cells, rows)
        return self._two_columns(state, cells, rows)

    def _compact(self, state: State, cells: int, rows: int) -> list[Band]:
        chart_rows = 0 if rows < 13 else 4 if rows < 17 else 6 if rows < 24 else 8
        alerts = _alert_count(state, 1 if rows < 16 else 2 if rows < 24 else 3)
        table = focused_of(state, self.tables(state))
        return [
            *([Band(chart_rows, (_traffic_block(state, cells, boxed=False),))]
              if chart_rows else []),
            Band(alerts, (Block(lambda c, r: alert_rows(state, c, r)),)),
            Band(max(0, rows - chart_rows - alerts), (table_block(state, table, boxed=False),)),
        ]  # fmt: skip

    def _two_columns(self, state: State, cells: int, rows: int) -> list[Band]:
        chart_rows = max(8, min(13, rows // 3))
        alerts = _alert_count(state, 3)
        return [
            self._top(state, cells, chart_rows),
            Band(alerts, (Block(lambda c, r: alert_rows(state, c, r)),)),
            *self._below(state, cells, rows - chart_rows - alerts),
        ]

    def _grid(self, state: State, cells: int, rows: int) -> list[Band]:
        chart_rows = max(12, rows // 4)
        bottom_rows = max(10, rows // 4)
        left = cells * 3 // 5
        return [
            self._top(state, cells, chart_rows),
            *self._below(state, cells, rows - chart_rows - bottom_rows),
            Band(
                bottom_rows,
                (
                    _weighted(failed_requests(state, "Requests that failed, newest first"), left),
                    _weighted(_incidents(state), cells - left),
                ),
            ),
        ]

    def _top(self, state: State, cells: int, rows: int) -> Band:
        """The traffic, and beside it response times; without those, the statuses."""
        left = cells * 3 // 5
        second = (
            times_block(state, cells - left) if _has_times(state) else table_block(state, _STATUS)
        )
        blocks = (_weighted(_traffic_block(state, left), left), _weighted(second, cells - left))
        return Band(rows, blocks)

    def _below(self, state: State, cells: int, rows: int) -> list[Band]:
        """The tables that do not stand at the top."""
        tables = self.tables(state)
        if not _has_times(state):
            tables = tuple(spec for spec in tables if spec != _STATUS)
        return table_bands(state, tables, cells, rows) if tables else []


def _has_chart(state: State) -> bool:
    """Whether there were requests before the window."""
    return state.shown is not None and any(state.shown.rates)


def _has_times(state: State) -> bool:
    """Whether the logs have response times."""
    answered = state.answers.get(total_ask(state))
    if answered is not None and answered.total.get("p95") is not None:
        return True
    # In a quiet log some windows have none: the layout stays what it is.
    return any(
        row.get("p50") is not None
        for ask, known in state.answers.items()
        if ask.measures == themes.QUANTILES
        for row in known.rows
    )


def _alert_count(state: State, most: int) -> int:
    firing = len(by_severity(state)) or len(pending_rows(state))
    return max(1, min(most, firing))


def _weighted(block: Block, weight: float) -> Block:
    return attrs.evolve(block, weight=weight)


def _traffic_block(state: State, cells: int, *, boxed: bool = True) -> Block:
    inner = cells - 2 if boxed else cells
    return Block(
        lambda c, r: traffic(state, c, r),
        title="Requests per second" if boxed else "",
        legend=classes_legend(state),
        asks=(traffic_ask(state, columns_in(inner)),),
    )


def _incidents(state: State) -> Block:
    def draw(cells: int, rows: int) -> list[Row]:
        firing = by_severity(state)
        found = [ongoing(state, incident, cells) for incident in firing[:rows]]
        if not firing:
            found.append([none_ongoing(state)])
        found += [
            [(themes.DIM, f" ✓ {ended_text(state, incident)}")] for incident in ended_then(state)
        ]
        return found[:rows]

    return Block(draw, title="Incidents")
