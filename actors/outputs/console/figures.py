"""The figures of what is shown: requests per second, shares of errors, response times. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from actors.outputs.console import themes
from actors.outputs.console.alerts import asks_then
from actors.outputs.console.cells import Fragment, Row, fitted, row_width, safe, width
from actors.outputs.console.state import State
from actors.outputs.console.values import (
    change_text,
    client_errors_text,
    error_limits,
    rate_text,
    server_errors_text,
)
from glancemetrics.charts.bars import sparkline
from glancemetrics.history.ask import Answered, Ask
from glancemetrics.records.dimensions import HOST
from glancemetrics.traffic.snapshot import Shown
from glancemetrics.words.humane import (
    format_bytes,
    format_count,
    format_round_duration,
    format_seconds,
)

_MEASURES = ("hits", "bytes", "4xx", "5xx", "visitors", "p95")
_SPARK_SECONDS = 60
_STEADY_CELLS = 120
"""From this width on there is room for figures that keep their place."""


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
        stored = answered.total.get("hits") or 0
        if known["hits"] <= stored + _came_since(state, answered.until):
            known["rate"] = known["hits"] / _seconds_of(state, answered)
        # Else the window has more than the history, as after a takeover from another hub.
    return known


def _came_since(state: State, since: int) -> float:
    """Return how many requests were logged from a second on, as far as is known."""
    ago = state.now - since
    return sum(state.shown.rates[-ago:]) if ago > 0 and state.shown is not None else 0


def _seconds_of(state: State, answered: Answered) -> int:
    """Return the seconds that the hits are of.

    Answers lag behind: their hits are of their own span, unless no request has come since.
    """
    is_of_now = state.scope.is_plain or not _came_since(state, answered.until)
    return answered.known_by(state.now if is_of_now else answered.until, state.seconds)


def figures(state: State, cells: int) -> Row:
    """The figures of the window in one row; what does not fit is left out, the last first."""
    answered = state.answers.get(total_ask(state))
    known = totals(state)
    if not known:
        error = "" if answered is None else answered.error
        nothing = (themes.WARNING, f" ! {safe(error)}") if error else (themes.DIM, " …")
        return fitted([nothing], cells)
    if is_unknown(state):
        return fitted([(themes.NOTICED, f" {missing_text(state)}")], cells)
    pieces = list(_pieces(state, known))
    if cells >= _STEADY_CELLS:
        steady = _in_a_row(state, pieces, cells, is_steady=True)
        if row_width(steady) <= cells:
            return fitted(steady, cells)
    return fitted(_in_a_row(state, pieces, cells), cells)


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


def is_unknown(state: State) -> bool:
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
