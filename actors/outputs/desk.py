"""The desk: everything an output gets besides its inbox."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from actors.sources.intake import Intake
from actors.state.acknowledgements import Acknowledgements
from actors.state.clock import WallClock
from actors.state.silences import Silences
from actors.state.turns import OWN
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import UsageError
from glancemetrics.formats.raw_lines import RawLine
from glancemetrics.history.query import Answer, Question
from glancemetrics.notifying.targets import Target
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.rules.rule import Rule
from glancemetrics.traffic.snapshot import Snapshot

if TYPE_CHECKING:
    from actors.redis.term import Term


@attrs.define
class Latest:
    """The latest snapshot, for outputs that were not there when it was sent."""

    snapshot: Snapshot | None = None


class Answers(Protocol):
    """Answers queries from the history; times in sentences are in `zone`. Raises `UsageError`.

    Askers take turns: nobody who asks much holds up others. `OWN` is the terminal's screen.
    """

    def __call__(
        self, question: Question, zone: tzinfo = UTC, asker: str = OWN
    ) -> Awaitable[Answer]: ...


async def nothing_kept(question: Question, zone: tzinfo = UTC, asker: str = OWN) -> Answer:
    """Raise the error for a disabled history."""
    del question, zone, asker
    raise UsageError("the history is disabled (--history off)")


async def standing_by(question: Question, zone: tzinfo = UTC, asker: str = OWN) -> Answer:
    """Raise the error for a hub that waits for its turn."""
    del question, zone, asker
    raise UsageError("this hub stands by: it counts nothing until it takes over")


class RawLineFinder(Protocol):
    """Finds the line of the log that a record was made from.

    It takes the record's source, its time and its other columns, as in the table of an `Answer`.
    """

    def __call__(
        self, source: str, time: datetime, fields: Mapping[str, object], asker: str = OWN
    ) -> Awaitable[RawLine]: ...


async def no_raw_line(
    source: str, time: datetime, fields: Mapping[str, object], asker: str = OWN
) -> RawLine:
    """Say that lines are not looked for here."""
    del source, time, fields, asker
    return RawLine(missing="Lines of the log cannot be shown here")


async def no_report(path: str, where: str | None, span: TimeSpan) -> str:
    """Raise the error for a disabled history."""
    del path, where, span
    raise UsageError("the history is disabled (--history off)")


@attrs.frozen(kw_only=True)
class Desk:
    """Everything an output may use. No output has arguments of its own."""

    settings: Settings
    rules: Mapping[str, Rule]
    """All rules by name, including those about GlanceMetrics itself."""
    targets: tuple[Target, ...]
    """Targets of notifications."""
    expected: str
    """What a line of the logs should be, as a noun."""
    state_folder: Path
    """The directory for everything that outlives the process."""
    silences: Silences
    acknowledgements: Acknowledgements
    """Ongoing incidents that somebody takes care of."""
    wall: WallClock
    started_at: float
    """Seconds since the epoch."""
    stop: Callable[[], None]
    """Ends the program properly; the second call, immediately. Call it in trio's thread."""
    end: Callable[[], None]
    """Ends the program properly, unless it is ending already. Call it in trio's thread."""
    has_terminal: bool
    """Whether standard output is a terminal."""
    answer: Answers = nothing_kept
    raw_line: RawLineFinder = no_raw_line
    write_report: Callable[[str, str | None, TimeSpan], Awaitable[str]] = no_report
    """Writes an HTML report into a file, of the requests of a span that meet a condition; returns
    what to say. Raises `GlanceMetricsError`."""
    has_standard_input: bool = True
    """Whether standard input is free for keys."""
    latest: Latest = attrs.field(factory=Latest)
    intake: Intake | None = None
    """Takes lines that are sent to outputs; `None` if none are followed (`-f http:`)."""
    only_shows: str = ""
    """Why nothing is recorded and nobody is notified, in a sentence; empty: all outputs run."""
    is_standby: bool = False
    """Whether this process only waits until another one ends."""
    term: Term | None = None
    """In which notifications may be sent, for a hub whose state is in Redis."""
    is_resuming: bool = False
    """Whether rules resume from saved state: then events may arrive again."""
    environment: Mapping[str, str] = attrs.field(factory=lambda: os.environ)
