"""GoAccess's `log-format`, with its `date-format` and `time-format`.

Source: https://goaccess.io/man#custom-log
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import attrs

from glancemetrics.formats.fields import Field
from glancemetrics.formats.notations.notation import NotationError, leaves
from glancemetrics.formats.notations.strftime import pattern_of, spelled_out
from glancemetrics.formats.pattern import Part, literal

SPECIFIERS = {
    "h": Field.HOST,
    "v": Field.VHOST,
    "e": Field.USER,
    "r": Field.REQUEST,
    "m": Field.METHOD,
    "U": Field.TARGET,
    "q": Field.QUERY,
    "H": Field.PROTOCOL,
    "s": Field.STATUS,
    "b": Field.BYTES,
    "R": Field.REFERRER,
    "u": Field.AGENT,
    "D": Field.MICROSECONDS,
    "T": Field.SECONDS,
    "L": Field.MILLISECONDS,
    "n": Field.NANOSECONDS,
}
_IGNORED = frozenset("^CKkM")
_TIMES = frozenset("dtx")

NAMED = {
    "COMBINED": "combined",
    "COMMON": "common",
    "VCOMBINED": "vhost-combined",
    "VCOMMON": "vhost-common",
    "W3C": "iis",
    "SQUID": "squid",
    "CLOUDFRONT": "aws-cloudfront",
    "AWSELB": "aws-elb",
    "AWSALB": "aws-alb",
    "AWSS3": "aws-s3",
    "CADDY": "caddy",
    "TRAEFIKCLF": "traefik",
}
"""GoAccess's names of formats, and ours."""

_SPECIFIER = re.compile(r"%(\S)")
_FORWARDED = re.compile(r"~h\{([^}]*)\}")


@attrs.frozen
class GoAccessFormat:
    """The format options of a goaccess.conf or of the command line."""

    log_format: str
    date_format: str = "%d/%b/%Y"
    time_format: str = "%T"

    def strftime_of(self, specifier: str) -> str:
        """Return the strftime format of a time specifier."""
        if specifier == "d":
            return self.date_format
        if specifier == "t":
            return self.time_format
        return (
            self.date_format
            if self.time_format == self.date_format
            else (f"{self.date_format} {self.time_format}")
        )


def is_goaccess(definition: str) -> bool:
    """Tell whether a format with % is GoAccess's rather than Apache's."""
    plain = re.sub(r"%\{[^}]*\}", "", definition)
    return re.search(r"%\^(?!t[io])|%[dxR](?![A-Za-z])|~h\{|%~", plain) is not None


def configuration(text: str) -> GoAccessFormat | None:
    """Parse a goaccess.conf; `None` if it has no `log-format`."""
    found = {}
    for line in text.splitlines():
        option = re.match(r"\s*(log-format|date-format|time-format)\s+(.*\S)", line)
        if option is not None:
            found[option[1].replace("-", "_")] = option[2].replace(r"\t", "\t")
    return GoAccessFormat(**found) if "log_format" in found else None


_SKIPPED_TIME = re.compile(r"%d([:T ]+)%\^")
"""GoAccess before 0.8 had no %t: the time of day was skipped."""
_SKIPPED_ZONE = re.compile(r"%[tx] ?%\^")
_ZONE = Part("a zone such as +0200", Field.FORMATTED_TIME, pattern=r"[+-]\d\d:?\d\d", strftime="%z")


def has_skipped_zone(options: GoAccessFormat) -> bool:
    """Tell whether the field skipped after the time may be its zone."""
    return _SKIPPED_ZONE.search(_with_time(options, " ")) is not None


def _with_time(options: GoAccessFormat, before_zone: str) -> str:
    log_format = options.log_format
    if "%t" in log_format or "%x" in log_format or "%H" in options.date_format:
        return log_format
    return _SKIPPED_TIME.sub(rf"%d\1%t{before_zone}%^", log_format)


def parts_of(options: GoAccessFormat, *, zoned: bool = False) -> list[Part]:
    """Split a format into parts. Raises `NotationError`.

    With `zoned`, the field skipped after the time is its zone; else `--log-timezone` would apply.
    """
    parts: list[Part] = []
    text = ""
    at = 0
    log_format = _with_time(options, " " if zoned else "")
    zone = _SKIPPED_ZONE.search(log_format) if zoned else None
    padded = False
    while at < len(log_format):
        forwarded = _FORWARDED.match(log_format, at)
        specifier = _SPECIFIER.match(log_format, at)
        if forwarded is not None:
            part, end = Part("~h", Field.FORWARDED_FOR, name="~h"), forwarded.end()
        elif log_format.startswith(("%%", r"\t"), at):
            text += "%" if log_format[at] == "%" else "\t"
            at += 2
            continue
        elif log_format.startswith("%~", at):
            padded = True
            at += 2
            continue
        elif log_format[at] != "%":
            text += log_format[at]
            at += 1
            continue
        elif specifier is None:
            raise NotationError("expected a specifier after %", at)
        else:
            part, end = _part(specifier[1], options, at), specifier.end()
            if zone is not None and end == zone.end():
                part = _ZONE
        if text:
            parts.append(literal(text))
        text = ""
        parts.append(attrs.evolve(part, is_padded=padded))
        padded = False
        at = end
    return [*parts, literal(text)] if text else parts


def _part(letter: str, options: GoAccessFormat, at: int) -> Part:
    if letter == "^":
        return Part("%^")
    if letter in _IGNORED:
        return Part(f"%{letter}", name=f"%{letter}")
    if letter in _TIMES:
        strftime = spelled_out(options.strftime_of(letter))
        return Part(
            f"%{letter}", Field.FORMATTED_TIME, pattern=pattern_of(strftime, at), strftime=strftime
        )
    if letter in SPECIFIERS:
        return Part(f"%{letter}", SPECIFIERS[letter], name=f"%{letter}")
    raise NotationError(f"unknown specifier %{letter}", at)


def json_paths(options: GoAccessFormat) -> dict[Field, Sequence[str]]:
    """Return the paths of a format that is a JSON object. Raises `NotationError`."""
    try:
        value = json.loads(options.log_format)
    except json.JSONDecodeError as error:
        raise NotationError(f"invalid JSON: {error.msg}", error.pos) from None
    fields: dict[Field, Sequence[str]] = {}
    for path, text in leaves(value):
        specifier = re.match(r"%([A-Za-z])", text)
        if specifier is None:
            continue
        letter = specifier[1]
        if letter in _TIMES:
            fields[Field.TIME] = (path,)
        elif letter == "T":
            fields[Field.SECONDS_OR_UNIT] = (path,)
        elif letter in SPECIFIERS:
            field = SPECIFIERS[letter]
            fields[Field.HOST_OR_PORT if field is Field.HOST else field] = (path,)
        elif letter not in _IGNORED:
            raise NotationError(f"unknown specifier %{letter}", options.log_format.find(text))
    return fields
