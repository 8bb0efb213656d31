"""The desk of the sources: everything a source may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from actors.sources.dating import LineDating
from actors.sources.mark import Mark
from actors.sources.position import StartPosition
from glancemetrics.planning.sources import Sources


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
