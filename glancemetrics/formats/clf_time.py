"""Timestamps of the common log format, `17/May/2015:10:05:03 +0000`, whole columns at a time.

Source: Apache's `%t` (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats) and
nginx's `$time_local`, which write the same 26 characters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DATE_LENGTH = 20
"""Characters of `17/May/2015:10:05:03`."""
ZONE_LENGTH = 5
"""Characters of `+0000`."""
_MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"
_MONTH_KEYS = np.array(
    [int.from_bytes(_MONTHS[i : i + 3].lower(), "big") for i in range(0, 36, 3)], dtype=np.int64
)
_DAYS_IN_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def local_seconds(dates: pa.Array) -> tuple[Int64s, Bools]:
    """Read `17/May/2015:10:05:03` from each string.

    Returns seconds since the epoch as if the zone were UTC, and whether each could be read.
    A leap second (`:60`) is the first second of the next minute, as POSIX time has it.
    """
    text, wide = _fixed_width(dates, DATE_LENGTH)
    seconds, valid = _local_seconds(text)
    return seconds, valid & wide


def _local_seconds(text: npt.NDArray[np.uint8]) -> tuple[Int64s, Bools]:
    digits = text[:, [0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19]].astype(np.int64) - 48
    valid: Bools = np.all((digits >= 0) & (digits <= 9), axis=1)
    valid &= (text[:, [2, 6, 11, 14, 17]] == np.frombuffer(b"//:::", np.uint8)).all(axis=1)
    day = digits[:, 0] * 10 + digits[:, 1]
    year = digits[:, 2] * 1000 + digits[:, 3] * 100 + digits[:, 4] * 10 + digits[:, 5]
    hour = digits[:, 6] * 10 + digits[:, 7]
    minute = digits[:, 8] * 10 + digits[:, 9]
    second = digits[:, 10] * 10 + digits[:, 11]
    letters = (text[:, 3:6] | 0x20).astype(np.int64)
    key = (letters[:, 0] << 16) | (letters[:, 1] << 8) | letters[:, 2]
    matches = key[:, None] == _MONTH_KEYS
    valid &= matches.any(axis=1)
    month = matches.argmax(axis=1) + 1
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last_day = _DAYS_IN_MONTH[month - 1] + (leap & (month == 2))
    valid &= (year >= 1) & (day >= 1) & (day <= last_day)
    valid &= (hour < 24) & (minute < 60) & (second <= 60)
    return _days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second, valid


def zone_offset_seconds(zones: pa.Array) -> tuple[Int64s, Bools]:
    """Read `+0330` from the first five characters of each string: seconds east of UTC."""
    text, wide = _fixed_width(zones, ZONE_LENGTH)
    seconds, valid = _zone_seconds(text)
    return seconds, valid & wide


def _zone_seconds(text: npt.NDArray[np.uint8]) -> tuple[Int64s, Bools]:
    digits = text[:, 1:5].astype(np.int64) - 48
    valid: Bools = np.all((digits >= 0) & (digits <= 9), axis=1)
    sign = text[:, 0]
    valid &= (sign == ord("+")) | (sign == ord("-"))
    hours = digits[:, 0] * 10 + digits[:, 1]
    minutes = digits[:, 2] * 10 + digits[:, 3]
    valid &= (hours < 24) & (minutes < 60)
    seconds = hours * 3600 + minutes * 60
    return np.where(sign == ord("-"), -seconds, seconds), valid


def _fixed_width(strings: pa.Array, width: int) -> tuple[npt.NDArray[np.uint8], Bools]:
    """Return the first `width` bytes of each string as a matrix, and which strings have them."""
    size = len(strings)
    offsets = np.frombuffer(strings.buffers()[1], np.int32)[
        strings.offset : strings.offset + size + 1
    ].astype(np.int64)
    data = strings.buffers()[2]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    valid = np.diff(offsets) >= width
    if strings.null_count:
        valid &= strings.is_valid().to_numpy(zero_copy_only=False)
    text = np.zeros((size, width), np.uint8)
    if valid.any():
        text[valid] = bytes_[offsets[:-1][valid, None] + np.arange(width)]
    return text, valid


def _days_from_civil(year: Int64s, month: Int64s, day: Int64s) -> Int64s:
    """Days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms")."""
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: Int64s = era * 146_097 + day_of_era - 719_468
    return days
