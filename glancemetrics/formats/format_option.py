"""Parses `--format`: the name of a format, or a definition in the notation of its server."""

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
"""Maximum length of a definition: the compiled format grows faster than it."""
_SERVERS = {"nginx": "nginx", "apache": "Apache", "apache2": "Apache", "httpd": "Apache"}
"""Servers whose default format is combined."""


def read_format(
    text: str,
    date_format: str | None = None,
    time_format: str | None = None,
    kept: Sequence[str] = (),
) -> LogFormat:
    """Parse `--format`, `--date-format` and `--time-format`.

    `kept` are the fields of `--keep`. Raises `UsageError` with the position of the mistake.
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
            f"--format {shown[:60]}…: {len(text):,} characters, the limit is {_MOST_CHARACTERS:,}"
        )
    for option, value in (
        ("--format", text),
        ("--date-format", date_format or ""),
        ("--time-format", time_format or ""),
    ):
        if not is_utf_8(value):
            raise UsageError(f"{option} {' '.join(value.split())}: not valid UTF-8")
    try:
        made = _read_notation(text, date_format, time_format, kept)
    except NotationError as error:
        raise UsageError(f"--format {shown}: {error}") from None
    if made is None:
        raise UsageError(f"--format {shown}: {_unknown(name)} List: glancemetrics formats")
    return StreamFormat(made)


def _unknown(name: str) -> str:
    """Return a sentence about a name that no format has."""
    import difflib  # late: only needed after a mistake

    if name in _SERVERS:
        return f"did you mean combined ({_SERVERS[name]}'s default)?"
    close = difflib.get_close_matches(name, [*PRESETS, *_SERVERS], n=1)
    if close and close[0] in _SERVERS:
        return _unknown(close[0])
    return f"did you mean {close[0]}?" if close else "unknown format."


def _read_notation(
    text: str, date_format: str | None, time_format: str | None, kept: Sequence[str]
) -> tuple[LogFormat, ...] | None:
    if re.match(r"\s*#(?:Fields|Software|Version|Date|Remark):", text):
        return (_w3c_format(text),)
    if is_regex(text):
        regex = RegexFormat(text, " ".join(filter(None, (date_format, time_format))), kept)
        _require_time(regex.fields, "a group named time")
        return (regex,)
    options = goaccess.configuration(text)
    if options is None and (date_format or time_format or goaccess.is_goaccess(text)):
        options = goaccess.GoAccessFormat(text.strip())
    if options is not None:
        if date_format:
            options = attrs.evolve(options, date_format=date_format)
        if time_format:
            options = attrs.evolve(options, time_format=time_format)
        return _goaccess_formats(options)
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
    """Parse the header of a W3C log; only `#Fields:` matters."""
    fields = re.search(r"^\s*#Fields:(.*)", text, re.MULTILINE)
    if fields is None:
        raise NotationError("missing #Fields: line")
    names = fields[1].split()
    if not {"time", "time-local"} & {name.lower() for name in names}:
        raise NotationError("missing time; add date and time to the fields")
    if not {"date", "date-local"} & {name.lower() for name in names}:
        raise NotationError("missing date; add date to the fields")
    order = " ".join(names)
    of_cloudfront = CLOUDFRONT_MARK in names
    return W3cFormat("W3C extended", (order,), of_cloudfront, is_given=True)


def _goaccess_formats(options: goaccess.GoAccessFormat) -> tuple[LogFormat, ...]:
    named = goaccess.NAMED.get(options.log_format.strip())
    if named is not None:
        return PRESETS[named].formats[:1]
    if options.log_format.lstrip().startswith("{"):
        fields = goaccess.json_paths(options)
        _require_time(set(fields), "%x")
        return (_json_format("GoAccess", fields),)
    plain = _pattern_format("GoAccess", goaccess.parts_of(options), "%x")
    if not goaccess.has_skipped_zone(options):
        return (plain,)
    return (_pattern_format("GoAccess", goaccess.parts_of(options, zoned=True), "%x"), plain)


def _json_format(title: str, fields: Mapping[Field, Sequence[str]]) -> JsonFormat:
    marks = [[field] for field in fields if field in _MARKS]
    return JsonFormat(title, fields, marks=marks)


_MARKS = (Field.STATUS, Field.REQUEST, Field.TARGET)


def _pattern_format(title: str, parts: Sequence[Part], example: str) -> PatternFormat:
    _require_time({part.field for part in parts if part.field is not None}, example)
    pieces = [part.strftime for part in parts if part.field is Field.FORMATTED_TIME]
    others = {part.field for part in parts} & set(TIMES) - {Field.FORMATTED_TIME}
    if pieces and not others and not is_whole_time(" ".join(pieces)):
        raise NotationError("incomplete time; it needs year, day and hour")
    return PatternFormat(title, parts)


def _require_time(fields: set[Field], example: str) -> None:
    if not fields & set(TIMES):
        raise NotationError(f"missing time; add {example}")
