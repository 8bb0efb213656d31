"""The first rows of every view: what is shown, whether the site is well, its figures. Pure."""

from __future__ import annotations

import attrs

from actors.outputs.console import themes
from actors.outputs.console.cells import (
    Fragment,
    Row,
    cut,
    cut_left,
    fitted,
    row_width,
    safe,
    width,
)
from actors.outputs.console.context import clock_near, local
from actors.outputs.console.figures import figures
from actors.outputs.console.narrowing import cycle_window, go_live, widen
from actors.outputs.console.sources_name import sources_name
from actors.outputs.console.state import State
from actors.outputs.console.status import Status, status
from actors.outputs.console.troubles import troubles
from glancemetrics.traffic.snapshot import Shown, Snapshot
from glancemetrics.words.humane import format_round_duration

_LEAST_LOG = 8
"""Cells of the title that are left for the log's name."""
_WITH_KEY, _WITH_ZONE = 70, 100
"""From these widths on, the title has the window's key, and the date and the zone."""


def title(state: State, cells: int) -> Row:
    """The log, its format and the window; then whether the site is well, and the clock."""
    found = status(state)
    if state.shown is None:
        return fitted(
            [(found.style, f" GlanceMetrics {state.context.version}")], cells, found.style
        )
    end = _end_of_title(state, state.shown, found, cells)
    room = max(0, cells - row_width(end))
    facts = _facts(state, state.shown, room, has_key=cells >= _WITH_KEY)
    sources = state.shown.health.sources
    left_over = room - 2 - sum(width(fact[1]) + 3 for fact in facts)
    name = sources_name(sources)
    if width(name) > left_over:
        name = cut_left(sources_name(sources, is_short=True), max(1, left_over))
    begin: Row = [(found.style, f" {name}")]
    for fact in facts:
        begin += [(found.style, " · "), (found.style, *fact[1:])]
    return fitted([*fitted(begin, room, found.style), *end], cells, found.style)


def _end_of_title(state: State, snapshot: Snapshot, found: Status, cells: int) -> Row:
    """Return the time that is shown, whether the site is well, and the clock: what fits."""
    moment = local(snapshot.time, state.context.zone)
    is_today = moment.date() == local(state.context.started_at, state.context.zone).date()
    if cells >= _WITH_ZONE:
        time = f"{moment:%Y-%m-%d %H:%M:%S %Z}"
    else:
        time = f"{moment:%H:%M:%S}" if is_today else f"{moment:%Y-%m-%d %H:%M}"
    clock: Fragment = (found.style, f" {time} ")
    badges: Row = [(found.badge_style, f" {found.text} "), *_now(state)]
    end: Row = [*badges, clock]
    for where in _modes(state):
        mode: Row = [(themes.CURRENT, f" {where} ", go_live), (found.style, " ")]
        # The time that is shown is worth more than that of now.
        for end in ([*mode, *badges, clock], [*mode, *badges]):
            if row_width(end) <= cells - _LEAST_LOG:
                return end
    return end


def _facts(state: State, snapshot: Snapshot, room: int, *, has_key: bool) -> Row:
    """Return format and window: as much of them as leaves room for the log's name."""
    formats = {safe(one.format) for one in snapshot.health.sources if one.format}
    named: Fragment = ("", ", ".join(sorted(formats)) or "format: detecting…")
    if not state.is_live:  # its window stands beside its time
        choices: list[Row] = [[named]]
    else:
        key = f" {state.context.hint('window')}".rstrip() if has_key else ""
        spans = span_text(state), span_text(state, has_date=False)
        full, short = (("", f"{span}{key}", cycle_window) for span in spans)
        choices = [[named, full], [named, short], [full], [short]]
    for facts in choices:
        if sum(width(fact[1]) + 3 for fact in facts) <= room - _LEAST_LOG:
            return facts
    return []


def _now(state: State) -> Row:
    """Say how the site is now, where the title is about a time in the past."""
    if state.is_live:
        return []
    found = status(attrs.evolve(state, scope=state.scope.live(), shown=state.latest))
    text = found.text.partition(":")[0]  # what it is, without its figures
    return [(found.badge_style, f" now {text} ", go_live)]


def _modes(state: State) -> list[str]:
    """Return which time is shown, where that is not now: in full, then in less and less words."""
    if not state.is_live:
        at = clock_near(state.now, _newest(state), state.context)
        length = format_round_duration(state.seconds)
        hints = state.context.hint("live", "live"), state.context.hint("live"), ""
        return [f"{length} until {at} {hint}".rstrip() for hint in hints]
    if state.is_paused:
        return ["PAUSED"]
    health = None if state.shown is None else state.shown.health
    if health is None or health.live:
        return []
    return ["ENDED" if health.has_ended else "REPLAY"]


def _newest(state: State) -> float:
    return 0.0 if state.latest is None else state.latest.time


def span_text(state: State, *, has_date: bool = True) -> str:
    """Return which span is shown: `last 10 s`, or `whole log: 3 d 04 h from 2026-11-20`."""
    length = format_round_duration(state.seconds)
    is_whole = state.shown is not None and state.shown.shown_as is Shown.WHOLE_LOG
    if is_whole and state.scope.seconds is None:
        begin = local(state.now - state.seconds, state.context.zone)
        return f"whole log: {length}" + (f" from {begin:%Y-%m-%d}" if has_date else "")
    return f"last {length}" if state.is_live else length


def breadcrumb(state: State, cells: int) -> list[Row]:
    """What everything is narrowed to; no row where it is not."""
    parts = [safe(one.label) for one in state.scope.narrowed]
    if state.context.where is not None:
        parts.insert(0, f"only {safe(state.context.where)}")
    if not parts:
        return []
    row: Row = [(themes.DIM, " ")]
    for i, text in enumerate(parts):
        if i:
            row.append((themes.DIM, " › "))
        row.append((themes.FIGURE, cut(text, max(12, (cells - 20) // len(parts)))))
    if state.scope.narrowed:
        row.append((themes.DIM, f"   {state.context.hint('back', 'wider')}", widen))
    return [fitted(row, cells)]


def top_rows(state: State, cells: int) -> list[Row]:
    """Return what stands above every page."""
    return [title(state, cells), *breadcrumb(state, cells), figures(state, cells)]


def trouble_rows(state: State, cells: int, most: int) -> list[Row]:
    """Return what is wrong with the monitor, in at most so many rows; none if nothing is."""
    if state.shown is None:
        return []
    found = troubles(state.shown)
    shown = found if len(found) <= most else found[: most - 1]
    rows: list[Row] = [[(themes.WARNING, f" ! {text}")] for text in shown]
    if len(shown) < len(found):
        hint = state.context.hint("show-health")
        rows.append([(themes.WARNING, f" ! {len(found) - len(shown)} more problems {hint}")])
    if state.context.note and most > 1:
        rows.append([(themes.DIM, f" {safe(state.context.note)}")])
    return [fitted(row, cells) for row in rows[:most]]


def most_troubles(rows: int) -> int:
    """Return how many rows of problems a screen of so many rows has room for."""
    return 1 if rows < 20 else 2 if rows < 30 else 4


def body_rows(state: State) -> int:
    """Return how many rows are left for the page."""
    above = 2 + len(breadcrumb(state, state.cells))
    below = len(trouble_rows(state, state.cells, most_troubles(state.rows))) + 1
    return max(0, state.rows - above - below)
