"""A kind of source: the values of `-f` it handles, its settings, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    from actors.sources.dating import LineDating
    from actors.sources.desk import SourceDesk
    from actors.sources.mark import Mark
    from actors.sources.source import Source
    from glancemetrics.state.tree import State

Section = TypeVar("Section")


@attrs.frozen
class NoSettings:
    """The settings of a kind of source without settings."""


def nothing_missing(settings: object) -> Iterator[tuple[str, str]]:
    """Report no missing requirements."""
    del settings
    return iter(())


def nothing_to_say(text: str) -> None:
    """Report no problem with a value of `-f`."""
    del text


def as_written(text: str) -> str:
    """Return a value of `-f` unchanged, for sources with only one spelling."""
    return text


def as_they_are(marks: Sequence[Mark], texts: Sequence[str]) -> Sequence[Mark]:
    """Return the marks unchanged, for sources with only one spelling."""
    del texts
    return marks


def not_known(texts: Sequence[str], dating: LineDating, enough: int) -> int | None:
    """Say that the newest record is not known."""
    del texts, dating, enough
    return None


def of_unknown_size(texts: Sequence[str]) -> int | None:
    """Say that the size is not known."""
    del texts
    return None


@attrs.frozen(kw_only=True)
class SourceKind(Generic[Section]):
    """One line of the registry.

    Its module is imported for `-h` and must be fast: slow imports belong in `make` and in the
    readers of marks.
    """

    name: str
    """Its name: `standard input`."""
    schemes: frozenset[str]
    """The values of `-f` it handles, by scheme (`scheme_of`)."""
    takes: str
    """What it accepts, for the help of `-f`."""
    section: type[Section]
    """Its settings: an attrs class of `setting` fields, with the name of its table as `TABLE`."""
    make: Callable[[Sequence[str], Section, SourceDesk], Iterable[Source]]
    """Makes the sources for its values of `-f`, at least one. Raises `UsageError`."""
    missing: Callable[[Section], Iterator[tuple[str, str]]] = nothing_missing
    """Yields requirements of its settings that this machine lacks: attribute and sentence."""
    refuses: Callable[[str], str | None] = nothing_to_say
    """Explains why a value can never be followed; `None` if it can."""
    misses: Callable[[str], str | None] = nothing_to_say
    """Explains why there is nothing to follow yet; `None` if there is."""
    marks: Mapping[str, Callable[[State], Mark]] = attrs.field(factory=dict)
    """{kind of mark: its reader}; empty if the source cannot be resumed."""
    is_arriving: bool = False
    """Whether its lines arrive from elsewhere as long as it runs: it has no past and no end, and
    what arrives while nothing runs is not there later."""
    waits_for_state: bool = False
    """Whether its senders wait until a checkpoint has what they sent: then there has to be one."""
    identity: Callable[[str], str] = as_written
    """Return a name of a value of `-f` that is the same for each spelling, wherever it is written:
    the state is found by it."""
    respelled: Callable[[Sequence[Mark], Sequence[str]], Sequence[Mark]] = as_they_are
    """Renames its marks to the current spelling of their sources: the same path may be written
    differently now."""
    newest: Callable[[Sequence[str], LineDating, int], int | None] = not_known
    """Return the second of the newest record in its texts, or one that is not before the third
    argument; `None` if that is not known. Runs in a thread."""
    size: Callable[[Sequence[str]], int | None] = of_unknown_size
    """Return the bytes of its texts from their start; `None` if that is not known. Runs in a
    thread."""
    has_standard_input: bool = False
    """Whether it reads standard input, which is then not available for keys."""
