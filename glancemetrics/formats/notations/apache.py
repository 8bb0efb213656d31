"""Apache's `LogFormat`.

Source: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats
"""

from __future__ import annotations

import re

import attrs

from glancemetrics.formats.fields import Field
from glancemetrics.formats.notations.notation import CUSTOM, NotationError
from glancemetrics.formats.notations.strftime import pattern_of, spelled_out
from glancemetrics.formats.pattern import Part, literal

DIRECTIVES = {
    "a": Field.HOST,
    "h": Field.HOST,
    "l": Field.IDENTITY,
    "u": Field.USER,
    "r": Field.REQUEST,
    "m": Field.METHOD,
    "U": Field.PATH,
    "q": Field.MARKED_QUERY,
    "H": Field.PROTOCOL,
    "s": Field.STATUS,
    "B": Field.BYTES,
    "b": Field.BYTES,
    "O": Field.BYTES,
    "v": Field.VHOST,
    "V": Field.VHOST,
    "D": Field.MICROSECONDS,
    "T": Field.SECONDS,
}
WITH_ARGUMENT = {
    ("c", "a"): Field.HOST,
    ("c", "h"): Field.HOST,
    ("referer", "i"): Field.REFERRER,
    ("user-agent", "i"): Field.AGENT,
    ("host", "i"): Field.VHOST,
    ("x-forwarded-for", "i"): Field.FORWARDED_FOR,
    ("forwarded", "i"): Field.FORWARDED,
    ("s", "T"): Field.SECONDS,
    ("ms", "T"): Field.MILLISECONDS,
    ("us", "T"): Field.MICROSECONDS,
    ("sec", "t"): Field.EPOCH_SECONDS,
    ("msec", "t"): Field.EPOCH_MILLISECONDS,
    ("usec", "t"): Field.EPOCH_MICROSECONDS,
}
_IGNORED = frozenset("AfIkLpPRSX")
_NAMED = frozenset("Ceinox") | {"^ti", "^to"}
_PORT = r"\d+|-"
_IGNORED_WITH_ARGUMENT = frozenset("CeinoPpx") | {"^ti", "^to"}

_DIRECTIVE = re.compile(r"%[!\d,]*[<>]?(?:\{([^}]*)\})?(\^t[io]|[A-Za-z])")
_STATEMENT = re.compile(
    r"""\s*(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)"\s*(\S*)""", re.IGNORECASE
)


def statement(text: str) -> tuple[str, str]:
    """Return the name and the format of a whole `LogFormat "..." name`, or of a bare format."""
    whole = _STATEMENT.match(text)
    if whole is not None:
        return whole[2] or CUSTOM, whole[1]
    definition = text.strip()
    quoted = len(definition) > 1 and definition[0] == definition[-1] == '"' and r"\"" in definition
    return CUSTOM, definition[1:-1] if quoted else definition


def parts_of(definition: str) -> list[Part]:
    """Split a definition into parts. Raises `NotationError`."""
    parts = []
    at = 0
    text = ""
    while at < len(definition):
        if definition[at] == "\\" and at + 1 < len(definition):
            text += {"t": "\t", "n": "\n"}.get(definition[at + 1], definition[at + 1])
            at += 2
        elif definition.startswith("%%", at):
            text += "%"
            at += 2
        elif definition[at] != "%":
            text += definition[at]
            at += 1
        else:
            directive = _DIRECTIVE.match(definition, at)
            if directive is None:
                raise NotationError("expected a directive after %", at)
            name = _name(directive)
            for part in _parts(directive, at):
                if part.is_literal:
                    text += part.text
                    continue
                if text:
                    parts.append(literal(text))
                text = ""
                parts.append(attrs.evolve(part, name=name))
            at = directive.end()
    return [*parts, literal(text)] if text else parts


def _name(directive: re.Match[str]) -> str:
    """Return the usual name of a directive: a header, a cookie or a variable by its own name."""
    argument, letter = directive[1], directive[2]
    if argument is None:
        return f"%{letter}"
    return argument if letter in _NAMED else f"%{{{argument}}}{letter}"


def _parts(directive: re.Match[str], at: int) -> list[Part]:
    argument, letter = directive[1], directive[2]
    shown = directive[0]
    if argument is None and letter == "t":
        return [literal("["), Part(shown, Field.CLF_TIME), literal("]")]
    if argument is None and letter in DIRECTIVES:
        return [Part(shown, DIRECTIVES[letter])]
    if argument is not None and (argument.lower(), letter) in WITH_ARGUMENT:
        return [Part(shown, WITH_ARGUMENT[argument.lower(), letter])]
    if argument is not None and letter == "t":
        return [_formatted(argument, shown, at)]
    if letter == "p":
        # A pattern separates it from the name before it, which may have colons too.
        return [Part(shown, pattern=_PORT)]
    if letter in (_IGNORED if argument is None else _IGNORED_WITH_ARGUMENT):
        return [Part(shown)]
    raise NotationError(f"unknown directive {shown}", at)


def _formatted(argument: str, shown: str, at: int) -> Part:
    """Return a time, or a part of one: a strftime format, or the fraction of the second."""
    # Begin or end of the request: both are accepted as its time.
    strftime = re.sub(r"^(?:begin|end):?", "", argument)
    digits = {"msec_frac": 3, "usec_frac": 6}.get(strftime)
    if digits is not None:
        return Part(shown, Field.FORMATTED_TIME, pattern=rf"\d{{{digits}}}", strftime="%f")
    if "%" not in strftime:
        raise NotationError(f"unknown directive {shown}", at)
    plain = spelled_out(strftime)
    return Part(shown, Field.FORMATTED_TIME, pattern=pattern_of(plain, at), strftime=plain)
