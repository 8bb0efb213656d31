r"""The common and the combined log format, decoded to record batches.

    host identity user [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512
    host identity user [...] "GET / HTTP/1.1" 200 512 "referrer" "agent"

Sources: https://httpd.apache.org/docs/2.4/logs.html#common and
https://nginx.org/en/docs/http/ngx_http_log_module.html (`combined`). Lines of both may be mixed.

Two code paths give the same records: compiled code reads unambiguous lines (`native/combined.c`);
RE2 matches the rest, and only RE2 rejects lines. Escapes (`\"`, `\x16`, `\\`) are kept as written;
bytes that are not UTF-8 become `\xHH`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.clients import hosts_of, without_quotes
from glancemetrics.formats.fields import FIELD_PATTERNS, Field
from glancemetrics.formats.log_format import UNKNOWN, Decoded, LineContext, nothing_decoded
from glancemetrics.formats.pattern import Part, PatternFormat, literal
from glancemetrics.formats.times import EARLIEST, LATEST, instants, time_fault
from glancemetrics.native.columns import column_of
from glancemetrics.native.line_decoder import REQUEST_PARTS, DecodedLines, LineDecoder
from glancemetrics.native.strings import indices_of
from glancemetrics.native.values import Kind, State, read_numbers
from glancemetrics.records.schema import SCHEMA, with_kept

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_TIME = rf"\[({FIELD_PATTERNS[Field.CLF_TIME]})\]"
_HOSTS = r"[^ ,]+(?:, *[^ ,]+)*|[^ ]+"
"""An address, a list of addresses, or any other text."""
_USER = "-|(?:[^ -]|-[^ ]).*?"
_CAREFUL_PATTERN = (
    rf"^(?P<host>{_HOSTS}) +(?P<identity>[^ ]+) +(?P<user>{_USER}) *"
    + _TIME.replace("(", "(?P<time>", 1)
    + " *"
    + _QUOTED.replace("(", "(?P<request>", 1)
    + r" +(?P<status>\d{3}|-) +(?P<bytes>\d+|-)"
    + r"(?P<tail> +"
    + _QUOTED.replace("(", "(?P<referrer>", 1)
    + " +"
    + _QUOTED.replace("(", "(?P<agent>", 1)
    + r")? *$"
)

# Created once: pyarrow takes 50 microseconds to infer the type of a plain value.
_EMPTY, _NULL = pa.scalar("", pa.string()), pa.scalar(None, pa.string())
_NOTHING = pa.array(["-", "", '""'])

_TIMED = (State.KNOWN, State.WITHOUT_ZONE)
_TYPICAL_LINE = 200
"""Bytes."""


@attrs.frozen
class CombinedFormat:
    """The common and the combined log format, mixed or not."""

    name = "combined"
    expected = "in common or combined format"
    directives = ()
    keepable = ()

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        return decode(chunk, context)

    def repaired(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode lines with a broken field, which becomes null: all records are damaged."""
        return COMBINED_PARTS.repaired(lines, context)

    def explain(self, line: bytes) -> str:
        return explain(line)


COMBINED = CombinedFormat()
COMBINED_PARTS = PatternFormat(
    "combined",
    [
        *(Part("host", Field.HOST), literal(" "), Part("identity", Field.IDENTITY), literal(" ")),
        *(Part("user", Field.USER, pattern=_USER), literal(" [")),
        *(Part("CLF time", Field.CLF_TIME), literal('] "'), Part("request line", Field.REQUEST)),
        *(literal('" '), Part("status", Field.STATUS), literal(" "), Part("size", Field.BYTES)),
        *(literal(' "'), Part("referrer", Field.REFERRER), literal('" "')),
        *(Part("user agent", Field.AGENT), literal('"')),
    ],
)
"""The same as parts: repairs broken lines and says where a line deviates."""


def decode(chunk: bytes | memoryview, context: LineContext = UNKNOWN) -> Decoded:
    """Decode a chunk of whole lines, each ended by a newline."""
    decoder = LineDecoder(len(chunk) // _TYPICAL_LINE)
    lines = decoder.decode(chunk)
    if not lines.lines:
        return nothing_decoded(context)
    rows = _Rows(
        lines.line,
        lines.time,
        lines.status,
        np.zeros(len(lines.line), np.bool_),
        lines.bytes,
        lines.no_bytes,
        lines.codes,
    )
    combined = lines.combined
    rejected = damaged = np.zeros(0, np.int32)
    if len(lines.left_line):
        matched = _match(decoder, chunk, lines, context)
        damaged = lines.left_line[matched.damaged]
        rows = rows.and_(matched.rows)
        combined += matched.combined
        rejected = lines.left_line[matched.rejected]
    if not len(rows.line):
        return nothing_decoded(context, lines.lines)
    name = "combined" if combined else "common"
    batch = with_kept(_batch(rows, decoder), context.kept)
    return Decoded(lines.lines, batch, rows.line, rejected, name, damaged)


def is_plain(chunk: bytes) -> bool:
    """Tell whether compiled code can read all lines of a chunk without RE2."""
    lines = LineDecoder(len(chunk) // _TYPICAL_LINE).decode(chunk)
    return 0 < lines.lines == len(lines.line)


@attrs.frozen(eq=False)
class _Rows:
    """Records read by one of the two code paths."""

    line: Int32s
    """The line number of each record."""
    time: Int64s
    """Microseconds since the epoch."""
    status: npt.NDArray[np.uint16]
    no_status: Bools
    bytes: Int64s
    no_bytes: Bools
    codes: dict[str, Int32s]
    """By text column, the number of each row's text in the decoder; -1 for null."""

    def and_(self, other: _Rows) -> _Rows:
        """Put records of both together, in file order."""
        order = np.argsort(np.concatenate([self.line, other.line]), kind="stable")

        def joined(ours: Any, theirs: Any) -> Any:
            return np.concatenate([ours, theirs])[order]

        return _Rows(
            joined(self.line, other.line),
            joined(self.time, other.time),
            joined(self.status, other.status),
            joined(self.no_status, other.no_status),
            joined(self.bytes, other.bytes),
            joined(self.no_bytes, other.no_bytes),
            {name: joined(codes, other.codes[name]) for name, codes in self.codes.items()},
        )


def _batch(rows: _Rows, decoder: LineDecoder) -> pa.RecordBatch:
    columns: dict[str, pa.Array] = {
        "time": column_of(rows.time).view(pa.timestamp("us", tz="UTC")),
        "status": column_of(rows.status, rows.no_status),
        "bytes": column_of(rows.bytes, rows.no_bytes),
    }
    for name, codes in rows.codes.items():
        texts = decoder.texts(name)
        if len(texts):
            columns[name] = pa.DictionaryArray.from_arrays(indices_of(codes), texts, safe=False)
    return pa.RecordBatch.from_arrays(
        [
            columns[field.name] if field.name in columns else pa.nulls(len(rows.line), field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )


@attrs.frozen(eq=False)
class _Matched:
    rows: _Rows
    combined: int
    """How many of them have a referrer and a user agent."""
    rejected: Int64s
    """Which of the remaining lines are neither common nor combined."""
    damaged: Int64s
    """Which are records with an impossible size."""


def _match(
    decoder: LineDecoder,
    chunk: bytes | memoryview,
    lines: DecodedLines,
    context: LineContext,
) -> _Matched:
    """Match the lines that compiled code did not read."""
    texts = [
        _decoded(bytes(chunk[start:end]))
        for start, end in zip(lines.left_start.tolist(), lines.left_end.tolist(), strict=True)
    ]
    matches = pc.extract_regex(pa.array(texts, pa.string()), _CAREFUL_PATTERN)
    matched = np.flatnonzero(pc.is_valid(matches).to_numpy(zero_copy_only=False))
    matches = pc.take(matches, column_of(matched))
    times, timed = instants(
        read_numbers(pc.struct_field(matches, "time"), Kind.CLF_TIME),
        context.zone,
        context.arrived,
        zone_is_explicit=context.zone_is_explicit,
    )
    timed = timed & (times >= EARLIEST) & (times <= LATEST)
    good = matched[timed]
    fields = pc.filter(matches, column_of(timed))
    plain = pc.equal(pc.struct_field(fields, "tail"), _EMPTY)

    def values(name: str) -> pa.StringArray:
        strings = pc.struct_field(fields, name)
        if name in {"referrer", "agent"}:
            strings = pc.if_else(plain, _NULL, strings)
        if name == "host":
            return hosts_of(without_quotes(strings), context.trusted)
        return pc.if_else(pc.is_in(strings, _NOTHING), _NULL, strings)

    status = pc.cast(values("status"), pa.uint16())
    sizes = read_numbers(pc.struct_field(fields, "bytes"), Kind.SIZE)
    rows = _Rows(
        lines.left_line[good],
        times[timed],
        pc.fill_null(status, 0).to_numpy(),
        pc.is_null(status).to_numpy(zero_copy_only=False),
        np.where(sizes.known, sizes.values, 0),
        ~sizes.known,
        {
            **{
                name: decoder.enter(name, values(name))
                for name in lines.codes
                if name not in REQUEST_PARTS
            },
            **decoder.split(values("request")),
        },
    )
    rejected = np.setdiff1d(np.arange(len(texts)), good, assume_unique=True)
    damaged = good[sizes.states >= State.WRONG]
    return _Matched(rows, len(good) - plain.true_count, rejected, damaged)


def _decoded(line: bytes) -> str:
    return line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")


def explain(line: bytes) -> str:
    """Explain in one clause why a line is neither common nor combined."""
    text = _decoded(line)
    if not text.strip():
        return "the line is empty"
    time = re.search(_TIME, text)
    if time is None:
        return "no time such as [17/May/2015:10:05:03 +0000]"
    if read_numbers(pa.array([time[1]]), Kind.CLF_TIME).states[0] not in _TIMED:
        return time_fault(time[1])
    if not re.fullmatch(rf"(?:{_HOSTS}) +[^ ]+ +(?:{_USER}) *", text[: time.start()]):
        return "expected host, identity and user before the time, separated by spaces"
    for pattern, reason in _EXPECTED_AFTER_TIME:
        match = re.match(pattern, text[time.end() :])
        if match is None:
            return reason
    return "unexpected text at the end of the line"


def _expectations() -> Iterable[tuple[str, str]]:
    request = f" *{_QUOTED}"
    yield ' *"', "no request in double quotes after the time"
    yield request, "the quote around the request is not closed"
    yield rf"{request} +(?:[0-9]{{3}}|-)(?: |$)", "the status after the request is not three digits"
    size = rf"{request} +(?:[0-9]{{3}}|-) +(?:[0-9]+|-)"
    yield rf"{size}(?: |$)", "the size after the status is not a number"
    yield rf"{size} *$|{size} +{_QUOTED}", "the referrer after the size is not in double quotes"
    yield (
        rf"{size} *$|{size} +{_QUOTED} +{_QUOTED}",
        "the user agent after the referrer is not in double quotes",
    )


_EXPECTED_AFTER_TIME = tuple(_expectations())
