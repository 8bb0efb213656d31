"""Marks of posted lines: how far the spool was read.

The lines of one read are a chunk for each server. Chunks are counted in order, so the mark that is
furthest, of all sources of the spool, says how many chunks of the last read were counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import attrs

from actors.sources.mark import Mark
from glancemetrics.state.tree import State

Place = tuple[int, int]
"""The number of a segment of the spool, and an offset in bytes."""
START: Place = (0, 0)


@attrs.frozen
class PostedMark:
    """How far posted lines were counted when the last ones of a source were."""

    KIND: ClassVar = "posted"

    source: str
    begin: Place
    """Where the read began that the lines are from."""
    counted: int = 0
    """Its chunks that were counted, including this one; 0: everything before `begin`."""
    end: Place = START
    """Where the read ended; without meaning if `counted` is 0."""
    parsing: State = None
    """The parser's state; see `Mark`."""

    @property
    def progress(self) -> tuple[Place, int]:
        """Larger for a mark that is further."""
        return self.begin, self.counted

    def with_parsing(self, parsing: State, /) -> PostedMark:
        """Return the same position with the parser's state."""
        return attrs.evolve(self, parsing=parsing)

    def to_state(self) -> State:
        """Return the mark as plain values."""
        return {"kind": self.KIND, **attrs.asdict(self, recurse=False)}

    @classmethod
    def from_state(cls, state: State) -> PostedMark:
        """Restore a mark from `to_state`."""
        (begin_segment, begin), (end_segment, end) = state["begin"], state["end"]
        return cls(
            state["source"],
            (begin_segment, begin),
            state["counted"],
            (end_segment, end),
            state["parsing"],
        )


def furthest(marks: Iterable[Mark]) -> PostedMark | None:
    """Return the furthest mark of posted lines; `None` without any."""
    own = [mark for mark in marks if isinstance(mark, PostedMark)]
    return max(own, key=lambda mark: mark.progress, default=None)
