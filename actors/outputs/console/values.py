"""How values of measures look: their text, and a style that says whether they are bad. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, tzinfo
from typing import Any

import attrs

from actors.outputs.console import themes
from actors.outputs.console.context import clock_on
from glancemetrics.history.measures import Unit, measure_called
from glancemetrics.rules.conditions import Threshold
from glancemetrics.rules.rule import Rule
from glancemetrics.words.humane import (
    UNKNOWN,
    format_bytes,
    format_count,
    format_rate,
    format_seconds,
    short_count,
)

SHARES = frozenset({"1xx", "2xx", "3xx", "4xx", "5xx"})
"""Measures that are shown as a share of the row's hits."""
_DIM_BELOW = 0.01
NOTICED_FROM, BAD_FROM = 0.05, 0.2
"""Shares of server errors that stand out, whatever the rules."""
_BAD_FROM_OF_CLIENTS = 0.5
"""Clients' own mistakes are common."""


@attrs.frozen
class ErrorLimit:
    """From where on a rule calls a share of server errors a breach."""

    above: float
    fewest: int
    """With fewer requests the rule says nothing."""


def error_limits(rules: Mapping[str, Rule], by: Sequence[str] = ()) -> tuple[ErrorLimit, ...]:
    """Return the limits of rules on the share of 5xx: on all requests, or on each value of `by`."""
    return tuple(
        ErrorLimit(rule.condition.limit, rule.min_hits)
        for rule in rules.values()
        if rule.metric.name == "status_ratio(5xx)" and rule.where is None
        if isinstance(rule.condition, Threshold) and rule.condition.is_above
        if rule.by is None or (rule.by,) == tuple(by)
    )


def value_text(
    measure: str,
    values: Mapping[str, Any],
    hits: int,
    before: int | None,
    zone: tzinfo | None,
    today: date,
    limits: Sequence[ErrorLimit] = (),
) -> tuple[str, str]:
    """Return the style and the text of a value; server errors are red above one of the limits."""
    if measure == "change":
        return change_text(hits, before)
    value = values.get(measure)
    if value is None:
        return themes.DIM, UNKNOWN
    if measure in SHARES:
        is_server = measure == "5xx"
        return (
            server_errors_text(value, hits, limits)
            if is_server
            else client_errors_text(value, hits)
        )
    unit = measure_called(measure).unit
    if unit is Unit.SHARE:
        return share_style(value), percent(value)
    if unit is Unit.TIME:
        return "", clock_on(value.astimezone(zone), today)
    return themes.FIGURE if measure == "hits" else "", _FORMATS.get(unit, _count_text)(value)


def short_text(measure: str, value: Any, text: str) -> str:
    """Return the text of a value that has no room: a number is never cut into a smaller one."""
    return short_count(value) if measure_called(measure).unit is Unit.COUNT else text


def _count_text(count: float) -> str:
    return format_count(int(count))


def rate_text(rate: float) -> str:
    """Return requests per second, of a quiet log with two digits: `0.0023`, not `0`."""
    if 0 < rate < 0.0001:
        return "<0.0001"
    if 0 < rate < 0.01:
        return f"{rate:.2g}"
    return format_rate(rate, 0 if rate >= 1000 else 1 if rate >= 10 else 2, ",")


def share_text(part: int, whole: int, *, bad_from: float = BAD_FROM) -> tuple[str, str]:
    """Return the style and the text of a share of hits; nothing is a dash."""
    if not part or not whole:
        return themes.DIM, UNKNOWN
    return share_style(part / whole, bad_from), percent(part / whole)


def client_errors_text(errors: int, hits: int) -> tuple[str, str]:
    """Return the style and the text of the share of 4xx."""
    return share_text(errors, hits, bad_from=_BAD_FROM_OF_CLIENTS)


def server_errors_text(errors: int, hits: int, limits: Sequence[ErrorLimit]) -> tuple[str, str]:
    """Return the style and the text of the share of 5xx: red from 20 %, or above a rule's limit."""
    style, text = share_text(errors, hits)
    if any(hits >= limit.fewest and errors > limit.above * hits for limit in limits if errors):
        style = themes.BAD
    return style, text


def share_style(share: float, bad_from: float = BAD_FROM) -> str:
    """Return how a share of errors looks: dim below 1 %, yellow from 5 %, red from `bad_from`."""
    if share >= bad_from:
        return themes.BAD
    if share >= NOTICED_FROM:
        return themes.NOTICED
    return themes.DIM if share < _DIM_BELOW else ""


def percent(share: float) -> str:
    """Format a share: a small one is not 0 %, and not quite all is not 100 %."""
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


_FORMATS: Mapping[Unit, Callable[[Any], str]] = {
    Unit.BYTES: format_bytes,
    Unit.SECONDS: format_seconds,
    Unit.RATE: rate_text,
}
_MOST_CHANGE = 9.99


def change_text(hits: float, before: float | None) -> tuple[str, str]:
    """Return how much a number has changed: `▲ 12 %`, `▼ 3 %`, `new`."""
    if before is None:
        return themes.DIM, ""
    if not before:
        return (themes.DIM, "new") if hits else (themes.DIM, "")
    change = hits / before - 1
    if abs(change) < 0.005:
        return themes.DIM, "="
    if change > _MOST_CHANGE or not math.isfinite(change):
        times = hits / before
        text = f"{times:.0f}x" if times < 1000 else ">999x"
    else:
        text = f"{100 * abs(change):.0f} %"
    style = themes.NOTICED if abs(change) >= 0.5 else themes.DIM
    return style, f"{'▲' if change > 0 else '▼'} {text}"
