"""What the fields of a line mean, and how columns of their texts become records.

Every format that is not decoded by a decoder of its own ends here, so that the same text means the
same in each: `-` is nothing, durations become seconds, times become UTC.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.formats.clf_time import (
    DATE_LENGTH,
    local_seconds,
    zone_offset_seconds,
)
from glancemetrics.native.line_decoder import LineDecoder
from glancemetrics.native.strings import codes_of, compacted, indices_of
from glancemetrics.records import SCHEMA

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


class Field(enum.Enum):
    """What a field of a line is."""

    HOST = "host"
    IDENTITY = "identity"
    USER = "user"
    CLF_TIME = "CLF time"
    """`17/May/2015:10:05:03 +0000`."""
    ISO_TIME = "ISO time"
    """RFC 3339: `2015-05-17T10:05:03.25+00:00`."""
    EPOCH_SECONDS = "seconds since the epoch"
    """With or without a fraction."""
    EPOCH_MILLISECONDS = "milliseconds since the epoch"
    EPOCH_MICROSECONDS = "microseconds since the epoch"
    REQUEST = "request line"
    METHOD = "method"
    TARGET = "request target"
    """Path and query, as the client wrote them."""
    PATH = "path"
    QUERY = "query"
    """Without the `?`."""
    MARKED_QUERY = "query with its mark"
    """`?` and the query, or nothing."""
    PROTOCOL = "protocol"
    STATUS = "status"
    BYTES = "size"
    REFERRER = "referrer"
    AGENT = "user agent"
    VHOST = "virtual host"
    SECONDS = "duration in seconds"
    MILLISECONDS = "duration in milliseconds"
    MICROSECONDS = "duration in microseconds"
    UPSTREAM_SECONDS = "upstream duration in seconds"
    """Of each upstream that was asked: `0.010, 0.002 : -`."""


TIMES = (
    Field.EPOCH_MICROSECONDS,
    Field.EPOCH_MILLISECONDS,
    Field.EPOCH_SECONDS,
    Field.ISO_TIME,
    Field.CLF_TIME,
)
"""What may say when, the most exact first."""

_TEXTS = {
    Field.HOST: "host",
    Field.IDENTITY: "identity",
    Field.USER: "user",
    Field.REFERRER: "referrer",
    Field.AGENT: "agent",
    Field.VHOST: "vhost",
}
_DURATIONS = {Field.SECONDS: 1.0, Field.MILLISECONDS: 1e-3, Field.MICROSECONDS: 1e-6}
_MICROS = {
    Field.EPOCH_SECONDS: 1_000_000,
    Field.EPOCH_MILLISECONDS: 1000,
    Field.EPOCH_MICROSECONDS: 1,
}
_LATEST = 253_402_300_800 * 1_000_000
"""Microseconds of the year 10000: what is later is no time."""
_REQUEST_PARTS = (
    *(Field.METHOD, Field.TARGET, Field.PATH, Field.QUERY, Field.MARKED_QUERY, Field.PROTOCOL),
)
_NULL = pa.scalar(None, pa.string())


@attrs.frozen(eq=False)
class Texts:
    """The texts of a field: by row the number of one of some distinct texts."""

    codes: Int32s
    distinct: pa.StringArray

    @classmethod
    def of(cls, codes: Int32s, texts: pa.StringArray) -> Texts:
        """Number texts by code, without those that no row has."""
        compact, which = compacted(codes, len(texts))
        return cls(compact, texts.take(pa.array(which)))

    def each(self, values: pa.Array) -> pa.Array:
        """Return values of the distinct texts, by row."""
        return values.take(pa.array(self.codes))

    def known(self) -> Texts:
        """Return them without `-`, by which servers say that there is none; its code is then -1."""
        there = pc.not_equal(self.distinct, "-").to_numpy(zero_copy_only=False)
        if there.all():
            return self
        numbers = np.where(there, np.arange(len(there), dtype=np.int32), np.int32(-1))
        return Texts.of(numbers[self.codes], self.distinct)

    def column(self) -> pa.DictionaryArray:
        """Return them as a column; null for code -1."""
        indices = indices_of(self.codes)
        return pa.DictionaryArray.from_arrays(indices, self.distinct, safe=False)


def records_of(columns: Mapping[Field, Texts], rows: int) -> tuple[pa.RecordBatch, Bools]:
    """Make records of columns of text, one of which is a time.

    Returns a batch of `records.SCHEMA` with those rows whose time is one, and which these are.
    """
    micros, timed = _times(columns)
    if not timed.all():
        columns = {f: Texts.of(texts.codes[timed], texts.distinct) for f, texts in columns.items()}
        micros, rows = micros[timed], int(np.count_nonzero(timed))
    made = {"time": pa.array(micros).view(pa.timestamp("us", tz="UTC"))}
    made |= _request_columns(columns)
    for field, texts in columns.items():
        if field in _TEXTS:
            made[_TEXTS[field]] = texts.known().column()
        elif field is Field.STATUS:
            made["status"] = texts.each(_known(texts.distinct).cast(pa.uint16()))
        elif field is Field.BYTES:
            made["bytes"] = texts.each(_known(texts.distinct).cast(pa.int64()))
        elif field in _DURATIONS:
            seconds = _known(texts.distinct).cast(pa.float64())
            made["duration"] = texts.each(pc.multiply(seconds, _DURATIONS[field]))
        elif field is Field.UPSTREAM_SECONDS:
            sums = [_summed(text) for text in texts.distinct.to_pylist()]
            made["upstream_duration"] = texts.each(pa.array(sums, pa.float64()))
    columns_made = [made.get(field.name, pa.nulls(rows, field.type)) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(columns_made, schema=SCHEMA), timed


def _times(columns: Mapping[Field, Texts]) -> tuple[Int64s, Bools]:
    """Return microseconds since the epoch, and which texts are a time."""
    field = next(field for field in TIMES if field in columns)
    codes, distinct = columns[field].codes, columns[field].distinct
    match field:
        case Field.CLF_TIME:
            seconds, dated = local_seconds(distinct)
            zones = pc.utf8_slice_codeunits(distinct, DATE_LENGTH + 1)
            offsets, zoned = zone_offset_seconds(zones)
            micros, good = (seconds - offsets) * 1_000_000, dated & zoned
        case Field.ISO_TIME:
            read = [_iso_micros(text) for text in distinct.to_pylist()]
            good = np.array([one is not None for one in read], np.bool_)
            micros = np.array([one or 0 for one in read], np.int64)
        case _:
            exact = distinct.cast(pa.float64()).to_numpy() * _MICROS[field]
            good = np.abs(exact) < _LATEST
            micros = np.rint(np.where(good, exact, 0)).astype(np.int64)
    return micros[codes], good[codes]


def _iso_micros(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _request_columns(columns: Mapping[Field, Texts]) -> dict[str, pa.Array]:
    """Take requests apart, be they given as a line or in parts."""
    absent: set[str] = set()
    if Field.REQUEST in columns:
        requests = columns[Field.REQUEST]
    else:
        parts = {field: columns[field] for field in _REQUEST_PARTS if field in columns}
        if Field.TARGET not in parts and Field.PATH not in parts:
            return {}
        lines = _request_lines({field: t.each(t.distinct) for field, t in parts.items()})
        encoded = lines.dictionary_encode()
        requests = Texts(codes_of(encoded), encoded.dictionary)
        given = {Field.METHOD: "method", Field.PROTOCOL: "protocol"}
        absent = {name for field, name in given.items() if field not in parts}
    requests = requests.known()
    decoder = LineDecoder()
    made = {}
    for name, numbers in decoder.split(requests.distinct).items():
        texts = decoder.texts(name)
        if len(texts) and name not in absent:
            # The last one is for rows without a request.
            made[name] = Texts(np.append(numbers, np.int32(-1))[requests.codes], texts).column()
    return made


def _request_lines(parts: Mapping[Field, pa.StringArray]) -> pa.StringArray:
    """Put request lines together; what is not known of them is made up, and dropped again."""
    if Field.TARGET in parts:
        target = parts[Field.TARGET]
    else:
        target = parts[Field.PATH]
        marked = parts.get(Field.MARKED_QUERY)
        if Field.QUERY in parts:
            query = parts[Field.QUERY]
            none = pc.is_in(query, pa.array(["", "-"]))
            marked = pc.if_else(none, "", pc.binary_join_element_wise("?", query, ""))
        if marked is not None:
            target = pc.binary_join_element_wise(target, marked, "")
    lines = pc.binary_join_element_wise(
        parts.get(Field.METHOD, pa.scalar("GET")),
        target,
        parts.get(Field.PROTOCOL, pa.scalar("HTTP/1.1")),
        " ",
    )
    return pc.if_else(pc.equal(target, "-"), "-", lines)


def _known(strings: pa.StringArray) -> pa.StringArray:
    """Return texts with null where they are `-`, by which servers say that there is none."""
    return pc.if_else(pc.equal(strings, "-"), _NULL, strings)


def _summed(durations: str) -> float | None:
    """Add up what several upstreams took, one after the other.

    Source: https://nginx.org/en/docs/http/ngx_http_upstream_module.html
    (`$upstream_response_time`: commas between servers, colons between groups of servers).
    """
    times = re.findall(r"\d+(?:\.\d+)?", durations)
    return sum(map(float, times)) if times else None
