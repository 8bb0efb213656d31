"""What the monitor knows of itself: its sources, its outputs, and what it could not read."""

from __future__ import annotations

import enum
import math

import attrs

from glancemetrics.records.rejects import Reject


class SourceState(enum.Enum):
    """What the tailer of a source is doing."""

    WAITING = "waiting"
    """The file does not exist (yet, or any more)."""
    READING = "reading"
    """Behind the end of the file."""
    FOLLOWING = "following"
    """At the end of the file."""
    BLOCKED = "blocked"
    """The file cannot be read; `detail` says why and what to do."""
    ENDED = "ended"
    """Standard input has ended."""


@attrs.frozen
class SourceHealth:
    """One source."""

    name: str
    """Path as it was given, or `-`."""
    state: SourceState
    detail: str = ""
    """One sentence, where there is something to say."""
    format: str | None = None
    """Name of the format of its newest records; `None` before any."""
    lag_bytes: int = 0
    """Bytes written to it that have not been read."""
    unparsed: int = 0
    """Rejects since its last record."""
    behind: int = 0
    """Seconds by which most of its records are dated before they were written, where that is more
    than any server takes to write them: its clock is slow. Negative: they are dated ahead of this
    machine's clock. 0 where neither is so."""
    opened: bool = True
    """Whether it has been looked into; its bytes count as lag until then."""
    last_record: int | None = None
    """Second of the last record in the log, where that was before the window when the following
    began and nothing has come since."""

    @property
    def is_unread(self) -> bool:
        """Whether it is missing, or may not be read."""
        return self.state in (SourceState.WAITING, SourceState.BLOCKED)

    @property
    def is_unknown(self) -> bool:
        """Whether it has lines, and none in a known format."""
        return self.format is None and self.unparsed > 0


class OutputState(enum.Enum):
    """How an output fares."""

    STARTING = "starting"
    WORKING = "working"
    RETRYING = "retrying"
    """It failed and will be tried again; `detail` says why."""


@attrs.frozen
class OutputHealth:
    """One output."""

    name: str
    state: OutputState
    detail: str = ""
    """Where it writes to; when it fails, why."""
    lost: int = 0
    """Alert events that did not fit its queue."""
    restarts: int = 0
    waiting: int = 0
    """Alert events that it has not delivered yet."""


@attrs.frozen
class Health:
    """What GlanceMetrics knows of itself. `lines == records + rejects + foreign`, always."""

    lines: int = 0
    """Lines read since the start."""
    records: int = 0
    """Lines that are a request."""
    rejects: int = 0
    """Lines that no format accepts."""
    foreign: int = 0
    """Lines of other programs in the same logs."""
    damaged: int = 0
    """Records with a field that could not be read, and is unknown."""
    filtered: int = 0
    """Records that are not counted because a filter (`--where`) was asked for."""
    late: int = 0
    """Records older than the longest window when they came; in no window."""
    early: int = 0
    """Records too far in the future; in no window."""
    gaps: int = 0
    """Spans of logs that could not be read and never will be."""
    last_gap: str = ""
    """The last of them, in a sentence."""
    delay: float | None = None
    """Seconds by which windows end before now, so that they are complete; `None` if unknown."""
    lag_bytes: int = 0
    """Bytes written to the sources that have not been read."""
    lag_seconds: float | None = 0.0
    """How far the newest record read is behind now while bytes wait; `None` on a log of the past,
    where it has no meaning."""
    sources: tuple[SourceHealth, ...] = ()
    outputs: tuple[OutputHealth, ...] = ()
    reject_samples: tuple[Reject, ...] = ()
    """The first reject, then the last ones, the newest last."""
    memory: int | None = None
    """Bytes of memory that this program takes; `None` if unknown."""
    memory_limit: int | None = None
    """Bytes past which the kernel slows or ends it; `None` if there is no such limit."""
    newest: int | None = None
    """Second of the newest record read."""
    live: bool = True
    """Whether windows follow the wall clock; else the records' own times."""

    @property
    def blindness(self) -> str:
        """Why no log at all is being read, in a sentence; empty where one is."""
        lost = [source for source in self.sources if source.is_unread or source.is_unknown]
        if not lost or len(lost) < len(self.sources):
            return ""
        more = f" (and {len(lost) - 1:,} more)" if len(lost) > 1 else ""
        why = lost[0].detail if lost[0].is_unread else "has lines in no known format"
        return f"no log can be read: {lost[0].name} {why}{more}"

    @property
    def memory_share(self) -> float:
        """The part that is taken of the memory that may be; 0 where there is no limit."""
        return (self.memory or 0) / (self.memory_limit or math.inf)
