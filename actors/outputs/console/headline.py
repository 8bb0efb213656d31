"""The first rows of every view: whether the site is well, and its figures. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.alerts import asks_then, ongoing_then
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
from actors.outputs.console.narrowing import cycle_window, go_live, widen
from actors.outputs.console.scope import Answered, Ask
from actors.outputs.console.state import State
from actors.outputs.console.troubles import troubles
from actors.outputs.console.values import (
    change_text,
    client_errors_text,
    error_limits,
    rate_text,
    server_errors_text,
)
from glancemetrics.charts.bars import sparkline
from glancemetrics.health.health import OutputState, SourceHealth
from glancemetrics.records.dimensions import HOST
from glancemetrics.rules.rule import Severity
from glancemetrics.traffic.snapshot import Shown
from glancemetrics.words.humane import (
    format_bytes,
    format_count,
    format_round_duration,
    format_seconds,
)

_FEWEST_HITS = 20
"""With fewer requests a share of errors says little."""
_FEWEST_FAILING, _MOSTLY = 5, 0.5
"""With so few requests it says something if at least half of them fail."""
_LEAST_SILENCE, _UNUSUAL_GAPS = 15, 30
"""Seconds, and usual gaps between requests, after which it is unusual that there is none."""
_FAILING, _TROUBLED = 0.2, 0.05
"""Shares of 5xx from which the title says so, whatever the rules."""
_MEASURES = ("hits", "rate", "bytes", "4xx", "5xx", "visitors", "p95")
_SPARK_SECONDS = 60
_LEAST_LOG = 8
"""Cells of the title that are left for the log's name."""
_STEADY_CELLS = 120
"""From this width on there is room for figures that keep their place."""


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
    silent = _silence(state)
    failing = any(output.state is OutputState.RETRYING for output in health.outputs)
    # The first of these that holds, the worst first.
    found = (
        (critical, themes.TITLE_CRITICAL, f"✖ {critical} CRITICAL"),
        (share >= _FAILING, themes.TITLE_CRITICAL, f"✖ FAILING: {of_span}"),
        (firing, themes.TITLE_WARNING, f"▲ {len(firing)} WARNING"),
        (share >= _TROUBLED, themes.TITLE_WARNING, f"▲ ERRORS: {of_span}"),
        (failing, themes.TITLE_WARNING, "▲ OUTPUT FAILS"),
        (health.blindness or not health.records, themes.TITLE_WARNING, "? NO DATA"),
        (not state.is_live and _is_unknown(state), themes.TITLE_WARNING, "? NO DATA"),
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


def _silence(state: State) -> int:
    """Return for how many seconds no request was logged, where that is unusual; else 0."""
    snapshot = state.shown
    if snapshot is None or not state.is_live or not snapshot.health.live:
        return 0
    if snapshot.shown_as is Shown.WHOLE_LOG or snapshot.insights.hits:
        return 0
    busy = [second for second, rate in enumerate(snapshot.rates) if rate]
    if not busy:
        return 0
    silent = len(snapshot.rates) - 1 - busy[-1]
    usual_gap = (busy[-1] + 1 - busy[0]) / sum(snapshot.rates)
    return silent if silent >= max(_LEAST_SILENCE, _UNUSUAL_GAPS * usual_gap) else 0


def title(state: State, cells: int) -> Row:
    """The log, its format and the window; then whether the site is well, and the clock."""
    found = status(state)
    snapshot = state.shown
    if snapshot is None:
        return fitted(
            [(found.style, f" GlanceMetrics {state.context.version}")], cells, found.style
        )
    moment = local(snapshot.time, state.context.zone)
    is_today = moment.date() == local(state.context.started_at, state.context.zone).date()
    if cells >= 100:
        clock = f"{moment:%Y-%m-%d %H:%M:%S %Z}"
    else:
        clock = f"{moment:%H:%M:%S}" if is_today else f"{moment:%Y-%m-%d %H:%M}"
    badges: Row = [(found.badge_style, f" {found.text} "), *_now(state)]
    end: Row = [*badges, (found.style, f" {clock} ")]
    for where in _modes(state):
        mode: Row = [(themes.CURRENT, f" {where} ", go_live), (found.style, " ")]
        end = [*mode, *badges, (found.style, f" {clock} ")]
        if row_width(end) > cells - _LEAST_LOG:
            end = [*mode, *badges]  # the time that is shown is worth more than that of now
        if row_width(end) <= cells - _LEAST_LOG:
            break
    room = cells - row_width(end)
    span = span_text(state)
    keys = f" {state.context.hint('window')}".rstrip() if cells >= 70 else ""
    formats = ", ".join(sorted({safe(one.format) for one in snapshot.health.sources if one.format}))
    facts = [formats or "format: detecting…", *([f"{span}{keys}"] if state.is_live else [])]
    if room - sum(width(fact) + 3 for fact in facts) < _LEAST_LOG:
        facts = [fact.partition(" from ")[0] for fact in facts]
    while facts and room - sum(width(fact) + 3 for fact in facts) < _LEAST_LOG:
        facts.pop(0)
    left_over = room - sum(width(fact) + 3 for fact in facts) - 2
    name = _sources_name(snapshot.health.sources)
    if width(name) > left_over:
        name = cut_left(_sources_name(snapshot.health.sources, is_short=True), max(1, left_over))
    begin: Row = [(found.style, f" {name}")]
    for fact in facts:
        begin.append((found.style, " · "))
        is_span = fact.startswith(span)
        begin.append((found.style, fact, cycle_window) if is_span else (found.style, fact))
    return fitted([*fitted(begin, max(0, room), found.style), *end], cells, found.style)


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


def _sources_name(sources: tuple[SourceHealth, ...], *, is_short: bool = False) -> str:
    """Return the name of the first log, and how many others there are."""
    if not sources:
        return "no log"
    name = sources[0].name.rpartition("/")[2] if is_short else sources[0].name
    first = "standard input" if name == "-" else safe(name)
    return first if len(sources) == 1 else f"{first} and {len(sources) - 1} more"


def span_text(state: State) -> str:
    """Return which span is shown: `last 10 s`, or `whole log: 3 d 04 h`."""
    length = format_round_duration(state.seconds)
    is_whole = state.shown is not None and state.shown.shown_as is Shown.WHOLE_LOG
    if is_whole and state.scope.seconds is None:
        begin = local(state.now - state.seconds, state.context.zone)
        return f"whole log: {length} from {begin:%Y-%m-%d}"
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


def asks(state: State) -> tuple[Ask, ...]:
    """Return the questions for the figures, and for those of the window before."""
    return total_ask(state), *asks_then(state), before_ask(state)


def total_ask(state: State) -> Ask:
    return state.ask(measures=_MEASURES)


def before_ask(state: State) -> Ask:
    return state.ask(measures=("hits", "rate"), shift=state.seconds)


def totals(state: State) -> Mapping[str, Any]:
    """Return the figures of the scope: a snapshot's as long as it has them, else the history's."""
    answered = state.answers.get(total_ask(state))
    known = {} if answered is None else dict(answered.total)
    if state.scope.is_plain and state.shown is not None:
        insights = state.shown.shown
        known |= {
            "hits": insights.hits,
            "rate": insights.hit_rate,
            "bytes": insights.bytes,
            "4xx": insights.client_errors,
            "5xx": insights.server_errors,
            "visitors": insights.visitors,
        }
    if answered is not None and not answered.error and known.get("hits") is not None:
        known["rate"] = known["hits"] / _seconds_of(state, answered)
    return known


def _seconds_of(state: State, answered: Answered) -> int:
    """Return the seconds that the hits are of.

    Answers lag behind: their hits are of their own span, unless no request has come since.
    """
    is_of_now = state.scope.is_plain or not _has_come(state, answered.until)
    return answered.known_by(state.now if is_of_now else answered.until, state.seconds)


def _has_come(state: State, since: int) -> bool:
    """Tell whether a request was logged from a second on, as far as is known."""
    ago = state.now - since
    return ago > 0 and state.shown is not None and any(state.shown.rates[-ago:])


def figures(state: State, cells: int) -> Row:
    """The figures of the window in one row; what does not fit is left out, the last first."""
    answered = state.answers.get(total_ask(state))
    known = totals(state)
    if not known:
        error = "" if answered is None else answered.error
        nothing = (themes.WARNING, f" ! {safe(error)}") if error else (themes.DIM, " …")
        return fitted([nothing], cells)
    if _is_unknown(state):
        return fitted([(themes.NOTICED, f" {missing_text(state)}")], cells)
    pieces = list(_pieces(state, known))
    steady = _in_a_row(state, pieces, cells, is_steady=True)
    is_steady = cells >= _STEADY_CELLS and row_width(steady) <= cells
    return fitted(steady if is_steady else _in_a_row(state, pieces, cells), cells)


def _in_a_row(
    state: State, pieces: Sequence[tuple[Row, str]], cells: int, *, is_steady: bool = False
) -> Row:
    """Put figures in a row: as many as fit, or all of them, each where it always is."""
    spark = _spark(state)
    row: Row = [("", " ")]
    for number, (piece, longest) in enumerate(pieces):
        if not is_steady and row_width(row) + row_width(piece) + 2 > cells:
            break
        row += [("", "  "), *piece] if number else piece
        if is_steady and number < len(pieces) - 1:
            row.append(("", " " * max(0, width(longest) - row_width(piece))))
        if not number and spark and cells >= 76:
            row += [("", " "), ("class:hits", spark)]
    return row


def _pieces(state: State, known: Mapping[str, Any]) -> Iterator[tuple[Row, str]]:
    """Yield the figures, the most important first, each with the longest text that is usual."""
    hits = known.get("hits") or 0
    yield [*_rate(state, known)], "9999 req/s ▲ 999x"
    known_part = _known_part(state)
    if known_part:
        yield [(themes.NOTICED, known_part)], ""
    limits = error_limits(state.context.rules)
    for name, (style, text) in (
        ("5xx", server_errors_text(known.get("5xx") or 0, hits, limits)),
        ("4xx", client_errors_text(known.get("4xx") or 0, hits)),
    ):
        # In the color that it has in the chart.
        yield [(themes.inked(name), f"{name} "), (style, text)], "5xx <0.1 %"
    answered = state.answers.get(total_ask(state))
    about = "" if answered is None or answered.is_exact else "~"
    if known.get("p95") is not None:
        text = about + format_seconds(known["p95"])
        yield [(themes.DIM, "p95 "), (themes.FIGURE, text)], "p95 999 ms"
    if known.get("visitors") is not None:
        if state.scope.is_plain and state.shown is not None:
            about = "~" if HOST in state.shown.shown.estimated else ""
        visitors = (themes.FIGURE, about + format_count(known["visitors"]))
        yield [visitors, (themes.DIM, _noun(known["visitors"], "visitor"))], "9,999 visitors"
    # Over the time that is covered, as requests per second are.
    bytes_rate = (known.get("bytes") or 0) * (known.get("rate") or 0) / max(1, hits)
    yield [(themes.FIGURE, f"{format_bytes(bytes_rate)}/s")], "999.9 kB/s"
    yield [(themes.FIGURE, format_count(hits)), (themes.DIM, _noun(hits, "request"))], ""


def _rate(state: State, known: Mapping[str, Any]) -> Iterator[Fragment]:
    """Yield the requests per second, and their change against the window before."""
    rate = known.get("rate") or 0
    yield themes.FIGURE, f"{rate_text(rate)} req/s"
    before = state.answers.get(before_ask(state))
    earlier = None if before is None or before.missing else before.total.get("rate")
    style, change = change_text(rate, earlier)
    if change and change != "new":
        yield style, f" {change}"


def _known_part(state: State) -> str:
    """Say how much of the span the figures are of, where a part of it is not known."""
    answered = state.answers.get(total_ask(state))
    if answered is None or not answered.missing:
        return ""
    known = answered.known_by(state.now, state.seconds)
    if known < state.seconds:
        return f"of {format_round_duration(known)} known"
    return "with gaps"


def _is_unknown(state: State) -> bool:
    """Whether nothing is known of all that is shown, such as of a time before the log begins."""
    answered = state.answers.get(total_ask(state))
    if answered is None or answered.error or not answered.missing:
        return False
    return answered.known == 0 and answered.until >= state.now


def missing_text(state: State) -> str:
    """Return which part of the span is missing, in a sentence; empty if none is."""
    answered = state.answers.get(total_ask(state))
    return "" if answered is None else safe(answered.missing)


def _noun(count: int, noun: str) -> str:
    return f" {noun}" if count == 1 else f" {noun}s"


def _spark(state: State) -> str:
    if not state.scope.is_plain or state.shown is None or state.shown.shown_as is Shown.WHOLE_LOG:
        return ""
    rates = [rate for rate in state.shown.rates[-_SPARK_SECONDS:] if math.isfinite(rate)]
    return sparkline(rates, 8, state.context.drawing) if rates else ""


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
