"""A line for each refresh, for terminals that can do no more (TERM=dumb): no colors, no keys."""

from __future__ import annotations

import shutil

import attrs
import trio

from actors.files.output_file import write_text
from actors.outputs.console.alerts import ended_text, ongoing
from actors.outputs.console.cells import Row, in_ascii
from actors.outputs.console.context import Context, clock_near
from actors.outputs.console.figures import figures
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.receiving import received
from actors.outputs.console.state import State
from actors.outputs.console.status import status
from actors.outputs.console.troubles import troubles_by_subject
from actors.outputs.output import Inbox, Report
from glancemetrics.charts.runs import Drawing
from glancemetrics.health.health import OutputState
from glancemetrics.traffic.snapshot import Snapshot

_LEAST_CELLS, _MOST_CELLS = 60, 200
"""Of a line, whatever the terminal says."""


class PlainLines:
    """Prints a line for each refresh; alerts and problems when they begin and end."""

    name = "console"
    wants_events = False
    wants_snapshots = True

    def __init__(self, context: Context) -> None:
        self._state = State(context=attrs.evolve(context, drawing=Drawing.ASCII), views=VIEWS)
        self._told: frozenset[str] = frozenset()
        """Incidents that were printed."""
        self._problems: dict[str, str] = {}
        """Problems that were printed, by what they are about."""

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Print until there are no more snapshots. Raises `GlanceMetricsError`."""
        report(OutputState.WORKING, "")
        async for snapshot in inbox.snapshots:
            lines = self._lines(snapshot)
            await trio.to_thread.run_sync(write_text, "".join(f"{line}\n" for line in lines))

    def _lines(self, snapshot: Snapshot) -> list[str]:
        columns = shutil.get_terminal_size((_MOST_CELLS, 24)).columns
        cells = max(_LEAST_CELLS, min(_MOST_CELLS, columns - 1))
        before = self._state.shown
        self._state = state = received(self._state, snapshot)
        if state.shown is before or state.shown is None:
            return []
        clock = clock_near(state.shown.time, state.shown.time, state.context)
        begin = f"{clock}  {status(state).text}  "
        lines = [begin + _text(figures(state, cells - len(begin))).strip()]
        alerts = state.shown.alerts
        problems = troubles_by_subject(state.shown)
        lines += [
            f"{clock} {_text(ongoing(state, incident, _MOST_CELLS))}"
            for incident in reversed(alerts.firing)
            if incident.id not in self._told
        ]
        lines += [
            f"{clock}  recovered: {ended_text(state, incident)}"
            for incident in alerts.ended
            if incident.id in self._told
        ]
        lines += [f"{clock}  ! {one}" for key, one in problems.items() if key not in self._problems]
        over = [one for key, one in self._problems.items() if key not in problems]
        lines += [f"{clock}  no longer: {one}" for one in over]
        self._told, self._problems = frozenset(one.id for one in alerts.firing), problems
        return [_text([("", line)]).rstrip() for line in lines]


def _text(row: Row) -> str:
    return "".join(fragment[1] for fragment in in_ascii(row))
