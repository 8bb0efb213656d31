"""What a new snapshot changes on the screen. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console.state import State
from glancemetrics.health.health import OutputState
from glancemetrics.traffic.snapshot import Snapshot

QUIET_SECONDS = 6.0
"""Between two drawings of the screen while nothing changes but the time."""


def received(state: State, snapshot: Snapshot) -> State:
    """Show a snapshot, unless the screen is paused or only the time has changed.

    Drawing a large terminal takes some 10 ms, and answering its questions more; without requests,
    the clock and the chart need not move at every refresh.
    """
    if not state.web_address and (page := _page_of(snapshot)):
        state = attrs.evolve(state, web_address=page).told(f"the page in a browser: {page}")
    state = attrs.evolve(state, latest=snapshot)
    shown = state.shown
    if state.is_paused and shown is not None:
        return state
    is_soon = shown is not None and 0 <= snapshot.time - shown.time < QUIET_SECONDS
    if is_soon and shown is not None and _timeless(snapshot) == _timeless(shown):
        return state
    return attrs.evolve(state, shown=snapshot)


def _page_of(snapshot: Snapshot) -> str:
    """Return the address of the page in a browser; empty if none is served."""
    outputs = snapshot.health.outputs
    return next(
        (one.detail for one in outputs if one.name == "web" and one.state is OutputState.WORKING),
        "",
    )


def _timeless(snapshot: Snapshot) -> tuple[object, ...]:
    """What a snapshot says, without what changes by itself."""
    health = attrs.evolve(snapshot.health, memory=None)
    return attrs.evolve(snapshot.shown, end=0), snapshot.alerts, health
