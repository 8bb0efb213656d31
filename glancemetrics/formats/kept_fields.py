"""The fields of `--keep`: valid names, and where JSON objects have them."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from glancemetrics.arrow import compute as pc
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
"""Maximum number of fields."""
MOST_CHARACTERS = 64
"""Maximum length of a name."""

TAKEN = frozenset({*SCHEMA.names, "ordinal"}.union(*((one.name, one.plural) for one in DIMENSIONS)))
"""Reserved names: columns of records and of the history, dimensions, and names of tops."""
_ENOUGH_RECORDS = 1000
"""Records without a field after which a warning says so."""
_ITEM = re.compile(r"\[(\d+)\]")
_QUOTES = "\"'`"


def read_kept(texts: Iterable[str]) -> tuple[str, ...]:
    """Parse `--keep`: names separated by commas. Raises `UsageError`."""
    names = dict.fromkeys(name.strip() for text in texts for name in text.split(","))
    kept = tuple(name for name in names if name)
    for name in kept:
        _check_name(name)
    # SQL ignores case.
    lower: dict[str, str] = {}
    for name in kept:
        other = lower.setdefault(name.lower(), name)
        if other != name:
            raise UsageError(f"--keep {name}: same as {other}, because SQL ignores case")
    if len(kept) > MOST_KEPT:
        raise UsageError(f"--keep: {len(kept)} fields, the limit is {MOST_KEPT}")
    return kept


def _check_name(name: str) -> None:
    shown = name if len(name) <= MOST_CHARACTERS else f"{name[:MOST_CHARACTERS]}…"
    if not is_utf_8(name):
        raise UsageError(f"--keep {shown}: not valid UTF-8")
    if len(name) > MOST_CHARACTERS:
        raise UsageError(f"--keep {shown}: {len(name)} characters, the limit is {MOST_CHARACTERS}")
    if any(one in _QUOTES or unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") for one in name):
        raise UsageError(f"--keep {shown}: must not contain quotes or control characters")
    if name.lower() in TAKEN:
        raise UsageError(f"--keep {name}: {name.lower()} is a built-in name")


def check_keepable(kept: Iterable[str], log_format: LogFormat) -> None:
    """Raise `UsageError` for a field that the format of `--format` cannot have."""
    lacking = not_keepable(kept, log_format)
    if lacking:
        names = ", ".join(keepable_names(log_format))
        raise UsageError(
            f"--keep {lacking[0]}: no such field in {log_format.name}; available: {names or 'none'}"
        )


def keepable_names(log_format: LogFormat) -> list[str]:
    """Return the names of fields that a format can keep, without reserved names."""
    return [name for name in log_format.keepable or () if name.lower() not in TAKEN]


def not_keepable(kept: Iterable[str], log_format: LogFormat) -> list[str]:
    """Return the names of fields that no line of a format can have."""
    names = log_format.keepable
    if names is None:
        return []
    there = {name.lower() for name in names}
    return [name for name in kept if name.lower() not in there]


def path(text: str) -> Path:
    """Parse a path: `request/headers/User-Agent/0`; `~1` is a slash in a key (RFC 6901)."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in text.split("/"))


class KeptWatch:
    """Checks whether the records of one log have the kept fields. Thread-safe."""

    def __init__(self, names: Sequence[str]) -> None:
        self._missing = list(names)
        self._records = 0
        self._lock = threading.Lock()

    def look(self, batch: pa.RecordBatch, log_format: LogFormat) -> list[str]:
        """Check more records; returns new warnings, one clause each."""
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
        warnings = []
        for name in gone:
            if name in lacking:
                names = ", ".join(keepable_names(log_format)) or "none"
                warnings.append(
                    f"has no field {name} (--keep); available in {log_format.name}: {names}"
                )
            else:
                warnings.append(
                    f"has no field {name} (--keep) in its first {self._records:,} records"
                )
        return warnings


def path_text(keys: Path) -> str:
    """Return a path as text; the inverse of `path`."""
    return "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)


def paths_called(name: str) -> tuple[Path, ...]:
    """Return the paths at which an object may have a field; the first one present counts.

    A name is a literal key, or a path with slashes (`request/uri`, RFC 6901 without the first
    slash) or with dots (`request.headers.User-Agent[0]`).
    """
    paths: list[Path] = [(name,)]
    if "/" in name or "~" in name:
        paths.append(path(name))
    if "." in name or "[" in name:
        paths.append(tuple(_ITEM.sub(r".\1", name).split(".")))
    return tuple(dict.fromkeys(paths))


class KeptPaths:
    """The paths at which objects may have the kept fields."""

    def __init__(self, names: Sequence[str], first: int = 0) -> None:
        """`first` is the number of the first of these paths among all paths read together."""
        of_name = {name: paths_called(name) for name in names}
        self.paths = tuple(dict.fromkeys(path for paths in of_name.values() for path in paths))
        """All paths, without duplicates."""
        number_of = {path: number for number, path in enumerate(self.paths, first)}
        self._numbers = {
            name: [number_of[path] for path in paths] for name, paths in of_name.items()
        }

    def texts(self, columns: Mapping[int, Rows], table: StringTable) -> dict[str, Texts]:
        """Return the texts of lines by name; `columns` (by number of the path) share a table."""
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
    """Reads only the kept fields of lines that are JSON objects."""

    def __init__(self, names: Sequence[str]) -> None:
        self._kept = KeptPaths(names)
        self._reader = JsonPaths([], self._kept.paths)

    def of(self, lines: pa.StringArray) -> dict[str, pa.StringArray]:
        """Return the values of each line by name; names that no line has are omitted."""
        table = StringTable()
        read = self._reader.read(lines, [table] * len(self._kept.paths))
        nothing = np.int32(-1)
        return {
            name: pc.take(
                texts.distinct, indices_of(np.where(read.kinds == OBJECT, texts.codes, nothing))
            )
            for name, texts in self._kept.texts(read.columns, table).items()
        }
