"""Formats that are a regular expression with named groups for fields."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import numpy as np
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.extraction import Extraction
from glancemetrics.formats.field_columns import columns_of, kept_texts
from glancemetrics.formats.fields import Field, wanted_of
from glancemetrics.formats.lines import lines_of
from glancemetrics.formats.log_format import UNKNOWN, Decoded, LineContext, nothing_decoded
from glancemetrics.formats.notations.notation import NotationError
from glancemetrics.formats.notations.strftime import is_whole_time, pattern_of, spelled_out
from glancemetrics.formats.record_columns import records_of
from glancemetrics.formats.times import time_fault
from glancemetrics.native.values import Nothing, read_values

GROUPS = {
    "time": Field.TIME,
    "host": Field.HOST_OR_PORT,
    "forwarded_for": Field.FORWARDED_FOR,
    "forwarded": Field.FORWARDED,
    "identity": Field.IDENTITY,
    "user": Field.USER,
    "request": Field.REQUEST,
    "method": Field.METHOD,
    "target": Field.TARGET,
    "path": Field.PATH,
    "query": Field.QUERY,
    "protocol": Field.PROTOCOL,
    "status": Field.STATUS,
    "bytes": Field.BYTES,
    "referrer": Field.REFERRER,
    "agent": Field.AGENT,
    "vhost": Field.VHOST,
    "duration": Field.SECONDS_OR_UNIT,
    "duration_ms": Field.MILLISECONDS,
    "duration_us": Field.MICROSECONDS,
    "upstream_duration": Field.UPSTREAM_SECONDS,
    "upstream_duration_ms": Field.UPSTREAM_MILLISECONDS,
}
"""The field of each group name."""

_GROUP = re.compile(r"\(\?P?<(\w+)>")
_UNNAMED = re.compile(r"\((?!\?)")


def is_regex(expression: str) -> bool:
    """Tell whether a format is a regular expression with named groups."""
    return _GROUP.search(_bare(expression)) is not None


class RegexFormat:
    """A format that is a regular expression in RE2 syntax; it must match the whole line."""

    name = "regular expression"
    directives = ()

    def __init__(self, expression: str, date_format: str = "", kept: Sequence[str] = ()) -> None:
        """`date_format`: the strftime(3) format of the group `time`.

        Groups may also be named like the `kept` fields. Raises `NotationError`.
        """
        pattern = expression.strip().removeprefix("^").removesuffix("$")
        # Parentheses in a character class are not groups.
        plain = _bare(expression)
        kept_names = {name.lower() for name in kept}
        for group in _GROUP.finditer(plain):
            if group[1] not in GROUPS and group[1].lower() not in kept_names:
                raise NotationError(
                    f"unknown field {group[1]!r}; add --keep {group[1]}, or use one of "
                    f"{', '.join(GROUPS)}",
                    group.start(),
                )
        unnamed = _UNNAMED.search(plain)
        if unnamed is not None:
            raise NotationError("group without a name; use (?:...)", unnamed.start())
        # (?P<name>...) is Python's and RE2's older notation.
        groups = {group.start() for group in _GROUP.finditer(_bare(pattern))}
        named = _GROUP.sub(
            lambda group: f"(?P<{group[1]}>" if group.start() in groups else group[0], pattern
        )
        self._extraction = Extraction(_pieces(named), r"[ \r]*\n$")
        try:
            # Compiled alone first, so that text added around it cannot close an open group.
            pc.match_substring_regex(pa.array([""]), named)
            pc.extract_regex(pa.array([""]), self._extraction.whole)
        except pa.ArrowInvalid as error:
            reason = str(error).removeprefix("Invalid regular expression: ").partition(": ")[0]
            raise NotationError(f"invalid regular expression: {reason}") from None
        self._groups = tuple(dict.fromkeys(_GROUP.findall(plain)))
        self._called = {name.lower(): name for name in reversed(self._groups)}
        self._names = [name for name in self._groups if name in GROUPS]
        self._strftime = spelled_out(date_format)
        if date_format:
            pattern_of(date_format)  # raises for unsupported directives
            if not is_whole_time(date_format):
                raise NotationError("incomplete --date-format; it needs year, day and hour")

    @property
    def fields(self) -> set[Field]:
        """The fields of its groups."""
        return {self._field(name) for name in self._names}

    @property
    def keepable(self) -> tuple[str, ...]:
        """Names of the fields that it can keep: its groups."""
        return self._groups

    def _field(self, name: str) -> Field:
        field = GROUPS[name]
        return Field.FORMATTED_TIME if field is Field.TIME and self._strftime else field

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in the haproxy format`."""
        return "matched by the regular expression"

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        lines = lines_of(chunk)
        if not len(lines):
            return nothing_decoded(context)
        matched, found = self._extraction.of(lines)
        line = matched.astype(np.int32)
        columns = columns_of(
            {
                self._field(name): read_values(
                    pc.fill_null(found[name], ""),
                    wanted_of(self._field(name), Nothing.DASH | Nothing.EMPTY | Nothing.QUOTES),
                )
                for name in self._names
            }
        )
        columns = attrs.evolve(
            columns,
            kept={
                name: kept_texts(found[group])
                for name in context.kept
                if (group := self._called.get(name.lower())) is not None
            },
        )
        made = records_of(columns, line, context, self._strftime)
        good = line[made.timed]
        rejected = np.setdiff1d(np.arange(len(lines), dtype=np.int32), good, assume_unique=True)
        name = self.name if len(good) else None
        return Decoded(len(lines), made.batch, good, rejected, name, good[made.damaged])

    def explain(self, line: bytes) -> str:
        """Explain in one clause why a line was rejected."""
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if not text:
            return "the line is empty"
        found = pc.extract_regex(pa.array([f"{text}\n"]), self._extraction.whole)[0]
        if not found.is_valid:
            return "the regular expression does not match the line"
        if self._strftime:
            return "time does not match --date-format"
        return time_fault(found["time"].as_py())


def _pieces(expression: str) -> list[str]:
    """Split an expression before each group that follows a literal character."""
    plain = _bare(expression)
    if "|" in _without_groups(plain):
        return [f"(?:{expression})"]
    cuts = [0]
    for group in _GROUP.finditer(plain):
        before = plain[: group.start()]
        at_top = before.count("(") == before.count(")")
        if at_top and re.search(r'(?:\\[^\w]|[ "\-:=;,/])$', expression[: group.start()]):
            cuts.append(group.start())
    ends = [*cuts[1:], len(expression)]
    return [expression[a:b] for a, b in zip(cuts, ends, strict=True) if b > a]


def _without_groups(plain: str) -> str:
    while (shorter := re.sub(r"\([^()]*\)", "", plain)) != plain:
        plain = shorter
    return plain


def _bare(expression: str) -> str:
    """Mask character classes and escapes in an expression; the length stays the same."""
    hidden = r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]"
    return re.sub(hidden, lambda found: "x" * len(found[0]), expression, flags=re.DOTALL)
