"""Marks: how far a source has been read, so that reading can resume there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from glancemetrics.state.tree import State


class Mark(Protocol):
    """How far a source has been read.

    Everything else in it is private to the kind of source that made it.
    """

    @property
    def source(self) -> str:
        """The name of the source."""

    @property
    def parsing(self) -> State:
        """The parser's state at this position, as last set by `with_parsing`.

        The source stores it without reading it.
        """

    def with_parsing(self, parsing: State, /) -> Mark:
        """Return the same position with the parser's state."""

    def to_state(self) -> State:
        """Return it as plain values: a mapping whose `kind` names its reader."""
