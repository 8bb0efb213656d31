"""Formats whose lines are JSON objects.

Other programs may write objects to the same log: objects that are not requests are foreign.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glancemetrics.arrow import compute as pc
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
    # Marks around the value of each key, and after other strings; never inside strings.
    (rf"({_STRING})(?:([ \t]*:[ \t]*)({_BARE}))?", "\\1\\2\x1e\\3\x1f"),
    # No marks before strings, objects and arrays.
    (r"(:[ \t]*)\x1e\x1f([\"{\[])", r"\1\2"),
    (r"(:[ \t]*)\x1e[ \t]*\x1f", r"\1null"),
    # No marks around valid numbers and words; the same pattern is in json_lines.c.
    (r"\x1e((?:[-0-9][-+.0-9A-Za-z]*|true|false|null)?[ \t\r]*)\x1f", r"\1"),
    (r"\x1e[^\x1e\x1f]*\x1f", "null"),
)
"""Patterns (RE2) and replacements, applied in order."""
_MOST_PATHS = 1000
"""Maximum paths listed of one object."""


_NOTHING_KEPT = KeptPaths(())


class JsonFormat:
    """A format of JSON objects."""

    directives = ()
    keepable = None
    like = r"^\s*\{"
    """Pattern (RE2) of rejected lines that are broken requests."""

    def __init__(
        self,
        name: str,
        fields: Mapping[Field, str | Sequence[str]],
        requires: Mapping[str, str] | None = None,
        marks: Sequence[Sequence[Field]] = (),
        excludes: Mapping[str, str] | None = None,
    ) -> None:
        """`fields`: the path of each field, or several paths; the first one present counts.

        `requires`: paths that every request has, with a pattern (RE2) of the value. `excludes`:
        paths that no request has, likewise. `marks`: groups of fields; a request has at least one
        field of each group.
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
        """The field of each path."""
        self._number_of = {one: number for number, one in enumerate(self._paths_of)}
        self._reader = self._reading(_NOTHING_KEPT)
        self._keeping: dict[tuple[str, ...], tuple[JsonPaths, KeptPaths]] = {}
        """Readers that also keep fields, by the names of those fields."""

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
        # A required path may have an empty value.
        is_kept = field not in KINDS and one in self._requires
        nothing = Nothing.NONE if is_kept else Nothing.DASH | Nothing.EMPTY
        return Wanted() if field is None else wanted_of(field, nothing)

    def _has(self, one: str) -> bool:
        return any(one in paths for paths in self._fields.values())

    @property
    def expected(self) -> str:
        """Completes "no line is ...": `in the haproxy format`."""
        return f"in the {self.name} format (JSON)"

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
            # The rest of an object whose beginning was cut off is rejected, not foreign.
            rest = pc.match_substring_regex(pc.filter(lines, pa.array(others)), '["}]|^\\s*$')
            rejected[others] = rest.to_numpy(zero_copy_only=False)
        line = np.flatnonzero(read.is_request).astype(np.int32)
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
        """Decode objects with an invalid value without quotes: `"a":1, 2`.

        That value becomes null, and the record is damaged. Truncated objects stay rejected.
        """
        tried = np.flatnonzero(
            pc.match_substring_regex(lines, _WHOLE).to_numpy(zero_copy_only=False)
        ).astype(np.int32)
        if not len(tried):
            return nothing_decoded(context, len(lines))
        mended = pc.take(lines, pa.array(tried))
        for pattern, replacement in _MENDING:
            mended = pc.replace_substring_regex(mended, pattern, replacement)
        decoded = self.decode_lines(mended, context.of_lines(tried))
        line = tried[decoded.line]
        rejected = np.setdiff1d(np.arange(len(lines), dtype=np.int32), line, assume_unique=True)
        return attrs.evolve(decoded, lines=len(lines), line=line, rejected=rejected, damaged=line)

    def unitless(self, sample: bytes) -> str:
        """Return the key of a number without unit that may be a duration; empty if none."""
        paths = self._fields.get(Field.DURATION, ())
        for one in paths:
            reader = JsonPaths([(path(one), self._wanted(one, Field.DURATION))])
            rows = reader.read(lines_of(sample), [None]).columns.get(0)
            if isinstance(rows, Numbers) and (rows.states == State.WITHOUT_UNIT).any():
                return one
        return ""

    def may_explain(self, chunk: bytes) -> bool:
        """Check quickly whether any line may be a request."""
        return b"{" in chunk and self.may_have_keys(chunk)

    def may_have_keys(self, chunk: bytes) -> bool:
        """Tell whether a chunk has all keys that a request requires."""
        return all(path(one)[-1].encode() in chunk for one in self._requires)

    def unused_keys(self, line: str) -> list[str]:
        """Return the paths of an object that the format does not use; none for other lines."""
        return [one for one in _paths_in(line) if one not in self._paths_of]

    def missing(self, line: str) -> list[str]:
        """Name what a request must have but the object does not."""
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
        """Explain in one clause why a line was rejected."""
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
                return f"invalid JSON at character {error.pos + 1}"
            except RecursionError:
                return "invalid JSON, nested too deeply"
            return "invalid JSON"
        return self._fault_of(line.decode("utf-8", "replace"), read)

    def _fault_of(self, text: str, read: _Read) -> str:
        """Explain in one clause why an object is not a record."""
        there = set(_paths_in(text))
        missing = self.missing(text)
        if missing and 0 < len(there) < _MOST_PATHS:
            return f"no key for {', '.join(missing)}"
        times = [field for field in self._fields if field in TIMES]
        if not times:
            return "no time in the line or around it"
        if read.is_request.all():
            named = [path for field in times for path in self._fields[field] if path in there]
            return f"{' or '.join(named) or 'the value of the time field'} is not a time"
        return "a field of the request has an invalid value"

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
        """Tell which rows have a status, or an empty or wrong one and otherwise a request."""
        status = columns.numbers.get(Field.STATUS)
        if status is None:
            return np.False_
        # "started" is a status too, but not of a request: another field must prove that it is one.
        is_request = columns.have_any((Field.REQUEST, Field.METHOD, Field.PROTOCOL))
        is_request = is_request | bool(self._requires)
        may_be = columns.have_any(_HOSTS) & columns.have_any((Field.TARGET, Field.PATH))
        is_nothing = status.states == State.NOTHING
        is_known = (status.states > State.NOTHING) & (status.states < State.WRONG)
        is_wrong = status.states >= State.WRONG
        have: Bools = is_known | (is_nothing & (is_request | may_be)) | (is_wrong & is_request)
        return have


def _paths_in(line: str) -> list[str]:
    """Return the paths of plain values in an object, in order; of an array, the first item's."""
    try:
        value = json.loads(line, strict=False)  # compiled code accepts raw tabs too
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    waiting: list[tuple[tuple[str, ...], object]] = [((), value)]
    while waiting and len(found) < _MOST_PATHS:
        at, value = waiting.pop()
        if isinstance(value, dict):
            keys = ((key.replace("~", "~0").replace("/", "~1"), key) for key in value)
            inside = [((*at, escaped), value[key]) for escaped, key in keys]
            waiting.extend(reversed(inside))
        elif isinstance(value, list):
            waiting.extend(((*at, "0"), item) for item in value[:1])
        elif at:
            found.append("/".join(at))
    return found


@attrs.frozen(eq=False)
class _Read:
    """The contents of lines."""

    columns: Columns
    is_request: Bools
    """Which lines are requests."""
    kinds: npt.NDArray[np.uint8]


def _first_numbers(seen: Sequence[Rows]) -> Numbers | None:
    """Return the first number present in each line; `None` if no line has any of the paths."""
    each = [rows for rows in seen if isinstance(rows, Numbers)]
    return functools.reduce(Numbers.where_absent, each) if each else None


def _first_texts(seen: Sequence[Rows], distinct: pa.StringArray) -> Texts:
    """Return the first text present in each line."""
    codes, *others = [rows.codes for rows in seen if isinstance(rows, TextRows)]
    for more in others:
        codes = np.where(codes < 0, more, codes)
    return Texts.of(codes, distinct) if others else Texts(codes, distinct)


def _matches(rows: Rows | None, pattern: str) -> Bools | np.bool_:
    """Tell which rows have a text that a pattern (RE2) matches; any number matches."""
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
