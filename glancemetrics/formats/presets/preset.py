"""What a preset is: a format that has a name, and how to write one down."""

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
    """What writes it."""
    source: str
    """Where its definition is told."""
    configuration: str
    """What in the server's configuration yields it."""
    example: str
    """A line, or lines, of it."""
    make: Callable[[], tuple[LogFormat, ...]]
    """Make the formats, of which each line has one."""
    is_shared: bool = False
    """Whether the server writes lines to the same log that are no requests."""
    notes: str = ""
    """What else a reader should know."""

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
    # May have spaces, as the names that people have; but `- -` is two fields.
    "user": Part("user", Field.USER, pattern=r"-|(?:[^ \t-]|-[^ \t]).*?"),
    # Of servers that put quotes around it and leave those inside as they are.
    "raw_request": Part("request line", Field.REQUEST, pattern=".*?"),
    "vhost_word": Part("virtual host", Field.VHOST, pattern=SINGLE_WORD),
    "": Part("anything"),
}


def layout(name: str, written: str) -> Callable[[], tuple[LogFormat, ...]]:
    """Return what makes a format of text with `{field}`s in it, named as in `Field`.

    `{}` is anything; `{word}` and others are in `_SPECIAL`; `{padded_x}` may have spaces before it;
    `{word:x}` is called x by who wants to keep it.
    """
    return lambda: (PatternFormat(name, parts_of(written)),)


def parts_of(written: str) -> list[Part]:
    """Take a layout apart."""
    parts = []
    at = 0
    for placeholder in _PLACEHOLDER.finditer(written):
        if placeholder.start() > at:
            parts.append(literal(written[at : placeholder.start()]))
        parts.append(_part(placeholder[1], placeholder[2] or ""))
        at = placeholder.end()
    return [*parts, literal(written[at:])] if at < len(written) else parts


def _part(word: str, name: str) -> Part:
    if word in _SPECIAL:
        return attrs.evolve(_SPECIAL[word], name=name)
    plain = word.removeprefix("padded_")
    field = _FIELDS[plain]
    return Part(field.value, field, is_padded=plain != word, name=name)
