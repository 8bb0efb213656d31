"""Messages of the sources: what they have read, and how they fare."""

from __future__ import annotations

import attrs

from actors.sources.files.marks import PathMark
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.health.health import SourceHealth


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
class Announced:
    """Logs that are there and have not been opened; they may be ten thousand."""

    logs: tuple[SourceHealth, ...]


@attrs.frozen
class SourceGone:
    """A source that is not followed any more."""

    name: str


NotLines = Marked | Gap | SourceHealth | Announced | SourceGone
FromSource = Chunk | NotLines
