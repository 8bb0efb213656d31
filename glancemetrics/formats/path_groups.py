"""Paths of an API put together, so that its routes do not scatter into a million URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from glancemetrics.errors import UsageError
from glancemetrics.formats.field_columns import Texts
from glancemetrics.native.strings import codes_of
from glancemetrics.records.derived import routes_of
from glancemetrics.words.escaping import is_utf_8

AUTO = "auto"


@attrs.frozen
class PathGroups:
    """Which paths are one."""

    patterns: tuple[str, ...] = ()
    """`/users/*`: a star is any one segment, two at the end are any rest. The first that fits
    counts, and is what the path is then called."""
    automatic: bool = False
    """Whether segments of other paths that are identifiers become `{id}`."""

    def __bool__(self) -> bool:
        return bool(self.patterns) or self.automatic

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return records with the paths of their groups."""
        at = batch.schema.get_field_index("path")
        column = batch.column(at)
        if not self or not len(column.dictionary):
            return batch
        paths = Texts(codes_of(column), column.dictionary)
        grouped = paths.mapped(self._named(paths.distinct)).column()
        return batch.set_column(at, batch.schema.field(at), grouped)

    def _named(self, paths: pa.StringArray) -> pa.StringArray:
        names = paths
        if self.automatic:
            names = routes_of(names)
        for pattern in reversed(self.patterns):
            names = pc.if_else(pc.match_substring_regex(paths, _regex_of(pattern)), pattern, names)
        return names


def make_path_groups(written: Iterable[str]) -> PathGroups:
    """Read what `--group-path` says. Raises `UsageError`."""
    patterns = [text.strip() for text in written]
    for pattern in patterns:
        if not is_utf_8(pattern):
            raise UsageError(f"--group-path {pattern}: is not UTF-8")
        if pattern != AUTO and not pattern.startswith("/"):
            raise UsageError(
                f"--group-path {pattern}: must be auto, or a path with * for a segment, such as "
                "/users/*"
            )
    return PathGroups(tuple(p for p in patterns if p != AUTO), AUTO in patterns)


def _regex_of(pattern: str) -> str:
    body = re.sub(r"\*\*|\*|[^*]+", _piece, pattern)
    return f"^{body}$"


def _piece(piece: re.Match[str]) -> str:
    return {"**": ".*", "*": "[^/]+"}.get(piece[0]) or re.escape(piece[0])
