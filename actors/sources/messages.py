"""Messages of the sources: what they have read, and how they fare.

A source hands on whole lines and how far it has read. How they are written it does not know.
"""

from __future__ import annotations

import attrs

from actors.sources.dating import DatedLog
from actors.sources.mark import Mark
from glancemetrics.health.health import SourceHealth


@attrs.frozen
class Chunk:
    """Whole lines read from one source at one look."""

    source: str
    lines: bytes
    """Each ended by a newline."""
    overlong: tuple[bytes, ...]
    """The beginnings of lines that were too long to keep."""
    caught_up: bool
    """Whether this is all that was there."""
    fresh: bool
    """Whether the look before had seen the end, so that these lines have only just been written."""
    lag_bytes: int
    """What had been written when this was read, and is still to be read."""
    mark: Mark | None = None
    """How far the source has been read with this; `None` where there is no going back."""


@attrs.frozen
class Begins:
    """What a source knows of its lines before it hands on the first: nobody need guess by a few."""

    source: str
    sample: bytes = b""
    """Some of its whole lines, each ended by a newline."""
    before: bytes = b""
    """Those before the first that say how it is written, where it is in the middle of a log."""
    dated: DatedLog | None = None
    """What told when lines were written, where that had to be asked: it has seen the sample."""


@attrs.frozen
class Resumes:
    """A source goes on at a mark; said before the first line after it."""

    mark: Mark


@attrs.frozen
class Marked:
    """How far a source has been read, where no line came with that."""

    mark: Mark


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
"""What goes past the parser."""
FromSource = Chunk | Begins | Resumes | NotLines
