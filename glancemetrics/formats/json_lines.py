"""Formats of which each line is a JSON object.

Other programs of the same log write objects too: what is not about a request is foreign.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.formats.field_columns import Columns, Texts
from glancemetrics.formats.fields import KINDS, TIMES, Field, wanted_of
from glancemetrics.formats.kept_fields import KeptPaths, path
from glancemetrics.formats.lines import lines_of
from glancemetrics.formats.log_format import UNKNOWN, Decoded, LineContext, nothing_decoded
from glancemetrics.formats.record_columns import records_of
from glancemetrics.native.json_lines import BROKEN, OBJECT, JsonPaths
from glancemetrics.native.strings import StringTable
from glancemetrics.native.values import Nothing, Numbers, Rows, State, TextRows, Wanted

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]

_HOSTS = (Field.HOST, Field.HOST_PORT, Field.HOST_OR_PORT, Field.VHOST)
_STRING = r'"(?:[^"\\]|\\.)*"'
_BARE = r'[^"{}\[\],\n]*(?:, *[^"{}\[\], \n][^"{}\[\],\n]*)*'
"""Up to the comma before the next key, or to the end of the object."""
_WHOLE = r"^\s*\{[^\x1e\x1f]*\}\s*$"
_MENDING = (
    # Marks around what follows each key, and behind each other string; neither is inside strings.
    (rf"({_STRING})(?:([ \t]*:[ \t]*)({_BARE}))?", "\\1\\2\x1e\\3\x1f"),
    # Strings, objects and arrays have an empty text before them.
    (r"(:[ \t]*)\x1e\x1f([\"{\[])", r"\1\2"),
    (r"(:[ \t]*)\x1e[ \t]*\x1f", r"\1null"),
    # What the reader takes for a number or a word; it is the same in json_lines.c.
    (r"\x1e((?:[-0-9][-+.0-9A-Za-z]*|true|false|null)?[ \t\r]*)\x1f", r"\1"),
    (r"\x1e[^\x1e\x1f]*\x1f", "null"),
)
"""Patterns (RE2) and what to put there, one after the other."""
_MOST_PATHS = 1000
"""Of an object that is shown to a person."""


_NOTHING_KEPT = KeptPaths(())


class JsonFormat:
    """A format of JSON objects."""

    directives = ()
    keepable = None
    like = r"^\s*\{"
    """Lines that it rejects look so (RE2), if they are broken requests."""

    def __init__(
        self,
        name: str,
        fields: Mapping[Field, str | Sequence[str]],
        requires: Mapping[str, str] | None = None,
        marks: Sequence[Sequence[Field]] = (),
        excludes: Mapping[str, str] | None = None,
    ) -> None:
        """`fields`: the path of each, or several of which the first that is there counts.

        `requires`: paths that a request has, and a pattern (RE2) of what is there. `marks`: of
        each of these groups of fields a request has one.
        """
        self.name = name
        self._fields = {
            field: (paths,) if isinstance(paths, str) else tuple(paths)
            for field, paths in fields.items()
        }
        self._requires = dict(requires or {})
        self._excludes = dict(excludes or {})
        self._marks = tuple(marks)
        self._paths_of = {
            **{one: field for field, paths in self._fields.items() for one in paths},
            **{one: None for one in (*self._requires, *self._excludes) if not self._has(one)},
        }
        """By path, the field that it is of."""
        self._number_of = {one: number for number, one in enumerate(self._paths_of)}
        self._reader = self._reading(_NOTHING_KEPT)
        self._keeping: dict[tuple[str, ...], tuple[JsonPaths, KeptPaths]] = {}
        """By names of fields that are kept, what reads them too."""

    def _reading(self, kept: KeptPaths) -> JsonPaths:
        wanted = [(path(one), self._wanted(one, field)) for one, field in self._paths_of.items()]
        return JsonPaths(wanted, kept.paths)

    def _reading_of(self, names: tuple[str, ...]) -> tuple[JsonPaths, KeptPaths]:
        if not names:
            return self._reader, _NOTHING_KEPT
        if names not in self._keeping:
            kept = KeptPaths(names, len(self._paths_of))
            self._keeping[names] = self._reading(kept), kept
        return self._keeping[names]

    def _wanted(self, one: str, field: Field | None) -> Wanted:
        # What must be there may be nothing.
        is_kept = field not in KINDS and one in self._requires
        nothing = Nothing.NONE if is_kept else Nothing.DASH | Nothing.EMPTY
        return Wanted() if field is None else wanted_of(field, nothing)

    def _has(self, one: str) -> bool:
        return any(one in paths for paths in self._fields.values())

    @property
    def expected(self) -> str:
        """What a line should be, as a noun."""
        return f"a line of the {self.name} format (JSON)"

    def decode(self, chunk: bytes | memoryview, context: LineContext = UNKNOWN, /) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        return self.decode_lines(lines_of(chunk), context)

    def decode_lines(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode lines, each of which has its newline."""
        if not len(lines):
            return nothing_decoded(context)
        read = self._read_lines(lines, context.kept)
        rejected = read.kinds == BROKEN
        others = read.kinds < OBJECT
        if others.any():
            # What is cut off at its beginning is no object, but the rest of one.
            rest = pc.match_substring_regex(lines.filter(pa.array(others)), '["}]|^\\s*$')
            rejected[others] = rest.to_numpy(zero_copy_only=False)
        line = np.flatnonzero(read.asked).astype(np.int32)
        if not len(line):
            return Decoded(
                len(lines), nothing_decoded(context).batch, line, _numbers(rejected), None
            )
        columns = read.columns if len(line) == len(lines) else read.columns.of_rows(line)
        made = records_of(columns, line, context)
        rejected[line[~made.timed]] = True
        line = line[made.timed]
        name = self.name if len(line) else None
        damaged = line[made.damaged]
        return Decoded(len(lines), made.batch, line, _numbers(rejected), name, damaged)

    def repaired(self, lines: pa.StringArray, context: LineContext) -> Decoded:
        """Decode objects that have a value without quotes that JSON does not know: `"a":1, 2`.

        That value is not known then, and the record is damaged. What is cut off stays a reject.
        """
        tried = np.flatnonzero(
            pc.match_substring_regex(lines, _WHOLE).to_numpy(zero_copy_only=False)
        ).astype(np.int32)
        if not len(tried):
            return nothing_decoded(context, len(lines))
        mended = lines.take(pa.array(tried))
        for pattern, replacement in _MENDING:
            mended = pc.replace_substring_regex(mended, pattern, replacement)
        decoded = self.decode_lines(mended, context.of_lines(tried))
        line = tried[decoded.line]
        rejected = np.setdiff1d(np.arange(len(lines), dtype=np.int32), line, assume_unique=True)
        return attrs.evolve(decoded, lines=len(lines), line=line, rejected=rejected, damaged=line)

    def unitless(self, sample: bytes) -> str:
        """Return the key of a number that may be a duration; empty if there is none."""
        paths = self._fields.get(Field.DURATION, ())
        for one in paths:
            reader = JsonPaths([(path(one), self._wanted(one, Field.DURATION))])
            rows = reader.read(lines_of(sample), [None]).columns.get(0)
            if isinstance(rows, Numbers) and (rows.states == State.WITHOUT_UNIT).any():
                return one
        return ""

    def may_explain(self, chunk: bytes) -> bool:
        """Tell whether any line may be a request, at a glance."""
        return b"{" in chunk and self.may_have_keys(chunk)

    def may_have_keys(self, chunk: bytes) -> bool:
        """Tell whether there are the keys that a request has."""
        return all(path(one)[-1].encode() in chunk for one in self._requires)

    def unused_keys(self, line: str) -> list[str]:
        """Return the paths in an object that mean nothing here; none for what is no object."""
        return [one for one in _paths_in(line) if one not in self._paths_of]

    def missing(self, line: str) -> list[str]:
        """Say what a request must have that an object has no key for, each as a noun."""
        there = set(_paths_in(line))
        groups = [TIMES, *self._marks]
        wanted = [[field for field in group if field in self._fields] for group in groups]
        lacking = [
            " or ".join(field.value for field in fields)
            for fields in wanted
            if fields and not any(there & set(self._fields[field]) for field in fields)
        ]
        return [*lacking, *(one for one in self._requires if one not in there)]

    def explain(self, line: bytes) -> str:
        """Say in one clause why a rejected line is no record."""
        text = line.decode("utf-8", "backslashreplace").strip()
        if not text:
            return "the line is empty"
        if not text.startswith("{"):
            return "the line is not a JSON object"
        read = self._read_lines(pa.array([f"{text}\n"]))
        if read.kinds[0] != OBJECT:
            try:
                json.loads(text)
            except json.JSONDecodeError as error:
                return f"the JSON breaks off at character {error.pos + 1}"
            except RecursionError:
                return "the JSON is broken, and goes too deep to say where"
            return "the JSON is broken"
        return self._lack_of(line.decode("utf-8", "replace"), read)

    def _lack_of(self, text: str, read: _Read) -> str:
        """Say in one clause what an object lacks to be a record."""
        there = set(_paths_in(text))
        missing = self.missing(text)
        if missing and 0 < len(there) < _MOST_PATHS:
            return f"no key for {', '.join(missing)}"
        times = [field for field in self._fields if field in TIMES]
        if not times:
            return "the line does not say when it was written, and nothing around it does"
        if read.asked.all():
            named = [path for field in times for path in self._fields[field] if path in there]
            return f"{' or '.join(named) or 'what says when it was written'} is not a time"
        return "what a request has is there, but not as a request has it"

    def _read_lines(self, lines: pa.StringArray, names: tuple[str, ...] = ()) -> _Read:
        of_field = {field: StringTable() for field in self._fields if field not in KINDS}
        tables = {
            one: (None if field in KINDS else StringTable() if field is None else of_field[field])
            for one, field in self._paths_of.items()
        }
        reader, kept = self._reading_of(names)
        of_kept = StringTable() if names else None
        read = reader.read(lines, [*tables.values(), *(of_kept for _ in kept.paths)])
        there = read.kinds == OBJECT
        for one, pattern in self._requires.items():
            there &= _matches(read.columns.get(self._number_of[one]), pattern)
        for one, pattern in self._excludes.items():
            there &= ~_matches(read.columns.get(self._number_of[one]), pattern)
        texts: dict[Field, Texts] = {}
        numbers: dict[Field, Numbers] = {}
        for field, paths in self._fields.items():
            seen = [
                read.columns[self._number_of[one]]
                for one in paths
                if self._number_of[one] in read.columns
            ]
            if field in KINDS and (seen or field in TIMES):
                numbers[field] = _first_numbers(seen) or Numbers.absent(KINDS[field], len(lines))
            elif seen:
                texts[field] = _first_texts(seen, of_field[field].sealed())
                if any(one in self._requires for one in paths):
                    texts[field] = texts[field].known("").known()
        kept_texts = {} if of_kept is None else kept.texts(read.columns, of_kept)
        columns = Columns(texts, numbers, kept_texts)
        for group in self._marks:
            is_status = list(group) == [Field.STATUS]
            there &= self._have_status(columns) if is_status else columns.have_any(group)
        return _Read(columns, there, read.kinds)

    def _have_status(self, columns: Columns) -> Bools | np.bool_:
        """Tell which rows have a status, or the key of one and else all that a request has."""
        status = columns.numbers.get(Field.STATUS)
        if status is None:
            return np.False_
        # "started" is a status too, but no request's: something else must say that it is one.
        said = columns.have_any((Field.REQUEST, Field.METHOD, Field.PROTOCOL))
        said = said | bool(self._requires)
        asked = columns.have_any(_HOSTS) & columns.have_any((Field.TARGET, Field.PATH))
        is_nothing = status.states == State.NOTHING
        is_known = (status.states > State.NOTHING) & (status.states < State.WRONG)
        is_wrong = status.states >= State.WRONG
        have: Bools = is_known | (is_nothing & (said | asked)) | (is_wrong & said)
        return have


def _paths_in(line: str) -> list[str]:
    """Return the paths to the plain values in an object, in order; of arrays the first item's."""
    try:
        value = json.loads(line, strict=False)  # as compiled code, which takes raw tabs
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    waiting: list[tuple[tuple[str, ...], object]] = [((), value)]
    while waiting and len(found) < _MOST_PATHS:
        at, value = waiting.pop()
        if isinstance(value, dict):
            keys = ((key.replace("~", "~0").replace("/", "~1"), key) for key in value)
            inside = [((*at, written), value[key]) for written, key in keys]
            waiting.extend(reversed(inside))
        elif isinstance(value, list):
            waiting.extend(((*at, "0"), item) for item in value[:1])
        elif at:
            found.append("/".join(at))
    return found


@attrs.frozen(eq=False)
class _Read:
    """What lines hold."""

    columns: Columns
    asked: Bools
    """Which of them are about a request."""
    kinds: npt.NDArray[np.uint8]


def _first_numbers(seen: Sequence[Rows]) -> Numbers | None:
    """Return by line the first number that is there; `None` if no path is in any line."""
    each = [rows for rows in seen if isinstance(rows, Numbers)]
    return functools.reduce(Numbers.where_absent, each) if each else None


def _first_texts(seen: Sequence[Rows], distinct: pa.StringArray) -> Texts:
    """Return by line the first text that is there."""
    codes, *others = [rows.codes for rows in seen if isinstance(rows, TextRows)]
    for more in others:
        codes = np.where(codes < 0, more, codes)
    return Texts.of(codes, distinct) if others else Texts(codes, distinct)


def _matches(rows: Rows | None, pattern: str) -> Bools | np.bool_:
    """Tell which rows have a text that a pattern (RE2) matches; any number does."""
    if rows is None:
        return np.False_
    if isinstance(rows, Numbers):
        return np.asarray(rows.states != State.ABSENT)
    if not pattern:
        return rows.codes >= 0
    with rows.table.lent() as strings:
        fits = pc.match_substring_regex(strings, pattern)
    return np.append(fits.to_numpy(zero_copy_only=False), False)[rows.codes]


def _numbers(mask: Bools) -> Int32s:
    return np.flatnonzero(mask).astype(np.int32)
