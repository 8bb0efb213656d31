"""Durations as people write them: `90s`, `2m`, `1h30m`, `30d`."""

from __future__ import annotations

import re

ALLOWED = "a duration such as 30s, 2m, 1h30m or 7d"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(?:\d+[smhdw])+")
_LONG_UNIT = re.compile(
    r"(?<=\d)\s*(ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?)"
    r"(?![a-z])\s*"
)
"""Units as people also write them: `5 min`, `30 days`."""
_PART = r"(\d+(?:\.\d+)?)(ms|[smhdw])"
_FINE_SPAN = re.compile(rf"(?:{_PART})+")
_MICROS = {"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
_FINEST_PART = r"(\d{1,9}(?:\.\d{1,9})?)(us|ms|[smh])"
_FINEST_SPAN = re.compile(rf"(?:{_FINEST_PART})+", re.ASCII)


def parse_span(text: str) -> int:
    """Parse a duration to seconds. Raises `ValueError` for other texts, and for zero."""
    text = with_letters(text)
    if not _SPAN.fullmatch(text):
        raise ValueError(text)
    seconds = sum(int(n) * _SECONDS[unit] for n, unit in re.findall(r"(\d+)([smhdw])", text))
    if not seconds:
        raise ValueError(text)
    return seconds


def written_span(seconds: int) -> str:
    """Format a duration so that `parse_span` can parse it."""
    parts = []
    for unit in "dhms":
        count, seconds = divmod(seconds, _SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_seconds(text: str) -> float:
    """Read a span that may have fractions, such as `500ms` or `1.5m`: seconds.

    Raises `ValueError` for anything else.
    """
    text = with_letters(text)
    if not _FINE_SPAN.fullmatch(text):
        raise ValueError(text)
    seconds = {**_SECONDS, "ms": 0.001}
    return sum(float(count) * seconds[unit] for count, unit in re.findall(_PART, text))


def parse_microseconds(text: str) -> int:
    """Parse a response time such as `500us`, `300ms`, `2.5s` or `1m30s` to microseconds.

    Raises `ValueError` for other texts, for zero, and for fractions of a microsecond.
    """
    if not _FINEST_SPAN.fullmatch(text):
        raise ValueError(text)
    from decimal import Decimal  # late: most durations are whole seconds

    parts = re.findall(_FINEST_PART, text)
    micros = sum(Decimal(count) * _MICROS[unit] for count, unit in parts)
    if not micros or micros != int(micros):
        raise ValueError(text)
    return int(micros)


def with_letters(text: str) -> str:
    """Return a duration with its units as single letters: `1h30m` for `1 hour 30 min`."""
    return _LONG_UNIT.sub(lambda unit: unit[1] if unit[1] == "ms" else unit[1][0], text.strip())


def short_span(seconds: float) -> str:
    """Write a span for people: `500ms`, `10s`, `1m30s`."""
    if seconds == int(seconds):
        return written_span(int(seconds))
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"
