"""Metrics: what rules measure, and what it is counted from."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

import attrs

from glancemetrics.records.dimensions import dimensions_with
from glancemetrics.words.humane import (
    format_bytes,
    format_count,
    format_rate,
    format_seconds,
    format_share,
)


class MeasureKind(enum.Enum):
    """What is counted."""

    HITS = enum.auto()
    BYTES = enum.auto()
    DURATIONS = enum.auto()
    """A histogram of response times."""
    DISTINCT = enum.auto()
    """The distinct values of a column."""
    ATTACKS = enum.auto()
    """Requests for paths that only scanners ask for."""
    REJECTS = enum.auto()
    """Lines that could not be parsed."""


@attrs.frozen
class Measure:
    """What is counted per second and group."""

    kind: MeasureKind
    statuses: tuple[int, int] | None = None
    """Count only responses with a status in this range, both ends included."""
    column: str = ""
    """The column of durations or distinct values."""


HITS = Measure(MeasureKind.HITS)
BYTES = Measure(MeasureKind.BYTES)
REJECTS = Measure(MeasureKind.REJECTS)
ERRORS = Measure(MeasureKind.HITS, (400, 599))


class Per(enum.Enum):
    """What a count is divided by."""

    NOTHING = enum.auto()
    SECOND = enum.auto()
    HIT = enum.auto()
    ANY_LINE = enum.auto()
    """Records and unparsed lines."""
    NOTHING_WITH_RECORDS = enum.auto()
    """Not divided, but records are added to the unparsed lines."""


class Unit(enum.Enum):
    """The unit in which a value is shown."""

    COUNT = enum.auto()
    RATE = enum.auto()
    SHARE = enum.auto()
    BYTES = enum.auto()
    BYTES_RATE = enum.auto()
    SECONDS = enum.auto()


@attrs.frozen
class Metric:
    """What a rule measures in its window."""

    name: str
    """As written in the rule."""
    measure: Measure
    per: Per
    unit: Unit
    noun: str
    """What is measured, for messages: `requests`, `of responses are 5xx`, `p95 response time`."""
    quantile: float = 0
    """From 0 to 1; only for durations."""

    @property
    def quantity(self) -> str:
        """What is measured, as a noun: `requests`, `req/s`, `p95 response time`."""
        match self.unit:
            case Unit.COUNT | Unit.SECONDS:
                return self.noun
            case Unit.RATE:
                return f"{self.noun}/s"
            case Unit.SHARE:
                return f"share {self.noun.replace(' are ', ' that are ')}"
            case Unit.BYTES | Unit.BYTES_RATE:
                return f"bytes {self.noun}"

    def format(self, value: float) -> str:
        """Return a value with its unit, for people."""
        match self.unit:
            case Unit.COUNT:
                return f"{format_count(round(value))} {self.noun}"
            case Unit.RATE:
                return f"{rate_text(value)} {self.noun}/s"
            case Unit.SHARE:
                return f"{self.bare(value)} {self.noun}"
            case Unit.BYTES:
                return f"{format_bytes(value)} {self.noun}"
            case Unit.BYTES_RATE:
                return f"{format_bytes(value)}/s"
            case Unit.SECONDS:
                return f"{self.noun} {self.bare(value)}"

    def bare(self, value: float) -> str:
        """Return a value without what it measures: `5 %`, `900 ms`; a rate without its unit."""
        match self.unit:
            case Unit.COUNT:
                return format_count(round(value))
            case Unit.RATE:
                return rate_text(value)
            case Unit.SHARE:
                return format_share(round(value * 1_000_000), 1_000_000).replace(".0 %", " %")
            case Unit.BYTES:
                return format_bytes(value)
            case Unit.BYTES_RATE:
                return f"{format_bytes(value)}/s"
            case Unit.SECONDS:
                return format_seconds(value)


def rate_text(value: float, limit: float | None = None) -> str:
    """Write a rate: `158`, `12.5`, `1.25`; above a limit, never so rounded that it equals it."""
    if limit is None:
        return format_rate(value, 0 if value >= 100 else 1 if value >= 10 else 2)
    for decimals in range(2, 9):
        text = format_rate(value, decimals)
        if float(text) > limit:
            return text
    return repr(value)


_STATUS = r"(?:[1-5]xx|\d{3})"
_CALL = re.compile(r"(\w+)\(([^()]*)\)")
_QUANTILE = re.compile(r"(upstream_)?p(\d{1,2}(?:\.\d{1,2})?)")

_PLAIN = {
    "rate": Metric("rate", HITS, Per.SECOND, Unit.RATE, "req"),
    "hits": Metric("hits", HITS, Per.NOTHING, Unit.COUNT, "requests"),
    "errors": Metric("errors", ERRORS, Per.NOTHING, Unit.COUNT, "errors"),
    "error_ratio": Metric("error_ratio", ERRORS, Per.HIT, Unit.SHARE, "of responses are errors"),
    "bytes": Metric("bytes", BYTES, Per.NOTHING, Unit.BYTES, "sent"),
    "bytes_rate": Metric("bytes_rate", BYTES, Per.SECOND, Unit.BYTES_RATE, "sent"),
    "visitors": Metric(
        "visitors",
        Measure(MeasureKind.DISTINCT, column="host"),
        Per.NOTHING,
        Unit.COUNT,
        "visitors",
    ),
    "lines": Metric("lines", REJECTS, Per.NOTHING_WITH_RECORDS, Unit.COUNT, "lines"),
    "rejects": Metric("rejects", REJECTS, Per.NOTHING, Unit.COUNT, "unparsed lines"),
    "reject_ratio": Metric(
        "reject_ratio", REJECTS, Per.ANY_LINE, Unit.SHARE, "of lines could not be parsed"
    ),
    "attacks": Metric(
        "attacks",
        Measure(MeasureKind.ATTACKS),
        Per.NOTHING,
        Unit.COUNT,
        "requests for attack paths",
    ),
}

ALLOWED = (
    f"one of {', '.join(_PLAIN)}, status(503), status(5xx), status_ratio(5xx), p95 (or any other "
    "percentile), upstream_p95, distinct(path), distinct(path, 404)"
)


def read_metric(text: str, kept: Sequence[str] = ()) -> Metric:
    """Read a metric's name. `kept` are extra fields that `distinct` may count.

    Raises `ValueError` with the problem, or without text if the name is unknown.
    """
    plain = _PLAIN.get(text)
    if plain is not None:
        return plain
    quantile = _QUANTILE.fullmatch(text)
    if quantile is not None:
        upstream = bool(quantile[1])
        column = "upstream_duration" if upstream else "duration"
        share = float(quantile[2]) / 100
        if not share:
            raise ValueError("the percentile must be above 0")
        noun = f"p{quantile[2]} {'upstream ' if upstream else ''}response time"
        measure = Measure(MeasureKind.DURATIONS, column=column)
        return Metric(text, measure, Per.NOTHING, Unit.SECONDS, noun, share)
    call = _CALL.fullmatch(text)
    if call is None:
        raise ValueError
    name, arguments = call[1], [argument.strip() for argument in call[2].split(",")]
    if name in {"status", "status_ratio"} and len(arguments) == 1:
        measure = Measure(MeasureKind.HITS, _statuses(arguments[0]))
        noun = f"responses with status {arguments[0]}"
        if name == "status":
            return Metric(text, measure, Per.NOTHING, Unit.COUNT, noun)
        return Metric(text, measure, Per.HIT, Unit.SHARE, f"of responses are {arguments[0]}")
    if name == "distinct" and len(arguments) in {1, 2}:
        if arguments[0] not in dimensions_with(kept):
            raise ValueError(f"unknown field {arguments[0]!r}")
        statuses = _statuses(arguments[1]) if len(arguments) == 2 else None
        measure = Measure(MeasureKind.DISTINCT, statuses, arguments[0])
        noun = f"different {arguments[0]}s" + (f" with status {arguments[1]}" if statuses else "")
        return Metric(text, measure, Per.NOTHING, Unit.COUNT, noun)
    raise ValueError


def _statuses(text: str) -> tuple[int, int]:
    if not re.fullmatch(_STATUS, text):
        raise ValueError(f"{text!r} is not a status")
    if text.endswith("xx"):
        first = int(text[0]) * 100
        return first, first + 99
    return int(text), int(text)
