"""The desk of the sources: what each of them is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from actors.sources.dating import LineDating
from actors.sources.mark import Mark
from actors.sources.position import StartPosition
from glancemetrics.planning.sources import Sources


@attrs.frozen(kw_only=True)
class SourceDesk:
    """Whatever a source may ask for. No source has arguments of its own."""

    sources: Sources
    """All that are followed."""
    start: StartPosition
    """Where to begin in what is there already."""
    dating: LineDating
    """Tells when lines were written, where the start depends on that."""
    standard_input: Callable[[], int]
    """Returns its descriptor."""
    once: bool = False
    """Whether a source ends when it has been read to its end."""
    before: Sequence[Mark] = ()
    """How far sources had been read when another run ended, those of other kinds too."""
