"""Latency: quantiles over time, how response times are distributed, the slowest routes. Pure."""

from __future__ import annotations

from functools import partial

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, filled, fitted, right, safe, wrapped
from actors.outputs.console.charts import (
    columns_in,
    quantiles_legend,
    response_times,
    row_of,
    series_ask,
    times_ask,
    values_by_column,
)
from actors.outputs.console.figures import total_ask
from actors.outputs.console.layout import Band, Block
from actors.outputs.console.pages.base import TablesPage, focused_of, table_block
from actors.outputs.console.pages.specs import specs
from actors.outputs.console.state import State, TableSpec
from glancemetrics.charts.axis import AXIS_CELLS
from glancemetrics.charts.heat_map import heat_map
from glancemetrics.history.ask import Ask
from glancemetrics.words.durations import parse_seconds
from glancemetrics.words.humane import format_seconds

_BOUNDS = (
    *("1ms", "3ms", "10ms", "30ms", "100ms", "300ms"),
    *("1s", "3s", "10s", "30s"),
)
_UNDER = tuple(f"under_{bound}" for bound in _BOUNDS)
_SPECS = ("route", "path", "section", "host", "status", "method")
_TITLE = "Response times"
_LEAST_TITLED = 5
_MEASURES = ("total_time", "p95", "p50", "p99", "hits", "5xx")


class Latency(TablesPage):
    """See the module's docstring."""

    name = "latency"
    title = "Latency"

    def tables(self, state: State) -> tuple[TableSpec, ...]:
        if _has_no_times(state):
            return tuple(specs(self.name, _SPECS))
        found = specs(self.name, _SPECS, _MEASURES)
        return tuple(
            attrs.evolve(spec, order="total_time", title=f"{spec.title} by total time")
            for spec in found
        )

    def bands(self, state: State, cells: int, rows: int) -> list[Band]:
        table = focused_of(state, self.tables(state))
        is_boxed = cells >= 80 and rows >= 30
        if _has_no_times(state):
            told = wrapped(_NO_TIMES, max(2, cells - 2))[: max(0, rows - 3)]
            drawn: list[Row] = [[(themes.NOTICED, f" {line}")] for line in told]
            return [
                Band(len(told), (Block(lambda c, r: filled(drawn, c, r)),)),
                Band(rows - len(told), (table_block(state, table, boxed=is_boxed),)),
            ]
        if rows < 12:
            return [Band(rows, (table_block(state, table, boxed=False),))]
        chart_rows = max(6, rows // 4)
        map_rows = len(_BOUNDS) + 1 + 2 * is_boxed if rows >= 30 else 0
        if cells >= 140 and rows >= 24:
            half = cells // 2
            top = max(chart_rows, len(_BOUNDS) + 3)
            return [
                Band(top, (times_block(state, half), _heat(state, cells - half, True))),
                Band(rows - top, (table_block(state, table),)),
            ]
        bands = [Band(chart_rows, (times_block(state, cells, is_boxed=is_boxed),))]
        if map_rows:
            bands.append(Band(map_rows, (_heat(state, cells, is_boxed),)))
        left_over = rows - chart_rows - map_rows
        return [*bands, Band(left_over, (table_block(state, table, boxed=is_boxed),))]


_NO_TIMES = (
    "These logs have no response times. nginx writes them with $request_time at the end of its "
    "log_format, Apache with %D at the end of its LogFormat; Caddy, Traefik and HAProxy always do. "
    "GlanceMetrics then finds them by itself."
)


def _has_no_times(state: State) -> bool:
    """Whether there were requests, and none with a response time."""
    answered = state.answers.get(total_ask(state))
    if answered is None or answered.error or not answered.total.get("hits"):
        return False
    return answered.total.get("p95") is None


def times_block(state: State, cells: int, *, is_boxed: bool = True) -> Block:
    """Return the quantiles of response times over time."""
    columns = columns_in(cells - 2 * is_boxed)
    legend = quantiles_legend(state)
    if is_boxed:
        draw = partial(response_times, state)
    else:
        draw = partial(_times_with_legend, state, legend)
    return Block(
        draw,
        title=_TITLE if is_boxed else "",
        legend=legend,
        asks=(times_ask(state, columns),),
    )


def _times_with_legend(state: State, legend: Row, cells: int, rows: int) -> list[Row]:
    """Draw the chart of a screen without boxes: its title is a row of it, where there is room."""
    if rows < _LEAST_TITLED:
        return response_times(state, cells, rows)
    heading: Row = [(themes.HEADING, f"  {_TITLE} "), *legend]
    return [fitted(heading, cells), *response_times(state, cells, rows - 1)]


def heat_ask(state: State, columns: int) -> Ask:
    return series_ask(state, columns, ("timed", *_UNDER))


def _heat(state: State, cells: int, is_boxed: bool) -> Block:
    columns = columns_in(cells - 2 * is_boxed)
    ask = heat_ask(state, columns)
    return Block(
        lambda c, r: _heat_rows(state, ask, columns, c)[:r],
        title="Requests by response time" if is_boxed else "",
        asks=(ask,),
    )


def _heat_rows(state: State, ask: Ask, columns: int, cells: int) -> list[Row]:
    known = values_by_column(state, ask, columns)
    if known is None:
        answered = state.answers.get(ask)
        text = "…" if answered is None else answered.error
        return [fitted([(themes.DIM, f" {safe(text)}")], cells)]
    if not any(known["timed"]):
        return [fitted([(themes.DIM, " No response times here")], cells)]
    bands = [known[name] for name in _UNDER]
    counts = [bands[0]]
    for below, above in zip([*bands], [*bands[1:], known["timed"]], strict=True):
        counts.append([
            None if low is None or high is None else max(0.0, high - low)
            for low, high in zip(below, above, strict=True)
        ])  # fmt: skip
    names = [format_seconds(parse_seconds(bound)) for bound in _BOUNDS]
    labels = [f"<{name}" for name in names] + [f"≥{names[-1]}"]
    shades = themes.HEAT if state.context.has_colors else ()
    lines = heat_map(counts[::-1], cells=columns, shades=shades, drawing=state.context.drawing)
    return [
        [("class:axis", right(label, AXIS_CELLS - 1) + " "), *row_of(line)]
        for label, line in zip(labels[::-1], lines, strict=True)
    ]
