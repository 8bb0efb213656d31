"""Formats of which each line is a JSON object.

Other programs of the same log write objects too: what is not about a request is foreign.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.formats.fields import FIELD_PATTERNS, Field
from glancemetrics.formats.log_format import UNKNOWN, Circumstances, Decoded, nothing_decoded
from glancemetrics.formats.pattern import lines_of
from glancemetrics.formats.record_columns import Texts, records_of
from glancemetrics.native.json_lines import BROKEN, OBJECT, JsonPaths, Path
from glancemetrics.native.strings import StringTable

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]


def path(written: str) -> Path:
    """Read a path: `request/headers/User-Agent/0`; `~1` is a slash in a key (RFC 6901)."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in written.split("/"))


class JsonFormat:
    """A format of JSON objects."""

    directives = ()

    def __init__(
        self,
        name: str,
        fields: Mapping[Field, str | Sequence[str]],
        requires: Mapping[str, str] | None = None,
        marks: Sequence[Sequence[Field]] = (),
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
        self._marks = tuple(marks)
        self._paths_of = {
            **{one: field for field, paths in self._fields.items() for one in paths},
            **{one: None for one in self._requires if not self._has(one)},
        }
        """By path, the field that it is of."""
        self._reader = JsonPaths([path(one) for one in self._paths_of])

    def _has(self, one: str) -> bool:
        return any(one in paths for paths in self._fields.values())

    @property
    def expected(self) -> str:
        """What a line should be, as a noun."""
        return f"a line of the {self.name} format (JSON)"

    def decode(
        self, chunk: bytes | memoryview, circumstances: Circumstances = UNKNOWN, /
    ) -> Decoded:
        """Decode a chunk of whole lines, each ended by a newline."""
        lines = lines_of(chunk)
        if not len(lines):
            return nothing_decoded()
        columns, wanted, good, kinds = self._columns(lines)
        rejected = kinds == BROKEN
        # What is cut off at its beginning is no object, but the rest of one.
        rest = pc.match_substring_regex(lines.filter(pa.array(kinds < OBJECT)), '["}]|^\\s*$')
        rejected[kinds < OBJECT] = rest.to_numpy(zero_copy_only=False)
        rejected |= wanted & ~good
        line = np.flatnonzero(wanted & good).astype(np.int32)
        if not len(line):
            return Decoded(len(lines), nothing_decoded().batch, line, _numbers(rejected), None)
        records, timed = records_of(
            {field: texts.of_rows(line) for field, texts in columns.items()}, line, circumstances
        )
        rejected[line[~timed]] = True
        line = line[timed]
        name = self.name if len(line) else None
        return Decoded(len(lines), records, line, _numbers(rejected), name)

    def explain(self, line: bytes) -> str:
        """Say in one clause why a rejected line is no record."""
        text = line.decode("utf-8", "backslashreplace").strip()
        if not text:
            return "the line is empty"
        if not text.startswith("{"):
            return "the line is not a JSON object"
        columns, wanted, good, kinds = self._columns(pa.array([f"{text}\n"]))
        if kinds[0] != OBJECT:
            try:
                json.loads(text)
            except json.JSONDecodeError as error:
                return f"the JSON breaks off at character {error.pos + 1}"
            return "the object goes too deep"
        if wanted[0] and not good[0]:
            for field, texts in columns.items():
                if not _fits(field, texts)[0]:
                    paths = " or ".join(self._fields[field])
                    return f"{paths} is not a {field.value}"
        return f"{' or '.join(self._time_paths())} is not a time"

    def _time_paths(self) -> Sequence[str]:
        for field, paths in self._fields.items():
            if field.value.endswith(("time", "epoch")):
                return paths
        return ("a key",)

    def _columns(
        self, lines: pa.StringArray
    ) -> tuple[dict[Field, Texts], Bools, Bools, npt.NDArray[np.uint8]]:
        """Return texts by field; which lines are requests, which have what they must; kinds."""
        of_field = {field: StringTable() for field in self._fields}
        tables = {
            one: StringTable() if field is None else of_field[field]
            for one, field in self._paths_of.items()
        }
        read = self._reader.read(lines, list(tables.values()))
        codes = dict(zip(tables, read.codes, strict=True))
        columns = {}
        there = read.kinds == OBJECT
        good = np.ones(len(lines), np.bool_)
        seen = dict(zip(tables, read.seen.tolist(), strict=True))
        for field, paths in self._fields.items():
            first, *others = [one for one in paths if seen[one]] or paths[:1]
            numbers = codes[first]
            for one in others:
                numbers = np.where(numbers < 0, codes[one], numbers)
            columns[field] = Texts(numbers, of_field[field].sealed()).known("")
            good &= _fits(field, columns[field])
        for one, pattern in self._requires.items():
            fits = pc.match_substring_regex(tables[one].strings(), pattern)
            there &= np.append(fits.to_numpy(zero_copy_only=False), False)[codes[one]]
        for group in self._marks:
            marked = np.zeros(len(lines), np.bool_)
            for field in group:
                marked |= columns[field].known().codes >= 0
            there &= marked
        return columns, there, good, read.kinds


def _fits(field: Field, texts: Texts) -> Bools:
    if field not in FIELD_PATTERNS or not len(texts.distinct):
        return np.ones(len(texts.codes), np.bool_)
    fits = pc.match_substring_regex(texts.distinct, f"^(?:{FIELD_PATTERNS[field]}|)$")
    return np.append(fits.to_numpy(zero_copy_only=False), True)[texts.codes]


def _numbers(mask: Bools) -> Int32s:
    return np.flatnonzero(mask).astype(np.int32)
