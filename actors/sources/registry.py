"""All kinds of sources, one per line, in the order of the help of `-f`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from actors.sources.agents import AGENTS
from actors.sources.docker import DOCKER
from actors.sources.files import FILES
from actors.sources.journald import JOURNALD
from actors.sources.kind import SourceKind
from actors.sources.posted import POSTED
from actors.sources.standard_input import STANDARD_INPUT
from actors.sources.syslog import SYSLOG_INPUT
from glancemetrics.errors import UsageError
from glancemetrics.planning.sources import Sources, scheme_of
from glancemetrics.words.addresses import without_password

if TYPE_CHECKING:
    from actors.sources.dating import LineDating
    from actors.sources.desk import SourceDesk
    from actors.sources.mark import Mark
    from actors.sources.source import Source
    from glancemetrics.configuration.settings import Settings
    from glancemetrics.state.tree import State

SOURCES: list[SourceKind[Any]] = [
    FILES,
    STANDARD_INPUT,
    AGENTS,
    SYSLOG_INPUT,
    POSTED,
    JOURNALD,
    DOCKER,
]

_PLACE = "{sources}"
_FIRST_MARKS = "path"
"""The kind of old marks, which were saved without a kind."""


def source_sections() -> list[type]:
    """Return the settings of all sources."""
    return [kind.section for kind in SOURCES]


def help_with_sources(text: str) -> str:
    """Fill what `-f` accepts into a help text with a placeholder for it."""
    *takes, last = (kind.takes for kind in SOURCES)
    return text.replace(_PLACE, f"{', '.join(takes)}, or {last}")


def kind_of(text: str) -> SourceKind[Any]:
    """Return the kind of source for a value of `-f`. Raises `UsageError` if there is none."""
    scheme = scheme_of(text)
    for kind in SOURCES:
        if scheme in kind.schemes:
            return kind
    takes = help_with_sources(_PLACE)
    named = without_password(text)
    raise UsageError(f"--file {named}: unknown source type {scheme}://; must be {takes}")


def identity_of(text: str) -> str:
    """Return a name of a source that is the same for each spelling. Raises `UsageError`."""
    return kind_of(text).identity(text)


def kinds_of(sources: Sources) -> Iterator[SourceKind[Any]]:
    """Yield the kinds that are used, each once. Raises `UsageError`."""
    named = [kind_of(text) for text in sources.texts]
    for kind in SOURCES:
        if kind in named:
            yield kind


def check_sources(sources: Sources) -> None:
    """Check that all sources can be followed. Raises `UsageError` for the first that cannot."""
    for text in sources.texts:
        check_source(text)


def check_source(text: str) -> None:
    """Check that a source can be followed. Raises `UsageError` if it cannot."""
    reason = kind_of(text).refuses(text)
    if reason is not None:
        raise UsageError(f"--file {without_password(text)}: {reason}")


def make_sources(settings: Settings, desk: SourceDesk) -> list[Source]:
    """Make all sources. Raises `UsageError`."""
    from actors.sources.source import NamedSource  # late: not needed for -h

    made: list[Source] = []
    for kind in kinds_of(desk.sources):
        texts = desk.sources.of(kind.schemes)
        name = kind.name if kind.has_standard_input else ", ".join(texts)
        of_kind = kind.make(texts, settings.section(kind.section), desk)
        made += [NamedSource(source, name) for source in of_kind]
    return made


def newest_record(sources: Sources, dating: LineDating, enough: int) -> int | None:
    """Return the second of the newest record of all sources; `None` if one does not know it.

    Any that is not before `enough` will do. It reads files: call it in a thread.
    """
    newest = [kind.newest(sources.of(kind.schemes), dating, enough) for kind in kinds_of(sources)]
    known = [one for one in newest if one is not None]
    return max(known) if known and len(known) == len(newest) else None


def size_of(sources: Sources) -> int | None:
    """Return the bytes of all sources from their start; `None` if one does not know it.

    It looks at files: call it in a thread.
    """
    sizes = [kind.size(sources.of(kind.schemes)) for kind in kinds_of(sources)]
    known = [one for one in sizes if one is not None]
    return sum(known) if len(known) == len(sizes) else None


def respelled(marks: Sequence[Mark], sources: Sources) -> tuple[Mark, ...]:
    """Rename marks to the current spelling of their sources."""
    for kind in SOURCES:
        texts = sources.of(kind.schemes)
        marks = kind.respelled(marks, texts) if texts else marks
    return tuple(marks)


def mark_from_state(state: State) -> Mark:
    """Restore a mark from `to_state`. Raises any error that invalid values cause."""
    name = state.get("kind", _FIRST_MARKS)
    readers = {mark: read for kind in SOURCES for mark, read in kind.marks.items()}
    return readers[name](state)
