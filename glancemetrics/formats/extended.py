"""Common and combined with more before or behind, as people extend them.

What stands where the other fields would is told by what it looks like: by a sample of lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from glancemetrics.formats.fields import Field
from glancemetrics.formats.pattern import Part, PatternFormat, literal

_CORE = re.compile(
    r"^(?P<before>[^\[\"]+ )\[\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    r'"(?:[^"\\]|\\.)*" (?:\d{3}|-) (?:\d{1,18}|-)'
    r'(?P<combined> "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*")?'
    r'(?P<after>(?: (?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^ "\[]+))*)$'
)
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|([^ ,]+(?:(?:, | : )[^ ,]+)*)')
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_ADDRESSES = re.compile(rf"(?:(?:{_ADDRESS.pattern}|unknown)(?:, ?)?)+")
_DECIMAL = re.compile(r"\d+\.\d+")
_WHOLE = re.compile(r"\d+")
_DECIMALS = re.compile(r"(?:\d+\.\d+|-)(?:(?:, | : )(?:\d+\.\d+|-))*")
_HOST_NAME = re.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z0-9-]+(?::\d+)?|localhost(?::\d+)?|_")

_MICROSECONDS_FROM = 1000
"""Apache's `%T` is whole seconds and `%D` microseconds: of numbers that reach this, the latter."""
_MOST_LINES = 200
_LEAST_SHARE = 0.5
"""Of the lines that are common or combined with more, so many must be alike."""


def extended_combined(lines: pa.StringArray) -> PatternFormat | None:
    """Return what explains lines that are common or combined with more; `None` if few are."""
    found = [
        match
        for text in lines.slice(0, _MOST_LINES).to_pylist()
        if (match := _CORE.match(text.rstrip("\r\n ")))
    ]
    shapes: dict[tuple[int, bool, tuple[str, ...]], list[re.Match[str]]] = {}
    for match in found:
        before = len(match["before"].split())
        after = tuple(_shape(token) for token in _tokens(match["after"]))
        shapes.setdefault((before, match["combined"] is not None, after), []).append(match)
    if not shapes:
        return None
    (before, is_combined, after), alike = max(shapes.items(), key=lambda item: len(item[1]))
    usual = before == 3 and not after
    if usual or not 3 <= before <= 4 or len(alike) < _LEAST_SHARE * len(found):
        return None
    first = _before([match["before"].split() for match in alike])
    if first is None:
        return None
    parts = [
        *first,
        *(literal("["), Part("CLF time", Field.CLF_TIME), literal('] "')),
        *(Part("request line", Field.REQUEST), literal('" ')),
        *(Part("status", Field.STATUS), literal(" "), Part("size", Field.BYTES)),
    ]
    if is_combined:
        parts += [literal(' "'), Part("referrer", Field.REFERRER), literal('" "')]
        parts += [Part("user agent", Field.AGENT), literal('"')]
    rows = [_tokens(match["after"]) for match in alike]
    parts += _after([[row[i] for row in rows] for i in range(len(after))])
    base = "combined" if is_combined else "common"
    return PatternFormat(f"{base} with more", _merged(parts))


def _tokens(text: str) -> list[re.Match[str]]:
    """Return the words, and the texts in quotes and brackets, of which a text consists."""
    return list(_TOKEN.finditer(text))


def _shape(token: re.Match[str]) -> str:
    return '"' if token[1] is not None else "[" if token[2] is not None else "word"


def _before(rows: Sequence[Sequence[str]]) -> list[Part] | None:
    """Return the parts before the time: host, identity and user, and a virtual host somewhere."""
    host = [Part("host", Field.HOST), literal(" ")]
    vhost = [Part("virtual host", Field.VHOST, pattern=r"[^ \t]+"), literal(" ")]
    identity = [Part("identity", Field.IDENTITY), literal(" ")]
    user = [Part("user", Field.USER), literal(" ")]
    if len(rows[0]) == 3:
        return [*host, *identity, *user]
    firsts, seconds = ([row[i] for row in rows] for i in range(2))
    if all(map(_ADDRESS.fullmatch, seconds)):
        return [*vhost, *host, *identity, *user]
    if all(map(_ADDRESS.fullmatch, firsts)) and all(map(_HOST_NAME.fullmatch, seconds)):
        return [*host, *vhost, *identity, *user]
    return None


def _after(columns: Sequence[Sequence[re.Match[str]]]) -> list[Part]:
    parts: list[Part] = []
    durations = iter((Field.SECONDS, Field.UPSTREAM_SECONDS))
    taken = set()
    for tokens in columns:
        shape = _shape(tokens[0])
        opening, closing = {'"': ('"', '"'), "[": ("[", "]"), "word": ("", "")}[shape]
        texts = [token[1] or token[2] or token[3] or "" for token in tokens]
        told = [text for text in texts if text not in ("-", "")]
        field: Field | None = None
        if told and all(map(_ADDRESSES.fullmatch, told)):
            field = Field.FORWARDED_FOR
        elif told and all(map(_DECIMALS.fullmatch, told)):
            field = next(durations, None)
        elif told and all(map(_WHOLE.fullmatch, told)) and shape == "word":
            large = any(int(text) >= _MICROSECONDS_FROM for text in told)
            field = Field.MICROSECONDS if large else Field.SECONDS
            # Of small numbers only zeros and ones are surely whole seconds.
            if not large and any(int(text) > 1 for text in told):
                field = None
        elif told and all(map(_HOST_NAME.fullmatch, told)) and opening:
            field = Field.VHOST
        if field in taken:
            field = None
        taken.add(field)
        name = field.value if field else "another field"
        pattern = None if opening else r"[^ \t]+" if field is None else None
        if field is Field.FORWARDED_FOR and not opening:
            pattern = r"[^ \t]+(?:, [^ \t]+)*"
        parts += [literal(f" {opening}"), Part(name, field, pattern=pattern)]
        if closing:
            parts.append(literal(closing))
    return parts


def _merged(parts: Sequence[Part]) -> list[Part]:
    """Put literal texts side by side together."""
    merged: list[Part] = []
    for part in parts:
        if merged and part.is_literal and merged[-1].is_literal:
            merged[-1] = literal(merged[-1].text + part.text)
        else:
            merged.append(part)
    return merged
