"""Ongoing and past incidents, in a few rows. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import Fragment, Row, cut, fitted, safe, width
from actors.outputs.console.context import clock_near
from actors.outputs.console.moving import go_to_view_called
from actors.outputs.console.rule_charts import value_ask, value_then
from actors.outputs.console.state import State
from actors.state.silences import silence_among
from glancemetrics.history.ask import Ask
from glancemetrics.incidents.incident import Incident
from glancemetrics.rules.rule import Rule, Severity
from glancemetrics.words.humane import format_duration

_MESSAGE_LENGTH = 2000
_MOST_VALUES = 8
"""Incidents of the past whose values are asked for."""


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
        rows.append(pending_row(state, rule, one.group, one.since))
    return rows


def pending_row(state: State, rule: Rule, group: str | None, since: int) -> Row:
    """Return a breach that may become an incident."""
    lasts = format_duration(max(0, state.now - since))
    who = f" ({safe(group)})" if group else ""
    return [
        (themes.NOTICED, f" ◌ {safe(rule.title)}{who}"),
        ("", f" in breach for {lasts}, an alert after {format_duration(rule.timing.hold)}"),
    ]


def none_ongoing(state: State) -> Fragment:
    """Say that nothing is wrong, or was at the time that is shown."""
    when = "" if state.is_live else " at that time"
    return themes.RECOVERED, f" ✓ No active alerts{when}"


def asks_then(state: State) -> tuple[Ask, ...]:
    """Return the questions for how bad incidents were at the time that is shown."""
    if state.is_live:
        return ()
    found = [
        value_ask(state, state.context.rules[one.rule], one.group) for one in ongoing_then(state)
    ]
    return tuple(ask for ask in found[:_MOST_VALUES] if ask is not None)


def ongoing(state: State, incident: Incident, cells: int) -> Row:
    """Return an ongoing incident in one row: how bad it is, for how long, how bad it was."""
    rule = state.context.rules[incident.rule]
    severity = Severity(incident.severity)
    is_acknowledged = state.is_live and incident.id in state.acknowledged
    style = themes.DIM if is_acknowledged else themes.ALERTS[severity]
    message = safe(_message(state, rule, incident), _MESSAGE_LENGTH)
    ends = [f"  {', '.join(parts)}" for parts in _ends(state, rule, incident)]
    room = cells - 3 - width(message)
    # What to do about the rule is worth more than how bad it was.
    hint = safe(rule.hint_text)
    if hint and width(hint) + width(ends[-1]) <= room:
        message, room = message + hint, room - width(hint)
    end = next((one for one in ends if width(one) <= room), ends[-1])
    message = cut(message, max((cells - 3) // 2, cells - 3 - width(end)))
    return fitted([(style, f" {themes.MARKS[severity]} {message}"), (themes.DIM, safe(end))], cells)


def _message(state: State, rule: Rule, incident: Incident) -> str:
    """Return what is wrong, with the value at the time that is shown."""
    assert state.shown is not None
    if state.is_live:
        value = state.shown.alerts.latest.get(incident.id, incident.value)
        return rule.headline(attrs.evolve(incident, value=value))
    then = value_then(state, rule, incident.group)
    if then is None:
        return f"when it began: {rule.headline(incident)}"
    return rule.headline(attrs.evolve(incident, value=then))


def _ends(state: State, rule: Rule, incident: Incident) -> list[list[str]]:
    """Return what is known besides, in less and less words: how long, how bad, until when."""
    assert state.shown is not None
    lasts = format_duration(max(0, state.now - incident.triggered_at))
    if not state.is_live:  # nobody knew yet how bad it would be, or how long it would last
        return [[lasts]]
    alerts = state.shown.alerts
    worst = rule.worst(incident)
    closes_at = alerts.closing.get(incident.id)
    over = ""
    if closes_at is not None:
        why = "clear" if incident.id in alerts.latest else "no data"
        over = f"{why}: over in {format_duration(max(0, closes_at - state.now))}"
    known = "acknowledged" if incident.id in state.acknowledged else ""
    silence = silence_among(state.silences, incident.rule)
    silenced = until = ""
    if silence is not None:
        silenced = "silenced"
        until = f"silenced until {clock_near(silence.until, state.shown.time, state.context)}"
    choices = (
        (lasts, worst, over, known, until),
        (lasts, worst, over, known, silenced),
        (lasts, over, known, silenced),
        (over or lasts, known, silenced),
        (over or lasts, known or silenced),
        (known or silenced or over or lasts,),
    )
    return [[part for part in one if part] for one in choices]


def ended_text(state: State, incident: Incident) -> str:
    """Return how an incident went that is over, and until when it lasted."""
    how, until = _ended(state, incident)
    return f"{how}, until {until}"


def _ended(state: State, incident: Incident) -> tuple[str, str]:
    assert incident.recovered_at is not None
    assert state.shown is not None
    until = clock_near(incident.recovered_at, state.shown.time, state.context)
    return safe(state.context.rules[incident.rule].recovery(incident), _MESSAGE_LENGTH), until
