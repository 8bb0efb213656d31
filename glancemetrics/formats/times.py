"""Times of rows: their time zone, and times in strftime(3) formats."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.native.values import Kind, Numbers, State, read_numbers

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

_QUARTER = 900 * 1_000_000
"""Microseconds; zone offsets change only at quarters of an hour."""
_AHEAD_SECONDS = 60
"""How far a server's clock may be ahead of ours."""


EARLIEST = -30_578_688_000_000_000
LATEST = 253_370_764_799_999_999
"""Microseconds since the epoch: the years 1001 to 9998 in UTC.

`datetime` can hold them in any time zone, and with any window around them.
"""


def instants(
    times: Numbers, zone: tzinfo, arrived: float | None = None, *, zone_is_explicit: bool = False
) -> tuple[Int64s, Bools]:
    """Return microseconds since the epoch, and which are known; `zone` is for times without one.

    With `zone_is_explicit` it is also for times with an ambiguous zone name, such as CST.
    """
    micros = times.values
    local = times.states == State.WITHOUT_ZONE
    if zone_is_explicit:
        local |= times.states == State.IN_NAMED_ZONE
    if not local.any():
        return micros, times.known
    micros = micros.copy()
    micros[local] = in_zone(micros[local], zone, arrived)
    return micros, local | times.known


_FAULTS = r" (?:is not a time$|is outside the years|has the ambiguous zone|has no UTC offset)"


def time_fault(text: str) -> str:
    """Explain in one clause why a text is not a valid time."""
    read = read_numbers(pa.array([text]), Kind.CLF_TIME)
    if read.states[0] == State.IN_NAMED_ZONE:
        zone = text.rpartition(" ")[2]
        if "/" in zone:
            return f"{text} has no UTC offset; set --log-timezone {zone}"
        return f"{text} has the ambiguous zone {zone}; set --log-timezone"
    if read.states[0] == State.KNOWN:
        return f"{text} is outside the years 1001 to 9998 (UTC)"
    return f"{text} is not a time"


def is_time_fault(fault: str) -> bool:
    """Tell whether a text was made by `time_fault`."""
    return re.search(_FAULTS, fault) is not None


def day_and_time(
    dates: Numbers | None,
    times: Numbers,
    day: int | None,
    zone: tzinfo,
    arrived: float | None = None,
) -> tuple[Int64s, Bools]:
    """Combine dates and times of day; without dates all are on `day` (in microseconds)."""
    good = times.states == State.WITHOUT_ZONE
    micros = times.values
    if dates is not None:
        good &= dates.states == State.WITHOUT_ZONE
        micros = micros + np.where(good, dates.values, 0)
    elif day is not None:
        micros = micros + day
    else:
        good[:] = False
    return in_zone(np.where(good, micros, 0), zone, arrived), good


def formatted_times(
    texts: pa.StringArray, strftime: str, zone: tzinfo, arrived: float | None = None
) -> tuple[Int64s, Bools]:
    """Parse times in a strftime(3) format; `zone` is for times without one."""
    read = [_formatted(text, strftime) for text in texts.to_pylist()]
    good = np.array([one is not None for one in read], np.bool_)
    micros = np.array([one[0] if one is not None else 0 for one in read], np.int64)
    local = np.array([one is not None and one[1] for one in read], np.bool_)
    micros[local] = in_zone(micros[local], zone, arrived)
    return micros, good


def _formatted(text: str, strftime: str) -> tuple[int, bool] | None:
    """Return microseconds since the epoch, and whether the text has no zone."""
    try:
        if "%s" in strftime:
            # Python's strptime has no %s: it is parsed here.
            pieces = re.split(r"%(.)", strftime)
            pattern = "".join(
                re.escape(piece)
                if i % 2 == 0
                else {"s": r"(?P<s>\d+)", "f": r"(?P<f>\d{1,6})"}.get(piece, r"\S+?")
                for i, piece in enumerate(pieces)
            )
            found = re.fullmatch(pattern, text)
            if found is None:
                return None
            fraction = found.groupdict().get("f") or ""
            return int(found["s"]) * 1_000_000 + int(fraction.ljust(6, "0")), False
        moment = datetime.strptime(text, strftime)
    except ValueError:
        return None
    local = moment.tzinfo is None
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds, local


def in_zone(micros: Int64s, zone: tzinfo, arrived: float | None = None) -> Int64s:
    """Convert local times, which were parsed as if UTC, to UTC.

    A local time that occurs twice means the first; for lines that have just arrived (`arrived`,
    seconds since the epoch) the second, once that is no longer in the future.
    """
    if zone is UTC or not len(micros):
        return micros
    of_row = micros // _QUARTER
    if of_row.min() == of_row.max():
        quarters, where = of_row[:1], np.zeros(len(micros), np.int64)
    else:
        quarters, where = np.unique(of_row, return_inverse=True)
    offsets, later = (
        np.array([_offset(quarter * _QUARTER, zone, fold) for quarter in quarters.tolist()])
        for fold in (0, 1)
    )
    first: Int64s = micros - offsets[where]
    if arrived is None or not (later < offsets).any():
        return first
    second: Int64s = micros - later[where]
    now = round((arrived + _AHEAD_SECONDS) * 1_000_000)
    return np.where((second > first) & (second <= now), second, first)


def _offset(micros: int, zone: tzinfo, fold: int) -> int:
    try:
        shown = datetime(1970, 1, 1, fold=fold) + timedelta(microseconds=micros)
        offset = shown.replace(tzinfo=zone, fold=fold).utcoffset()
    except (OverflowError, ValueError):
        return 0
    return 0 if offset is None else round(offset.total_seconds()) * 1_000_000
