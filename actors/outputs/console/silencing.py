"""Acknowledging incidents, and silencing their rules. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import effects, themes
from actors.outputs.console.cells import Row, filled, safe
from actors.outputs.console.moving import go_to_view_called
from actors.outputs.console.pages.alerts_view import (
    AlertsView,
    choose,
    chosen_incident,
    chosen_rule_of,
)
from actors.outputs.console.pages.plain import PlainPage
from actors.outputs.console.state import State
from actors.state.silences import silence_among
from glancemetrics.incidents.incident import rule_title
from glancemetrics.words.durations import written_span

SPANS = (900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 86_400)
"""Durations to choose from, in seconds."""


@attrs.frozen
class Silencing(PlainPage):
    """The page on which a rule is silenced for a while."""

    rule: str
    span: int = 2
    """Index of the chosen duration."""

    name = "silencing"
    title = "Silence"

    def moved(self, state: State, rows: int) -> State:
        return self.turned(state, rows)

    def turned(self, state: State, steps: int) -> State:
        span = max(0, min(len(SPANS) - 1, self.span + steps))
        return state.replaced(attrs.evolve(self, span=span))

    def opened(self, state: State) -> State:
        return state.popped().wanting(effects.BeginSilence(self.rule, SPANS[self.span]))

    def copied(self, state: State) -> str:
        del state
        return self.rule

    def render(self, state: State, cells: int, rows: int) -> list[Row]:
        targets = ", ".join(map(safe, state.context.targets))
        drawn: list[Row] = [
            [],
            [
                (themes.HEADING, f"  Silence {safe(rule_title(self.rule))}"),
                ("", ": no notifications for new incidents of this rule"),
            ],
            [("", f"  Otherwise notified: {targets}")]
            if targets
            else [
                (
                    themes.WARNING,
                    "  No notifications are configured ([[notify]]), so this has no effect yet",
                )
            ],
            [],
            [
                (themes.DIM, "  for "),
                *(
                    (themes.CURSOR if number == self.span else "", f" {written_span(span)} ")
                    for number, span in enumerate(SPANS)
                ),
            ],
            [],
            [(themes.DIM, "  ← → duration   Enter silence   Esc back")],
        ]
        return filled(drawn, cells, rows)


def ask_silence(state: State) -> State:
    """Ask for how long the chosen rule is to be silent; end its silence if it is."""
    rule = chosen_rule_of(state) if isinstance(state.page, AlertsView) else None
    if rule is None:
        return go_to_view_called(state, "alerts").told("choose a rule here, then m silences it")
    if silence_among(state.silences, rule) is not None:
        return state.wanting(effects.EndSilence(rule))
    return state.pushed(Silencing(rule))


def acknowledge(state: State) -> State:
    """Acknowledge the chosen incident, or take that back; on other views, show Alerts."""
    if not isinstance(state.page, AlertsView):
        return go_to_view_called(state, "alerts")
    incident = chosen_incident(state)
    if incident is None or incident.recovered_at is not None:
        return state.told("only an active incident can be acknowledged")
    is_begin = incident.id not in state.acknowledged
    # The cursor stays on it, wherever it goes in the list.
    state = choose(state, ("incident", incident.id))
    return state.wanting(effects.Acknowledge(incident.id, is_begin))
