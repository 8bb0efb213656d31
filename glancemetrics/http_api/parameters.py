"""Parameters of the HTTP API: what each means, and the queries that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from glancemetrics.errors import UsageError
from glancemetrics.formats.posted_lines import MOST_NAME, is_server_name
from glancemetrics.history import named_values
from glancemetrics.history.measures import ALLOWED as ALLOWED_MEASURES
from glancemetrics.history.measures import MEASURES, measure_called
from glancemetrics.history.named_values import USUAL_MEASURES, USUAL_OF_SERIES
from glancemetrics.history.query import MOST_GROUPS, Query, RecordQuery
from glancemetrics.records.time_span import ALLOWED as ALLOWED_INSTANT
from glancemetrics.records.time_span import TimeSpan, parse_instant
from glancemetrics.selecting.viewers_conditions import check_condition_of_viewer
from glancemetrics.words.durations import ALLOWED as ALLOWED_SPAN
from glancemetrics.words.durations import parse_span
from glancemetrics.words.suggestions import suggestion

MOST_RECORDS = 10_000
"""Requests of one page."""
USUAL_GROUPS, USUAL_RECORDS = 1000, 100
_LONGEST_TEXT = 10_000
_LATEST = 253_402_300_799


@attrs.frozen
class Parameter:
    """A parameter in the query string."""

    name: str
    about: str
    schema: Mapping[str, Any]
    """As in OpenAPI 3.1 (JSON Schema 2020-12)."""
    parse: Callable[[str], Any]
    """Raises `UsageError`, or `ValueError` for a text that is not what `about` says."""
    default: Any = None
    is_required: bool = False


def _text(text: str) -> str:
    if len(text) > _LONGEST_TEXT or "\0" in text:
        raise UsageError(f"must be at most {_LONGEST_TEXT:,} characters, without NUL")
    return text


def _condition(text: str) -> str | None:
    if not _text(text).strip():
        return None
    check_condition_of_viewer(text)
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in _text(text).split(",") if name.strip())


def _measures(text: str) -> tuple[str, ...]:
    names = _names(text)
    if names == ("all",):
        return MEASURES
    return tuple(dict.fromkeys(measure_called(name).name for name in names))


def _span(text: str) -> int:
    try:
        return parse_span(text)
    except ValueError:
        raise UsageError(f"must be {ALLOWED_SPAN}") from None


def _server(text: str) -> str:
    if not is_server_name(text):
        raise UsageError(f"must be the name of a server, at most {MOST_NAME} characters")
    return text


def _instant(text: str) -> str:
    return _text(text)


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        is_short = len(text) <= len(str(high))
        if not (text.isascii() and text.isdecimal() and is_short and low <= int(text) <= high):
            raise UsageError(f"must be a whole number from {low:,} to {high:,}")
        return int(text)

    return parse


def _flag(text: str) -> bool:
    if text in {"true", "1", ""}:
        return True
    if text in {"false", "0"}:
        return False
    raise UsageError("must be true or false")


def _choice(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise UsageError(f"must be one of {', '.join(names)}{suggestion(text, names)}")
        return text

    return parse


_TEXT = {"type": "string", "maxLength": _LONGEST_TEXT}
FORMATS = ("json", "csv", "arrow")
_TEXT_FORMATS = FORMATS[:2]

WHERE = Parameter(
    "where",
    "Only requests that match this SQL expression, as for --where.",
    {**_TEXT, "examples": ["status >= 500"]},
    _condition,
)
LAST = Parameter(
    "last",
    f"The last so much time up to now: {ALLOWED_SPAN}.",
    {**_TEXT, "examples": ["1h"]},
    _span,
)
SINCE = Parameter(
    "since", f"From this time on: {ALLOWED_INSTANT}, or seconds since 1970.", _TEXT, _instant
)
UNTIL = Parameter("until", "Before this time.", _TEXT, _instant)
TIMEZONE = Parameter(
    "timezone",
    "The zone of times without one, and of times in sentences.",
    {**_TEXT, "default": "UTC"},
    _text,
)
STEP = Parameter("step", "A time series with this step.", {**_TEXT, "examples": ["1m"]}, _span)
BY = Parameter(
    "by", "Group by one or two fields, joined by a comma.", {**_TEXT, "examples": ["path"]}, _names
)
MEASURES_ASKED = Parameter(
    "measures",
    f"Columns, joined by commas: {ALLOWED_MEASURES}; or `all`. With `step` the default is "
    f"{','.join(USUAL_OF_SERIES)}.",
    {**_TEXT, "default": ",".join(USUAL_MEASURES)},
    _measures,
)
SORT = Parameter("sort", "Sort groups by this measure, largest first.", _TEXT, _text)
REVERSE = Parameter(
    "reverse", "Smallest (or oldest) first.", {"type": "boolean", "default": False}, _flag, False
)
LIMIT = Parameter(
    "limit",
    "The most groups.",
    {"type": "integer", "minimum": 1, "maximum": MOST_GROUPS, "default": USUAL_GROUPS},
    _number(1, MOST_GROUPS),
    USUAL_GROUPS,
)
RECORD_LIMIT = Parameter(
    "limit",
    "The most requests.",
    {"type": "integer", "minimum": 1, "maximum": MOST_RECORDS, "default": USUAL_RECORDS},
    _number(1, MOST_RECORDS),
    USUAL_RECORDS,
)
OFFSET = Parameter(
    "offset",
    "So many requests are left out; `next` of the page before has it.",
    {"type": "integer", "minimum": 0, "maximum": MOST_GROUPS, "default": 0},
    _number(0, MOST_GROUPS),
    0,
)
FORMAT = Parameter(
    "format",
    "What is sent; otherwise `Accept` decides, and JSON is the default.",
    {"type": "string", "enum": list(FORMATS)},
    _choice(*FORMATS),
)
TEXT_FORMAT = attrs.evolve(
    FORMAT,
    schema={"type": "string", "enum": list(_TEXT_FORMATS)},
    parse=_choice(*_TEXT_FORMATS),
)
FILTER_TEXT = Parameter(
    "text", "What a person types: a condition, or plain words such as `5xx /api`.", _TEXT, _text, ""
)
FIELD = Parameter("field", "The field.", _TEXT, _text, is_required=True)
PREFIX = Parameter("prefix", "What the values contain.", _TEXT, _text, "")
INCIDENT = Parameter("incident", "The incident's id.", _TEXT, _text, is_required=True)
PATTERN = Parameter("pattern", "The silence's pattern.", _TEXT, _text, is_required=True)
SERVER = Parameter(
    "server",
    "The server that wrote the lines; by default the sender's name. Others must be allowed by its "
    "line in the file of `--web-senders`.",
    _TEXT,
    _server,
)
SNAPSHOTS = Parameter(
    "snapshots", "Send snapshots.", {"type": "boolean", "default": True}, _flag, True
)
ALERTS = Parameter(
    "alerts", "Send alert events.", {"type": "boolean", "default": True}, _flag, True
)
REQUESTS = Parameter(
    "requests", "Send the requests that match `where`.",
    {"type": "boolean", "default": False}, _flag, False,
)  # fmt: skip
COMPRESS = Parameter(
    "compress", "WebSocket: messages are binary, the JSON in raw DEFLATE (RFC 1951).",
    {"type": "string", "enum": ["deflate"]}, _choice("deflate"),
)  # fmt: skip

SPAN = (LAST, SINCE, UNTIL, TIMEZONE)
QUERY = (WHERE, BY, *SPAN, STEP, MEASURES_ASKED, SORT, REVERSE, LIMIT)
RECORDS = (WHERE, *SPAN, REVERSE, RECORD_LIMIT, OFFSET)


def read_parameters(
    declared: Iterable[Parameter], given: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Return the values of all parameters by name. Raises `UsageError`."""
    known = {one.name: one for one in declared}
    values: dict[str, Any] = {}
    for name, text in given:
        parameter = known.get(name)
        if parameter is None:
            raise UsageError(f"{name[:40]}: unknown parameter{suggestion(name, known)}")
        if name in values:
            raise UsageError(f"{name}: given twice")
        try:
            values[name] = parameter.parse(text)
        except UsageError as error:
            raise UsageError(f"{name}: {str(error).removeprefix(f'--{name} ')}") from None
    missing = [one.name for one in known.values() if one.is_required and one.name not in values]
    if missing:
        raise UsageError(f"{missing[0]}: missing")
    return {one.name: one.default for one in known.values()} | values


def query_of(values: Mapping[str, Any], kept: tuple[str, ...], now: float) -> Query:
    """Return the query of `QUERY` parameters. Raises `UsageError`."""
    given = {**values, "measures": values["measures"] or None}
    return named_values.query_of(given, span_of(values, now), kept)


def record_query_of(values: Mapping[str, Any], kept: tuple[str, ...], now: float) -> RecordQuery:
    """Return the query of `RECORDS` parameters. Raises `UsageError`."""
    return named_values.record_query_of(values, span_of(values, now), kept)


def span_of(values: Mapping[str, Any], now: float) -> TimeSpan:
    """Return the span of `SPAN` parameters. Raises `UsageError`."""
    zone = zone_of(values)
    return named_values.span_of(values, now, partial(_second, now=now, zone=zone))


def zone_of(values: Mapping[str, Any]) -> ZoneInfo:
    """Return the zone of `SPAN` parameters. Raises `UsageError`."""
    name = values["timezone"]
    try:
        return ZoneInfo("UTC" if name is None else name)
    except (ValueError, KeyError, OSError):
        raise UsageError(f"timezone: unknown zone {name!r}; Europe/Paris is one") from None


def parameters_of(question: Query | RecordQuery) -> dict[str, str]:
    """Return the parameters that make a query, for clients and links."""
    span = question.span
    values: dict[str, Any] = {
        "where": question.where,
        "since": span.since,
        "until": span.until,
        "limit": question.limit,
    }
    if isinstance(question, RecordQuery):
        values |= {"offset": question.offset, "reverse": question.is_oldest_first}
    else:
        values |= {
            "by": ",".join(question.by) or None,
            "step": None if question.step is None else f"{question.step}s",
            "measures": ",".join(question.measures),
            "sort": question.order,
            "reverse": question.is_ascending,
        }
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if value is not None and value is not False
    }


def _second(name: str, text: str, now: float, zone: ZoneInfo) -> int:
    try:
        is_epoch = text.isascii() and text.isdecimal()
        found = int(text) if is_epoch else parse_instant(text, now, zone)
        if found > _LATEST:
            raise ValueError
    except (ValueError, OverflowError):
        raise UsageError(f"{name}: must be {ALLOWED_INSTANT}, or seconds since 1970") from None
    return found
