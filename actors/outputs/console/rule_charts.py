"""The chart of a rule: its metric over time, with its limit and its incidents. Pure."""

from __future__ import annotations

from typing import Any

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, filled, safe
from actors.outputs.console.charts import (
    columns_in,
    graded_columns,
    marked_by,
    starts_of,
    step_of,
    values_by_column,
    with_axes,
)
from actors.outputs.console.scope import joined
from actors.outputs.console.state import State
from glancemetrics.charts.columns import Series
from glancemetrics.charts.values import Quantity, value_scale
from glancemetrics.history.ask import Ask
from glancemetrics.history.metric_series import measures_of, metric_values
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.metrics import Unit
from glancemetrics.rules.rule import Rule
from glancemetrics.selecting.value_conditions import condition_of

_QUANTITIES = {
    Unit.COUNT: Quantity.COUNT,
    Unit.RATE: Quantity.RATE,
    Unit.SHARE: Quantity.SHARE,
    Unit.BYTES: Quantity.BYTES,
    Unit.BYTES_RATE: Quantity.BYTES_RATE,
    Unit.SECONDS: Quantity.SECONDS,
}


def rule_ask(state: State, rule: Rule, group: str | None, cells: int) -> Ask | None:
    """Return the question for a rule's chart; `None` where it has none.

    `group`: one of the values that a rule with `by` watches; `None`: all requests.
    """
    measures = measures_of(rule.metric)
    if not measures:
        return None
    columns = columns_in(cells)
    step = step_of(state, columns)
    return _asking(state, rule, group, seconds=step * columns, step=step, measures=measures)


def value_ask(state: State, rule: Rule, group: str | None) -> Ask | None:
    """Return the question for a rule's value at the end of what is shown; `None` without one."""
    measures = measures_of(rule.metric)
    if not measures or (rule.by is not None and group is None):
        return None
    return _asking(state, rule, group, seconds=rule.window_seconds, measures=measures)


def _asking(state: State, rule: Rule, group: str | None, **fields: Any) -> Ask:
    """Return a question about the requests that a rule counts, of all of them or of one group."""
    own = None if rule.by is None or group is None else condition_of(rule.by, group)
    where = joined(rule.where, own)
    return Ask(where=where, until=state.scope.until, kept=state.context.kept, **fields)


def value_then(state: State, rule: Rule, group: str | None) -> float | None:
    """Return a rule's value at the end of what is shown, as the history has it."""
    ask = value_ask(state, rule, group)
    answered = None if ask is None else state.answers.get(ask)
    if ask is None or answered is None or answered.error or answered.missing:
        return None
    known = {name: [answered.total.get(name)] for name in ask.measures}
    (value,) = metric_values(rule.metric, known, ask.measures, ask.seconds)
    return value


def rule_chart(state: State, rule: Rule, group: str | None, cells: int, rows: int) -> list[Row]:
    """Draw a rule's metric, its limit dashed, its incidents shaded."""
    ask = rule_ask(state, rule, group, cells)
    if ask is None:
        text = f" No chart: the history does not keep {safe(rule.metric.name)}"
        return filled([[(themes.DIM, text)]], cells, rows)
    columns, height = columns_in(cells), rows - 1
    known = values_by_column(state, ask, columns)
    if known is None or height < 1:
        answered = state.answers.get(ask)
        text = "…" if answered is None else answered.error
        return filled([[(themes.DIM, f" {safe(text)}")]], cells, rows)
    values = metric_values(rule.metric, known, ask.measures, ask.step or 1)
    limit = None
    is_watched = rule.by is None or group is not None  # else each of its parts is, not the whole
    if isinstance(rule.condition, Threshold) and is_watched:
        # A count over the rule's window, for a column of another length.
        times = 1.0
        if rule.metric.unit in {Unit.COUNT, Unit.BYTES} and rule.metric.name != "visitors":
            times = (ask.step or 1) / rule.window_seconds
        limit = rule.threshold * times
    peak = max((value for value in values if value is not None), default=0.0)
    scale = value_scale(max(peak, 1.1 * (limit or 0.0)), height, _QUANTITIES[rule.metric.unit])
    starts = starts_of(state, columns)
    marked = marked_by(state, starts, step_of(state, columns), rule=rule.name, group=group)
    role = ask.measures[0] if ask.measures[0] in themes.CLASSES else "hits"
    lines = graded_columns(
        (Series(role, tuple(values)),),
        cells=columns,
        rows=height,
        top=scale.top,
        limit=limit,
        marked=tuple(marked),
        drawing=state.context.drawing,
    )
    return with_axes(state, lines, scale)
