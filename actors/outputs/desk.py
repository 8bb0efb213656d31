"""The desk: what every output is given beside its inbox."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import attrs

from actors.state.clock import WallClock
from actors.state.silences import Silences
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import UsageError
from glancemetrics.history.query import Answer, Query, RecordQuery
from glancemetrics.notifying.targets import Target
from glancemetrics.rules.rule import Rule
from glancemetrics.traffic.snapshot import Snapshot


@attrs.define
class Latest:
    """The latest snapshot, as an output may ask for it that was not there when it came."""

    snapshot: Snapshot | None = None


async def nothing_kept(question: Query | RecordQuery) -> Answer:
    """Say that there is no history."""
    del question
    raise UsageError("the history is disabled (--history off)")


@attrs.frozen(kw_only=True)
class Desk:
    """Whatever an output may ask for. No output has arguments of its own."""

    settings: Settings
    rules: Mapping[str, Rule]
    """All that are watched, by name, those of the program itself too."""
    targets: tuple[Target, ...]
    """Who is told of alerts."""
    expected: str
    """What a line of the logs should be, as a noun."""
    state_folder: Path
    """What outlives the program stands in it."""
    silences: Silences
    wall: WallClock
    started_at: float
    """Seconds since the epoch."""
    stop: Callable[[], None]
    """Ends the program in good order; the second time, at once. For trio's thread."""
    has_terminal: bool
    """Whether standard output is one."""
    answer: Callable[[Query | RecordQuery], Awaitable[Answer]] = nothing_kept
    """Answers a question of the history. Raises `UsageError`."""
    has_standard_input: bool = True
    """Whether nothing else reads it, so that it is there for keys."""
    latest: Latest = attrs.field(factory=Latest)
    is_resuming: bool = False
    """Whether rules go on where they stood, so that events may come again."""
    environment: Mapping[str, str] = attrs.field(factory=lambda: os.environ)
