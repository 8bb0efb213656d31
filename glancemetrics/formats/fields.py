"""What the fields of a line mean.

Every format that is not decoded by a decoder of its own names its fields with these words, so that
the same text means the same in each. How columns of them become records: `record_columns.py`.
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
    """`X-Forwarded-For`: the client, and the proxies that it came through, but for the last."""
    FORWARDED = "forwarded"
    """The same as RFC 7239 writes it."""
    IDENTITY = "identity"
    USER = "user"
    CLF_TIME = "CLF time"
    """`17/May/2015:10:05:03 +0000`; also with a fraction, a space for the colon, a zone that is
    named or missing; or as ISO 8601 has it."""
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
    """Or a part of it: all parts of a line together are a time."""
    DATE = "date"
    """`2015-05-17`."""
    TIME_OF_DAY = "time of day"
    """`10:05:03`."""
    REQUEST = "request line"
    METHOD = "method"
    TARGET = "request target"
    """Path and query, as the client wrote them."""
    PATH = "path"
    QUERY = "query"
    """Without the `?`."""
    MARKED_QUERY = "query with its mark"
    """`?` and the query, or nothing."""
    LOOSE_QUERY = "query, with or without its mark"
    """With or without `?` before it and blanks around it."""
    ROUTE = "method and route"
    """`GET /pets/{id}`; `$default` is none."""
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
    """`12.5ms`, `1m2s`; without a unit it is not known."""
    SECONDS_OR_UNIT = "duration in seconds, or with its unit"
    FRACTION_SECONDS = "duration in seconds with milliseconds"
    """`0.250`, as nginx writes them, or with a unit; a whole number is not known: it may be in
    milliseconds."""
    UPSTREAM_FRACTION_SECONDS = "upstream duration in seconds with milliseconds"
    """The same of each upstream that was asked."""
    CONNECT_DURATION = "duration with its unit, before the other"
    """Of a proxy that measures apart how long it took to connect."""
    UPSTREAM_SECONDS = "upstream duration in seconds"
    """Of each upstream that was asked: `0.010, 0.002 : -`."""
    UPSTREAM_MILLISECONDS = "upstream duration in milliseconds"
    UPSTREAM_NANOSECONDS = "upstream duration in nanoseconds"
    BEFORE_SECONDS = "seconds until the upstream was asked"
    AFTER_SECONDS = "seconds after the upstream had answered"


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
"""What may say when, the most exact first."""

_EPOCH = r"\d{1,17}(?:\.\d{1,9})?"
_NUMBER = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
"""As JSON has it (RFC 8259 section 6), but for its sign."""
# A minus begins one alternative only: so RE2 never has to look at two at a time.
_DURATION = rf"\+?{_NUMBER}|-(?:{_NUMBER})?"
_UNIT = "[a-df-zµμ][a-zµμ]*"
"""None begins with the e of an exponent."""
_SPAN = rf"{_NUMBER}(?:{_UNIT}(?:{_NUMBER}{_UNIT})*)?"
_WITH_UNIT = rf"\+?{_SPAN}|-(?:{_SPAN})?"
_SIZE = r"\d+(?:\.0+)?(?:[eE]\+?\d+)?"
_CLF_LOCAL = r"\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d"
_ZONE = r"(?:[+-]\d\d(?::?\d\d)?|[A-Z][A-Za-z_/+-]{0,31})"

ADDRESSES = r"[^ \t,]+(?:, *[^ \t,]+)*"
"""An address, or a list of those of proxies."""

USUAL_PATTERNS = {
    Field.HOST: r"[^ \t,]+",
    Field.HOST_OR_PORT: r"[^ \t,]+",
    Field.CLF_TIME: rf"{_CLF_LOCAL} [+-]\d{{4}}",
    Field.BYTES: r"\d+|-",
}
"""What nearly all texts of a field look like, of those that `FIELD_PATTERNS` has."""

FIELD_PATTERNS = {
    Field.HOST: ADDRESSES,
    Field.HOST_PORT: r"[^ \t]+:\d+|-",
    Field.HOST_OR_PORT: ADDRESSES,
    Field.IDENTITY: r"[^ \t]+",
    # What both notations begin with stands once: so RE2 never has to look at two at a time.
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
"""What the text of a field looks like (RE2), if that does not depend on what is around it."""

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
"""What compiled code reads texts as; all others stay texts. It takes what `FIELD_PATTERNS` matches,
but for times that no calendar has."""

_PORTS = {
    Field.HOST: Port.MAYBE,
    Field.HOST_PORT: Port.ALWAYS,
    Field.HOST_OR_PORT: Port.MAYBE,
}


def wanted_of(field: Field, nothing: Nothing) -> Wanted:
    """Return what is to be made of the texts of a field, of which some say that there is none."""
    return Wanted(KINDS.get(field, Kind.TEXT), nothing, _PORTS.get(field, Port.NONE))


FORMS = {
    Field.HOST_PORT: Form.HOST_AND_PORT,
    Field.IDENTITY: Form.WORD,
    Field.MARKED_QUERY: Form.MARKED,
}
"""What compiled code checks of texts that `FIELD_PATTERNS` has, before it takes off ports."""

SINGLE = {Field.HOST: Form.SINGLE_HOST, Field.HOST_OR_PORT: Form.SINGLE_HOST}
"""What it takes of the texts of others: most are no lists."""
