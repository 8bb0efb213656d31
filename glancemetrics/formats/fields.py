"""The fields of log lines.

All formats without a decoder of their own name their fields with these words, so the same text
means the same in each. `record_columns.py` turns columns of fields into records.
"""

from __future__ import annotations

import enum

from glancemetrics.native.values import Form, Kind, Nothing, Port, Wanted


class Field(enum.Enum):
    """What a field of a line is."""

    HOST = "host"
    HOST_PORT = "host and port"
    """`192.0.2.1:443`, `[2001:db8::1]:443` or `2001:db8::1:443`; the port is always there."""
    HOST_OR_PORT = "host, with or without port"
    FORWARDED_FOR = "forwarded for"
    """`X-Forwarded-For`: the client and the proxies it passed, except the last."""
    FORWARDED = "forwarded"
    """The same in the notation of RFC 7239."""
    IDENTITY = "identity"
    USER = "user"
    CLF_TIME = "CLF time"
    """`17/May/2015:10:05:03 +0000`; also with a fraction, a space instead of the colon, a zone name
    or no zone; or ISO 8601."""
    CLF_LOCAL_TIME = "CLF time without zone"
    """`17/May/2015:10:05:03.123`."""
    ISO_TIME = "ISO time"
    """RFC 3339: `2015-05-17T10:05:03.25+00:00`."""
    EPOCH_SECONDS = "seconds since the epoch"
    """With or without a fraction."""
    EPOCH_MILLISECONDS = "milliseconds since the epoch"
    EPOCH_MICROSECONDS = "microseconds since the epoch"
    TIME = "time"
    """In any of these notations."""
    BRACKETED_TIME = "time in brackets"
    """`[17/May/2015:10:05:03 +0000]`."""
    FORMATTED_TIME = "time in a format of its own"
    """Or a part of one: all parts of a line make one time."""
    DATE = "date"
    """`2015-05-17`."""
    TIME_OF_DAY = "time of day"
    """`10:05:03`."""
    REQUEST = "request line"
    METHOD = "method"
    TARGET = "request target"
    """Path and query as the client sent them."""
    PATH = "path"
    QUERY = "query"
    """Without the `?`."""
    MARKED_QUERY = "query with its mark"
    """`?` and the query, or nothing."""
    LOOSE_QUERY = "query, with or without its mark"
    """With or without a `?` before it and spaces around it."""
    ROUTE = "method and route"
    """`GET /pets/{id}`; `$default` is not a route."""
    PROTOCOL = "protocol"
    STATUS = "status"
    STATUS_WORDS = "status with words"
    """`200 OK`."""
    BYTES = "size"
    REFERRER = "referrer"
    AGENT = "user agent"
    PLUS_AGENT = "user agent with + for spaces"
    PERCENT_AGENT = "percent-encoded user agent"
    VHOST = "virtual host"
    SECONDS = "duration in seconds"
    MILLISECONDS = "duration in milliseconds"
    MICROSECONDS = "duration in microseconds"
    NANOSECONDS = "duration in nanoseconds"
    DURATION = "duration with its unit"
    """`12.5ms`, `1m2s`; ignored without a unit."""
    SECONDS_OR_UNIT = "duration in seconds, or with its unit"
    FRACTION_SECONDS = "duration in seconds with milliseconds"
    """`0.250`, as nginx writes them, or with a unit; a whole number is ignored: it may be in
    milliseconds."""
    UPSTREAM_FRACTION_SECONDS = "upstream duration in seconds with milliseconds"
    """The same for each upstream server."""
    CONNECT_DURATION = "connect duration with its unit"
    """Connect time of a proxy that logs it separately; added to the duration."""
    UPSTREAM_SECONDS = "upstream duration in seconds"
    """One for each upstream server tried: `0.010, 0.002 : -`."""
    UPSTREAM_MILLISECONDS = "upstream duration in milliseconds"
    UPSTREAM_NANOSECONDS = "upstream duration in nanoseconds"
    BEFORE_SECONDS = "seconds until the upstream request"
    AFTER_SECONDS = "seconds after the upstream response"


TIMES = (
    Field.EPOCH_MICROSECONDS,
    Field.EPOCH_MILLISECONDS,
    Field.EPOCH_SECONDS,
    Field.ISO_TIME,
    Field.CLF_LOCAL_TIME,
    Field.CLF_TIME,
    Field.FORMATTED_TIME,
    Field.BRACKETED_TIME,
    Field.TIME,
    Field.TIME_OF_DAY,
)
"""Fields with the time of a request, the most precise first."""

_EPOCH = r"\d{1,17}(?:\.\d{1,9})?"
_NUMBER = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
"""A JSON number (RFC 8259 section 6) without sign."""
# Only one alternative begins with a minus, so RE2 never has to follow two at a time.
_DURATION = rf"\+?{_NUMBER}|-(?:{_NUMBER})?"
_UNIT = "[a-df-zµμ][a-zµμ]*"
"""No unit begins with `e`, which begins an exponent."""
_SPAN = rf"{_NUMBER}(?:{_UNIT}(?:{_NUMBER}{_UNIT})*)?"
_WITH_UNIT = rf"\+?{_SPAN}|-(?:{_SPAN})?"
_SIZE = r"\d+(?:\.0+)?(?:[eE]\+?\d+)?"
_CLF_LOCAL = r"\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d"
_ZONE = r"(?:[+-]\d\d(?::?\d\d)?|[A-Z][A-Za-z_/+-]{0,31})"

ADDRESSES = r"[^ \t,]+(?:, *[^ \t,]+)*"
"""An address, or a list of addresses of proxies."""

USUAL_PATTERNS = {
    Field.HOST: r"[^ \t,]+",
    Field.HOST_OR_PORT: r"[^ \t,]+",
    Field.CLF_TIME: rf"{_CLF_LOCAL} [+-]\d{{4}}",
    Field.BYTES: r"\d+|-",
}
"""Patterns (RE2) of nearly all texts of a field; narrower than `FIELD_PATTERNS`."""

FIELD_PATTERNS = {
    Field.HOST: ADDRESSES,
    Field.HOST_PORT: r"[^ \t]+:\d+|-",
    Field.HOST_OR_PORT: ADDRESSES,
    Field.IDENTITY: r"[^ \t]+",
    # The common beginning of both notations stands once, so RE2 never has to follow two at a time.
    Field.CLF_TIME: r"\d\d(?:/[A-Za-z]{3}/\d{4}[: ]|\d\d-\d\d-\d\d[T ])\d\d:\d\d:\d\d"
    rf"(?:[.,]\d{{1,9}})?(?: ?{_ZONE})?",
    Field.CLF_LOCAL_TIME: rf"{_CLF_LOCAL}(?:\.\d{{1,6}})?",
    Field.ISO_TIME: r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d(?::?\d\d)?)?",
    Field.EPOCH_SECONDS: _EPOCH,
    Field.EPOCH_MILLISECONDS: _EPOCH,
    Field.EPOCH_MICROSECONDS: _EPOCH,
    Field.DATE: r"\d{4}-\d\d-\d\d",
    Field.TIME_OF_DAY: r"\d\d:\d\d:\d\d(?:\.\d{1,9})?",
    Field.MARKED_QUERY: r"(?:\?.*?)?",
    Field.STATUS: r"[1-9]\d\d|0(?:\d\d)?|-1?",
    Field.STATUS_WORDS: r"\d{3}(?: [A-Za-z' -]*)?|-1?",
    Field.BYTES: rf"\+?{_SIZE}|-(?:{_SIZE})?",
    Field.SECONDS: _DURATION,
    Field.MILLISECONDS: _DURATION,
    Field.MICROSECONDS: _DURATION,
    Field.NANOSECONDS: _DURATION,
    Field.DURATION: _WITH_UNIT,
    Field.SECONDS_OR_UNIT: _WITH_UNIT,
    Field.CONNECT_DURATION: _WITH_UNIT,
    Field.UPSTREAM_SECONDS: rf"(?:(?:{_NUMBER}|-1?)(?:(?:, | : )(?:{_NUMBER}|-1?))*)?",
    Field.UPSTREAM_MILLISECONDS: _DURATION,
    Field.UPSTREAM_NANOSECONDS: _DURATION,
    Field.BEFORE_SECONDS: _DURATION,
    Field.AFTER_SECONDS: _DURATION,
}
"""Patterns (RE2) of fields whose text does not depend on its surroundings."""

KINDS = {
    Field.CLF_TIME: Kind.CLF_TIME,
    Field.CLF_LOCAL_TIME: Kind.CLF_LOCAL_TIME,
    Field.ISO_TIME: Kind.ISO_TIME,
    Field.EPOCH_SECONDS: Kind.EPOCH_SECONDS,
    Field.EPOCH_MILLISECONDS: Kind.EPOCH_MILLISECONDS,
    Field.EPOCH_MICROSECONDS: Kind.EPOCH_MICROSECONDS,
    Field.TIME: Kind.ANY_TIME,
    Field.DATE: Kind.DATE,
    Field.TIME_OF_DAY: Kind.TIME_OF_DAY,
    Field.STATUS: Kind.STATUS,
    Field.STATUS_WORDS: Kind.STATUS_WORDS,
    Field.BYTES: Kind.SIZE,
    Field.SECONDS: Kind.DECIMAL,
    Field.MILLISECONDS: Kind.DECIMAL,
    Field.MICROSECONDS: Kind.DECIMAL,
    Field.NANOSECONDS: Kind.DECIMAL,
    Field.DURATION: Kind.DURATION,
    Field.SECONDS_OR_UNIT: Kind.DURATION_IN_SECONDS,
    Field.CONNECT_DURATION: Kind.DURATION,
    Field.UPSTREAM_SECONDS: Kind.DECIMALS,
    Field.UPSTREAM_MILLISECONDS: Kind.DECIMAL,
    Field.UPSTREAM_NANOSECONDS: Kind.DECIMAL,
    Field.BEFORE_SECONDS: Kind.DECIMAL,
    Field.AFTER_SECONDS: Kind.DECIMAL,
}
"""How compiled code parses fields; all others stay texts. It accepts what `FIELD_PATTERNS` matches,
except impossible dates and times."""

_PORTS = {
    Field.HOST: Port.MAYBE,
    Field.HOST_PORT: Port.ALWAYS,
    Field.HOST_OR_PORT: Port.MAYBE,
}


def wanted_of(field: Field, nothing: Nothing) -> Wanted:
    """Return how to parse the texts of a field; `nothing`: texts that mean "no value"."""
    return Wanted(KINDS.get(field, Kind.TEXT), nothing, _PORTS.get(field, Port.NONE))


FORMS = {
    Field.HOST_PORT: Form.HOST_AND_PORT,
    Field.IDENTITY: Form.WORD,
    Field.MARKED_QUERY: Form.MARKED,
}
"""Checks by compiled code that are equal to `FIELD_PATTERNS`, made before ports are removed."""

SINGLE = {Field.HOST: Form.SINGLE_HOST, Field.HOST_OR_PORT: Form.SINGLE_HOST}
"""Checks by compiled code that accept single hosts only; RE2 reads lists."""
