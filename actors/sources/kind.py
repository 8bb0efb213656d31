"""A kind of source: which texts of `-f` are its own, what it is told, and how it is made."""

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
    """What a kind of source is told that has no settings of its own."""


def nothing_missing(told: object) -> Iterator[tuple[str, str]]:
    """Tell that a kind of source needs nothing of the machine."""
    del told
    return iter(())


def nothing_to_say(text: str) -> None:
    """Say nothing against a text of `-f`."""
    del text


def as_they_are(marks: Sequence[Mark], texts: Sequence[str]) -> Sequence[Mark]:
    """Return marks of sources that are named in one way only."""
    del texts
    return marks


def not_known(texts: Sequence[str], dating: LineDating, enough: int) -> int | None:
    """Say that the newest record is not known."""
    del texts, dating, enough
    return None


@attrs.frozen(kw_only=True)
class SourceKind(Generic[Section]):
    """One line of the registry is one of these.

    Its module is imported for `-h`, and must be quick: what is slow to import is imported by `make`
    and by what reads marks.
    """

    name: str
    """What it is called: `standard input`."""
    schemes: frozenset[str]
    """Which texts of `-f` are its own (`scheme_of`)."""
    takes: str
    """How the help of `-f` says what it takes."""
    section: type[Section]
    """Its settings: an attrs class of `setting` fields, with the name of its table as `TABLE`."""
    make: Callable[[Sequence[str], Section, SourceDesk], Iterable[Source]]
    """Return what follows its texts, of which there is one at least. Raises `UsageError`."""
    missing: Callable[[Section], Iterator[tuple[str, str]]] = nothing_missing
    """Yield what the settings need that is not on this machine: the attribute, and a sentence."""
    refuses: Callable[[str], str | None] = nothing_to_say
    """Say why a text of its own cannot be followed, whatever may come; `None` if it can."""
    misses: Callable[[str], str | None] = nothing_to_say
    """Say why there is nothing to follow just now; it may come later."""
    marks: Mapping[str, Callable[[State], Mark]] = attrs.field(factory=dict)
    """{kind of its marks: what reads them back}; empty where nothing can be read again."""
    respelled: Callable[[Sequence[Mark], Sequence[str]], Sequence[Mark]] = as_they_are
    """Return marks of its own with the names that its texts give their sources now: the same place
    may be written otherwise."""
    newest: Callable[[Sequence[str], LineDating, int], int | None] = not_known
    """Return the second of the newest record in its texts, or one that is not before the third
    argument; `None` if that is not known. Runs in a thread."""
    has_standard_input: bool = False
    """Whether it takes standard input, which is not there for keys then."""
