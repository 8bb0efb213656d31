"""Numbers as people read them."""

from __future__ import annotations

UNKNOWN = "–"

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def format_count(count: int) -> str:
    """`1284` as `1,284`."""
    return f"{count:,}"


def format_bytes(size: float) -> str:
    """A size in bytes in decimal units: `91100` as `91.1 kB`."""
    if abs(size) < 1000:
        return f"{size:.0f} B"
    power = 1
    while abs(size) / 1000**power >= 999.95 and power < len(_UNITS):
        power += 1
    return f"{size / 1000**power:,.1f} {_UNITS[power - 1]}"


def format_rate(rate: float, decimals: int = 2) -> str:
    """A rate with up to so many decimals: `12.5`, `13`."""
    return f"{rate:.{decimals}f}".rstrip("0").rstrip(".")


def format_mean_rate(count: int, seconds: float) -> str:
    """How many come a second, in the mean, unknown for no time: `12.5/s`, `3/h`, `0.2/day`."""
    if not seconds:
        return UNKNOWN
    for size, unit in ((1, "s"), (60, "min"), (3600, "h")):
        rate = count * size / seconds
        if rate >= 1:
            return f"{format_rate(rate)}/{unit}"
    return f"{format_rate(count * 86_400 / seconds)}/day"


def format_share(part: int, whole: int) -> str:
    """A share in percent; what is something is not shown as none, nor what is not all as all."""
    if not whole:
        return UNKNOWN
    percent = f"{100 * part / whole:.1f}"
    if part and percent == "0.0":
        return "<0.1 %"
    return ">99.9 %" if part < whole and percent == "100.0" else f"{percent} %"


def format_seconds(seconds: float | None) -> str:
    """A response time as `1.23 ms`, `42.1 ms`, `1.5 s` or `3 min 05 s`; unknown for none."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 59.95 else format_duration(seconds)


def format_duration(seconds: float) -> str:
    """A span as `42 s`, `3 min 05 s`, `2 h 07 min` or `3 d 04 h`."""
    whole = round(seconds)
    for size, unit, below, below_unit in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // below:02} {below_unit}"
    return f"{seconds:.1f} s".replace(".0 s", " s") if seconds < 10 else f"{whole} s"


def events_text(count: int) -> str:
    """Return so many events in words: `1 event`, `1,234 events`."""
    return "1 event" if count == 1 else f"{format_count(count)} events"
