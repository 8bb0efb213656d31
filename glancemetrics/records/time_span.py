"""Time spans as people write them: `--since yesterday`, `--until 2026-11-20T10:00`, `2h`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import attrs

from glancemetrics.words.durations import with_letters

_AGO = re.compile(r"(?:(\d+(?:\.\d+)?)(s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

ALLOWED = (
    "a time (2026-11-20T10:00, 10:30), a date (2026-11-20), today, yesterday, now "
    "or how long ago (90s, 15m, 2h, 3d, 1w)"
)


@attrs.frozen
class TimeSpan:
    """From one second to before another; `None`: open."""

    since: int | None = None
    until: int | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None


def parse_instant(instant: str | datetime | float, now: float, zone: tzinfo = UTC) -> int:
    """Parse an instant to seconds since the epoch. Raises `ValueError` for other texts.

    Dates and times without an offset are in `zone`. A time without a date is today.
    """
    if isinstance(instant, datetime):
        return _timestamp(instant, zone)
    if not isinstance(instant, str):
        return int(instant)
    text = instant.strip()
    lowered = with_letters(text.lower().removesuffix(" ago"))
    today = datetime.fromtimestamp(now, zone).date()
    if lowered in ("today", "yesterday"):
        return _second(today - timedelta(days=lowered == "yesterday"), time(), zone)
    if lowered == "now" or _AGO.fullmatch(lowered):
        ago = sum(float(n) * _UNIT_SECONDS[unit] for n, unit in _PART.findall(lowered))
        return int(now - ago)
    if ":" in text and not re.search(r"\d{4}-?\d\d", text):
        return _second(today, time.fromisoformat(text), zone)
    return _timestamp(datetime.fromisoformat(text), zone)


def _timestamp(moment: datetime, zone: tzinfo) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def _second(day: date, at: time, zone: tzinfo) -> int:
    return int(datetime.combine(day, at, at.tzinfo or zone).timestamp())
