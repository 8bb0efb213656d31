"""Times in the notations that logs have, a column of distinct texts at a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.formats.clf_time import DATE_LENGTH, local_seconds, zone_offset_seconds
from glancemetrics.native.times import NO_TIME, WITHOUT_ZONE, iso_times

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

_LATEST = 253_402_300_800 * 1_000_000
"""Microseconds of the year 10000: what is later is no time."""
_QUARTER = 900 * 1_000_000
"""Microseconds; offsets of zones change at a quarter of an hour, if at all."""
_DAY_START = "1970-01-01T"


def clf_times(texts: pa.StringArray) -> tuple[Int64s, Bools]:
    """Read `17/May/2015:10:05:03 +0000`: microseconds since the epoch, and which are a time."""
    seconds, dated = local_seconds(texts)
    zones = pc.utf8_slice_codeunits(texts, DATE_LENGTH + 1)
    offsets, zoned = zone_offset_seconds(zones)
    return (seconds - offsets) * 1_000_000, dated & zoned


def clf_local_times(texts: pa.StringArray, zone: tzinfo) -> tuple[Int64s, Bools]:
    """Read `04/Apr/2024:14:30:18.885`, with a fraction or not, in a zone that it does not name."""
    seconds, good = local_seconds(texts)
    fractions = pc.utf8_slice_codeunits(texts, DATE_LENGTH + 1, DATE_LENGTH + 7)
    micros = pc.utf8_rpad(fractions, 6, "0").cast(pa.int64()).to_numpy()
    return in_zone(seconds * 1_000_000 + micros, zone), good


def zoned_times(texts: pa.StringArray, zone: tzinfo) -> tuple[Int64s, Bools]:
    """Read ISO 8601; what names no zone is in `zone`."""
    micros, kinds = iso_times(texts)
    local = kinds == WITHOUT_ZONE
    if local.any():
        micros[local] = in_zone(micros[local], zone)
    return micros, kinds != NO_TIME


def formatted_times(texts: pa.StringArray, strftime: str, zone: tzinfo) -> tuple[Int64s, Bools]:
    """Read times in a format of strftime(3); what names no zone is in `zone`."""
    read = [_formatted(text, strftime) for text in texts.to_pylist()]
    good = np.array([one is not None for one in read], np.bool_)
    micros = np.array([one[0] if one is not None else 0 for one in read], np.int64)
    local = np.array([one is not None and one[1] for one in read], np.bool_)
    micros[local] = in_zone(micros[local], zone)
    return micros, good


def _formatted(text: str, strftime: str) -> tuple[int, bool] | None:
    """Return microseconds since the epoch, and whether the text names no zone."""
    try:
        if "%s" in strftime:
            # Python knows no seconds since the epoch: they are read beside the rest.
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


def epoch_times(texts: pa.StringArray, unit_micros: int) -> tuple[Int64s, Bools]:
    """Read numbers since the epoch, each a unit of so many microseconds."""
    return _micros(texts.cast(pa.float64()).to_numpy() * unit_micros)


def any_times(texts: pa.StringArray, zone: tzinfo) -> tuple[Int64s, Bools]:
    """Read times of which each is in one of these notations; numbers by how large they are."""
    micros = np.zeros(len(texts), np.int64)
    good = np.zeros(len(texts), np.bool_)
    left = np.ones(len(texts), np.bool_)

    def read(pattern: str, reader: object) -> None:
        fits = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False) & left
        if fits.any():
            left[fits] = False
            micros[fits], good[fits] = reader(texts.filter(pa.array(fits)))  # type: ignore[operator]

    read(r"^\d{4}-\d\d-\d\d[T ]", lambda found: zoned_times(found, zone))
    read(r"^\d{1,19}(?:\.\d*)?(?:[eE]\+?\d{1,2})?$", _epoch_of_any_unit)
    read(r"^\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$", clf_times)
    read(r"^\d\d/[A-Za-z]{3}/\d{4}:[\d:]{8}(?:\.\d{1,6})?$", lambda t: clf_local_times(t, zone))
    return micros, good


def day_times(dates: pa.StringArray) -> tuple[Int64s, Bools]:
    """Read `2015-05-17`: microseconds from the epoch to its beginning, as if it were UTC."""
    micros, kinds = iso_times(pc.binary_join_element_wise(dates, "00:00:00", "T"))
    return micros, kinds == WITHOUT_ZONE


def times_of_day(texts: pa.StringArray) -> tuple[Int64s, Bools]:
    """Read `10:05:03`, with a fraction or not: microseconds since midnight."""
    micros, kinds = iso_times(pc.binary_join_element_wise(_DAY_START, texts, ""))
    return micros, kinds == WITHOUT_ZONE


def in_zone(micros: Int64s, zone: tzinfo) -> Int64s:
    """Return what times are that were read as if they were UTC, but are of a zone.

    A time that a clock showed twice is the first.
    """
    if zone is UTC or not len(micros):
        return micros
    quarters, where = np.unique(micros // _QUARTER, return_inverse=True)
    offsets = [_offset(int(quarter) * _QUARTER, zone) for quarter in quarters.tolist()]
    return micros - np.array(offsets, np.int64)[where]


def _offset(micros: int, zone: tzinfo) -> int:
    try:
        shown = datetime(1970, 1, 1) + timedelta(microseconds=micros)
        offset = shown.replace(tzinfo=zone).utcoffset()
    except OverflowError:
        return 0
    return 0 if offset is None else round(offset.total_seconds()) * 1_000_000


def _epoch_of_any_unit(texts: pa.StringArray) -> tuple[Int64s, Bools]:
    numbers = texts.cast(pa.float64()).to_numpy()
    # Seconds up to the year 5138, milliseconds from 1973 on, and so forth.
    factors = np.select([numbers < 1e11, numbers < 1e14, numbers < 1e17], [1e6, 1e3, 1.0], 1e-3)
    return _micros(numbers * factors)


def _micros(exact: npt.NDArray[np.float64]) -> tuple[Int64s, Bools]:
    good: Bools = np.abs(exact) < _LATEST
    return np.rint(np.where(good, exact, 0)).astype(np.int64), good
