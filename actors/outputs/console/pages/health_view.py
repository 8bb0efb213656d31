"""Health: the logs and how they are read, what could not be read, and the outputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import (
    Click,
    Row,
    cut_left,
    filled,
    fitted,
    left,
    right,
    row_width,
    safe,
    width,
)
from actors.outputs.console.context import clock_near
from actors.outputs.console.figures import missing_text
from actors.outputs.console.layout import first_shown
from actors.outputs.console.narrowing import with_scope
from actors.outputs.console.pages.plain import PlainPage
from actors.outputs.console.scope import Left, Narrowing
from actors.outputs.console.state import State, TableSpec, TableState
from actors.outputs.console.troubles import seconds_text, troubles
from actors.outputs.console.values import error_limits, rate_text, server_errors_text
from glancemetrics.health.health import Health, OutputState, SourceHealth, SourceState
from glancemetrics.health.servers import agents_text
from glancemetrics.history.ask import Ask
from glancemetrics.selecting.value_conditions import condition_of
from glancemetrics.traffic.troubles import trouble_of
from glancemetrics.words.humane import (
    UNKNOWN,
    events_text,
    format_bytes,
    format_count,
    format_duration,
)

_LIST = TableSpec(key="health/sources", title="Logs", by=("source",))
_MOST_SOURCES = 1000
_REJECT_SOURCE = 30
"""Cells of a log's name before a line of it."""
_COUNTS = 6
"""So many figures are about lines; the others begin a row."""


class HealthView(PlainPage):
    """See the module's docstring."""

    name = "health"
    title = "Health"

    def asks(self, state: State) -> tuple[Ask, ...]:
        return (sources_ask(state),)

    def moved(self, state: State, rows: int) -> State:
        sources = _sources(state)
        if not sources:
            return state
        index = max(0, min(len(sources) - 1, _index(state) + rows))
        return _choose(state, sources[index].name)

    def opened(self, state: State) -> State:
        """Narrow everything to a log."""
        sources = _sources(state)
        if len(sources) < 2:
            return state.told("there is only one log")
        name = sources[_index(state)].name
        row = Left(self.name, _LIST.key, (name,))
        narrowing = Narrowing(f"log {name}", condition_of("source", name), row)
        if narrowing in state.scope.narrowed:
            return state.told("this is all that is shown already")
        # Another log instead of the last one: no request is in both.
        others = [
            one for one in state.scope.narrowed if one.left is None or one.left.table != _LIST.key
        ]
        scope = attrs.evolve(state.scope, narrowed=(*others, narrowing))
        return _choose(with_scope(state, scope), name)

    def copied(self, state: State) -> str:
        sources = _sources(state)
        return sources[_index(state)].name if sources else ""

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        if state.shown is None:
            return filled([], cells, rows)
        health = state.shown.health
        below = [
            *_counts(health, missing_text(state), cells),
            *_agents(state, health),
            *_problems(state),
            *_rejects(health, 3 if rows < 30 else 8),
            *_outputs(state, health),
        ]
        room = max(3, rows - len(below), min(len(health.sources) + 1, rows // 3))
        return filled([*_logs(state, cells, room), *below], cells, rows)


def sources_ask(state: State) -> Ask:
    """Return the question for the traffic of each log."""
    # Also of those that the rest of the screen leaves out.
    return Ask(
        seconds=state.seconds,
        until=state.scope.until,
        by=("source",),
        measures=("hits", "5xx"),
        limit=_MOST_SOURCES,
        kept=state.context.kept,
    )


def _sources(state: State) -> tuple[SourceHealth, ...]:
    return () if state.shown is None else state.shown.health.sources


def _index(state: State) -> int:
    chosen = state.table(_LIST).chosen
    names = [source.name for source in _sources(state)]
    return names.index(chosen[0]) if chosen is not None and chosen[0] in names else 0


def _choose(state: State, name: str) -> State:
    return state.with_table(_LIST, TableState(chosen=(name,)))


def _choosing(name: str) -> Click:
    return lambda state: _choose(state, name)


def _logs(state: State, cells: int, rows: int) -> list[Row]:
    sources = _sources(state)
    answered = state.answers.get(sources_ask(state))
    found: Mapping[str, Mapping[str, Any]] = {}
    seconds = state.seconds
    if answered is not None:
        seconds = answered.known_by(answered.until, state.seconds)
        found = {str(row["source"]): row for row in answered.rows}
    longest = max((width(source.called) for source in sources), default=0)
    names = max(10, min(longest + 1, cells - 60))
    title = f"Logs  {format_count(len(sources))}" if len(sources) > 1 else "Logs"
    heading = f"  {left(title, names)}"
    columns = right("req/s", 9) + right("5xx", 8) + right("not read", 11) + "  state"
    drawn: list[Row] = [[(themes.HEADING, heading), (themes.DIM, columns)]]
    limits = error_limits(state.context.rules, _LIST.by)
    chosen = _index(state)
    room = max(1, rows - 1)
    first = first_shown(chosen, len(sources), room)
    for number, source in enumerate(sources[first : first + room], first):
        over = themes.CURSOR if number == chosen else ""
        click = _choosing(source.name)
        values = found.get(source.name, {} if len(sources) > 1 else _of_all(found))
        errors, hits = values.get("5xx") or 0, values.get("hits") or 0
        rate = rate_text(hits / seconds) if "hits" in values else UNKNOWN
        style, share = server_errors_text(errors, hits, limits)
        state_style, text = _state_text(source, state)
        row: Row = [
            (over or themes.MARK, "▸ " if number == chosen else "  ", click),
            (over, left(_cut_name(safe(source.called), names), names), click),
            (over or themes.FIGURE, right(rate, 9), click),
            (over or style, right(share, 8), click),
            (over, right(format_bytes(source.lag_bytes), 11), click),
            (over or state_style, f"  {text}", click),
        ]
        drawn.append(fitted(row, cells, over))
    return drawn


def _cut_name(name: str, cells: int) -> str:
    """Cut the path of a log, and not the server before it: many servers have the same path."""
    server, colon, path = name.partition(":/")
    if not colon or len(server) > cells // 2 or "/" in server:
        return cut_left(name, cells)
    return f"{server}:" + cut_left(f"/{path}", cells - len(server) - 1)


def _of_all(found: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return next(iter(found.values()), {})


def _state_text(source: SourceHealth, state: State) -> tuple[str, str]:
    name = source.state.value
    if source.is_unknown:
        return themes.WARNING, f"no known format, {format_count(source.unparsed)} lines not parsed"
    if trouble_of(source):
        return themes.WARNING, safe(source.detail or f"{name}, {source.format}: clock is off")
    if source.format:
        name += f", {source.format}"
    elif source.note:
        name += f", {source.note}"
    elif source.last_record is None and not source.lag_bytes:
        name += ", no request yet"
    if source.last_record is not None:
        now = state.now if state.shown is None else state.shown.time
        name += f", last request {clock_near(source.last_record, now, state.context)}"
    is_fine = source.state in {SourceState.FOLLOWING, SourceState.ENDED}
    return (themes.DIM if is_fine else ""), safe(name)


def _counts(health: Health, missing: str, cells: int) -> list[Row]:
    lag = format_bytes(health.lag_bytes)
    if health.lag_bytes or health.behind:
        lag += f", {seconds_text(health.lag_seconds)}"
    memory = UNKNOWN if health.memory is None else format_bytes(health.memory)
    if health.memory_limit is not None:
        memory += f" of {format_bytes(health.memory_limit)}"
    delay = UNKNOWN if health.delay is None else format_duration(health.delay)
    pairs = [
        ("lines", format_count(health.lines)),
        ("requests", format_count(health.records)),
        ("rejects", format_count(health.rejects)),
        ("foreign", format_count(health.foreign)),
        ("damaged", format_count(health.damaged)),
        ("filtered out", format_count(health.filtered)),
        ("late", format_count(health.late)),
        ("early", format_count(health.early)),
        ("lag", lag),
        ("delay", delay),
        ("memory", memory),
    ]
    rows: list[Row] = [[("", " ")]]
    for number, (name, value) in enumerate(pairs):
        piece: Row = [(themes.DIM, f" {name} "), (themes.FIGURE, f"{value} ")]
        if number == _COUNTS or row_width(rows[-1]) + row_width(piece) > cells:
            rows.append([("", " ")])
        rows[-1] += piece
    if missing:
        rows.append([(themes.NOTICED, f"  ! {missing}")])
    return [[], [(themes.HEADING, "  Reading")], *rows]


def _agents(state: State, health: Health) -> list[Row]:
    """Say how the agents are, where that is no problem."""
    if not health.agents or any(agent.state.is_trouble for agent in health.agents):
        return []
    hint = state.context.hint("show-servers")
    return [[(themes.DIM, f"  {safe(agents_text(health.agents))} {hint}".rstrip())]]


def _problems(state: State) -> list[Row]:
    assert state.shown is not None
    found = troubles(state.shown)
    return [[(themes.WARNING, f"  ! {text}")] for text in found]


def _rejects(health: Health, most: int) -> list[Row]:
    if not health.reject_samples:
        return []
    rows: list[Row] = [[], [(themes.HEADING, "  Lines that could not be parsed, with the reason")]]
    for reject in health.reject_samples[-most:]:
        reason = reject.reason.partition("; details: ")[0]  # the same command for each of them
        row: Row = [(themes.WARNING, f"  {safe(reason)}: "), ("", safe(reject.line))]
        if len(health.sources) > 1 and reject.source:
            name = cut_left(safe(reject.source), _REJECT_SOURCE)
            row.insert(0, (themes.DIM, f"  {name}:"))
        rows.append(row)
    return rows


def _outputs(state: State, health: Health) -> list[Row]:
    rows: list[Row] = [[], [(themes.HEADING, "  Outputs")]]
    for output in health.outputs:
        is_bad = output.state is OutputState.RETRYING
        style = themes.BAD if is_bad else themes.RECOVERED
        text = "fails" if is_bad else output.state.value
        more = f", {events_text(output.lost)} lost" if output.lost else ""
        rows.append([
            (style, f"  {left(output.name, 14)} {left(text, 9)}"),
            ("", safe(output.detail) + more),
        ])  # fmt: skip
    if state.context.note:
        rows.append([(themes.DIM, f"  {safe(state.context.note)}")])
    up = 0.0 if state.shown is None else max(0.0, state.shown.time - state.context.started_at)
    rows.append(
        [(themes.DIM, f"  GlanceMetrics {state.context.version}, up {format_duration(up)}")]
    )
    return rows
