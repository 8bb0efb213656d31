"""Work on the lines of each source that must be done in order, before they are parsed.

A line may set the format of those after it, or continue in the next chunk. This is carried over
here, so that chunks can then be parsed in parallel. Marks contain it, so that it is still right
after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs

from actors.sources.mark import Mark
from actors.sources.messages import (
    AgentGone,
    Begins,
    Chunk,
    Marked,
    NotLines,
    OneFromSource,
    Resumes,
    SourceGone,
)
from glancemetrics.formats.followed_logs import FollowedLog, FollowedLogs, Passage
from glancemetrics.formats.kept_fields import KeptWatch
from glancemetrics.formats.log_format import LogFormat
from glancemetrics.health.health import SourceHealth, SourceState

PIECES_SECONDS = 5.0
"""How long to wait for the rest of a line that a collector has split."""


@attrs.frozen
class Parsable:
    """A chunk that can be parsed independently of those before and after it."""

    source: str
    lines: bytes
    """Whole lines, each ended by a newline."""
    format: LogFormat
    directives: bytes
    """Directives that apply to the lines."""
    overlong: tuple[bytes, ...]
    caught_up: bool
    fresh: bool
    lag_bytes: int
    server: str
    kept: KeptWatch
    """Whether records have the extra fields to keep."""
    mark: Mark | None
    """How far this is, with all that is needed to parse what follows."""


@attrs.define
class _Waiting:
    """A source whose lines are held back until the rest of the last one arrives."""

    due: float
    """When to stop waiting, on trio's clock."""
    last: Chunk
    """The last chunk, without its lines."""
    health: SourceHealth | None = None
    """The latest health reported by the source since then."""


class InOrder:
    """Handles the messages of sources in their order."""

    def __init__(self, logs: FollowedLogs) -> None:
        self._logs = logs
        self._waiting: dict[str, _Waiting] = {}
        """{source: its wait}, longest first."""

    @property
    def due(self) -> float:
        """When `overdue` will return something, on trio's clock."""
        return next((one.due for one in self._waiting.values()), math.inf)

    def overdue(self, now: float) -> list[Parsable | NotLines]:
        """Return what was held back for too long."""
        names = [name for name, one in self._waiting.items() if one.due <= now]
        return [each for name in names for each in self._rest(name)]

    def take(self, message: OneFromSource, now: float) -> Iterator[Parsable | NotLines]:
        """Handle the next message; yields what can continue."""
        match message:
            case Chunk():
                yield self._chunk(message, now)
            case Begins(source=source):
                self._logs.log(source).begin(message.sample, message.before, message.dated)
            case Resumes(mark=mark):
                log = self._logs.log(mark.source)
                log.restore(mark.parsing)
                # There is more, unless the source says otherwise.
                last = Chunk(mark.source, b"", (), False, False, 0, mark)
                self._note_waiting(log, last, now)
            case Marked(mark=mark):
                mark = mark.with_parsing(self._logs.log(mark.source).to_state())
                waiting = self._waiting.get(mark.source)
                if waiting is not None:
                    waiting.last = attrs.evolve(waiting.last, mark=mark)
                yield Marked(mark)
            case SourceGone(name=name):
                yield from self._rest(name)
                self._logs.forget(name)
                yield message
            case AgentGone(mark=mark_name):
                self._logs.forget(mark_name)
                yield message
            case SourceHealth(name=name):
                if message.state is SourceState.ENDED:
                    yield from self._rest(name)
                elif name in self._waiting:
                    self._waiting[name].health = message
                yield message
            case _:
                yield message

    def _chunk(self, chunk: Chunk, now: float) -> Parsable:
        log = self._logs.log(chunk.source)
        passage = log.take(chunk.lines)
        self._note_waiting(log, chunk, now)
        return _parsable(chunk, log, passage)

    def _note_waiting(self, log: FollowedLog, last: Chunk, now: float) -> None:
        self._waiting.pop(last.source, None)
        if log.is_waiting:
            last = attrs.evolve(last, lines=b"", overlong=(), fresh=False)
            self._waiting[last.source] = _Waiting(now + PIECES_SECONDS, last)

    def _rest(self, source: str) -> Iterator[Parsable | NotLines]:
        """Yield what is held back of a source, then the health it reported in the meantime."""
        waiting = self._waiting.pop(source, None)
        if waiting is not None:
            log = self._logs.log(source)
            yield _parsable(waiting.last, log, log.rest())
            if waiting.health is not None:
                yield waiting.health


def _parsable(chunk: Chunk, log: FollowedLog, passage: Passage) -> Parsable:
    mark = chunk.mark
    if mark is not None:
        mark = mark.with_parsing(log.to_state())
    return Parsable(
        chunk.source,
        passage.lines,
        log.format,
        passage.directives,
        chunk.overlong,
        chunk.caught_up,
        chunk.fresh,
        chunk.lag_bytes,
        chunk.server,
        log.kept,
        mark,
    )
