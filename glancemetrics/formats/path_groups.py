"""Groups the paths of an API, so that a route counts as one path and not as a million URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs
import pyarrow as pa

from glancemetrics.arrow import compute as pc
from glancemetrics.errors import UsageError
from glancemetrics.formats.field_columns import Texts
from glancemetrics.native.strings import codes_of
from glancemetrics.records.derived import routes_of
from glancemetrics.words.escaping import is_utf_8

AUTO = "auto"


@attrs.frozen
class PathGroups:
    """Which paths count as one."""

    patterns: tuple[str, ...] = ()
    """`/users/*`: `*` is one segment, `**` any rest. The first match counts and is the name of the
    group."""
    automatic: bool = False
    """Whether identifiers in other paths become `{id}`."""

    def __bool__(self) -> bool:
        return bool(self.patterns) or self.automatic

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the records with grouped paths."""
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


def make_path_groups(texts: Iterable[str]) -> PathGroups:
    """Parse `--group-path`. Raises `UsageError`."""
    patterns = [text.strip() for text in texts]
    for pattern in patterns:
        if not is_utf_8(pattern):
            raise UsageError(f"--group-path {pattern}: not valid UTF-8")
        if pattern != AUTO and not pattern.startswith("/"):
            raise UsageError(f"--group-path {pattern}: must be auto or a path such as '/users/*'")
    return PathGroups(tuple(p for p in patterns if p != AUTO), AUTO in patterns)


def _regex_of(pattern: str) -> str:
    body = re.sub(r"\*\*|\*|[^*]+", _piece, pattern)
    return f"^{body}$"


def _piece(piece: re.Match[str]) -> str:
    return {"**": ".*", "*": "[^/]+"}.get(piece[0]) or re.escape(piece[0])
