"""The tailer: follows files and sends their whole lines.

`identity` identifies files, `path_follower` reads one path through rotations, `waking` decides when
to look again, `paths` expands globs. `tail` runs them.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.sources.kind import NoSettings, SourceKind
from glancemetrics.planning.sources import PATH
from glancemetrics.words.addresses import corrected, without_password

if TYPE_CHECKING:
    from actors.sources.dating import LineDating
    from actors.sources.desk import SourceDesk
    from actors.sources.files.marks import PathMark
    from actors.sources.mark import Mark
    from actors.sources.source import Source
    from glancemetrics.state.tree import State


def _make(texts: Sequence[str], settings: NoSettings, desk: SourceDesk) -> Iterator[Source]:
    del settings
    from actors.sources.files.tail import Files  # late: not needed for -h

    yield Files(tuple(texts), desk)


def _refuses(path: str) -> str | None:
    right = corrected(path)
    if right is None or os.path.lexists(path) or glob.glob(path):
        return None
    return (
        f"no such file; did you mean {without_password(right)}? A file of this name that is not "
        f"there yet is ./{without_password(path)}"
    )


def _misses(path: str) -> str | None:
    if not os.path.lexists(path) and glob.has_magic(path):
        found = glob.glob(path)
        return None if found else "no matching files yet"
    if not os.path.exists(path):
        return "no such file yet"
    return None if os.access(path, os.R_OK) else "permission denied"


def _identity(path: str) -> str:
    # A link stays what it is.
    return os.path.abspath(path)


def _mark(state: State) -> PathMark:
    from actors.sources.files.marks import PathMark

    return PathMark.from_state(state)


def _respelled(marks: Sequence[Mark], texts: Sequence[str]) -> Sequence[Mark]:
    from actors.sources.files.marks import respelled

    return respelled(marks, texts)


def _newest(texts: Sequence[str], dating: LineDating, enough: int) -> int | None:
    from actors.sources.files.newest import newest_of

    return newest_of(texts, dating, enough)


def _size(texts: Sequence[str]) -> int | None:
    from actors.sources.files.newest import size_of

    return size_of(texts)


FILES = SourceKind(
    name="files",
    schemes=frozenset([PATH]),
    takes="a path, a directory, a glob (quoted)",
    section=NoSettings,
    make=_make,
    refuses=_refuses,
    misses=_misses,
    newest=_newest,
    size=_size,
    marks={"path": _mark},
    identity=_identity,
    respelled=_respelled,
)
