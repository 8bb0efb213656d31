"""Presets: named formats, and a short notation to define them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import attrs

from glancemetrics.formats.fields import Field
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.formats.pattern import (
    BRACES,
    INTEGER,
    SINGLE_WORD,
    TAIL,
    WORD,
    Part,
    PatternFormat,
    literal,
)


@attrs.frozen
class Preset:
    """A format with a name."""

    name: str
    title: str
    """The server that writes it."""
    source: str
    """The address of its documentation."""
    configuration: str
    """The server configuration for it."""
    example: str
    """One or more example lines."""
    make: Callable[[], tuple[LogFormat, ...]]
    """Makes the formats; each line is in one of them."""
    is_shared: bool = False
    """Whether the server also writes other lines to the same log."""
    notes: str = ""
    """Other facts for users."""

    @functools.cached_property
    def formats(self) -> tuple[LogFormat, ...]:
        return self.make()


_PLACEHOLDER = re.compile(r"\{(\w*)(?::([\w.:-]+))?\}")
_FIELDS = {field.name.lower(): field for field in Field}
_SPECIAL = {
    "word": Part("a word", pattern=WORD),
    "capitals": Part("a word in capitals", pattern=r"[A-Z0-9_-]+"),
    "timer": Part("a number", pattern=INTEGER),
    "captures": Part("captured headers in braces", pattern=BRACES),
    "words": Part("a word", pattern=WORD + TAIL),
    "rest": Part("the rest of the line", pattern=TAIL),
    # User names may have spaces; but `- -` is two fields.
    "user": Part("user", Field.USER, pattern=r"-|(?:[^ \t-]|-[^ \t]).*?"),
    # For servers that do not escape quotes inside the quoted request.
    "raw_request": Part("request line", Field.REQUEST, pattern=".*?"),
    "vhost_word": Part("virtual host", Field.VHOST, pattern=SINGLE_WORD),
    "": Part("any text"),
}


def layout(name: str, template: str) -> Callable[[], tuple[LogFormat, ...]]:
    """Return a maker of a format from a template with `{field}` placeholders, named as in `Field`.

    `{}` is any text; `{word}` and others are in `_SPECIAL`; `{padded_x}` may have spaces before it;
    `{word:x}` is named x for `--keep`.
    """
    return lambda: (PatternFormat(name, parts_of(template)),)


def parts_of(template: str) -> list[Part]:
    """Split a template into parts."""
    parts = []
    at = 0
    for placeholder in _PLACEHOLDER.finditer(template):
        if placeholder.start() > at:
            parts.append(literal(template[at : placeholder.start()]))
        parts.append(_part(placeholder[1], placeholder[2] or ""))
        at = placeholder.end()
    return [*parts, literal(template[at:])] if at < len(template) else parts


def _part(word: str, name: str) -> Part:
    if word in _SPECIAL:
        return attrs.evolve(_SPECIAL[word], name=name)
    plain = word.removeprefix("padded_")
    field = _FIELDS[plain]
    return Part(field.value, field, is_padded=plain != word, name=name)
