"""Ongoing and past incidents, in a few rows. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Fragment, Row, cut, fitted, safe, width
from actors.outputs.console.context import clock_near
from actors.outputs.console.moving import go_to_view_called
from actors.outputs.console.state import State
from actors.state.silences import silence_among
from glancemetrics.incidents.incident import Incident, rule_title
from glancemetrics.rules.rule import Severity
from glancemetrics.words.humane import format_duration

_MESSAGE_LENGTH = 2000


def ongoing_then(state: State) -> tuple[Incident, ...]:
    """Return the incidents that are ongoing at the end of what is shown, as they were then."""
    if state.shown is None:
        return ()
    alerts = state.shown.alerts
    if state.is_live:
        return _of_known_rules(state, alerts.firing)
    found = (*alerts.firing, *alerts.ended)
    return tuple(
        attrs.evolve(one, recovered_at=None)
        for one in _of_known_rules(state, found)
        if one.triggered_at <= state.now < (one.recovered_at or state.now + 1)
    )


def ended_then(state: State, *, is_all: bool = False) -> tuple[Incident, ...]:
    """Return the incidents that are over at the end of what is shown, the newest first.

    `is_all`: all that are known, and not only as many as are set (`--incident-limit`).
    """
    if state.shown is None:
        return ()
    alerts = state.shown.alerts
    if state.is_live:
        return _of_known_rules(state, alerts.ended if is_all else alerts.recovered)
    ended = _of_known_rules(state, alerts.ended)
    return tuple(one for one in ended if (one.recovered_at or 0) <= state.now)


def _of_known_rules(state: State, incidents: tuple[Incident, ...]) -> tuple[Incident, ...]:
    """Leave out incidents of rules that have been removed since: nothing says what they meant."""
    return tuple(one for one in incidents if one.rule in state.context.rules)


def by_severity(state: State) -> list[Incident]:
    """Return ongoing incidents, the most severe first; acknowledged ones after those like them."""
    return sorted(
        ongoing_then(state),
        key=lambda one: (
            one.severity == Severity.INFO.value,
            one.id in state.acknowledged,
            Severity(one.severity).rank,
        ),
    )


def alert_rows(state: State, cells: int, rows: int) -> list[Row]:
    """Return ongoing incidents in at most so many rows; without any, the last that ended."""
    if rows <= 0 or state.shown is None:
        return []
    firing = by_severity(state)
    if not firing:
        pending = pending_rows(state)[:rows]
        return [fitted(row, cells) for row in pending] or [_none(state, cells)]
    shown = firing[:rows]
    drawn = [ongoing(state, incident, cells) for incident in shown]
    hidden = len(firing) - len(shown)
    if hidden:
        more = f"  +{hidden} more {state.context.hint('acknowledge')}".rstrip()
        last = ongoing(state, shown[-1], cells - width(more))
        drawn[-1] = [*last, (themes.KEY, more, _to_alerts)]
    return [fitted(row, cells) for row in drawn]


def _to_alerts(state: State) -> State:
    return go_to_view_called(state, "alerts")


def _none(state: State, cells: int) -> Row:
    row: Row = [none_ongoing(state)]
    for incident in ended_then(state)[:1]:
        how, until = _ended(state, incident)
        row.append((themes.DIM, f" · recovered at {until}: {how}"))
    return fitted(row, cells)


def pending_rows(state: State) -> list[Row]:
    """Return breaches that may become incidents, in a row each."""
    if state.shown is None or not state.is_live:
        return []
    rows: list[Row] = []
    for one in state.shown.alerts.pending:
        rule = state.context.rules.get(one.rule)
        if rule is None:
            continue
        since = format_duration(max(0, state.shown.shown.end - one.since))
        who = f" ({safe(one.group)})" if one.group else ""
        rows.append([
            (themes.NOTICED, f" ◌ {safe(rule_title(one.rule))}{who}"),
            ("", f" in breach for {since}, an alert after {format_duration(rule.timing.hold)}"),
        ])  # fmt: skip
    return rows


def none_ongoing(state: State) -> Fragment:
    """Say that nothing is wrong, or was at the time that is shown."""
    when = "" if state.is_live else " at that time"
    return themes.RECOVERED, f" ✓ No active alerts{when}"


def ongoing(state: State, incident: Incident, cells: int) -> Row:
    """Return an ongoing incident in one row: how bad it is now, for how long, how bad it was."""
    rule = state.context.rules[incident.rule]
    severity = Severity(incident.severity)
    style = themes.ALERTS[severity]
    assert state.shown is not None
    latest = state.shown.alerts.latest if state.is_live else {}
    message = rule.headline(attrs.evolve(incident, value=latest.get(incident.id, incident.value)))
    lasts = format_duration(max(0, state.now - incident.triggered_at))
    # While the past is shown, nobody knew yet how bad it would be; only its first value is known.
    worst = rule.worst(incident) if state.is_live else "as it began"
    known = []
    closes_at = state.shown.alerts.closing.get(incident.id) if state.is_live else None
    if closes_at is not None:
        why = "clear" if incident.id in latest else "no data"
        known.append(f"{why}: over in {format_duration(max(0, closes_at - state.now))}")
    if state.is_live and incident.id in state.acknowledged:
        style = themes.DIM
        known.append("acknowledged")
    silence = silence_among(state.silences, incident.rule)
    if silence is not None:
        known.append(f"silenced until {clock_near(silence.until, state.shown.time, state.context)}")
    shorter = "  " + ", ".join([lasts, *known])
    more = "  " + ", ".join([lasts, worst, *known]) if worst else shorter
    message = safe(message, _MESSAGE_LENGTH)
    # What to do about the rule is worth more than how bad it was.
    hint = safe(rule.hint_text)
    if width(message) + width(hint) + width(shorter) <= cells - 3:
        message += hint
    if width(more) > cells - 3 - width(message):
        more = shorter
    message = cut(message, max((cells - 3) // 2, cells - 3 - width(more)))
    return fitted(
        [(style, f" {themes.MARKS[severity]} {message}"), (themes.DIM, safe(more))], cells
    )


def ended_text(state: State, incident: Incident) -> str:
    """Return how an incident went that is over, and until when it lasted."""
    how, until = _ended(state, incident)
    return f"{how}, until {until}"


def _ended(state: State, incident: Incident) -> tuple[str, str]:
    assert incident.recovered_at is not None
    assert state.shown is not None
    until = clock_near(incident.recovered_at, state.shown.time, state.context)
    return safe(state.context.rules[incident.rule].recovery(incident), _MESSAGE_LENGTH), until
