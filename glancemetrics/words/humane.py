"""Formats numbers for people."""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "–"

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_COUNT_UNITS = ("k", "M", "G", "T", "P", "E")


def format_count(count: int) -> str:
    """Format a count: `1,284`."""
    return f"{count:,}"


def short_count(count: float) -> str:
    """Format a count in at most seven characters: `1.2 k`, `17.3 M`, `999.9 G`."""
    if count < 1000:
        return f"{count:.0f}"
    return _in_thousands(count, _COUNT_UNITS)


def format_bytes(size: float) -> str:
    """Format a size in bytes in decimal units: `91.1 kB`."""
    if abs(size) < 1000:
        return f"{size:.0f} B"
    return _in_thousands(size, _UNITS)


def _in_thousands(number: float, units: Sequence[str]) -> str:
    """Format a number from 1000 on with the largest of units of 1000 that fits."""
    power = 1
    while abs(number) / 1000**power >= 999.95 and power < len(units):
        power += 1
    return f"{number / 1000**power:,.1f} {units[power - 1]}"


def capitalized(text: str) -> str:
    """Return a text that begins with a capital; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def format_rate(rate: float, decimals: int = 2, comma: str = "") -> str:
    """Format a rate with up to `decimals` decimals: `12.5`, `13`; `comma` parts thousands."""
    text = f"{rate:{comma}.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_mean_rate(count: int, seconds: float) -> str:
    """Format a mean rate: `1,012.5/s`, `3/h`, `0.2/day`; unknown for zero seconds."""
    if not seconds:
        return UNKNOWN
    for size, unit in ((1, "s"), (60, "min"), (3600, "h")):
        rate = count * size / seconds
        if rate >= 1:
            return f"{format_rate(rate, comma=',')}/{unit}"
    return f"{format_rate(count * 86_400 / seconds)}/day"


def format_share(part: int, whole: int) -> str:
    """Format a share in percent; a small share is not rounded to 0 %, nor a large one to 100 %."""
    if not whole:
        return UNKNOWN
    percent = f"{100 * part / whole:.1f}"
    if part and percent == "0.0":
        return "<0.1 %"
    return ">99.9 %" if part < whole and percent == "100.0" else f"{percent} %"


def format_seconds(seconds: float | None) -> str:
    """Format a response time: `1.23 ms`, `42.1 ms`, `1.5 s` or `3 min 05 s`; unknown for `None`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 59.95 else format_duration(seconds)


def format_duration(seconds: float) -> str:
    """Format a duration: `42 s`, `3 min 05 s`, `2 h 07 min` or `3 d 04 h`."""
    whole = round(seconds)
    for size, unit, below, below_unit in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // below:02} {below_unit}"
    return f"{seconds:.1f} s".replace(".0 s", " s") if seconds < 10 else f"{whole} s"


def format_round_duration(seconds: float) -> str:
    """Format a duration that is often round: `1 min` for `1 min 00 s`, `3 d` for `3 d 00 h`."""
    text = format_duration(seconds)
    for nothing in (" 00 s", " 00 min", " 00 h"):
        text = text.removesuffix(nothing)
    return text


def requests_text(count: int) -> str:
    """Format a number of requests: `1 request`, `1,234 requests`."""
    return "1 request" if count == 1 else f"{format_count(count)} requests"


def logs_text(count: int) -> str:
    """Format a number of logs: `1 log`, `1,234 logs`."""
    return "1 log" if count == 1 else f"{format_count(count)} logs"


def events_text(count: int) -> str:
    """Format a number of events: `1 event`, `1,234 events`."""
    return "1 event" if count == 1 else f"{format_count(count)} events"


def step_name(step: int) -> str:
    """Name the length of a step of a series: `hour`, `5 minutes`; 0 is a month."""
    if not step:
        return "month"
    named = {1: "second", 60: "minute", 3600: "hour", 86_400: "day", 604_800: "week"}
    if step in named:
        return named[step]
    for size, unit in ((604_800, "weeks"), (86_400, "days"), (3600, "hours"), (60, "minutes")):
        if step % size == 0:
            return f"{step // size} {unit}"
    return f"{step} seconds"
