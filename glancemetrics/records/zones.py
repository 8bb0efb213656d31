"""Time zones for whole columns of times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from glancemetrics.errors import UsageError

Int64s = npt.NDArray[np.int64]

_QUARTER = 900
"""Seconds; clocks change on quarters of an hour."""


LocalZone = Callable[[], tzinfo | None]
"""Returns the zone of the machine; `None` for UTC."""


def utc() -> None:
    """A `LocalZone` of a machine in UTC."""


def named_zone(name: str, option: str = "--timezone") -> ZoneInfo | None:
    """Return a time zone by name; `None` for UTC. Raises `UsageError`."""
    if name.upper() == "UTC":
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise UsageError(
            f"{option} {name}: must be a name such as Europe/Paris, local or UTC"
        ) from None


def offsets_at(seconds: Int64s, zone: ZoneInfo) -> Int64s:
    """Return the UTC offset of a zone in seconds, at each second since the epoch."""
    if not len(seconds):
        return np.zeros(0, np.int64)
    quarters = seconds // _QUARTER
    # Consecutive lines mostly share a quarter.
    changed = np.flatnonzero(np.diff(quarters, prepend=quarters[0] - 1))
    spans = np.diff(changed, append=len(quarters))
    return np.repeat(_offsets(quarters[changed].tolist(), zone), spans)


def _offsets(quarters: list[int], zone: ZoneInfo) -> Int64s:
    known = {quarter: _offset(quarter * _QUARTER, zone) for quarter in set(quarters)}
    return np.array([known[quarter] for quarter in quarters], np.int64)


def _offset(second: int, zone: ZoneInfo) -> int:
    try:
        delta = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    except (OverflowError, ValueError):
        return 0  # years that the standard library does not support
    return 0 if delta is None else int(delta.total_seconds())
