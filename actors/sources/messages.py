"""Messages of the sources: the lines they have read, and their health.

A source sends whole lines and how far it has read. It knows nothing of their format.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from actors.sources.dating import DatedLog
from actors.sources.mark import Mark
from glancemetrics.health.health import AgentHealth, SourceHealth


@attrs.frozen
class Chunk:
    """Whole lines read from one source at one look."""

    source: str
    lines: bytes
    """The lines, each ended by a newline."""
    overlong: tuple[bytes, ...]
    """The beginnings of lines that were too long to keep."""
    caught_up: bool
    """Whether the end of the source was reached."""
    fresh: bool
    """Whether the previous look had reached the end, so that these lines were just written."""
    lag_bytes: int
    """Bytes already written but not yet read."""
    mark: Mark | None = None
    """How far the source has been read, including these lines; `None` if it cannot be resumed."""
    server: str = ""
    """The server that wrote the lines; empty: this machine."""


@attrs.frozen
class Begins:
    """A sample of a source, sent before its first lines to make detection reliable."""

    source: str
    sample: bytes = b""
    """Some of its whole lines, each ended by a newline."""
    before: bytes = b""
    """Directives before the first line, if reading begins in the middle of a log."""
    dated: DatedLog | None = None
    """The dating that found where to begin, if there was one: it has seen the sample."""


@attrs.frozen
class Resumes:
    """A source resumes at a mark; sent before the first line after it."""

    mark: Mark


@attrs.frozen
class Marked:
    """How far a source has been read, if the mark moved without new lines."""

    mark: Mark


@attrs.frozen
class Gap:
    """Part of a source that is lost for good."""

    source: str
    what: str
    """A sentence about it."""


@attrs.frozen
class Announced:
    """Logs that exist but have not been opened yet; there may be ten thousand."""

    logs: tuple[SourceHealth, ...]


@attrs.frozen
class SourceGone:
    """A source that is no longer followed."""

    name: str


@attrs.frozen
class ReadUntil:
    """Up to when everything that a server wrote has been read."""

    server: str
    until: float | None
    """Seconds since the epoch; 0: unknown, so nothing is complete. `None`: nobody waits for it."""


@attrs.frozen
class AgentHeard:
    """What an agent is doing."""

    agent: AgentHealth


@attrs.frozen
class AgentGone:
    """An agent that is forgotten."""

    name: str
    mark: str
    """The source of its mark, which is forgotten as well."""


@attrs.frozen
class AgentHidden:
    """An agent that ended long ago: it is shown no more, but may come back."""

    name: str
    sources: tuple[str, ...]
    """Its logs."""


NotLines = (
    Marked
    | Gap
    | SourceHealth
    | Announced
    | SourceGone
    | ReadUntil
    | AgentHeard
    | AgentGone
    | AgentHidden
)
"""Messages that bypass the parser."""
OneFromSource = Chunk | Begins | Resumes | NotLines


@attrs.frozen
class Several:
    """Messages of which a checkpoint has all or none."""

    messages: tuple[OneFromSource, ...]


FromSource = OneFromSource | Several


def each_of(message: FromSource) -> Sequence[OneFromSource]:
    """Return the messages that a message consists of."""
    return message.messages if isinstance(message, Several) else (message,)
