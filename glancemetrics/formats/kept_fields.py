"""Fields that a person asks to keep: how they may be called, and where objects have them."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from glancemetrics.errors import UsageError
from glancemetrics.formats.field_columns import Texts
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.native.json_lines import OBJECT, JsonPaths, Path
from glancemetrics.native.strings import StringTable, indices_of
from glancemetrics.native.values import Rows, TextRows
from glancemetrics.records.dimensions import DIMENSIONS
from glancemetrics.records.schema import SCHEMA
from glancemetrics.words.escaping import is_utf_8

MOST_KEPT = 16
"""Fields."""
MOST_CHARACTERS = 64
"""Of the name of one."""

TAKEN = frozenset({*SCHEMA.names, "ordinal"}.union(*((one.name, one.plural) for one in DIMENSIONS)))
"""Columns of records and of what is kept of them, dimensions, and what their tops are called."""
_ENOUGH_RECORDS = 1000
"""Without a field, to say that a log may not have it."""
_ITEM = re.compile(r"\[(\d+)\]")
_QUOTES = "\"'`"


def read_kept(written: Iterable[str]) -> tuple[str, ...]:
    """Read what `--keep` says, several names with commas between. Raises `UsageError`."""
    names = dict.fromkeys(name.strip() for text in written for name in text.split(","))
    kept = tuple(name for name in names if name)
    for name in kept:
        _check_name(name)
    # SQL does not tell capitals from small letters.
    lower: dict[str, str] = {}
    for name in kept:
        other = lower.setdefault(name.lower(), name)
        if other != name:
            raise UsageError(
                f"--keep {name}: and {other} differ in capitals only, which SQL takes for the same"
            )
    if len(kept) > MOST_KEPT:
        raise UsageError(f"--keep: {len(kept)} fields are asked for, and {MOST_KEPT} can be kept")
    return kept


def _check_name(name: str) -> None:
    shown = name if len(name) <= MOST_CHARACTERS else f"{name[:MOST_CHARACTERS]}…"
    if not is_utf_8(name):
        raise UsageError(f"--keep {shown}: is not UTF-8")
    if len(name) > MOST_CHARACTERS:
        raise UsageError(
            f"--keep {shown}: a name may have {MOST_CHARACTERS} characters, and not {len(name)}"
        )
    if any(one in _QUOTES or unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") for one in name):
        raise UsageError(f"--keep {shown}: a name has no quotes and no control characters")
    if name.lower() in TAKEN:
        raise UsageError(
            f"--keep {name}: {name.lower()} is what records have and are counted by already"
        )


def check_keepable(kept: Iterable[str], log_format: LogFormat) -> None:
    """Raise `UsageError` for a field that a format, which a person has named, cannot have."""
    lacking = not_keepable(kept, log_format)
    if lacking:
        names = ", ".join(keepable_names(log_format))
        there = f"there are {names}" if names else "there is none that could be kept"
        raise UsageError(f"--keep {lacking[0]}: {log_format.name} has no such field; {there}")


def keepable_names(log_format: LogFormat) -> list[str]:
    """Return the names that a format says it can keep, without those that nobody may ask for."""
    return [name for name in log_format.keepable or () if name.lower() not in TAKEN]


def not_keepable(kept: Iterable[str], log_format: LogFormat) -> list[str]:
    """Return the names of fields that no line of a format can have."""
    names = log_format.keepable
    if names is None:
        return []
    there = {name.lower() for name in names}
    return [name for name in kept if name.lower() not in there]


def path(written: str) -> Path:
    """Read a path: `request/headers/User-Agent/0`; `~1` is a slash in a key (RFC 6901)."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in written.split("/"))


class KeptWatch:
    """Watches whether the records of one log have the fields that are kept. For any thread."""

    def __init__(self, names: Sequence[str]) -> None:
        self._missing = list(names)
        self._records = 0
        self._lock = threading.Lock()

    def look(self, batch: pa.RecordBatch, log_format: LogFormat) -> list[str]:
        """Look at some more records; returns what is to be said of it now, a clause each."""
        if not self._missing or not batch.num_rows:
            return []
        with self._lock:
            self._records += batch.num_rows
            self._missing = [
                name for name in self._missing if batch.column(name).null_count == batch.num_rows
            ]
            lacking = not_keepable(self._missing, log_format)
            if self._records >= _ENOUGH_RECORDS:
                gone, self._missing = self._missing, []
            else:
                gone = lacking
                self._missing = [name for name in self._missing if name not in lacking]
        said = []
        for name in gone:
            if name in lacking:
                names = ", ".join(keepable_names(log_format)) or "nothing else"
                said.append(f"has no {name} to keep: {log_format.name} has {names}")
            else:
                said.append(f"has no {name} to keep in its first {self._records:,} records")
        return said


def written_path(keys: Path) -> str:
    """Write a path as `path` reads it."""
    return "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)


def paths_called(name: str) -> tuple[Path, ...]:
    """Return where an object may have a field: the first that is there counts.

    A name is a key, whatever is in it, or a path to a value: with slashes (`request/uri`, RFC 6901
    without the first slash) or with dots (`request.headers.User-Agent[0]`).
    """
    paths: list[Path] = [(name,)]
    if "/" in name or "~" in name:
        paths.append(path(name))
    if "." in name or "[" in name:
        paths.append(tuple(_ITEM.sub(r".\1", name).split(".")))
    return tuple(dict.fromkeys(paths))


class KeptPaths:
    """Where objects may have the fields that are kept."""

    def __init__(self, names: Sequence[str], first: int = 0) -> None:
        """`first` is the number of the first path among those that are read together."""
        of_name = {name: paths_called(name) for name in names}
        self.paths = tuple(dict.fromkeys(path for paths in of_name.values() for path in paths))
        """All of them, each once."""
        number_of = {path: number for number, path in enumerate(self.paths, first)}
        self._numbers = {
            name: [number_of[path] for path in paths] for name, paths in of_name.items()
        }

    def texts(self, columns: Mapping[int, Rows], table: StringTable) -> dict[str, Texts]:
        """Return what lines have by name; `columns`, by number of the path, have one table."""
        distinct = table.sealed()
        found: dict[str, Texts] = {}
        for name, numbers in self._numbers.items():
            seen = [rows for number in numbers if (rows := columns.get(number)) is not None]
            each = [rows.codes for rows in seen if isinstance(rows, TextRows)]
            if each:
                codes, *others = each
                for more in others:
                    codes = np.where(codes < 0, more, codes)
                found[name] = Texts.of(codes, distinct)
        return found


class ObjectFields:
    """Reads fields that are kept, and nothing else, of lines that are objects."""

    def __init__(self, names: Sequence[str]) -> None:
        self._kept = KeptPaths(names)
        self._reader = JsonPaths([], self._kept.paths)

    def of(self, lines: pa.StringArray) -> dict[str, pa.StringArray]:
        """Return by name what each line has; a name that none has is left out."""
        table = StringTable()
        read = self._reader.read(lines, [table] * len(self._kept.paths))
        nothing = np.int32(-1)
        return {
            name: texts.distinct.take(
                indices_of(np.where(read.kinds == OBJECT, texts.codes, nothing))
            )
            for name, texts in self._kept.texts(read.columns, table).items()
        }
