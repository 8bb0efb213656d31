"""Whether the site is well, at a glance. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import themes
from actors.outputs.console.alerts import ongoing_then
from actors.outputs.console.figures import is_unknown, totals
from actors.outputs.console.state import State
from actors.outputs.console.values import BAD_FROM, NOTICED_FROM
from glancemetrics.health.health import OutputState
from glancemetrics.rules.rule import Severity
from glancemetrics.words.humane import format_duration, format_round_duration

_FEWEST_HITS = 20
"""With fewer requests a share of errors says little."""
_FEWEST_FAILING, _MOSTLY = 5, 0.5
"""With so few requests it says something if at least half of them fail."""


@attrs.frozen
class Status:
    """Whether the site is well."""

    style: str
    """Of the title bar."""
    badge_style: str
    text: str


def status(state: State) -> Status:
    """Return whether the site is well at the time that is shown, at a glance."""
    snapshot = state.shown
    if snapshot is None:
        return Status(themes.TITLE, themes.TITLE, "READING")
    firing = [
        incident for incident in ongoing_then(state) if incident.severity != Severity.INFO.value
    ]
    acknowledged = state.acknowledged if state.is_live else {}
    known = sum(incident.id in acknowledged for incident in firing)
    firing = [incident for incident in firing if incident.id not in acknowledged]
    critical = sum(one.severity == Severity.CRITICAL.value for one in firing)
    health, share = snapshot.health, _server_error_share(state)
    of_span = f"{100 * share:.0f} % 5xx{_other_span(state)}"
    silent = snapshot.silent if state.is_live else 0
    behind = health.behind if state.is_live else 0.0
    failing = any(output.state is OutputState.RETRYING for output in health.outputs)
    # The first of these that holds, the worst first.
    found = (
        (critical, themes.TITLE_CRITICAL, f"✖ {critical} CRITICAL"),
        (share >= BAD_FROM, themes.TITLE_CRITICAL, f"✖ FAILING: {of_span}"),
        (firing, themes.TITLE_WARNING, f"▲ {len(firing)} WARNING"),
        (share >= NOTICED_FROM, themes.TITLE_WARNING, f"▲ ERRORS: {of_span}"),
        (failing, themes.TITLE_WARNING, "▲ OUTPUT FAILS"),
        (behind, themes.TITLE_WARNING, f"? BEHIND BY {format_duration(behind)}"),
        (health.blindness or not health.records, themes.TITLE_WARNING, "? NO DATA"),
        (not state.is_live and is_unknown(state), themes.TITLE_WARNING, "? NO DATA"),
        (silent, themes.TITLE_WARNING, f"? SILENT FOR {format_round_duration(silent)}"),
        (known, themes.TITLE, f"▲ {known} ACKNOWLEDGED"),
    )
    for holds, style, text in found:
        if holds:
            return Status(style, style, text)
    return Status(themes.TITLE, themes.TITLE_OK, "● HEALTHY")


def _server_error_share(state: State) -> float:
    """Return the share of 5xx that matters: of the monitor's own window, whatever is looked at.

    Of the past it is that of what is shown, unless that is narrowed: a filter for errors is no
    outage.
    """
    if state.is_live and state.shown is not None:
        insights = state.shown.shown
        return _telling_share(insights.server_errors, insights.hits)
    if state.scope.narrowed:
        return 0.0
    known = totals(state)
    return _telling_share(known.get("5xx") or 0, known.get("hits") or 0)


def _other_span(state: State) -> str:
    """Name the span of the title's share, where it is not the one that is shown."""
    if state.shown is None or not state.is_live:
        return ""
    own = state.shown.shown.window_seconds
    return "" if own == state.seconds else f", {format_round_duration(own)}"


def _telling_share(errors: int, hits: int) -> float:
    """Return a share of errors; 0 where there are too few requests to say anything."""
    if hits < _FEWEST_FAILING:
        return 0.0
    share = errors / hits
    return share if hits >= _FEWEST_HITS or share >= _MOSTLY else 0.0
