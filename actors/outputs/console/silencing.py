"""The page on which rules are silenced for a while. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from actors.outputs.console import styles
from actors.outputs.console.cells import Row, fitted, left, right, safe, width
from actors.outputs.console.panels import Context, time_near
from actors.state.silences import Silence, silence_among
from glancemetrics.incidents.incident import rule_title
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.words.durations import written_span

_SPANS = (900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 86_400)
"""Durations to choose from, in seconds."""


@attrs.define
class Silencing:
    """What the person has chosen on the page."""

    rules: tuple[str, ...]
    """In the order of the page, which stays while it is shown."""
    chosen: int = 0
    """Number of the rule, in the order of the page."""
    span: int = 2
    """Index of the chosen duration."""
    problem: str = ""
    """Why the last action failed."""

    @property
    def rule(self) -> str | None:
        return self.rules[self.chosen] if self.chosen < len(self.rules) else None

    @property
    def seconds(self) -> int:
        return _SPANS[self.span]

    def move(self, rows: int) -> None:
        self.chosen = max(0, min(len(self.rules) - 1, self.chosen + rows))

    def lengthen(self, steps: int) -> None:
        self.span = max(0, min(len(_SPANS) - 1, self.span + steps))


def render_silencing(
    snapshot: Snapshot,
    silencing: Silencing,
    silences: Sequence[Silence],
    context: Context,
    cells: int,
    rows: int,
) -> list[Row]:
    """Return the page: each rule, its active alerts, and until when it is silenced."""
    ongoing = Counter(incident.rule for incident in snapshot.alerts.firing)
    targets = ", ".join(map(safe, context.targets))
    drawn: list[Row] = [
        [
            (styles.HEADING, " Silences"),
            ("", "  no notifications for new incidents of these rules"),
        ],
        [
            ("", f" Otherwise notified: {targets}")
            if targets
            else (
                styles.WARNING,
                " No notifications are configured ([[notify]]), so this has no effect yet",
            )
        ],
        [
            (styles.DIM, " for "),
            *(
                (styles.FOCUSED if number == silencing.span else "", f" {written_span(span)} ")
                for number, span in enumerate(_SPANS)
            ),
        ],
        [],
    ]
    if silencing.problem:
        drawn.append([(styles.WARNING, f" ! {safe(silencing.problem)}")])
    longest = max((width(safe(rule_title(name))) for name in silencing.rules), default=0)
    name_cells = min(longest, max(8, cells // 2 - 12))
    room = max(1, rows - len(drawn))
    first = max(0, silencing.chosen - room + 1)
    for number, name in list(enumerate(silencing.rules))[first : first + room]:
        drawn.append(
            _rule_row(
                name,
                number == silencing.chosen,
                ongoing[name],
                silence_among(silences, name),
                snapshot.time,
                context,
                name_cells,
            )
        )
    return [fitted(row, cells) for row in drawn]


def _rule_row(
    name: str,
    is_chosen: bool,
    ongoing: int,
    silence: Silence | None,
    now: float,
    context: Context,
    name_cells: int,
) -> Row:
    state = ""
    if silence is not None:
        why = f" ({safe(silence.why)})" if silence.why else ""
        state = f"silenced until {time_near(silence.until, now, context)}{why}"
    mark = "▶ " if is_chosen else "  "
    return [
        (styles.FOCUSED if is_chosen else "", f" {mark}{left(safe(rule_title(name)), name_cells)}"),
        (styles.FIRING if ongoing else styles.DIM, right(f"{ongoing} active", 13)),
        (styles.WARNING, f"   {state}"),
    ]
