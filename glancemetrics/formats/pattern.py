"""Formats made of literal text and fields, one after the other.

RE2, which has the last word, takes time that is linear in the length of a line, whatever it is. A
line of which a field is broken is read by `PatternFormat.repaired`, if no format explains it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
"""The beginnings of what the text of such a field may hold."""
_NUMBER_MAY_HOLD = "[-+0-9.eE]"

_BETWEEN = "\x1f"
"""Stands between the pieces of a time, as in its format; no line has it where a time is."""

_LIST = "(?:[^ ,]+(?:(?:, | : )[^ ,]+)*)?"
_ANYTHING = ".*?"
_QUOTED = r'(?:[^"\\]|\\.)*'
VALUE = r'(?:"(?:[^"]|"")*"|[^ \t"][^ \t]*)'
"""A word, or anything in double quotes, with quotes inside doubled."""
CELL = r"[^\t]*"
"""What stands between tabs."""
INTEGER = r"[+-]?\d+"
BRACES = r"(?:\{[^{}]*\} ){0,2}"
TAIL = "(?: .*)?"
WORD = r"[^ \t]+"
SINGLE_WORD = r"[^ \t,]+"
"""No part of a list of addresses either."""
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
"""Patterns that compiled code checks while it splits; it may leave texts that match to RE2."""
_IN_BRACKETS = r"[^\]]*"
_WELL_QUOTED = r'^(?:(?:[^"\n]*[ =\[(,:{])?"(?:[^"\\\n]|\\.)*"[ \]),;}\r\n])*[^"\n]*\n?$'
"""Each quote that opens stands behind a space or the like, and each that closes before one."""
_ENDED_BY = {_IN_BRACKETS: "]", f"(?:{CELL})": "\t"}
"""By pattern, the only character that it does not match."""
_NOTHING = pa.array(["-"])
_EMPTY = pa.array([""])
_WHENS = frozenset({*TIMES, Field.DATE})
_MAKE_A_REQUEST = _WHENS | {Field.REQUEST, Field.METHOD, Field.TARGET, Field.PATH}
"""Fields without which a line is no request, and cannot be repaired."""
_LONGEST_BEGINNING = 400
"""Characters of a literal text within which a line may be cut off: RE2 nests a thousand deep."""
_MOST_REPAIRED = 300
"""Parts of a format, of which lines that are cut off can be read."""
_LINE_END = r"[ \r]*\n$"


@attrs.frozen
class Part:
    """A field of a line, or the text between fields."""

    text: str
    """Of literal text, the text; of a field, how its notation writes it."""
    field: Field | None = None
    """`None` for literal text, and for a field that no column has."""
    is_literal: bool = False
    is_list: bool = False
    """Whether a field that no column has holds one item for each upstream that was asked."""
    pattern: str | None = None
    """What its text looks like (RE2), if `Field` does not say: in such a text the literal text
    after it must not stand, except between quotes that the pattern has too."""
    is_padded: bool = False
    """Whether spaces may stand before its text."""
    strftime: str = ""
    """Of a `FORMATTED_TIME`, its format, without abbreviations."""
    may_be_quoted: bool = False
    """Whether its text is the same with and without double quotes around it."""
    is_loose: bool = False
    """Whether literal text has as many spaces as it likes, and none behind a bracket or a quote."""
    name: str = ""
    """How a person calls it who asks to keep it; empty where its notation does not tell."""


def literal(text: str) -> Part:
    """Return a part of which each line has the same text."""
    return Part(text, is_literal=True)


@attrs.frozen
class _Layout:
    """How lines are split at their literal texts."""

    before: bytes
    """Text before the first field."""
    fields: tuple[FieldBetween, ...]
    looked_at: tuple[int, ...]
    """Which parts are fields whose texts are wanted."""
    kept: tuple[int, ...]
    """Which parts are fields whose texts are kept as they were written."""
    checked: frozenset[int]
    """Which parts compiled code knows to be what their pattern has."""


class PatternFormat:
    """A format that is a sequence of parts. One of them is a time, unless what is around it is.

    Lines are split at the literal texts by compiled code where that can only mean the same; RE2
    reads the others, and decides alone what is a reject.
    """

    directives = ()

    def __init__(
        self, name: str, parts: Sequence[Part], hint: str = "", kept: Iterable[int] = ()
    ) -> None:
        """`hint`: what `glancemetrics formats` says of a field that could not be told.

        `kept` are parts of which the text is kept as well.
        """
        self.name = name
        self.hint = hint
        self._parts = tuple(parts)
        self._kept = frozenset(kept)
        self._keeping: dict[frozenset[int], PatternFormat] = {}
        """The same format with parts that are kept."""
        fields = {part.field for part in parts}
        self._time = next((field for field in TIMES if field in fields), None)
        self._wanted: dict[Field, int] = {}
        """Which part each field is, but for times in formats of their own."""
        self._formatted: list[int] = []
        """Which parts are those."""
        for i, part in enumerate(self._parts):
            if part.field is Field.FORMATTED_TIME and part.field is self._time:
                self._formatted.append(i)
            elif part.field is not None and (part.field not in TIMES or part.field is self._time):
                # Where there are several, as of `%s` and `%>s`, the first is meant.
                self._wanted.setdefault(part.field, i)
        self._read = {*self._wanted.values(), *self._formatted}
        """Which parts are read, for what they mean."""
        self._slots = (*sorted(self._read), *(len(self._parts) + i for i in sorted(self._kept)))
        """What lines have: of a part that is read its number; of one that is kept, for its text as
        it was written, that and the number of all parts."""
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
        """What it is made of."""
        return self._parts

    def may_explain(self, chunk: bytes) -> bool:
        """Tell whether any line may be a request, at a glance."""
        return all(part.text.encode() in chunk for part in self._parts if part.is_literal)

    @property
    def keepable(self) -> tuple[str, ...]:
        """Names of fields that it can keep."""
        return tuple(self._by_name_written)

    @property
    def is_split(self) -> bool:
        """Whether compiled code reads the usual lines, and RE2 only the others."""
        return self._layout is not None

    def without_splitting(self) -> PatternFormat:
        """Read every line with RE2 from now on, to compare; returns itself."""
        self._layout = None
        return self

    @property
    def expected(self) -> str:
        """What a line should be, as a noun."""
        return f"a line of the {self.name} format"

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
            matched, others = self._matched(lines if all_left else lines.take(pa.array(left)), rows)
            line = np.concatenate([line, left[matched]])
            order = np.argsort(line, kind="stable")
            line = line[order]
            rows = {i: _merged(rows[i], others[i], order) for i in rows}
        return self._decoded(len(lines), line, rows, context)

    def repaired(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode lines of which a field is broken, which is not known then: all are damaged.

        A number may be anything, quotes may stand in a quoted text, and a line may end in any field
        behind the request. When it was, and what makes it a request, must be there.
        """
        keeping = self._with_kept(context)
        if keeping is not self:
            return keeping.repaired(lines, context)
        numbers: list[Int64s] = []
        texts: list[dict[str, pa.StringArray]] = []
        left = np.arange(len(lines))
        for expression, quotes_are_broken in self._repairs:
            if quotes_are_broken:
                # Where quotes are as they should be, the line has other fields.
                fine = pc.match_substring_regex(lines.take(pa.array(left)), _WELL_QUOTED)
                left = left[~fine.to_numpy(zero_copy_only=False)]
            matches = pc.extract_regex(lines.take(pa.array(left)), expression)
            matched = matches.is_valid().to_numpy(zero_copy_only=False)
            numbers.append(left[matched])
            kept = matches.filter(pa.array(matched))
            texts.append({one.name: pc.struct_field(kept, one.name) for one in kept.type})
            left = left[~matched]
        line = np.concatenate([np.zeros(0, np.int64), *numbers])
        if not len(line):
            return nothing_decoded(context, len(lines))
        order = np.argsort(line, kind="stable")
        rows = {}
        for i in self._slots:
            name = f"f{self._part_of(i)}"
            of_part = pa.concat_arrays([one[name] for one in texts]).take(pa.array(order))
            wanted = self._want(i)
            nothing = Nothing.DASH | Nothing.EMPTY | Nothing.QUOTES
            rows[i] = read_values(of_part, attrs.evolve(wanted, nothing=nothing))
        decoded = self._decoded(len(lines), line[order].astype(np.int32), rows, context)
        return attrs.evolve(decoded, damaged=decoded.line)

    def _decoded(
        self, count: int, line: Int32s, rows: Mapping[int, Rows], context: LineContext
    ) -> Decoded:
        """Make records of what was read of some lines, of so many."""
        if not len(line):
            return nothing_decoded(context, count)
        made = records_of(self._columns(rows, context.kept), line, context, self._strftime)
        good = line[made.timed]
        rejected = _without(count, good)
        name = self.name if len(good) else None
        return Decoded(count, made.batch, good, rejected, name, good[made.damaged])

    def _with_kept(self, context: LineContext) -> PatternFormat:
        """Return this format so that it keeps what is asked for; it is made once."""
        kept = frozenset(at for name in context.kept if (at := self._called(name)) is not None)
        if kept == self._kept:
            return self
        if kept not in self._keeping:
            made = PatternFormat(self.name, self._parts, self.hint, kept)
            self._keeping[kept] = made if self.is_split else made.without_splitting()
        return self._keeping[kept]

    def _called(self, name: str) -> int | None:
        """Return the first part of a name; servers do not tell capitals from small letters.

        Where several are called so, each may be called as its notation writes it: `%{X-Cache}o`.
        """
        return self._by_name.get(name.lower())

    @functools.cached_property
    def _by_name(self) -> dict[str, int]:
        return {name.lower(): i for name, i in reversed(self._by_name_written.items())}

    @functools.cached_property
    def _by_name_written(self) -> dict[str, int]:
        """The first part of each name; and of each text, where those of one name are several."""
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
            # As its part has a pattern of its own, compiled code has not read it.
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
        """Split lines at their literal texts; leave those that RE2 might read otherwise.

        Returns which could be split, and what they have, by slot.
        """
        if self._layout is None:
            none = pa.array([], pa.string())
            return np.zeros(0, np.int32), {i: read_values(none, self._want(i)) for i in self._slots}
        split = split_lines(lines, self._layout.before, self._layout.fields)
        columns = dict(zip(self._layout.looked_at, split.columns, strict=True))
        good = np.ones(len(split.line), np.bool_)
        for i, column in columns.items():
            pattern = self._patterns[i]
            if i in self._layout.checked or not isinstance(column, TextRows) or not len(good):
                continue
            with column.table.lent() as strings:
                fits = pc.match_substring_regex(strings, f"^(?:{pattern})$")
            # What says that there is nothing is not among them.
            nothing = pc.match_substring_regex(_NOTHING, f"^(?:{pattern})$")[0].as_py()
            good &= np.append(fits.to_numpy(zero_copy_only=False), nothing)[column.codes]
        for i, column in zip(self._layout.kept, split.kept, strict=True):
            columns[len(self._parts) + i] = column
        if good.all():
            return split.line, {i: columns[i] for i in self._slots}
        return split.line[good], {i: columns[i].of_rows(good) for i in self._slots}

    def _want(self, at: int) -> Wanted:
        """Return what is to be made of the texts of a slot."""
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
        """Match lines with RE2: returns which do, and what they have, by slot.

        Texts are entered in the tables of `rows`.
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
        """Return how to split lines at their literal texts; `None` if that may mean another thing.

        Each field must end where the text after it stands first, and nowhere else: two fields side
        by side do not, nor one that may hold the beginning of that text.
        """
        fields: list[FieldBetween] = []
        looked_at: list[int] = []
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
                look = True
            else:
                look = i in self._read
                checked.append(i)
            fields.append(
                FieldBetween(
                    after.encode(),
                    self._want(i) if look else None,
                    self._kind(i),
                    is_list,
                    part.is_padded,
                    part.may_be_quoted,
                    form or Form.ANYTHING,
                    KEPT if i in self._kept else None,
                )
            )
            if look:
                looked_at.append(i)
        before = self._parts[0].text if self._parts[0].is_literal else ""
        if len(fields) > MOST_FIELDS:
            return None
        kept = tuple(sorted(self._kept))
        return _Layout(before.encode(), tuple(fields), tuple(looked_at), kept, frozenset(checked))

    def _form(self, at: int, after: str) -> Form | None:
        """Return what compiled code checks of a part; `None` if it cannot."""
        if after[:1] == _ENDED_BY.get(self._patterns[at]):
            return Form.ANYTHING  # it ends at the first of them
        return _FORMS.get(self._patterns[at])

    def _may_hold(self, at: int, after: str) -> bool:
        """Tell whether a field may hold the beginning of the text after it, as part of itself."""
        part = self._parts[at]
        if part.pattern is not None:
            return False
        if part.is_list or part.field is Field.UPSTREAM_SECONDS:
            # Compiled code knows which spaces are of a list, if no more than a space follows it.
            return bool(after) and after[0] not in ' "'
        if part.field not in FIELD_PATTERNS:
            return False
        # If not the second character of that text, then not the text, nor a part of it at its end.
        held = _MAY_HOLD.get(part.field, _NUMBER_MAY_HOLD)
        return bool(after) and all(re.match(held, character) for character in after[:2])

    def _pattern(self, at: int) -> str:
        """Return what a part matches."""
        part = self._parts[at]
        if part.is_literal:
            return _loose(part.text) if part.is_loose else re.escape(part.text)
        if part.pattern is not None:
            return f"(?:{part.pattern})"
        if part.field in FIELD_PATTERNS:
            # Empty quotes say that there is nothing; when it was must be said.
            is_optional = part.field not in _WHENS and self._is_quoted(at)
            return f"(?:{FIELD_PATTERNS[part.field]})" + "?" * is_optional
        if part.is_list:
            return _LIST
        return _free_text(part, *self._around(at))

    def _piece(self, at: int, pattern: str) -> str:
        """Return what a part is of the whole expression; spaces before it are no part of it."""
        group = f"(?P<f{at}>{pattern})" if at in self._read | self._kept else pattern
        return f" *{group}" if self._parts[at].is_padded else group

    def _narrow(self, at: int) -> str:
        """Return what most texts of a part match, and fast.

        Text that may be anything ends where the text after it begins for the first time: if the
        first character of that is not inside, that is surely there.
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
        """`last` is the part up to which a line must be whole."""

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
                pattern = r'[^"\n]*?'  # what is not in quotes has none
            elif part.field in SINGLE:
                pattern = rf"(?:{pattern}|[^ \t]+)"
            return self._piece(at, pattern)

        def rest(first: int) -> str:
            """What may follow: each part, or just its beginning where the line ends."""
            following = ""
            # From the end, for there may be hundreds.
            for at in range(len(self._parts) - 1, first - 1, -1):
                part = self._parts[at]
                if part.is_literal:
                    following = f"(?:{_or_beginning(broken(at) + following, part.text)})"
                elif not following:
                    following = broken(at)
                elif self._patterns[at] == _QUOTED:
                    # It may be cut off; then a quote in it would be the one that closes it.
                    following = broken(at) + (following if any_quotes else f"(?:{following})?")
                else:
                    # Of a number that is cut off nobody knows how much is missing.
                    following = rf'(?:{broken(at)}{following}|[^ "\n]*)'
            return following

        whole = "".join(broken(at) for at in range(last + 1))
        behind = self._parts[last + 1 :]
        if behind and behind[0].is_literal and behind[0].text[0] in '"]':
            # The quote that closes the request is of it.
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
        """Say in one clause where a rejected line stops to be of this format."""
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if not text:
            return "the line is empty"
        whole = pc.extract_regex(pa.array([f"{text}\n"]), self._extraction.whole)[0]
        if whole.is_valid:
            if self._time is None:
                return "the line does not say when it was written, and nothing around it does"
            return time_fault(" ".join(whole[f"f{at}"].as_py() for at in self._time_parts))
        part, at = self.stop(text)
        if part is None:
            return f"more follows where the line should end, at character {at + 1}"
        what = f"the text {part.text!r}" if part.is_literal else part.text
        return f"{what} should stand at character {at + 1}"

    @property
    def _time_parts(self) -> list[int]:
        """Which parts say when a line was written."""
        dates = [i for i, part in enumerate(self._parts) if part.field is Field.DATE]
        assert self._time is not None
        return sorted({*dates, *self._formatted, *self._wanted_of(self._time)})

    def _wanted_of(self, field: Field) -> list[int]:
        return [self._wanted[field]] if field in self._wanted else []

    def time_at(self, line: str) -> int | None:
        """Return where the first part stands that says when a line was written, if it does."""
        before = "".join(self._pieces[: self._time_parts[0]])
        found = pc.extract_regex(pa.array([line]), f"^(?P<prefix>{before})")[0]
        return len(found["prefix"].as_py()) if found.is_valid else None

    def stop(self, line: str) -> tuple[Part | None, int]:
        """Return the first part that a rejected line does not have, and where it should begin.

        `None`: it has all, and more.
        """
        end = 0
        for part, stopped in self._stops(line):
            if stopped is None:
                return part, end
            end = stopped
        return None, end

    def _stops(self, line: str) -> Iterator[tuple[Part, int | None]]:
        """Yield each part, and where it ends; `None` for the first that does not fit."""
        text = pa.array([line])
        for i, part in enumerate(self._parts):
            prefix = "".join(self._pieces[: i + 1])
            found = pc.extract_regex(text, f"^(?P<prefix>{prefix})")[0]
            yield part, len(found["prefix"].as_py()) if found.is_valid else None
            if not found.is_valid:
                return


def _loose(text: str) -> str:
    """Return what matches a text with as many spaces as it likes where it has one.

    Beside a bracket there may be none.
    """
    spaced = re.escape(text).replace(r"\ ", " +")
    return spaced.replace(r"\] +", r"\] *").replace(r" +\[", r" *\[")


def _or_beginning(whole: str, text: str) -> str:
    """Return what matches a whole, or just the beginning of the text that it begins with."""
    beginning = _beginning(text)
    return f"{whole}|{beginning}" if beginning else whole


def _beginning(text: str) -> str:
    """Return what matches the beginnings of a text, but not all of it; empty where it has none."""
    pieces = []
    for at, character in enumerate(text[: min(len(text) - 1, _LONGEST_BEGINNING)]):
        piece = _loose(character)
        if character == " " and (text[at - 1 : at] == "]" or text[at + 1] == "["):
            piece = " *"  # as `_loose` has it
        pieces.append(piece)
    beginning = ""
    for piece in reversed(pieces):
        beginning = f"{piece}(?:{beginning})?" if beginning else piece
    return beginning


def _until_literals(parts: Sequence[Part], pieces: Sequence[str]) -> list[str]:
    """Put each literal text together with the fields before it."""
    joined = [""]
    for part, piece in zip(parts, pieces, strict=True):
        joined[-1] += piece
        if part.is_literal:
            joined.append("")
    return [piece for piece in joined if piece]


def _merged(one: Rows, other: Rows, order: Int64s) -> Rows:
    """Put rows together, in an order."""
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
    """Join the texts that together are a time."""
    if len(pieces) == 1:
        return pieces[0]
    joined = pc.binary_join_element_wise(
        *(texts.each(texts.distinct) for texts in pieces), _BETWEEN
    )
    encoded = joined.dictionary_encode()
    return Texts(codes_of(encoded), encoded.dictionary)


def _free_text(part: Part, before: str, after: str) -> str:
    """Return what a field matches whose text may be anything, by what stands around it."""
    if part.field is Field.VHOST and not after:
        return "[^ /]*"  # as in $host$request_uri
    if part.field is Field.VHOST and not after.startswith('"'):
        return _MAYBE_WORD
    if before.endswith('"') and after.startswith('"'):
        return _QUOTED
    if before.endswith("[") and after.startswith("]"):
        return _IN_BRACKETS
    if part.field is Field.FORWARDED_FOR:
        return MAYBE_ADDRESSES
    # Names of users have spaces: as little as the rest allows.
    return _ANYTHING


def _without(count: int, numbers: Int32s) -> Int32s:
    """Return the numbers below `count` but for some."""
    left = np.ones(count, np.bool_)
    left[numbers] = False
    return np.flatnonzero(left).astype(np.int32)
