"""Hours of the week in which a target is notified: `Mon-Fri 08:00-18:00`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

import attrs

ALLOWED = "like 'Mon-Fri 08:00-18:00', 'Sat,Sun' or '22:00-06:00', or a list of these"

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = r"[a-z]{3}"
_SPAN = re.compile(
    rf"(?:(?P<days>{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*))?(?:^|\s+|$)"
    r"(?:(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d))?"
)
_DAY_MINUTES = 24 * 60


@attrs.frozen
class _Span:
    days: frozenset[int]
    """Days on which it begins; 0 is Monday."""
    begin: int
    """Minute of the day."""
    end: int
    """Minute of the day; at most `begin` if it spans midnight."""

    def holds(self, day: int, minute: int) -> bool:
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        if minute >= self.begin:
            return day in self.days
        return minute < self.end and (day - 1) % 7 in self.days


@attrs.frozen
class Hours:
    """Hours of the week, in a time zone."""

    text: str
    """As configured."""
    spans: tuple[_Span, ...]
    zone: tzinfo = UTC

    def hold(self, seconds: float) -> bool:
        """Return whether a time, in seconds since the epoch, is within them."""
        local = datetime.fromtimestamp(seconds, self.zone)
        minute = local.hour * 60 + local.minute
        return any(span.holds(local.weekday(), minute) for span in self.spans)


def read_hours(texts: Iterable[str], zone: tzinfo = UTC) -> Hours:
    """Parse hours. Raises `ValueError`."""
    texts = list(texts)
    return Hours(", ".join(texts), tuple(map(_span, texts)), zone)


def _span(text: str) -> _Span:
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not text.strip():
        raise ValueError
    days = frozenset(range(7)) if found["days"] is None else _days(found["days"])
    if found["begin"] is None:
        return _Span(days, 0, _DAY_MINUTES)
    begin, end = _minute(found["begin"]), _minute(found["end"])
    if begin in {end, _DAY_MINUTES}:
        raise ValueError
    return _Span(days, begin, end)


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin = _DAYS.index(first)
        count = (_DAYS.index(last or first) - begin) % 7 + 1
        days |= {(begin + i) % 7 for i in range(count)}
    return frozenset(days)


def _minute(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if minute > 59 or hour * 60 + minute > _DAY_MINUTES:
        raise ValueError
    return hour * 60 + minute
