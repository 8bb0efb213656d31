"""Acknowledging incidents, and silencing their rules. Pure."""

from __future__ import annotations

from actors.outputs.console import effects
from actors.outputs.console.moving import go_to_view_called
from actors.outputs.console.pages.alerts_view import (
    AlertsView,
    choose_incident,
    chosen_incident,
    chosen_rule_of,
)
from actors.outputs.console.prompts import ask_silence_of
from actors.outputs.console.state import State
from actors.state.silences import silence_among


def ask_silence(state: State) -> State:
    """Ask for how long the chosen rule is to be silent; end its silence if it is."""
    rule = chosen_rule_of(state) if isinstance(state.page, AlertsView) else None
    if rule is None:
        hint = state.context.hint("silence", "silence it")
        return go_to_view_called(state, "alerts").told(f"choose a rule here {hint}".rstrip())
    if silence_among(state.silences, rule) is not None:
        return state.wanting(effects.EndSilence(rule))
    return ask_silence_of(state, rule)


def acknowledge(state: State) -> State:
    """Acknowledge the chosen incident, or take that back; on other views, show Alerts."""
    if not isinstance(state.page, AlertsView):
        return go_to_view_called(state, "alerts")
    incident = chosen_incident(state)
    firing = () if state.shown is None else state.shown.alerts.firing
    if incident is None or incident.id not in {one.id for one in firing}:
        return state.told("only an active incident can be acknowledged")
    is_begin = incident.id not in state.acknowledged
    # The cursor stays on it, wherever it goes in the list.
    state = choose_incident(state, incident)
    return state.wanting(effects.Acknowledge(incident.id, is_begin))
