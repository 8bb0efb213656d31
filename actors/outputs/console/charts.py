"""Charts of the scope over time: traffic by status class, response times. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, fitted
from actors.outputs.console.state import State
from glancemetrics.charts import axis
from glancemetrics.charts.axis import AXIS_CELLS, time_axis
from glancemetrics.charts.columns import Series, smallest_step, stacked_columns, without_small_parts
from glancemetrics.charts.ground import UNKNOWN, unknown_cell
from glancemetrics.charts.lines import PENS, line_chart
from glancemetrics.charts.runs import Drawing, Line, Run
from glancemetrics.charts.scales import resampled
from glancemetrics.charts.values import Quantity, Scale, value_scale
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.history.recorded import known_seconds
from glancemetrics.incidents.incident import Incident
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.high_traffic import NAME as HIGH_TRAFFIC
from glancemetrics.rules.rule import Severity
from glancemetrics.traffic.snapshot import Shown

CHART_SECONDS = 300
"""The chart shows at least so much, however short the window is."""
_STEPS = (
    *(1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40),
    *(60, 120, 180, 240, 300, 360, 480, 600, 720, 900, 1200, 1800, 2400),
    *(hours * 3600 for hours in (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24)),
    *(2 * 86_400, 7 * 86_400, 28 * 86_400, 364 * 86_400),
)
_STACKED = ("2xx", "3xx", "1xx", "4xx", "5xx")
"""From the bottom up: what went well, then what did not."""
_CLASSES_SHOWN = ("2xx", "3xx", "4xx", "5xx")
"""The ones that a legend names; 1xx are too few."""
_LEAST_SHARES = (0.0, 0.05, 0.05, 0.05, 0.01)
"""Smaller parts of a column are not drawn: server errors from 1 %, others from 5 %."""
_LETTERS = {"1xx": ".", "2xx": "#", "3xx": "=", "4xx": "4", "5xx": "5", "hits": "#"}
"""Of the parts of a column where there are no colors."""


# Most drawings of the screen have the same charts again.
@lru_cache(maxsize=16)
def graded_columns(series: tuple[Series, ...], **looks: Any) -> tuple[Line, ...]:
    """Draw columns, darker near the bottom and lighter near the top."""
    lines = stacked_columns(series, letters=_LETTERS, **looks)
    last = max(1, len(lines) - 1)
    return tuple(
        _on_level(line, themes.LEVELS[round((last - number) / last * (len(themes.LEVELS) - 1))])
        for number, line in enumerate(lines)
    )


def _on_level(line: Line, level: str) -> Line:
    return tuple(
        attrs.evolve(
            run,
            ink=run.ink + level if run.ink in themes.CLASSES else run.ink,
            paper=run.paper + level if run.paper in themes.CLASSES else run.paper,
        )
        for run in line
    )


_remembered_lines = lru_cache(maxsize=16)(line_chart)


def step_of(state: State, columns: int) -> int:
    """Return the seconds of each column of a chart."""
    span = max(CHART_SECONDS, state.seconds)
    least = span / max(1, columns)
    return next((step for step in _STEPS if step >= least), _STEPS[-1])


def series_ask(
    state: State, columns: int, measures: tuple[str, ...], where: str | None = None
) -> Ask:
    """Return the question for measures over time, one column of a chart for each step."""
    step = step_of(state, columns)
    return state.ask(where=where, seconds=step * columns, step=step, measures=measures)


def traffic_ask(state: State, columns: int) -> Ask:
    return series_ask(state, columns, _STACKED)


def times_ask(state: State, columns: int) -> Ask:
    return series_ask(state, columns, themes.QUANTILES)


def columns_in(cells: int) -> int:
    """Return how many columns a chart of so many cells has."""
    return max(1, cells - AXIS_CELLS)


def starts_of(state: State, columns: int) -> list[int]:
    """Return the first second of each column."""
    step = step_of(state, columns)
    first = -(-(state.now - step * columns) // step) * step
    return [first + step * i for i in range(columns)]


def values_by_column(state: State, ask: Ask, columns: int) -> dict[str, list[float | None]] | None:
    """Return each measure's value of each column; `None` before the answer."""
    answered = state.answers.get(ask)
    if answered is None or answered.error:
        return None
    found = _by_start(answered)
    starts = starts_of(state, columns)
    return {name: [found.get(start, {}).get(name) for start in starts] for name in ask.measures}


@lru_cache(maxsize=32)
def _by_start(answered: Answered) -> Mapping[int, Mapping[str, Any]]:
    """Return the rows by the first second of their columns; remembered for the next drawing."""
    return {int(row["time"].timestamp()): row for row in answered.rows}


def drawing_of(state: State) -> Drawing:
    """Return the characters for charts of several series: without colors only letters differ."""
    return state.context.drawing if state.context.has_colors else Drawing.ASCII


def legend(state: State, letters: Mapping[str, str]) -> Row:
    """Return the names of a chart's series in their colors; without colors with their letters."""
    if drawing_of(state) is Drawing.UNICODE:
        return [(f"class:{name}", f"{name} ") for name in letters]
    return [("", f"{name} {letter} ") for name, letter in letters.items()]


def classes_legend(state: State) -> Row:
    """Return what the colors of `traffic` mean."""
    return legend(state, {name: _LETTERS[name] for name in _CLASSES_SHOWN})


def quantiles_legend(state: State) -> Row:
    """Return what the colors of `response_times` mean."""
    return legend(state, dict(zip(themes.QUANTILES, PENS, strict=True)))


def traffic(state: State, cells: int, rows: int) -> list[Row]:
    """Requests per second by status class, with the limit and the incidents."""
    columns = columns_in(cells)
    height = rows - 1
    if height < 1 or columns < 10 or state.shown is None:
        return []
    step = step_of(state, columns)
    known = values_by_column(state, traffic_ask(state, columns), columns)
    starts = starts_of(state, columns)
    if known is None:
        series = _of_snapshot(state, columns)
    else:
        answered = state.answers[traffic_ask(state, columns)]
        lengths = [_known_length(answered, start, step, state.now) for start in starts]
        series = [
            Series(
                name,
                tuple(
                    [
                        None if count is None else count / length
                        for count, length in zip(known[name], lengths, strict=True)
                    ]
                ),
            )
            for name in _STACKED
        ]
    peak = max((sum(one.values[i] or 0 for one in series) for i in range(columns)), default=0.0)
    limit = _limit(state)
    highest = max(peak, limit if limit is not None and limit <= 3 * peak else 0.0)
    scale = value_scale(highest, height, Quantity.RATE)
    if known is not None:
        # In ASCII a part is at least a row high; an eighth of a row is honest enough.
        is_ascii = drawing_of(state) is Drawing.ASCII
        smallest = smallest_step(scale.top, height, Drawing.ASCII) if is_ascii else 0.0
        cell = scale.top / height
        series = without_small_parts(series, _LEAST_SHARES, smallest, cell)
    lines = graded_columns(
        tuple(series),
        cells=columns,
        rows=height,
        top=scale.top,
        limit=limit,
        marked=tuple(marked_by(state, starts, step)),
        drawing=drawing_of(state),
    )
    return with_axes(state, lines, scale)


def _known_length(answered: Answered, start: int, step: int, now: int) -> int:
    """Return how many seconds of a column are known: its rate is over these."""
    end = min(start + step, now)
    since = max(start, start if answered.known_since is None else answered.known_since)
    return max(1, known_seconds(since, end, answered.unread))


def _of_snapshot(state: State, columns: int) -> list[Series]:
    assert state.shown is not None
    rates = state.shown.rates
    if not state.scope.is_plain or not rates:
        return [Series("hits", (None,) * columns)]
    if state.shown.shown_as is Shown.WHOLE_LOG:
        return [Series("hits", tuple(resampled(rates, columns, "mean")))]
    step = step_of(state, columns)
    shown: Sequence[float | None] = rates[-step * columns :]
    missing = columns - len(shown) // step
    drawn = resampled(shown, columns - missing, "mean")
    return [Series("hits", (*[None] * missing, *drawn))]


def _limit(state: State) -> float | None:
    rule = state.context.rules.get(HIGH_TRAFFIC)
    if rule is None or state.scope.narrowed or rule.severity is Severity.INFO:
        return None
    return rule.threshold if isinstance(rule.condition, Threshold) else None


def incidents(state: State) -> tuple[Incident, ...]:
    """Return all known incidents, ongoing ones first."""
    if state.shown is None:
        return ()
    alerts = state.shown.alerts
    return (*alerts.firing, *alerts.ended)


def marked_by(
    state: State,
    starts: Sequence[int],
    step: int,
    rule: str | None = None,
    group: str | None = None,
) -> list[str]:
    """Return for each column whether an incident was ongoing: of a rule (and group), or of any."""
    spans = [
        (one.triggered_at, one.recovered_at or state.now + step)
        for one in incidents(state)
        if (one.severity != Severity.INFO.value if rule is None else one.rule == rule)
        if group is None or one.group == group
    ]
    return [
        "incident" if any(begin < start + step and end > start for begin, end in spans) else ""
        for start in starts
    ]


def with_axes(state: State, lines: Sequence[Line], scale: Scale) -> list[Row]:
    """Return the rows of a chart with the values at their left, and below them its time."""
    if drawing_of(state) is not state.context.drawing:  # letters for want of colors only
        lines = [tuple(map(_with_dots, line)) for line in lines]
    columns = sum(len(run.text) for run in lines[0])
    below = time_axis(
        state.now - step_of(state, columns) * columns,
        state.now,
        cells=columns,
        zone=state.context.zone,
        is_live=state.is_live and _is_of_now(state),
        drawing=state.context.drawing,
    )
    whole = axis.with_axes(lines, scale, below, drawing=state.context.drawing)
    return [row_of(line) for line in whole]


def _with_dots(run: Run) -> Run:
    """Return what is not known as it is drawn with more than ASCII."""
    known, _, _ = unknown_cell("", Drawing.UNICODE)
    return attrs.evolve(run, text=known * len(run.text)) if run.ink == UNKNOWN else run


def row_of(line: Line) -> Row:
    """Return a line of a chart as a row."""
    return [(themes.inked(run.ink, run.paper), run.text) for run in line]


def _is_of_now(state: State) -> bool:
    return state.shown is not None and state.shown.health.live


def response_times(state: State, cells: int, rows: int) -> list[Row]:
    """Quantiles of response times, on a logarithmic scale."""
    columns = columns_in(cells)
    height = rows - 1
    if height < 1 or columns < 10:
        return []
    known = values_by_column(state, times_ask(state, columns), columns)
    if known is None:
        return [fitted([(themes.DIM, " …")], cells)]
    values = [value for one in known.values() for value in one if value]
    if not values:
        return [fitted([(themes.DIM, " No response times here")], cells)]
    starts = starts_of(state, columns)
    scale = value_scale(max(values), height, Quantity.SECONDS, low=min(values), is_log=True)
    lines = _remembered_lines(
        tuple(Series(name, tuple(known[name])) for name in themes.QUANTILES),
        cells=columns,
        rows=height,
        top=scale.top,
        bottom=scale.bottom,
        is_log=scale.is_log,
        marked=tuple(marked_by(state, starts, step_of(state, columns))),
        drawing=drawing_of(state),
    )
    return with_axes(state, lines, scale)
