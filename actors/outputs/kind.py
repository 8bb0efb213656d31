"""A kind of output: what it is told, and how it is made of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output

Section = TypeVar("Section")


def nothing_missing(told: object) -> Iterator[tuple[str, str]]:
    """Tell that a kind of output needs nothing of the machine."""
    del told
    return iter(())


@attrs.frozen
class OutputKind(Generic[Section]):
    """One line of the registry is one of these.

    Its package is imported for `-h`, and must be quick: what is slow to import is imported by
    `make`.
    """

    section: type[Section]
    """Its settings: an attrs class of `setting` fields, with the name of its table as `TABLE`."""
    make: Callable[[Section, Desk], Iterable[Output]]
    """Return the outputs that the settings ask for. Raises `UsageError`."""
    missing: Callable[[Section], Iterator[tuple[str, str]]] = nothing_missing
    """Yield what the settings need that is not on this machine: the attribute, and a sentence."""
    runs_once: bool = False
    """Whether it also runs with --once, which prints and does nothing else."""
