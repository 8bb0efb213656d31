"""The W3C extended log file format, written by IIS, CloudFront and others.

Lines beginning with `#` are directives for the lines after them: `#Fields: date time c-ip ...`.
Source: https://www.w3.org/TR/WD-logfile.html; for IIS
https://learn.microsoft.com/en-us/windows/win32/http/w3c-logging, and for CloudFront
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from datetime import UTC

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.fields import FIELD_PATTERNS, Field
from glancemetrics.formats.lines import lines_of
from glancemetrics.formats.log_format import (
    UNKNOWN,
    Decoded,
    LineContext,
    joined,
    nothing_decoded,
)
from glancemetrics.formats.noise import NOISE
from glancemetrics.formats.pattern import CELL, VALUE, Part, PatternFormat, literal
from glancemetrics.native.values import Kind, State, read_numbers

Int32s = npt.NDArray[np.int32]

_FIELDS = {
    "date": Field.DATE,
    "date-local": Field.DATE,
    "time": Field.TIME_OF_DAY,
    "time-local": Field.TIME_OF_DAY,
    "c-ip": Field.HOST,
    "cs-username": Field.USER,
    "cs-method": Field.METHOD,
    "cs-uri": Field.TARGET,
    "cs-uri-stem": Field.PATH,
    "cs-uri-query": Field.QUERY,
    "cs-version": Field.PROTOCOL,
    "cs-protocol-version": Field.PROTOCOL,
    "sc-status": Field.STATUS,
    "sc-bytes": Field.BYTES,
    "bytes": Field.BYTES,
    "cs(referer)": Field.REFERRER,
    "cs(user-agent)": Field.PLUS_AGENT,
    "cs(host)": Field.VHOST,
    "cs-host": Field.VHOST,
    "x-host-header": Field.VHOST,
    "cs(x-forwarded-for)": Field.FORWARDED_FOR,
    "x-forwarded-for": Field.FORWARDED_FOR,
    "timetakenms": Field.MILLISECONDS,
    "time-taken": Field.SECONDS,
}
_LOCAL = {"date-local", "time-local"}
_IIS_MARKS = {"sc-win32-status", "sc-substatus", "s-sitename", "s-computername"}
CLOUDFRONT_MARK = "x-edge-location"

_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(?:%\w+)?)"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::\d+)?"
_FORMS = {
    **dict.fromkeys(("c-ip", "s-ip"), rf"{_ADDRESS}|-"),
    "cs-method": r"[A-Z][A-Z_-]*|-",
    "cs-uri-stem": r"[/*]\S*|-",
    "s-port": r"\d{1,5}|-",
    "s-sitename": r"W3SVC\d+|-",
    "s-computername": r"[A-Za-z0-9_-]+",
    **dict.fromkeys(("cs-version", "cs-protocol-version"), r"HTTP/\d(?:\.\d)?|-"),
    "cs-protocol": "https?|wss?|-",
    **dict.fromkeys(("cs-host", "cs(Host)", "x-host-header"), rf"{_NAME}|-"),
    # Some agents are a single name; a host or a number is not an agent.
    "cs(User-Agent)": r"-|\S*[/+(%]\S*|[A-Za-z]+",
    "cs(Referer)": r"-|[A-Za-z][A-Za-z0-9+.-]*:\S*",
    "sc-status": r"[1-9]\d\d|0(?:00)?|-",
    "sc-substatus": r"\d{1,3}|-",
    "sc-win32-status": r"\d{1,10}|-",
    **dict.fromkeys(("sc-bytes", "cs-bytes", "sc-content-len"), r"\d+|-"),
    "time-taken": r"\d+(?:\.\d+)?|-",
    "time-to-first-byte": r"\d+(?:\.\d+)?|-",
    "x-edge-location": r"[A-Z]{3}\d+(?:-[A-Z0-9]+)*",
    "c-port": r"\d{1,5}|-",
    **dict.fromkeys(("sc-range-start", "sc-range-end"), r"\d+|-"),
    "ssl-protocol": r"(?:TLS|SSL)v[\d.]+|-",
    **dict.fromkeys(
        ("x-edge-result-type", "x-edge-response-result-type", "x-edge-detailed-result-type"),
        r"[A-Z][A-Za-z]+|-",
    ),
}
"""Patterns of values, for lines without a #Fields directive: each value must match the pattern of
its field. Values of other fields may be anything."""
_FREE = (Field.PLUS_AGENT, Field.PERCENT_AGENT, Field.REFERRER)
_DATED = re.compile(rb"^\d{4}-\d\d-\d\d[ \t]\d\d:", re.MULTILINE)
_FIRST_LINES = 64
"""Lines examined in a log without a header."""
_HEADERLESS = (
    r"^\d{4}-\d\d-\d\d[ \t]\d\d:\d\d:\d\d[ \t](?:[^ \t]+[ \t])*"
    r"(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|PROPFIND)[ \t]+/"
)

_TYPED = frozenset(FIELD_PATTERNS) - {Field.HOST}

NO_FIELDS = (
    "looks like a W3C log without its #Fields line; add it: --format '#Fields: date time ...'"
)
"""The reason for rejecting lines whose fields are ambiguous."""

_FIELDS_DIRECTIVE = b"#Fields:"
_DATE_DIRECTIVE = b"#Date:"
_SOFTWARE_DIRECTIVE = b"#Software:"


@attrs.frozen
class W3cFormat:
    """The W3C extended log file format."""

    name: str
    orders: tuple[str, ...] = ()
    """The fields of lines without a #Fields directive; of several orders the first match counts."""
    of_cloudfront: bool = False
    """Whether it is CloudFront's variant, with its own fields."""
    is_given: bool = False
    """Whether the fields come from `--format`; otherwise all values must match their patterns."""

    directives = (_FIELDS_DIRECTIVE, _DATE_DIRECTIVE, _SOFTWARE_DIRECTIVE)

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in the haproxy format`."""
        return f"in the {self.name} format (W3C extended)"

    @property
    def keepable(self) -> tuple[str, ...] | None:
        """Names of fields that it can keep; `None`: any that directives name."""
        return tuple(self.orders[0].split()) if self.is_given else None

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        lines = lines_of(chunk)
        numbers = np.arange(len(lines), dtype=np.int32)
        parts: list[tuple[Decoded, Int32s]] = []
        rejected: list[Int32s] = []
        header = _header(context.directives.decode("utf-8", "backslashreplace"))
        at = 0
        for stop in [*_directive_lines(lines), len(lines)]:
            if stop > at:
                within = numbers[at:stop]
                decoded = self._decode_lines(lines[at:stop], header, context)
                parts.append((decoded, within))
                rejected.append(within[decoded.rejected])
            if stop < len(lines):
                header = _header(lines[stop].as_py(), header)
            at = stop + 1
        none = np.zeros(0, np.int32)
        made = joined(len(lines), parts, np.concatenate([none, *rejected]), context)
        return attrs.evolve(made, format=self.name if made.batch.num_rows else None)

    def may_explain(self, chunk: bytes) -> bool:
        """Check quickly whether any line may be a request."""
        # Lines with a #Fields directive may begin with any field; others begin with a date.
        return b"#" in chunk or _DATED.search(chunk) is not None

    def explain(self, line: bytes) -> str:
        """Explain in one clause why a line was rejected."""
        if not line.strip():
            return "the line is empty"
        return (
            "its values do not match the #Fields directive before it "
            f"(without one, the default fields of {self.name})"
        )

    def _formats(self, header: _Header, lines: pa.StringArray) -> list[PatternFormat]:
        """Return the possible formats of lines, from the header and the first lines."""
        few = lines.slice(0, _FIRST_LINES)
        plain = pc.filter(few, pc.invert(pc.match_substring_regex(few, NOISE))).to_pylist()
        first = plain[0] if plain else ""
        separator = "\t" if "\t" in first else " "
        wanted: Sequence[str] = [header.fields]
        if not header.fields:
            # By the number of values; quoted values may have several words.
            values = first.count(separator) + 1
            wanted = [one for one in self.orders if len(one.split()) == values] or self.orders
        if not header.fields and not self.is_given:
            wanted = [one for one in wanted if _look_like(one, separator, plain)]
        made = (
            _format(fields, separator, header.in_milliseconds)
            for fields in wanted
            if (CLOUDFRONT_MARK in fields.split()) == self.of_cloudfront
        )
        return [one for one in made if one is not None]

    def _repaired(
        self,
        lines: pa.StringArray,
        decoded: Decoded,
        header: _Header,
        context: LineContext,
    ) -> Decoded:
        """Decode rejected lines without their broken fields."""
        broken = decoded.rejected
        (log_format,) = self._formats(header, lines.slice(int(decoded.line[0]), 1))
        repaired = log_format.repaired(pc.take(lines, pa.array(broken)), context)
        every = np.arange(len(lines), dtype=np.int32)
        parts = [(decoded, every), (repaired, broken)]
        return joined(len(lines), parts, broken[repaired.rejected], context)

    def _decode_lines(
        self, lines: pa.StringArray, header: _Header, context: LineContext
    ) -> Decoded:
        """Decode lines without directives in between."""
        context = attrs.evolve(context, day=header.day)
        best: Decoded | None = None
        for log_format in self._formats(header, lines):
            # Dates and times are UTC, unless their field names say local.
            is_local = any(part.text.lower() in _LOCAL for part in log_format.parts)
            zone = context.zone if is_local else UTC
            decoded = log_format.decode_lines(lines, attrs.evolve(context, zone=zone))
            if best is None or decoded.batch.num_rows > best.batch.num_rows:
                best = decoded
            if not best.rejects:
                break
        if best is None:
            best = nothing_decoded(context, len(lines))
        if not best.rejects:
            return best
        if context.repairs and best.batch.num_rows and header.fields:
            best = self._repaired(lines, best, header, context)
        blank = pc.match_substring_regex(pc.take(lines, pa.array(best.rejected)), r"^\s*$")
        return attrs.evolve(best, rejected=best.rejected[~blank.to_numpy(zero_copy_only=False)])


def is_headerless(line: str) -> bool:
    """Tell whether a line may come from a W3C log without a `#Fields` line."""
    return re.match(_HEADERLESS, line) is not None


def _look_like(fields: str, separator: str, lines: Sequence[str]) -> bool:
    """Tell whether all values of most lines match the patterns of their fields."""
    strict = _strict(fields, separator)
    fitting = sum(strict.fullmatch(line.rstrip("\r\n ")) is not None for line in lines)
    return 2 * fitting >= len(lines)


@functools.lru_cache(maxsize=64)
def _strict(fields: str, separator: str) -> re.Pattern[str]:
    """Return a pattern of lines in which every value matches the pattern of its field."""
    patterns = []
    for name in fields.split():
        field = _FIELDS.get(name.lower())
        # Texts between tabs are unambiguous and may be anything.
        is_free = separator == "\t" and field in _FREE
        pattern = CELL if separator == "\t" else VALUE
        if field in FIELD_PATTERNS and field in _TYPED:
            pattern = FIELD_PATTERNS[field]
        if not is_free:
            pattern = _FORMS.get(name, pattern)
        patterns.append(f"(?:{pattern})")
    return re.compile(separator.join(patterns))


@attrs.frozen
class _Header:
    """The directives in effect."""

    fields: str
    day: int | None
    """The day of times without a date: its beginning, microseconds since the epoch."""
    in_milliseconds: bool = False
    """Whether `time-taken` is in milliseconds (Microsoft's servers)."""


_NO_HEADER = _Header("", None)


def _header(directives: str, before: _Header = _NO_HEADER) -> _Header:
    header = before
    for line in directives.split("\n"):
        directive, _, value = line.partition(":")
        match directive:
            case "#Fields":
                header = attrs.evolve(header, fields=" ".join(value.split()))
            case "#Date":
                date = read_numbers(pa.array([value[:11].strip()]), Kind.DATE)
                known = date.states[0] != State.WRONG
                header = attrs.evolve(header, day=int(date.values[0]) if known else None)
            case "#Software":
                header = attrs.evolve(header, in_milliseconds="Microsoft" in value)
    return header


def _directive_lines(lines: pa.StringArray) -> list[int]:
    directives: list[int] = np.flatnonzero(pc.starts_with(lines, "#")).tolist()
    return directives


@functools.lru_cache(maxsize=64)
def _format(fields: str, separator: str, in_milliseconds: bool) -> PatternFormat | None:
    names = fields.split()
    lower = {name.lower() for name in names}
    if not lower & {"time", "time-local"}:
        return None
    parts: list[Part] = []
    for name in names:
        field = _FIELDS.get(name.lower())
        if field is Field.SECONDS and (in_milliseconds or lower & _IIS_MARKS):
            field = Field.MILLISECONDS
        if field is Field.PLUS_AGENT and CLOUDFRONT_MARK in lower:
            field = Field.PERCENT_AGENT
        if field is Field.VHOST and name.lower() == "cs(host)" and "x-host-header" in lower:
            field = None  # the name of the distribution itself
        if parts:
            parts.append(literal(separator))
        if field in _TYPED:
            parts.append(Part(name, field, name=name))
        else:
            pattern = VALUE if separator == " " else CELL
            parts.append(Part(name, field, pattern=pattern, may_be_quoted=True, name=name))
    return PatternFormat("W3C extended", parts)


IIS_ORDERS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) "
    "cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) "
    "sc-status sc-substatus sc-win32-status time-taken",
    "date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
    "cs(User-Agent) sc-status sc-substatus sc-win32-status",
    "date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port "
    "cs-username c-ip cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status "
    "sc-substatus sc-win32-status sc-bytes cs-bytes time-taken",
)
"""The default fields of IIS 8, 7 and 6, and all available fields."""

_CLOUDFRONT = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header "
    "cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher "
    "x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields"
)
CLOUDFRONT_ORDERS = (
    f"{_CLOUDFRONT} c-port time-to-first-byte x-edge-detailed-result-type sc-content-type "
    "sc-content-len sc-range-start sc-range-end",
    _CLOUDFRONT,
)
"""The fields of CloudFront since December 2019, and before."""
