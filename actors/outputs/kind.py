"""A kind of output: its settings, and how it is made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    from actors.outputs.desk import Desk
    from actors.outputs.output import Output

Section = TypeVar("Section")


def nothing_missing(settings: object) -> Iterator[tuple[str, str]]:
    """For outputs that need nothing on this machine."""
    del settings
    return iter(())


@attrs.frozen
class OutputKind(Generic[Section]):
    """An entry of the registry.

    Its package is imported even for `-h` and must be quick: slow imports belong in `make`.
    """

    section: type[Section]
    """Its settings: an attrs class of `setting` fields, with its TOML table's name as `TABLE`."""
    make: Callable[[Section, Desk], Iterable[Output]]
    """Returns the outputs that the settings enable. Raises `UsageError`."""
    missing: Callable[[Section], Iterator[tuple[str, str]]] = nothing_missing
    """Yields what the settings need and this machine lacks: the attribute, and a sentence."""
    only_shows: bool = False
    """Whether it only shows something to whoever started the program: such outputs also run with
    --once, and beside a monitor that records and notifies already."""
    shows_life: bool = False
    """Whether it tells other programs that this one is alive, also while it stands by."""
