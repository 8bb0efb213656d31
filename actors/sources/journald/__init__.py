"""systemd's journal, read with `journalctl`: all of it, a unit, or the units of a glob."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from actors.sources.kind import NoSettings, SourceKind

if TYPE_CHECKING:
    from actors.sources.desk import SourceDesk
    from actors.sources.journald.marks import JournalMark
    from actors.sources.source import Source
    from glancemetrics.state.tree import State

SCHEME = "journald"


def selected(text: str) -> str:
    """Return what a value of `-f` selects: a unit, a glob, `FIELD=VALUE`, or all (empty)."""
    return text.partition(":")[2].removeprefix("//")


def _make(texts: Sequence[str], settings: NoSettings, desk: SourceDesk) -> Iterator[Source]:
    del settings
    from actors.sources.journald.following import Journal  # late: not needed for -h

    yield Journal(tuple(texts), desk)


def _refuses(text: str) -> str | None:
    what = selected(text)
    if not what.isprintable() or "/" in what.partition("=")[0]:
        return "not the name of a unit"
    if shutil.which("journalctl") is None:
        return "journalctl is not installed here; follow the log file, or run this on the host"
    return None


def _mark(state: State) -> JournalMark:
    from actors.sources.journald.marks import JournalMark

    return JournalMark.from_state(state)


JOURNALD = SourceKind(
    name="journald",
    schemes=frozenset([SCHEME]),
    takes="journald:[UNIT]",
    section=NoSettings,
    make=_make,
    refuses=_refuses,
    marks={SCHEME: _mark},
)
