"""How far the entries of the journal have been read, so that reading can resume there."""

from __future__ import annotations

from typing import ClassVar

import attrs

from glancemetrics.state.tree import State


@attrs.frozen
class JournalMark:
    """How far the entries of one selection have been read: the journal's own cursor."""

    KIND: ClassVar = "journald"

    source: str
    """The name of the source, as `journald:nginx`."""
    cursor: str = ""
    """The cursor of the last entry that was read; empty before any."""
    time: int | None = None
    """The time of that entry, microseconds since the epoch. Without a cursor: where to begin;
    `None` for the beginning of the journal."""
    parsing: State = None
    """The parser's state; see `Mark`."""

    def with_parsing(self, parsing: State, /) -> JournalMark:
        """Return the same position with the parser's state."""
        return attrs.evolve(self, parsing=parsing)

    def to_state(self) -> State:
        """Return the mark as plain values."""
        return {"kind": self.KIND, **attrs.asdict(self, recurse=False)}

    @classmethod
    def from_state(cls, state: State) -> JournalMark:
        """Restore a mark from `to_state`."""
        return cls(state["source"], state["cursor"], state["time"], state["parsing"])
