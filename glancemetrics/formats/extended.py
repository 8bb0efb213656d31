"""Common and combined formats with extra fields before, between and after the usual ones.

Extra fields are recognised by their values and labels in a sample of lines. Ambiguous fields are
ignored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import attrs
import pyarrow as pa

from glancemetrics.formats.clients import is_private
from glancemetrics.formats.fields import FIELD_PATTERNS, Field
from glancemetrics.formats.log_format import DurationUnit
from glancemetrics.formats.pattern import SINGLE_WORD, WORD, Part, PatternFormat, literal

_WORD = r'(?:\[[0-9A-Fa-f:.]*::[0-9A-Fa-f:.]*\](?::\d+)?|\[[0-9A-Fa-f:.]+\]:\d+|[^ ,"\[]+)'
_TOKEN = re.compile(
    r"(?P<gap> *)(?:(?P<label>[A-Za-z_][\w.-]*)=(?!=))?"
    rf'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>{_WORD}(?:(?:, *| : ){_WORD})*)'
    r"|\[(?P<bracketed>[^\]]*)\])"
)
_TIME = re.compile(FIELD_PATTERNS[Field.CLF_TIME])
_REQUEST = re.compile(r"[A-Za-z]+ \S.* HTTP/\d(?:\.\d)?")
_PORT = r"(?::\d+)?"
_IP = r"(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
_ADDRESS = re.compile(rf"(?:{_IP}|unknown)(?:, *(?:{_IP}|unknown))*")
_HOP = rf"(?:(?:\d{{1,3}}\.){{3}}\d{{1,3}}{_PORT}|{_IP}|\[[0-9A-Fa-f:.]+\]{_PORT}|unknown)"
_HOPS = re.compile(rf"{_HOP}(?:, *{_HOP})*")
_DECIMALS = re.compile(r"(?:\d+\.\d+|-)(?:(?:, | : )(?:\d+\.\d+|-))*")
_WITH_UNIT = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+")
_WHOLE = re.compile(r"\d+")
_STATUS = re.compile(r"\d{3}")
_HOST_NAME = re.compile(
    r"(?:(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]+|(?:\d{1,3}\.){3}\d{1,3}|localhost)(?::\d+)?|_"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*|/.*|about:.*")
_AGENT = re.compile(r"[A-Za-z][\w .+-]*/v?\d.*|.*(?:Mozilla|bot|Bot|crawl|spider|\().*")

_MOST_LINES = 200
_MOST_BEFORE = 6
"""Maximum fields before the time."""
_LEAST_SHARE = 0.5
"""Minimum share of the extended lines that must have the same shape."""

_SECONDS = ("rt request_time req_time reqtime rtime response_time resp_time duration took elapsed "
    "time latency total_time")  # fmt: skip
_UPSTREAM = ("urt upstream_response_time upstream_time upstream_rt ut uresp upstream_response "
    "ups_resp_time")  # fmt: skip
_NAMES: dict[Field, frozenset[str]] = {
    field: frozenset(names.split())
    for field, names in (
        (Field.SECONDS, _SECONDS),
        (Field.UPSTREAM_SECONDS, _UPSTREAM),
        (Field.STATUS, "status st"),
        (Field.BYTES, "size bytes body_bytes_sent bytes_sent"),
        (Field.VHOST, "host vhost server_name http_host sn domain"),
        (Field.FORWARDED_FOR, "xff x_forwarded_for x-forwarded-for forwarded_for "
            "http_x_forwarded_for"),
        (Field.AGENT, "ua agent user_agent user-agent useragent http_user_agent"),
        (Field.REFERRER, "ref referer referrer http_referer http_referrer"),
    )
}  # fmt: skip
"""Usual labels of fields (`label=value`), in lower case."""
_IN_MILLISECONDS = frozenset(f"{name}_ms" for name in _SECONDS.split())
_IN_MICROSECONDS = frozenset(f"{name}_us" for name in _SECONDS.split())
_UNITS = {
    DurationUnit.SECONDS: Field.SECONDS,
    DurationUnit.MILLISECONDS: Field.MILLISECONDS,
    DurationUnit.MICROSECONDS: Field.MICROSECONDS,
}
UNIT_HINT = "a number may be a duration but has no unit; set it: --duration-unit us, ms or s"


@attrs.frozen
class _Token:
    """A word, or a text in quotes or brackets; it may have a label before it."""

    text: str
    opening: str
    label: str
    gap: str
    """The spaces before it."""

    @property
    def shape(self) -> tuple[str, str]:
        return self.opening, self.label


@attrs.frozen
class _Line:
    """A common or combined line with extra fields."""

    before: tuple[_Token, ...]
    time: _Token
    between: tuple[_Token, ...]
    request: _Token
    after: tuple[_Token, ...]

    @property
    def shape(self) -> tuple[object, ...]:
        shapes = (token.shape for token in (*self.between, self.request, *self.after))
        return len(self.before), len(self.between), *shapes

    @property
    def is_usual(self) -> bool:
        """Whether it is plain common or combined."""
        openings = [token.opening + token.label for token in self.after]
        return (
            len(self.before) == 3
            and not self.between
            and openings in (["", ""], ["", "", '"', '"'])
            and (self.after[1].text == "-" or _WHOLE.fullmatch(self.after[1].text) is not None)
        )

    @property
    def is_loose(self) -> bool:
        """Whether fields are separated by anything but exactly one space."""
        tokens = (*self.before, self.time, *self.between, self.request, *self.after)
        return any(token.gap != " " for token in tokens[1:])


@attrs.define
class _Column:
    """One field of several lines."""

    texts: Sequence[str]
    opening: str
    label: str
    field: Field | None = None
    name: str = ""

    @property
    def known(self) -> list[str]:
        return [text for text in self.texts if text not in ("-", "")]

    def all_are(self, pattern: re.Pattern[str]) -> bool:
        known = self.known
        return bool(known) and all(map(pattern.fullmatch, known))

    def share(self, pattern: re.Pattern[str]) -> float:
        known = self.known
        return sum(map(bool, map(pattern.fullmatch, known))) / len(known) if known else 0.0


def extended_combined(
    lines: pa.StringArray, unit: DurationUnit | None = None
) -> PatternFormat | None:
    """Infer a format from common or combined lines with extra fields; `None` if too few match.

    `unit`: the unit of a whole number that may be a duration.
    """
    texts = [text.rstrip("\r\n ") for text in lines.slice(0, _MOST_LINES).to_pylist()]
    tokens = [made for made in map(_tokens, texts) if made]
    labels = Counter(label for made in tokens for label in {token.label for token in made})
    # A label that only a few lines have is part of the value.
    named = {label for label, count in labels.items() if label and 2 * count >= len(tokens)}
    found = [line for made in tokens if (line := _line(_relabelled(made, named))) is not None]
    shapes: dict[tuple[object, ...], list[_Line]] = {}
    for line in found:
        shapes.setdefault(line.shape, []).append(line)
    if not shapes:
        return None
    alike = max(shapes.values(), key=len)
    if any(line.is_usual for line in alike) or len(alike) < _LEAST_SHARE * len(found):
        return None
    before = _before([[token.text for token in line.before] for line in alike])
    if before is None:
        return None
    between = _columns([line.between for line in alike])
    after = _columns([line.after for line in alike])
    if not _find_status_and_size(after):
        return None
    taken = {column.field for column in before}
    _find_named([*between, *after], taken)
    _find_quoted(after, taken)
    hint = _find_others(between, after, taken, unit)
    parts = list(_parts(before, between, after))
    if any(line.is_loose for line in alike):
        parts = [attrs.evolve(part, is_loose=part.is_literal) for part in parts]
    is_combined = {Field.REFERRER, Field.AGENT} <= taken
    return PatternFormat(f"{'combined' if is_combined else 'common'} with more", parts, hint)


def _tokens(text: str) -> list[_Token]:
    """Split a line into tokens; none if it cannot be split."""
    made = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return []
        quoted, word, bracketed = found["quoted"], found["word"], found["bracketed"]
        inside = next(one for one in (quoted, bracketed, word) if one is not None)
        opening = '"' if quoted is not None else "[" if bracketed is not None else ""
        made.append(_Token(inside, opening, found["label"] or "", found["gap"]))
        at = found.end()
    return made


def _relabelled(tokens: Sequence[_Token], named: set[str]) -> list[_Token]:
    return [
        token
        if not token.label or token.label in named or token.opening
        else attrs.evolve(token, label="", text=f"{token.label}={token.text}")
        for token in tokens
    ]


def _line(tokens: Sequence[_Token]) -> _Line | None:
    time = next(
        (i for i, one in enumerate(tokens) if one.opening == "[" and _TIME.fullmatch(one.text)), 0
    )
    quoted = [
        i for i in range(time + 1, len(tokens)) if tokens[i].opening == '"' and not tokens[i].label
    ]
    if not time or not quoted or any(token.opening or token.label for token in tokens[:time]):
        return None
    request = next((i for i in quoted if _REQUEST.fullmatch(tokens[i].text)), quoted[0])
    return _Line(
        tuple(tokens[:time]),
        tokens[time],
        tuple(tokens[time + 1 : request]),
        tokens[request],
        tuple(tokens[request + 1 :]),
    )


def _columns(rows: Sequence[Sequence[_Token]]) -> list[_Column]:
    return [
        _Column([token.text for token in tokens], tokens[0].opening, tokens[0].label)
        for tokens in zip(*rows, strict=True)
    ]


def _before(rows: Sequence[Sequence[str]]) -> list[_Column] | None:
    """Return the fields before the time: host, identity, user, a virtual host, and others."""
    columns = [_Column(texts, "", "") for texts in zip(*rows, strict=True)]
    if not 3 <= len(columns) <= _MOST_BEFORE:
        return None
    if len(columns) == 3:
        fields: list[Field | None] = [Field.HOST, Field.IDENTITY, Field.USER]
    else:
        fields = _fields_before(columns)
    for column, field in zip(columns, fields, strict=True):
        column.field = field
    return columns if Field.HOST in fields else None


def _fields_before(columns: Sequence[_Column]) -> list[Field | None]:
    fields: list[Field | None] = [None] * len(columns)
    hosts = [i for i, column in enumerate(columns) if column.all_are(_HOPS)]
    if not hosts or hosts[0] > 1:
        return fields  # the fields before the host belong to an envelope
    first, second = columns[:2]
    if hosts == [1] or (hosts[:2] == [0, 1] and not _has_list(first)):
        fields[:2] = Field.VHOST, Field.HOST
    elif hosts[:2] == [0, 1]:
        fields[:2] = Field.FORWARDED_FOR, Field.HOST
    else:
        fields[hosts[0]] = Field.HOST
        if hosts[0] == 0 and second.all_are(_HOST_NAME):
            fields[1] = Field.VHOST
    left = [i for i, field in enumerate(fields) if field is None]
    if len(left) > 2:
        # Of more than two unknown fields, the identity is the one that is always `-`.
        unset = [i for i in left if not columns[i].known]
        left = [i for i in left if unset and i >= unset[0]][:2]
    if len(left) == 2:
        fields[left[0]], fields[left[1]] = Field.IDENTITY, Field.USER
    return fields


def _has_list(column: _Column) -> bool:
    return any("," in text for text in column.known)


def _find_status_and_size(columns: Sequence[_Column]) -> bool:
    """Find the status and the size after it; return whether there is a status."""
    for i, column in enumerate(columns):
        is_named = column.label.lower() in _NAMES[Field.STATUS]
        if column.opening == "[" or (column.label and not is_named):
            continue
        if not all(text in ("-", "") or _STATUS.fullmatch(text) for text in column.texts):
            continue
        if column.opening and not column.known:
            continue
        column.field = Field.STATUS
        behind = columns[i + 1] if i + 1 < len(columns) else None
        if behind is not None and _may_be_size(behind):
            behind.field = Field.BYTES
        return True
    return False


def _may_be_size(column: _Column) -> bool:
    is_named = column.label.lower() in _NAMES[Field.BYTES]
    is_plain = column.opening != "[" and (not column.label or is_named)
    return is_plain and all(text in ("-", "") or _WHOLE.fullmatch(text) for text in column.texts)


def _find_named(columns: Sequence[_Column], taken: set[Field | None]) -> None:
    """Find fields by their labels."""
    for column in columns:
        label = column.label.lower()
        field = next((one for one, names in _NAMES.items() if label in names), None)
        if label in _IN_MILLISECONDS:
            field = Field.MILLISECONDS
        elif label in _IN_MICROSECONDS:
            field = Field.MICROSECONDS
        if (
            field is None
            or field in taken
            or column.field is not None
            or not _looks_like(column, field)
        ):
            continue
        if field is Field.SECONDS and column.all_are(_WITH_UNIT):
            field = Field.SECONDS_OR_UNIT
        column.field = field
        taken.add(field)


def _looks_like(column: _Column, field: Field) -> bool:
    """Tell whether the texts fit the field that their label names."""
    match field:
        case Field.SECONDS:
            return column.all_are(_DECIMALS) or column.all_are(_WITH_UNIT)
        case Field.UPSTREAM_SECONDS:
            return column.all_are(_DECIMALS)
        case Field.MILLISECONDS | Field.MICROSECONDS:
            return not column.all_are(_WITH_UNIT)
        case Field.FORWARDED_FOR:
            return column.all_are(_HOPS)
        case Field.AGENT:
            return not column.all_are(_HOPS)  # nginx amplify calls the address of an upstream `ua`
        case _:
            return True


def _find_quoted(columns: Sequence[_Column], taken: set[Field | None]) -> None:
    """Find referrer and user agent by their values, or else by their position."""
    free = [
        column.opening == '"'
        and not column.label
        and column.field is None
        and not column.all_are(_HOPS)
        and not column.all_are(_DECIMALS)
        for column in columns
    ]
    pairs = [i for i in range(len(columns) - 1) if free[i] and free[i + 1]]
    agent_shares = [column.share(_AGENT) if free[i] else 0.0 for i, column in enumerate(columns)]
    best = max(range(len(columns)), key=agent_shares.__getitem__, default=0)
    agent = referrer = None
    if agent_shares and agent_shares[best] >= _LEAST_SHARE:
        agent = best
        beside = [i for i in (best - 1, best + 1) if 0 <= i < len(columns) and free[i]]
        referrer = next((i for i in beside if columns[i].share(_URL) >= _LEAST_SHARE), None)
        if referrer is None:
            referrer = next((i for i in beside if i < best or not columns[i].known), None)
    elif pairs:
        referrer, agent = pairs[0], pairs[0] + 1
    else:
        referrer = next(
            (i for i, one in enumerate(columns) if free[i] and one.share(_URL) >= _LEAST_SHARE),
            None,
        )
    for at, field in ((referrer, Field.REFERRER), (agent, Field.AGENT)):
        if at is not None and field not in taken:
            columns[at].field = field
            taken.add(field)


def _find_others(
    between: Sequence[_Column],
    after: Sequence[_Column],
    taken: set[Field | None],
    unit: DurationUnit | None,
) -> str:
    """Find the remaining fields; returns a hint about an ambiguous number, if there is one."""
    numbers = []
    for column in (*between, *after):
        if column.field is not None or (column.label and not _may_be_duration(column)):
            continue
        field: Field | None = None
        is_quoted = column.opening == '"'
        if column.label:
            numbers.append(column)
        elif column.all_are(_HOPS if is_quoted else _ADDRESS) and not _are_upstreams(column.known):
            field = Field.FORWARDED_FOR
        elif column.all_are(_DECIMALS):
            several = any(" " in text for text in column.known)
            field = Field.SECONDS
            if several or Field.SECONDS in taken:
                field = Field.UPSTREAM_SECONDS
        elif column.all_are(_WITH_UNIT) and Field.SECONDS not in taken:
            field = Field.SECONDS_OR_UNIT
        elif column.all_are(_WHOLE) and not column.opening:
            numbers.append(column)
        elif column.all_are(_HOST_NAME) and not column.all_are(_HOPS):
            field = Field.VHOST if column.opening or column in between else None
        if field not in taken:
            column.field = field
            taken.add(field)
    timed = {Field.SECONDS, Field.SECONDS_OR_UNIT, *_UNITS.values()} & taken
    if len(numbers) != 1 or timed:
        return ""
    if unit is None:
        return UNIT_HINT
    numbers[0].field = _UNITS[unit]
    return ""


def _may_be_duration(column: _Column) -> bool:
    return column.label.lower() in _NAMES[Field.SECONDS] and column.all_are(_WHOLE)


def _are_upstreams(texts: Sequence[str]) -> bool:
    """Tell whether all addresses are private and have a port: then they are upstream servers."""
    hops = [hop.strip() for text in texts for hop in text.split(",")]
    with_ports = [re.fullmatch(r"((?:\d+\.){3}\d+):\d+|\[([^\]]*)\]:\d+", hop) for hop in hops]
    return all(found is not None and is_private(found[1] or found[2]) for found in with_ports)


def _parts(
    before: Sequence[_Column], between: Sequence[_Column], after: Sequence[_Column]
) -> Iterator[Part]:
    for column in before:
        yield _part(column)
        yield literal(" [" if column is before[-1] else " ")
    yield Part("CLF time", Field.CLF_TIME)
    text = "]"
    request = _Column([], '"', "", Field.REQUEST)
    for column in (*between, request, *after):
        label = f"{column.label}=" if column.label else ""
        yield literal(f"{text} {label}{column.opening}")
        yield _part(column)
        text = {'"': '"', "[": "]", "": ""}[column.opening]
    if text:
        yield literal(text)


def _part(column: _Column) -> Part:
    field = column.field
    name = "request line" if field is Field.REQUEST else field.value if field else "another field"
    if column.opening or (field not in (None, Field.VHOST)):
        return Part(name, field, name=column.label)
    if any(" " in text for text in column.texts):
        return Part(name, field, is_list=True, name=column.label)
    pattern = SINGLE_WORD if field is Field.VHOST else WORD
    return Part(name, field, pattern=pattern, name=column.label)
