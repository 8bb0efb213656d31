"""The messages that travel between actors, beside the values of `glancemetrics` itself."""

from __future__ import annotations

import attrs

from actors.sources.files.marks import PathMark
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.health.health import SourceHealth
from glancemetrics.traffic.aggregation import SourceBatch
from glancemetrics.traffic.snapshot import Snapshot


@attrs.frozen
class Chunk:
    """Whole lines read from one source at one look."""

    source: str
    lines: bytes
    """Each ended by a newline."""
    format: LogFormat
    """How they are written."""
    directives: bytes
    """Those that hold before the lines (`LogFormat.directives`)."""
    overlong: tuple[bytes, ...]
    """The beginnings of lines that were too long to keep."""
    caught_up: bool
    """Whether this is all that was there."""
    fresh: bool
    """Whether the look before had seen the end, so that these lines have only just been written."""
    lag_bytes: int
    """What had been written when this was read, and is still to be read."""
    mark: PathMark | None = None
    """How far the source has been read with this; `None` where there is no going back."""


@attrs.frozen
class Marked:
    """How far a source has been read, where no line came with that."""

    mark: PathMark


@attrs.frozen
class Gap:
    """Something of a source that could not be read and never will be."""

    source: str
    what: str
    """In a sentence."""


@attrs.frozen
class Parsed:
    """What was read from a source at one look, and how far it has been read with that."""

    batch: SourceBatch
    mark: PathMark | None = None


@attrs.frozen
class Announced:
    """Logs that are there and have not been opened; they may be ten thousand."""

    logs: tuple[SourceHealth, ...]


@attrs.frozen
class SourceGone:
    """A source that is not followed any more."""

    name: str


@attrs.frozen
class Checkpoint:
    """All that the flow up to here is to know after a restart; what came before it is in it."""

    aggregation: bytes
    """`Aggregation.to_state`; as bytes, for it goes on meanwhile."""
    marks: tuple[PathMark, ...]
    """How far each source had been read."""


@attrs.frozen
class ClockSet:
    """The wall clock has been set, or has stood still."""

    seconds: float
    """By how much it is ahead of what it would have been."""


NotLines = Marked | Gap | SourceHealth | Announced | SourceGone


@attrs.frozen
class Together:
    """Messages of the parser that were ready at once, in their order.

    Where many logs have a few lines each, all that is done for a message costs more than its lines.
    """

    messages: tuple[Parsed | NotLines, ...]


FromTailer = Chunk | NotLines
FromParser = Parsed | NotLines | Together
FromAggregator = ClosedSeconds | Snapshot | Checkpoint | ClockSet
