"""What `--format` says: the name of a format, or one in the notation of its server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from glancemetrics.errors import UsageError
from glancemetrics.formats.fields import TIMES, Field
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.kept_fields import check_keepable
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.notations import apache, goaccess, nginx
from glancemetrics.formats.notations.notation import NotationError
from glancemetrics.formats.notations.strftime import is_whole_time
from glancemetrics.formats.pattern import Part, PatternFormat
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.regex import RegexFormat, is_regex
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.formats.w3c import CLOUDFRONT_MARK, W3cFormat
from glancemetrics.words.escaping import is_utf_8

_MOST_CHARACTERS = 8_192
"""Of a format. What is made of it grows faster than it."""


def read_format(
    text: str,
    date_format: str | None = None,
    time_format: str | None = None,
    kept: Sequence[str] = (),
) -> LogFormat:
    """Read what `--format` says, and GoAccess's `--date-format` and `--time-format`.

    `kept` are fields that a person asks to keep. Raises `UsageError`, which names the place.
    """
    made = _read_format(text, date_format, time_format, kept)
    check_keepable(kept, made)
    return made


def _read_format(
    text: str, date_format: str | None, time_format: str | None, kept: Sequence[str]
) -> LogFormat:
    name = text.strip().replace("_", "-").lower()
    if name in PRESETS:
        preset = PRESETS[name]
        return StreamFormat(preset.formats, is_shared=preset.is_shared)
    shown = " ".join(text.split())
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(
            f"--format {shown[:60]}…: has {len(text):,} characters; up to {_MOST_CHARACTERS:,} are "
            "read"
        )
    for option, written in (
        ("--format", text),
        ("--date-format", date_format or ""),
        ("--time-format", time_format or ""),
    ):
        if not is_utf_8(written):
            raise UsageError(f"{option} {' '.join(written.split())}: is not UTF-8")
    try:
        made = _read_notation(text, date_format, time_format, kept)
    except NotationError as error:
        raise UsageError(f"--format {shown}: {error}") from None
    if made is None:
        raise UsageError(
            f"--format {shown}: is none of auto, {', '.join(PRESETS)}, nor a format with nginx's "
            "$variables, Apache's or GoAccess's %directives, a regular expression's (?P<names>), "
            "or W3C's #Fields:"
        )
    return StreamFormat(made)


def _read_notation(
    text: str, date_format: str | None, time_format: str | None, kept: Sequence[str]
) -> tuple[LogFormat, ...] | None:
    if re.match(r"\s*#(?:Fields|Software|Version|Date|Remark):", text):
        return (_w3c_format(text),)
    if is_regex(text):
        regex = RegexFormat(text, " ".join(filter(None, (date_format, time_format))), kept)
        _require_time(regex.fields, "a group named time")
        return (regex,)
    written = goaccess.configuration(text)
    if written is None and (date_format or time_format or goaccess.is_goaccess(text)):
        written = goaccess.GoAccessFormat(text.strip())
    if written is not None:
        if date_format:
            written = attrs.evolve(written, date_format=date_format)
        if time_format:
            written = attrs.evolve(written, time_format=time_format)
        return _goaccess_formats(written)
    if re.match(r"\s*log_format\s", text) or "$" in text:
        title, plain = nginx.statement(text)
        fields = nginx.json_paths(plain)
        if fields is not None:
            _require_time(set(fields), "$time_iso8601")
            return (_json_format(title, fields),)
        parts, example = nginx.parts_of(plain), "$time_local"
    elif "%" in text:
        title, plain = apache.statement(text)
        parts, example = apache.parts_of(plain), "%t"
    else:
        return None
    return (_pattern_format(title, parts, example),)


def _w3c_format(text: str) -> LogFormat:
    """Read what stands at the beginning of a W3C log; only `#Fields:` matters."""
    fields = re.search(r"^\s*#Fields:(.*)", text, re.MULTILINE)
    if fields is None:
        raise NotationError("has no #Fields: line, which names the fields")
    names = fields[1].split()
    if not {"time", "time-local"} & {name.lower() for name in names}:
        raise NotationError("has no time, such as date time; nothing can be counted")
    if not {"date", "date-local"} & {name.lower() for name in names}:
        raise NotationError("has no date; nothing can be counted")
    order = " ".join(names)
    of_cloudfront = CLOUDFRONT_MARK in names
    return W3cFormat("W3C extended", (order,), of_cloudfront, is_told=True)


def _goaccess_formats(written: goaccess.GoAccessFormat) -> tuple[LogFormat, ...]:
    named = goaccess.NAMED.get(written.log_format.strip())
    if named is not None:
        return PRESETS[named].formats[:1]
    if written.log_format.lstrip().startswith("{"):
        fields = goaccess.json_paths(written)
        _require_time(set(fields), "%x")
        return (_json_format("GoAccess", fields),)
    plain = _pattern_format("GoAccess", goaccess.parts_of(written), "%x")
    if not goaccess.has_skipped_zone(written):
        return (plain,)
    return (_pattern_format("GoAccess", goaccess.parts_of(written, zoned=True), "%x"), plain)


def _json_format(title: str, fields: Mapping[Field, Sequence[str]]) -> JsonFormat:
    marks = [[field] for field in fields if field in _MARKS]
    return JsonFormat(title, fields, marks=marks)


_MARKS = (Field.STATUS, Field.REQUEST, Field.TARGET)


def _pattern_format(title: str, parts: Sequence[Part], example: str) -> PatternFormat:
    _require_time({part.field for part in parts if part.field is not None}, example)
    pieces = [part.strftime for part in parts if part.field is Field.FORMATTED_TIME]
    others = {part.field for part in parts} & set(TIMES) - {Field.FORMATTED_TIME}
    if pieces and not others and not is_whole_time(" ".join(pieces)):
        raise NotationError("its time does not say year, day and hour; nothing can be counted")
    return PatternFormat(title, parts)


def _require_time(fields: set[Field], example: str) -> None:
    if not fields & set(TIMES):
        raise NotationError(f"has no time, such as {example}; nothing can be counted")
