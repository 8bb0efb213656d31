"""Formats that are a sequence of literal texts and fields.

RE2, which decides in the end, takes time linear in the length of a line, whatever it contains. A
line with a broken field is read by `PatternFormat.repaired` if no format matches it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.formats.extraction import Extraction
from glancemetrics.formats.field_columns import Columns, Texts, columns_of, numbers_of
from glancemetrics.formats.fields import (
    ADDRESSES,
    FIELD_PATTERNS,
    FORMS,
    KINDS,
    SINGLE,
    TIMES,
    USUAL_PATTERNS,
    Field,
    wanted_of,
)
from glancemetrics.formats.lines import lines_of
from glancemetrics.formats.log_format import (
    UNKNOWN,
    Decoded,
    LineContext,
    nothing_decoded,
)
from glancemetrics.formats.record_columns import records_of
from glancemetrics.formats.times import time_fault
from glancemetrics.native.columns import column_of
from glancemetrics.native.layout import MOST_FIELDS, FieldBetween, split_lines
from glancemetrics.native.strings import codes_of
from glancemetrics.native.values import (
    KEPT,
    Form,
    Kind,
    Nothing,
    Numbers,
    Rows,
    TextRows,
    Wanted,
    read_values,
)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_MAY_HOLD = {
    Field.HOST: r"[^ \t]",
    Field.HOST_PORT: r"[^ \t]",
    Field.HOST_OR_PORT: r"[^ \t]",
    Field.IDENTITY: r"[^ \t]",
    Field.CLF_TIME: "[-+0-9A-Za-z_/:., ]",
    Field.ISO_TIME: "[-0-9.,:Z+]",
    Field.TIME_OF_DAY: "[0-9.:]",
    Field.STATUS_WORDS: "[-0-9A-Za-z' ]",
    Field.DURATION: "[-+0-9.a-zEµμ]",
    Field.SECONDS_OR_UNIT: "[-+0-9.a-zEµμ]",
}
"""Patterns of single characters that the text of such a field may contain."""
_NUMBER_MAY_HOLD = "[-+0-9.eE]"

_BETWEEN = "\x1f"
"""Separates the parts of a time, and of its format; it never occurs inside a time."""

_LIST = "(?:[^ ,]+(?:(?:, | : )[^ ,]+)*)?"
_ANYTHING = ".*?"
_QUOTED = r'(?:[^"\\]|\\.)*'
VALUE = r'(?:"(?:[^"]|"")*"|[^ \t"][^ \t]*)'
"""A word, or any text in double quotes, with quotes inside doubled."""
CELL = r"[^\t]*"
"""A value between tabs."""
INTEGER = r"[+-]?\d+"
BRACES = r"(?:\{[^{}]*\} ){0,2}"
TAIL = "(?: .*)?"
WORD = r"[^ \t]+"
SINGLE_WORD = r"[^ \t,]+"
"""A word without commas, so not part of a list of addresses."""
_MAYBE_WORD = r"[^ \t]*?"
MAYBE_ADDRESSES = f"(?:{ADDRESSES})?"
_FORMS = {
    _ANYTHING: Form.ANYTHING,
    f"(?:{_ANYTHING})": Form.ANYTHING,
    _QUOTED: Form.QUOTED,
    f"(?:{WORD})": Form.WORD,
    _MAYBE_WORD: Form.MAYBE_WORD,
    f"(?:{VALUE})": Form.VALUE,
    f"(?:{CELL})": Form.CELL,
    f"(?:{INTEGER})": Form.INTEGER,
    f"(?:{BRACES})": Form.BRACES,
    f"(?:{TAIL})": Form.TAIL,
    f"(?:{WORD}{TAIL})": Form.WORD_AND_TAIL,
    f"(?:{SINGLE_WORD})": Form.SINGLE_HOST,
    MAYBE_ADDRESSES: Form.MAYBE_HOST,
    **{f"(?:{FIELD_PATTERNS[field]})": form for field, form in SINGLE.items()},
    **{f"(?:{FIELD_PATTERNS[field]})": form for field, form in FORMS.items()},
}
"""Patterns that compiled code checks while splitting; it may leave matching texts to RE2."""
_IN_BRACKETS = r"[^\]]*"
_WELL_QUOTED = r'^(?:(?:[^"\n]*[ =\[(,:{])?"(?:[^"\\\n]|\\.)*"[ \]),;}\r\n])*[^"\n]*\n?$'
"""Opening quotes follow a space or punctuation, and closing quotes precede one."""
_ENDED_BY = {_IN_BRACKETS: "]", f"(?:{CELL})": "\t"}
"""The only character that a pattern does not match."""
_NOTHING = pa.array(["-"])
_EMPTY = pa.array([""])
_WHENS = frozenset({*TIMES, Field.DATE})
_MAKE_A_REQUEST = _WHENS | {Field.REQUEST, Field.METHOD, Field.TARGET, Field.PATH}
"""Fields that a line needs to be a request; without them it cannot be repaired."""
_LONGEST_BEGINNING = 400
"""Characters of a literal text in which a line may be cut off: RE2 allows 1,000 nested groups."""
_MOST_REPAIRED = 300
"""Maximum parts of a format whose truncated lines can be repaired."""
_LINE_END = r"[ \r]*\n$"


@attrs.frozen
class Part:
    """A field of a line, or the text between fields."""

    text: str
    """The literal text, or the field in its notation (`$status`)."""
    field: Field | None = None
    """`None` for literal text, and for a field without a column."""
    is_literal: bool = False
    is_list: bool = False
    """Whether a field without a column holds one item for each upstream server tried."""
    pattern: str | None = None
    """The pattern (RE2) of its text, if `FIELD_PATTERNS` has none. It must not match the literal
    text after it, except inside quotes of the pattern."""
    is_padded: bool = False
    """Whether spaces may precede its text."""
    strftime: str = ""
    """The format of a `FORMATTED_TIME`, without abbreviations."""
    may_be_quoted: bool = False
    """Whether double quotes around its text are ignored."""
    is_loose: bool = False
    """Whether literal text may have any number of spaces for one, and none beside a bracket."""
    name: str = ""
    """Its name for `--keep`; empty if its notation has none."""


def literal(text: str) -> Part:
    """Return a part that is the same text in each line."""
    return Part(text, is_literal=True)


@attrs.frozen
class _Layout:
    """How lines are split at their literal texts."""

    before: bytes
    """Text before the first field."""
    fields: tuple[FieldBetween, ...]
    wanted: tuple[int, ...]
    """The parts whose texts are needed."""
    kept: tuple[int, ...]
    """The parts whose texts are kept as logged."""
    checked: frozenset[int]
    """The parts that compiled code has checked against their pattern."""


class PatternFormat:
    """A format that is a sequence of parts. One is a time, unless the envelope has the time.

    Compiled code splits lines at the literal texts if the result is unambiguous; RE2 reads the
    others, and only RE2 rejects lines.
    """

    directives = ()

    def __init__(
        self, name: str, parts: Sequence[Part], hint: str = "", kept: Iterable[int] = ()
    ) -> None:
        """`hint`: what `glancemetrics formats` says about an ambiguous field.

        `kept`: parts whose text is kept as well.
        """
        self.name = name
        self.hint = hint
        self._parts = tuple(parts)
        self._kept = frozenset(kept)
        self._keeping: dict[frozenset[int], PatternFormat] = {}
        """Versions of this format that keep parts, by those parts."""
        fields = {part.field for part in parts}
        self._time = next((field for field in TIMES if field in fields), None)
        self._wanted: dict[Field, int] = {}
        """The part of each field, except formatted times."""
        self._formatted: list[int] = []
        """The parts that are formatted times."""
        for i, part in enumerate(self._parts):
            if part.field is Field.FORMATTED_TIME and part.field is self._time:
                self._formatted.append(i)
            elif part.field is not None and (part.field not in TIMES or part.field is self._time):
                # Of several parts for one field, such as `%s` and `%>s`, the first counts.
                self._wanted.setdefault(part.field, i)
        self._read = {*self._wanted.values(), *self._formatted}
        """The parts that are parsed."""
        self._slots = (*sorted(self._read), *(len(self._parts) + i for i in sorted(self._kept)))
        """The values of a line: the number of each parsed part, and for each kept part its number
        plus the number of all parts."""
        self._strftime = _BETWEEN.join(self._parts[i].strftime for i in self._formatted)
        self._patterns = tuple(self._pattern(i) for i in range(len(self._parts)))
        self._may_be_empty = frozenset(
            i
            for i in self._read
            if pc.match_substring_regex(_EMPTY, f"^(?:{self._patterns[i]})$")[0].as_py()
        )
        self._pieces = tuple(self._piece(i, pattern) for i, pattern in enumerate(self._patterns))
        narrow = [self._piece(i, self._narrow(i)) for i in range(len(self._parts))]
        self._extraction = Extraction(
            _until_literals(self._parts, narrow), _LINE_END, "".join(self._pieces)
        )
        self._layout = self._fields_between()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the format."""
        return self._parts

    def may_explain(self, chunk: bytes) -> bool:
        """Check quickly whether any line may be a request."""
        return all(part.text.encode() in chunk for part in self._parts if part.is_literal)

    @property
    def keepable(self) -> tuple[str, ...]:
        """Names of fields that it can keep."""
        return tuple(self._by_name_and_notation)

    @property
    def is_split(self) -> bool:
        """Whether compiled code reads most lines, and RE2 only the rest."""
        return self._layout is not None

    def without_splitting(self) -> PatternFormat:
        """Read every line with RE2 from now on, for comparison; returns itself."""
        self._layout = None
        return self

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in the haproxy format`."""
        return f"in the {self.name} format"

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        return self.decode_lines(lines_of(chunk), context)

    def decode_lines(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode lines, each of which has its newline."""
        keeping = self._with_kept(context)
        if keeping is not self:
            return keeping.decode_lines(lines, context)
        if not len(lines):
            return nothing_decoded(context)
        line, rows = self._split(lines)
        left = _without(len(lines), line)
        if len(left):
            all_left = len(left) == len(lines)
            matched, others = self._matched(
                lines if all_left else pc.take(lines, column_of(left)), rows
            )
            line = np.concatenate([line, left[matched]])
            order = np.argsort(line, kind="stable")
            line = line[order]
            rows = {i: _merged(rows[i], others[i], order) for i in rows}
        return self._decoded(len(lines), line, rows, context)

    def repaired(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode lines with a broken field, which becomes null: all records are damaged.

        A number may be any text, quoted texts may contain quotes, and a line may end in any field
        after the request. The time and the request must be valid.
        """
        keeping = self._with_kept(context)
        if keeping is not self:
            return keeping.repaired(lines, context)
        numbers: list[Int64s] = []
        texts: list[dict[str, pa.StringArray]] = []
        left = np.arange(len(lines))
        for expression, quotes_are_broken in self._repairs:
            if quotes_are_broken:
                # If the quotes are correct, the line has other fields.
                fine = pc.match_substring_regex(pc.take(lines, column_of(left)), _WELL_QUOTED)
                left = left[~fine.to_numpy(zero_copy_only=False)]
            matches = pc.extract_regex(pc.take(lines, column_of(left)), expression)
            matched = pc.is_valid(matches).to_numpy(zero_copy_only=False)
            numbers.append(left[matched])
            kept = pc.filter(matches, column_of(matched))
            texts.append({one.name: pc.struct_field(kept, one.name) for one in kept.type})
            left = left[~matched]
        line = np.concatenate([np.zeros(0, np.int64), *numbers])
        if not len(line):
            return nothing_decoded(context, len(lines))
        order = np.argsort(line, kind="stable")
        rows = {}
        for i in self._slots:
            name = f"f{self._part_of(i)}"
            of_part = pc.take(pa.concat_arrays([one[name] for one in texts]), column_of(order))
            wanted = self._want(i)
            nothing = Nothing.DASH | Nothing.EMPTY | Nothing.QUOTES
            rows[i] = read_values(of_part, attrs.evolve(wanted, nothing=nothing))
        decoded = self._decoded(len(lines), line[order].astype(np.int32), rows, context)
        return attrs.evolve(decoded, damaged=decoded.line)

    def _decoded(
        self, count: int, line: Int32s, rows: Mapping[int, Rows], context: LineContext
    ) -> Decoded:
        """Make records from the values of some of `count` lines."""
        if not len(line):
            return nothing_decoded(context, count)
        made = records_of(self._columns(rows, context.kept), line, context, self._strftime)
        good = line[made.timed]
        rejected = _without(count, good)
        name = self.name if len(good) else None
        return Decoded(count, made.batch, good, rejected, name, good[made.damaged])

    def _with_kept(self, context: LineContext) -> PatternFormat:
        """Return the version of this format that keeps the `--keep` fields; cached."""
        kept = frozenset(at for name in context.kept if (at := self._called(name)) is not None)
        if kept == self._kept:
            return self
        if kept not in self._keeping:
            made = PatternFormat(self.name, self._parts, self.hint, kept)
            self._keeping[kept] = made if self.is_split else made.without_splitting()
        return self._keeping[kept]

    def _called(self, name: str) -> int | None:
        """Return the first part with a name, ignoring case.

        Parts with the same name can be named in their notation instead: `%{X-Cache}o`.
        """
        return self._by_name.get(name.lower())

    @functools.cached_property
    def _by_name(self) -> dict[str, int]:
        return {name.lower(): i for name, i in reversed(self._by_name_and_notation.items())}

    @functools.cached_property
    def _by_name_and_notation(self) -> dict[str, int]:
        """The first part of each name, and of each notation if several parts share a name."""
        texts: dict[str, dict[str, int]] = {}
        for i, part in enumerate(self._parts):
            if part.name:
                texts.setdefault(part.name, {}).setdefault(part.text, i)
        names = {name: min(parts.values()) for name, parts in texts.items()}
        several = [parts for parts in texts.values() if len(parts) > 1]
        return names | {text: i for parts in several for text, i in parts.items()}

    def _part_of(self, slot: int) -> int:
        return slot % len(self._parts)

    def _columns(self, rows: Mapping[int, Rows], names: Iterable[str]) -> Columns:
        columns = columns_of({field: rows[i] for field, i in self._wanted.items()})
        texts, numbers = {**columns.texts}, {**columns.numbers}
        for field in [field for field in texts if field in KINDS]:
            # Its part has a pattern of its own, so compiled code has not parsed it.
            numbers[field] = numbers_of(texts.pop(field), KINDS[field])
        if self._formatted:
            texts[Field.FORMATTED_TIME] = _put_together(
                [_compact(rows[i]) for i in self._formatted]
            )
        if not self._kept:
            return Columns(texts, numbers)
        kept = {i: _compact(rows[len(self._parts) + i]) for i in self._kept}
        called = {name: self._called(name) for name in names}
        return Columns(
            texts, numbers, {name: kept[at] for name, at in called.items() if at is not None}
        )

    def _split(self, lines: pa.StringArray) -> tuple[Int32s, dict[int, Rows]]:
        """Split lines at their literal texts, except lines that RE2 might read differently.

        Returns the lines that could be split, and their values by slot.
        """
        if self._layout is None:
            none = pa.array([], pa.string())
            return np.zeros(0, np.int32), {i: read_values(none, self._want(i)) for i in self._slots}
        split = split_lines(lines, self._layout.before, self._layout.fields)
        columns = dict(zip(self._layout.wanted, split.columns, strict=True))
        good = np.ones(len(split.line), np.bool_)
        for i, column in columns.items():
            pattern = self._patterns[i]
            if i in self._layout.checked or not isinstance(column, TextRows) or not len(good):
                continue
            with column.table.lent() as strings:
                fits = pc.match_substring_regex(strings, f"^(?:{pattern})$")
            # Texts that mean "no value" are not in the table.
            nothing = pc.match_substring_regex(_NOTHING, f"^(?:{pattern})$")[0].as_py()
            good &= np.append(fits.to_numpy(zero_copy_only=False), nothing)[column.codes]
        for i, column in zip(self._layout.kept, split.kept, strict=True):
            columns[len(self._parts) + i] = column
        if good.all():
            return split.line, {i: columns[i] for i in self._slots}
        return split.line[good], {i: columns[i].of_rows(good) for i in self._slots}

    def _want(self, at: int) -> Wanted:
        """Return how to parse the texts of a slot."""
        if at >= len(self._parts):
            return KEPT
        field = self._parts[at].field
        if field is None or field is Field.FORMATTED_TIME:
            return Wanted()
        nothing = Nothing.DASH | Nothing.QUOTES
        if at in self._may_be_empty:
            nothing |= Nothing.EMPTY
        return attrs.evolve(wanted_of(field, nothing), kind=self._kind(at))

    def _kind(self, at: int) -> Kind:
        part = self._parts[at]
        if part.field not in KINDS or part.pattern is not None:
            return Kind.TEXT
        return KINDS[part.field]

    def _matched(
        self, lines: pa.StringArray, rows: Mapping[int, Rows]
    ) -> tuple[Int64s, dict[int, Rows]]:
        """Match lines with RE2; returns the matching lines, and their values by slot.

        Texts are added to the tables of `rows`.
        """
        matched, texts = self._extraction.of(lines)
        read = {}
        for i, before in rows.items():
            part = self._part_of(i)
            of_part = texts[f"f{part}"]
            if self._parts[part].may_be_quoted:
                of_part = pc.replace_substring_regex(of_part, '^"(.*)"$', r"\1")
            table = before.table if isinstance(before, TextRows) else None
            read[i] = read_values(of_part, self._want(i), table)
        return matched, read

    def _fields_between(self) -> _Layout | None:
        """Return how to split lines at their literal texts; `None` if that is ambiguous.

        Each field must end at the first occurrence of the text after it. That fails for adjacent
        fields, and for fields that may contain the beginning of that text.
        """
        fields: list[FieldBetween] = []
        wanted: list[int] = []
        checked: list[int] = []
        for i, part in enumerate(self._parts):
            if part.is_literal:
                if part.is_loose:
                    return None
                continue
            _, after = self._around(i)
            if not after and i + 1 < len(self._parts):
                return None
            if self._may_hold(i, after):
                return None
            is_list = part.is_list or part.field is Field.UPSTREAM_SECONDS
            form = self._form(i, after)
            if form is None and self._kind(i) is Kind.TEXT:
                is_wanted = True
            else:
                is_wanted = i in self._read
                checked.append(i)
            fields.append(
                FieldBetween(
                    after.encode(),
                    self._want(i) if is_wanted else None,
                    self._kind(i),
                    is_list,
                    part.is_padded,
                    part.may_be_quoted,
                    form or Form.ANYTHING,
                    KEPT if i in self._kept else None,
                )
            )
            if is_wanted:
                wanted.append(i)
        before = self._parts[0].text if self._parts[0].is_literal else ""
        if len(fields) > MOST_FIELDS:
            return None
        kept = tuple(sorted(self._kept))
        return _Layout(before.encode(), tuple(fields), tuple(wanted), kept, frozenset(checked))

    def _form(self, at: int, after: str) -> Form | None:
        """Return the check of a part that compiled code can do; `None` if it has none."""
        if after[:1] == _ENDED_BY.get(self._patterns[at]):
            return Form.ANYTHING  # it ends at the first such character
        return _FORMS.get(self._patterns[at])

    def _may_hold(self, at: int, after: str) -> bool:
        """Tell whether a field may contain the beginning of the text after it."""
        part = self._parts[at]
        if part.pattern is not None:
            return False
        if part.is_list or part.field is Field.UPSTREAM_SECONDS:
            # Compiled code recognises the spaces of a list if a single space follows the list.
            return bool(after) and after[0] not in ' "'
        if part.field not in FIELD_PATTERNS:
            return False
        # A field that cannot contain the text's second character cannot contain the text.
        held = _MAY_HOLD.get(part.field, _NUMBER_MAY_HOLD)
        return bool(after) and all(re.match(held, character) for character in after[:2])

    def _pattern(self, at: int) -> str:
        """Return the pattern (RE2) of a part."""
        part = self._parts[at]
        if part.is_literal:
            return _loose(part.text) if part.is_loose else re.escape(part.text)
        if part.pattern is not None:
            return f"(?:{part.pattern})"
        if part.field in FIELD_PATTERNS:
            # Empty quotes mean no value; only times are required.
            is_optional = part.field not in _WHENS and self._is_quoted(at)
            return f"(?:{FIELD_PATTERNS[part.field]})" + "?" * is_optional
        if part.is_list:
            return _LIST
        return _free_text(part, *self._around(at))

    def _piece(self, at: int, pattern: str) -> str:
        """Return a part's piece of the whole expression; padding before it is outside its group."""
        group = f"(?P<f{at}>{pattern})" if at in self._read | self._kept else pattern
        return f" *{group}" if self._parts[at].is_padded else group

    def _narrow(self, at: int) -> str:
        """Return a fast pattern that most texts of a part match.

        Free text ends at the first occurrence of the text after it. Excluding the first character
        of that text guarantees this.
        """
        _, after = self._around(at)
        part = self._parts[at]
        if part.field in USUAL_PATTERNS and part.pattern is None:
            return f"(?:{USUAL_PATTERNS[part.field]})"
        if self._patterns[at] != _ANYTHING or not after:
            return self._patterns[at]
        return f"[^{re.escape(after[0])}\\n]*"

    def _is_quoted(self, at: int) -> bool:
        before, after = self._around(at)
        return before.endswith('"') and after.startswith('"')

    @functools.cached_property
    def _repairs(self) -> tuple[tuple[str, bool], ...]:
        """Expressions that match lines with a broken field, and whether quotes may be broken."""
        needed = [i for i, part in enumerate(self._parts) if part.field in _MAKE_A_REQUEST]
        if not needed or len(self._parts) > _MOST_REPAIRED:
            return ()
        last = max(needed)
        return (
            (self._repair(last, any_number=True, any_quotes=False), False),
            (self._repair(last, any_number=False, any_quotes=True), True),
            (self._repair(last, any_number=True, any_quotes=True), True),
        )

    def _repair(self, last: int, *, any_number: bool, any_quotes: bool) -> str:
        """`last`: the last part that a line must have completely."""

        def broken(at: int) -> str:
            part = self._parts[at]
            pattern = self._patterns[at]
            if part.is_literal:
                return _loose(part.text)
            if part.field in KINDS and part.field not in _WHENS and any_number:
                after = self._around(at)[1][:1]
                pattern = r'[^"\n]*' if self._is_quoted(at) else rf'[^ \t"\n{re.escape(after)}]*'
            elif pattern == _QUOTED and any_quotes:
                pattern = _ANYTHING
            elif pattern == _ANYTHING and part.field is None and any_quotes:
                pattern = r'[^"\n]*?'  # text outside quotes has no quotes
            elif part.field in SINGLE:
                pattern = rf"(?:{pattern}|[^ \t]+)"
            return self._piece(at, pattern)

        def rest(first: int) -> str:
            """The remaining parts; the line may end inside any of them."""
            following = ""
            # Built from the end, without recursion: there may be hundreds of parts.
            for at in range(len(self._parts) - 1, first - 1, -1):
                part = self._parts[at]
                if part.is_literal:
                    following = f"(?:{_or_beginning(broken(at) + following, part.text)})"
                elif not following:
                    following = broken(at)
                elif self._patterns[at] == _QUOTED:
                    # It may be truncated; then a quote in it would be the closing one.
                    following = broken(at) + (following if any_quotes else f"(?:{following})?")
                else:
                    # A truncated number is useless: the missing digits are unknown.
                    following = rf'(?:{broken(at)}{following}|[^ "\n]*)'
            return following

        whole = "".join(broken(at) for at in range(last + 1))
        behind = self._parts[last + 1 :]
        if behind and behind[0].is_literal and behind[0].text[0] in '"]':
            # The closing quote belongs to the request.
            text = behind[0].text
            whole += re.escape(text[0])
            inner = rest(last + 2)
            if len(text) > 1:
                inner = _or_beginning(_loose(text[1:]) + inner, text[1:])
            return f"^{whole}(?:{inner})?{_LINE_END}" if inner else f"^{whole}{_LINE_END}"
        return f"^{whole}(?:{rest(last + 1)})?{_LINE_END}"

    def _around(self, at: int) -> tuple[str, str]:
        """Return the literal text before a part and after it."""
        before = self._parts[at - 1] if at else None
        after = self._parts[at + 1] if at + 1 < len(self._parts) else None
        return (
            before.text if before is not None and before.is_literal else "",
            after.text if after is not None and after.is_literal else "",
        )

    def explain(self, line: bytes) -> str:
        """Explain in one clause where a rejected line stops matching this format."""
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if not text:
            return "the line is empty"
        whole = pc.extract_regex(pa.array([f"{text}\n"]), self._extraction.whole)[0]
        if whole.is_valid:
            if self._time is None:
                return "no time in the line or around it"
            return time_fault(" ".join(whole[f"f{at}"].as_py() for at in self._time_parts))
        part, at = self.stop(text)
        if part is None:
            return f"expected the end of the line at character {at + 1}"
        what = f"the text {part.text!r}" if part.is_literal else part.text
        return f"expected {what} at character {at + 1}"

    @property
    def _time_parts(self) -> list[int]:
        """The parts that make the time of a line."""
        dates = [i for i, part in enumerate(self._parts) if part.field is Field.DATE]
        assert self._time is not None
        return sorted({*dates, *self._formatted, *self._wanted_of(self._time)})

    def _wanted_of(self, field: Field) -> list[int]:
        return [self._wanted[field]] if field in self._wanted else []

    def time_at(self, line: str) -> int | None:
        """Return the position of the first part of a line's time; `None` if not found."""
        before = "".join(self._pieces[: self._time_parts[0]])
        found = pc.extract_regex(pa.array([line]), f"^(?P<prefix>{before})")[0]
        return len(found["prefix"].as_py()) if found.is_valid else None

    def stop(self, line: str) -> tuple[Part | None, int]:
        """Return the first part that a rejected line lacks, and its expected position.

        `None`: it has all parts, and more text after them.
        """
        end = 0
        for part, stopped in self._stops(line):
            if stopped is None:
                return part, end
            end = stopped
        return None, end

    def _stops(self, line: str) -> Iterator[tuple[Part, int | None]]:
        """Yield each part and where it ends; `None` for the first one that does not match."""
        text = pa.array([line])
        for i, part in enumerate(self._parts):
            prefix = "".join(self._pieces[: i + 1])
            found = pc.extract_regex(text, f"^(?P<prefix>{prefix})")[0]
            yield part, len(found["prefix"].as_py()) if found.is_valid else None
            if not found.is_valid:
                return


def _loose(text: str) -> str:
    """Return a pattern of a text with any number of spaces for each space.

    Beside a bracket the space may be missing.
    """
    spaced = re.escape(text).replace(r"\ ", " +")
    return spaced.replace(r"\] +", r"\] *").replace(r" +\[", r" *\[")


def _or_beginning(whole: str, text: str) -> str:
    """Return a pattern of a whole, or of just the beginning of its first text."""
    beginning = _beginning(text)
    return f"{whole}|{beginning}" if beginning else whole


def _beginning(text: str) -> str:
    """Return a pattern of all proper beginnings of a text; empty if there are none."""
    pieces = []
    for at, character in enumerate(text[: min(len(text) - 1, _LONGEST_BEGINNING)]):
        piece = _loose(character)
        if character == " " and (text[at - 1 : at] == "]" or text[at + 1] == "["):
            piece = " *"  # as in `_loose`
        pieces.append(piece)
    beginning = ""
    for piece in reversed(pieces):
        beginning = f"{piece}(?:{beginning})?" if beginning else piece
    return beginning


def _until_literals(parts: Sequence[Part], pieces: Sequence[str]) -> list[str]:
    """Join each literal text with the fields before it."""
    joined = [""]
    for part, piece in zip(parts, pieces, strict=True):
        joined[-1] += piece
        if part.is_literal:
            joined.append("")
    return [piece for piece in joined if piece]


def _merged(one: Rows, other: Rows, order: Int64s) -> Rows:
    """Join rows in the given order."""
    if isinstance(one, TextRows) and isinstance(other, TextRows):
        return TextRows(np.concatenate([one.codes, other.codes])[order], one.table)
    assert isinstance(one, Numbers)
    assert isinstance(other, Numbers)
    return Numbers(
        np.concatenate([one.values, other.values])[order],
        np.concatenate([one.states, other.states])[order],
    )


def _compact(rows: Rows) -> Texts:
    assert isinstance(rows, TextRows)
    return Texts.of(rows.codes, rows.table.sealed())


def _put_together(pieces: Sequence[Texts]) -> Texts:
    """Join the parts of a time."""
    if len(pieces) == 1:
        return pieces[0]
    joined = pc.binary_join_element_wise(
        *(texts.each(texts.distinct) for texts in pieces), _BETWEEN
    )
    encoded = pc.dictionary_encode(joined)
    return Texts(codes_of(encoded), encoded.dictionary)


def _free_text(part: Part, before: str, after: str) -> str:
    """Return the pattern of a free-text field, depending on the text around it."""
    if part.field is Field.VHOST and not after:
        return "[^ /]*"  # for $host$request_uri
    if part.field is Field.VHOST and not after.startswith('"'):
        return _MAYBE_WORD
    if before.endswith('"') and after.startswith('"'):
        return _QUOTED
    if before.endswith("[") and after.startswith("]"):
        return _IN_BRACKETS
    if part.field is Field.FORWARDED_FOR:
        return MAYBE_ADDRESSES
    # User names may have spaces: match as little as the rest allows.
    return _ANYTHING


def _without(count: int, numbers: Int32s) -> Int32s:
    """Return the numbers below `count` without the given ones."""
    left = np.ones(count, np.bool_)
    left[numbers] = False
    return np.flatnonzero(left).astype(np.int32)
