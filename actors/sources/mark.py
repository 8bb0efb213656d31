"""A mark: how far a source has been read, so that reading can go on there after any stop."""

from __future__ import annotations

from typing import Protocol

from glancemetrics.state.tree import State


class Mark(Protocol):
    """How far a source has been read.

    What else is in it is known to the kind of source that made it, and to nobody else.
    """

    @property
    def source(self) -> str:
        """The name of the source."""

    @property
    def parsing(self) -> State:
        """What is to be known to parse the lines after it, as `with_parsing` was given it last.

        The source keeps it, and looks at nothing in it.
        """

    def with_parsing(self, parsing: State, /) -> Mark:
        """Return the same place, with what is to be known to parse the lines after it."""

    def to_state(self) -> State:
        """Return it as plain values: a mapping, in which `kind` says who can read it."""
