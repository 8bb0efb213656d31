"""The messages that travel between actors, beside the values of `glancemetrics` itself."""

from __future__ import annotations

import attrs

from glancemetrics.aggregation import SourceBatch
from glancemetrics.closed_seconds import ClosedSeconds
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.snapshot import Snapshot, SourceHealth


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


@attrs.frozen
class SourceGone:
    """A source that is not followed any more."""

    name: str


FromTailer = Chunk | SourceHealth | SourceGone
FromParser = SourceBatch | SourceHealth | SourceGone
FromAggregator = ClosedSeconds | Snapshot
