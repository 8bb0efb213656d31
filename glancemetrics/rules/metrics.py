"""Metrics: what rules measure, and of what it is counted."""

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
    """What is counted of records."""

    HITS = enum.auto()
    BYTES = enum.auto()
    DURATIONS = enum.auto()
    """How many take how long, by bucket."""
    DISTINCT = enum.auto()
    """Which values of a column come."""
    ATTACKS = enum.auto()
    """Hits on paths that only a scanner asks for."""
    REJECTS = enum.auto()
    """Lines that are no records."""


@attrs.frozen
class Measure:
    """Something that is counted by second and group."""

    kind: MeasureKind
    statuses: tuple[int, int] | None = None
    """Only records with a status from the one up to the other."""
    column: str = ""
    """Of durations and of distinct values."""


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
    """Records and rejects."""
    NOTHING_WITH_RECORDS = enum.auto()
    """By nothing: records are counted with the rejects."""


class Unit(enum.Enum):
    """What a value is, for people."""

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
    """As it was written."""
    measure: Measure
    per: Per
    unit: Unit
    noun: str
    """What it is, for people, in the plural where it is counted."""
    quantile: float = 0
    """Of durations; from 0 to 1."""

    def format(self, value: float) -> str:
        """Write a value with its unit, as people read it."""
        match self.unit:
            case Unit.COUNT:
                return f"{format_count(round(value))} {self.noun}"
            case Unit.RATE:
                return f"{format_rate(value)} {self.noun}/s"
            case Unit.SHARE:
                return f"{format_share(round(value * 1_000_000), 1_000_000)} {self.noun}"
            case Unit.BYTES:
                return f"{format_bytes(value)} {self.noun}"
            case Unit.BYTES_RATE:
                return f"{format_bytes(value)}/s"
            case Unit.SECONDS:
                return f"{self.noun} {format_seconds(value)}"


_STATUS = r"(?:[1-5]xx|\d{3})"
_CALL = re.compile(r"(\w+)\(([^()]*)\)")
_QUANTILE = re.compile(r"(upstream_)?p(\d{1,2}(?:\.\d{1,2})?)")

_PLAIN = {
    "rate": Metric("rate", HITS, Per.SECOND, Unit.RATE, "requests"),
    "hits": Metric("hits", HITS, Per.NOTHING, Unit.COUNT, "requests"),
    "errors": Metric("errors", ERRORS, Per.NOTHING, Unit.COUNT, "errors"),
    "error_ratio": Metric("error_ratio", ERRORS, Per.HIT, Unit.SHARE, "errors"),
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
    "reject_ratio": Metric("reject_ratio", REJECTS, Per.ANY_LINE, Unit.SHARE, "unparsed lines"),
    "attacks": Metric(
        "attacks", Measure(MeasureKind.ATTACKS), Per.NOTHING, Unit.COUNT, "requests of scanners"
    ),
}

ALLOWED = (
    f"one of {', '.join(_PLAIN)}, status(503), status(5xx), status_ratio(5xx), p95 (of durations; "
    "any share), upstream_p95, distinct(path), distinct(path, 404)"
)


def read_metric(text: str, kept: Sequence[str] = ()) -> Metric:
    """Read the name of a metric; fields that are kept can be told apart as well.

    Raises `ValueError` with what is wrong, or nothing to add.
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
            raise ValueError("the share must be above 0")
        noun = f"the {'upstream ' if upstream else ''}response time ({quantile[0]})"
        measure = Measure(MeasureKind.DURATIONS, column=column)
        return Metric(text, measure, Per.NOTHING, Unit.SECONDS, noun, share)
    call = _CALL.fullmatch(text)
    if call is None:
        raise ValueError
    name, arguments = call[1], [argument.strip() for argument in call[2].split(",")]
    if name in {"status", "status_ratio"} and len(arguments) == 1:
        measure = Measure(MeasureKind.HITS, _statuses(arguments[0]))
        noun = f"answers of {arguments[0]}"
        if name == "status":
            return Metric(text, measure, Per.NOTHING, Unit.COUNT, noun)
        return Metric(text, measure, Per.HIT, Unit.SHARE, noun)
    if name == "distinct" and len(arguments) in {1, 2}:
        if arguments[0] not in dimensions_with(kept):
            raise ValueError(f"there is no {arguments[0]!r} to tell apart")
        statuses = _statuses(arguments[1]) if len(arguments) == 2 else None
        measure = Measure(MeasureKind.DISTINCT, statuses, arguments[0])
        noun = f"different {arguments[0]}s" + (f" with {arguments[1]}" if statuses else "")
        return Metric(text, measure, Per.NOTHING, Unit.COUNT, noun)
    raise ValueError


def _statuses(text: str) -> tuple[int, int]:
    if not re.fullmatch(_STATUS, text):
        raise ValueError(f"{text!r} is no status")
    if text.endswith("xx"):
        first = int(text[0]) * 100
        return first, first + 99
    return int(text), int(text)
