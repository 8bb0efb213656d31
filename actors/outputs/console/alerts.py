"""Ongoing and past incidents, in a few rows. Pure."""

from __future__ import annotations

from actors.outputs.console import themes
from actors.outputs.console.cells import Row, cut, fitted, safe, width
from actors.outputs.console.context import clock_near
from actors.outputs.console.moving import go_to_view_called
from actors.outputs.console.state import State
from actors.state.silences import silence_among
from glancemetrics.incidents.incident import Incident
from glancemetrics.rules.rule import Severity
from glancemetrics.words.humane import format_duration

_MESSAGE_LENGTH = 2000


def by_severity(state: State) -> list[Incident]:
    """Return ongoing incidents, the most severe first; acknowledged ones last."""
    if state.shown is None:
        return []
    return sorted(
        state.shown.alerts.firing,
        key=lambda one: (one.id in state.acknowledged, Severity(one.severity).rank),
    )


def alert_rows(state: State, cells: int, rows: int) -> list[Row]:
    """Return ongoing incidents in at most so many rows; without any, the last that ended."""
    if rows <= 0 or state.shown is None:
        return []
    firing = by_severity(state)
    if not firing:
        return [_none(state, cells)]
    shown = firing[:rows]
    drawn = [ongoing(state, incident, cells) for incident in shown]
    hidden = len(firing) - len(shown)
    if hidden:
        more = f"  +{hidden} more [a]"
        last = ongoing(state, shown[-1], cells - width(more))
        drawn[-1] = [*last, (themes.KEY, more, _to_alerts)]
    return [fitted(row, cells) for row in drawn]


def _to_alerts(state: State) -> State:
    return go_to_view_called(state, "alerts")


def _none(state: State, cells: int) -> Row:
    assert state.shown is not None
    row: Row = [(themes.RECOVERED, " ✓ No active alerts")]
    for incident in state.shown.alerts.recovered[:1]:
        row.append((themes.DIM, f" · recovered: {ended_text(state, incident)}"))
    return fitted(row, cells)


def ongoing(state: State, incident: Incident, cells: int) -> Row:
    """Return an ongoing incident in one row: what, how long, how bad."""
    rule = state.context.rules[incident.rule]
    severity = Severity(incident.severity)
    style = themes.ALERTS[severity]
    assert state.shown is not None
    lasts = format_duration(max(0, state.shown.shown.end - incident.triggered_at))
    worst = rule.worst(incident)
    more = f"  {lasts}" + (f", {worst}" if worst else "")
    if incident.id in state.acknowledged:
        style, more = themes.DIM, f"{more}, acknowledged"
    silence = silence_among(state.silences, incident.rule)
    if silence is not None:
        until = clock_near(silence.until, state.shown.time, state.context)
        more += f", silenced until {until}"
    message = safe(rule.headline(incident), _MESSAGE_LENGTH)
    room = cells - 3
    if width(message) + width(more) > room and worst:
        more = more.replace(f", {worst}", "")
    message = cut(message, max(room // 2, room - width(more)))
    return fitted(
        [(style, f" {themes.MARKS[severity]} {message}"), (themes.DIM, safe(more))], cells
    )


def ended_text(state: State, incident: Incident) -> str:
    """Return how an incident went that is over, and until when it lasted."""
    assert incident.recovered_at is not None
    assert state.shown is not None
    until = clock_near(incident.recovered_at, state.shown.time, state.context)
    how = safe(state.context.rules[incident.rule].recovery(incident), _MESSAGE_LENGTH)
    return f"{how}, until {until}"
