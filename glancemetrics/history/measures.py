"""Measures: what can be computed from records.

Separate and light: help and errors of the command line need no more.
"""

from __future__ import annotations

import enum
import re

import attrs

from glancemetrics.errors import UsageError
from glancemetrics.words.durations import parse_microseconds
from glancemetrics.words.suggestions import suggestion


class Unit(enum.Enum):
    """The unit in which a value is shown."""

    COUNT = enum.auto()
    RATE = enum.auto()
    """Requests per second."""
    BYTES = enum.auto()
    SHARE = enum.auto()
    """From 0 to 1."""
    SECONDS = enum.auto()
    TIME = enum.auto()
    """An instant."""


@attrs.frozen
class Measure:
    """One measure."""

    name: str
    title: str
    """The heading of its column."""
    unit: Unit
    sql: str
    """How DuckDB computes it."""
    columns: tuple[str, ...] = ()
    """The columns it needs."""
    is_a_sum: bool = False
    """Whether it is 0 without records; others are unknown then."""

    @property
    def adds_up(self) -> bool:
        """Whether the steps of a series add up to the total."""
        return self.is_a_sum and self.name not in {"rate", "visitors", "users"}


_TIMED = ("duration",)
_LARGEST = (1 << 63) - 1  # LARGEST of native.sums, which is slow to import
_MICROS = "round(duration * 1000000)::BIGINT"


def _hits(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


_FAILED = "status BETWEEN 400 AND 599"

_PLAIN = [
    Measure("hits", "hits", Unit.COUNT, "count(*)", is_a_sum=True),
    # Divided by the seconds later.
    Measure("rate", "rate", Unit.RATE, "count(*)::DOUBLE", is_a_sum=True),
    Measure(
        "bytes",
        "bytes",
        Unit.BYTES,
        f"least(coalesce(sum(bytes), 0), {_LARGEST})::BIGINT",
        ("bytes",),
        is_a_sum=True,
    ),
    Measure("errors", "errors", Unit.COUNT, _hits(_FAILED), ("status",), is_a_sum=True),
    Measure(
        "error_ratio", "error %", Unit.SHARE, f"{_hits(_FAILED)} / nullif(count(*), 0)", ("status",)
    ),
    *(
        Measure(
            f"{n}xx",
            f"{n}xx",
            Unit.COUNT,
            _hits(f"status BETWEEN {n}00 AND {n}99"),
            ("status",),
            is_a_sum=True,
        )
        for n in range(1, 6)
    ),
    Measure("visitors", "visitors", Unit.COUNT, "count(DISTINCT host)", ("host",), is_a_sum=True),
    Measure("users", "users", Unit.COUNT, 'count(DISTINCT "user")', ("user",), is_a_sum=True),
    Measure("timed", "timed", Unit.COUNT, "count(duration)", _TIMED, is_a_sum=True),
    Measure(
        "total_time", "total time", Unit.SECONDS, f"(sum({_MICROS}) / 1000000)::DOUBLE", _TIMED
    ),
    Measure("first_seen", "first seen", Unit.TIME, "min(time)", ("time",)),
    Measure("last_seen", "last seen", Unit.TIME, "max(time)", ("time",)),
]
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,2})?)")
_UNDER = "under_"
_UNIT = re.compile(r"(?<=\d)(us|ms|[smh])")
_SHOWN_UNITS = {"us": "µs", "m": "min"}
_BY_NAME = {one.name: one for one in _PLAIN}

MEASURES = (*list(_BY_NAME)[:12], "p50", "p90", "p95", "p99", *list(_BY_NAME)[12:])
"""All names, with examples of percentiles: any will do, also `p99.9`."""

UNDER_EXAMPLES = ("under_300ms", "under_1s")
"""Examples of the number of requests under a response time: any will do, also `under_2.5s`."""

ALLOWED = (
    f"{', '.join(MEASURES)} (any percentile: p99.9; requests under any response time: "
    f"{UNDER_EXAMPLES[0]})"
)


def measure_called(name: str) -> Measure:
    """Return a measure by name. Raises `UsageError`."""
    plain = _BY_NAME.get(name)
    if plain is not None:
        return plain
    if name.startswith(_UNDER):
        return _under(name)
    quantile = _QUANTILE.fullmatch(name)
    if quantile is None or not float(quantile[1]):
        known = (*_BY_NAME, *UNDER_EXAMPLES)
        raise UsageError(f"unknown measure {name!r}{suggestion(name, known)}; known: {ALLOWED}")
    sql = f"quantile_disc(duration, {float(quantile[1]) / 100:.6f})"
    return Measure(name, name, Unit.SECONDS, sql, _TIMED)


def _under(name: str) -> Measure:
    written = name.removeprefix(_UNDER)
    try:
        seconds = parse_microseconds(written) / 1_000_000
    except ValueError:
        raise UsageError(
            f"measure {name!r}: must end in a response time, such as under_300ms, under_2.5s or "
            "under_1m"
        ) from None
    shown = _UNIT.sub(lambda unit: f" {_SHOWN_UNITS.get(unit[1], unit[1])} ", written).rstrip()
    sql = _hits(f"duration < {seconds!r}::DOUBLE")
    return Measure(name, f"< {shown}", Unit.COUNT, sql, _TIMED, is_a_sum=True)


def is_measure(name: str) -> bool:
    """Return whether there is a measure of a name."""
    try:
        measure_called(name)
    except UsageError:
        return False
    return True


def share_of(measure: Measure) -> float | None:
    """Return the share (0 to 1) of a quantile; `None` for other measures."""
    quantile = _QUANTILE.fullmatch(measure.name)
    return None if quantile is None else float(quantile[1]) / 100


def limit_of(measure: Measure) -> float | None:
    """Return the seconds that `under_300ms` counts up to; `None` for other measures."""
    if not measure.name.startswith(_UNDER):
        return None
    return parse_microseconds(measure.name.removeprefix(_UNDER)) / 1_000_000
