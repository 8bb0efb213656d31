"""The desk of the sources: everything a source may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from actors.sources.dating import LineDating
from actors.sources.intake import Intake
from actors.sources.mark import Mark
from actors.sources.position import StartPosition
from glancemetrics.planning.sources import Sources

if TYPE_CHECKING:
    from actors.redis.lease import Lease

OnSaved = Callable[[Callable[[Mapping[str, Mark]], None]], None]
"""Registers a listener that gets {source: mark} after each checkpoint; see `SavedMarks`."""


class SavedMarks:
    """Tells sources how far a restart would resume: then they may delete what lies before."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Mapping[str, Mark]], None]] = []
        self.is_overdue = False
        """Whether a checkpoint should have been saved, and could not be."""

    def listen(self, listener: Callable[[Mapping[str, Mark]], None]) -> None:
        """Call a listener in trio's thread after each checkpoint is on the disk.

        It gets {source: mark} of all sources of all kinds, and must return at once. Without
        checkpoints it is never called.
        """
        self._listeners.append(listener)

    def tell(self, marks: Sequence[Mark]) -> None:
        """Call all listeners with the marks of a checkpoint that is on the disk."""
        self.is_overdue = False
        by_source = {mark.source: mark for mark in marks}
        for listener in self._listeners:
            listener(by_source)


@attrs.frozen(kw_only=True)
class SourceDesk:
    """Everything a source may use. No source has arguments of its own."""

    sources: Sources
    """All followed sources."""
    start: StartPosition
    """Where to begin in existing logs."""
    dating: LineDating
    """Finds the times of lines, if the start depends on them."""
    standard_input: Callable[[], int]
    """Returns its descriptor."""
    once: bool = False
    """Whether a source ends when it has been read to its end."""
    before: Sequence[Mark] = ()
    """How far the previous run had read all sources, of all kinds."""
    state: Path | None = None
    """The file of the checkpoints; a source may keep its own beside it, with another suffix. `None`
    if no state is kept."""
    intake: Intake | None = None
    """Where outputs hand over lines that were sent to them; `None` if none may."""
    on_saved: OnSaved = attrs.field(factory=lambda: SavedMarks().listen)
    """Registers a listener that is called in trio's thread, after each checkpoint is on the disk,
    with its marks by source."""
    is_unsaved: Callable[[], bool] = lambda: False
    """Returns whether checkpoints cannot be saved at present: who waits for one waits for us."""
    lease: Lease | None = None
    """The lease of the hub, if this process has it before anything is read; else a hub takes it."""
