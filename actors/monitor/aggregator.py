"""The window aggregator: record batches in, closed seconds and snapshots out.

It advances the window after every batch and at least once a second, so that seconds close even
without lines, and takes a snapshot at every refresh.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

import pyarrow as pa
import trio
from loguru import logger

from actors.monitor.messages import (
    Checkpoint,
    ClockSet,
    FromAggregator,
    FromParser,
    Parsed,
    ParsedTogether,
    Together,
    Wish,
)
from actors.sources.mark import Mark
from actors.sources.messages import (
    AgentGone,
    AgentHeard,
    AgentHidden,
    Announced,
    Gap,
    Marked,
    NotLines,
    ReadUntil,
    SourceGone,
)
from actors.state.clock import WallClock
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.health.health import SourceHealth
from glancemetrics.records.user_agents import prepare
from glancemetrics.state.tree import to_bytes
from glancemetrics.traffic.aggregation import Aggregation
from glancemetrics.traffic.snapshot import Snapshot

if TYPE_CHECKING:
    from actors.history.history import History

_CLOSE_SECONDS = 0.5
"""Seconds between checks whether a second has closed."""

_FIRST_CHECKPOINT = 1.0
"""Seconds after the start; a log rotated before the first checkpoint cannot be found again."""

_QUIET_SECONDS = 60.0
"""Seconds between checkpoints without new lines."""

_SOON_SECONDS = 1.0
"""Seconds between checkpoints that are wished for."""

_LEAST_PAUSE = 50
"""Pause between checkpoints, as a multiple of the time that one takes."""

_STALL_SECONDS = 5.0
_LOOK_SECONDS = 2.0
"""Seconds until every tailer has checked its file, which it does every second."""

_TRIFLE_SECONDS = 60.0
"""Seconds that the wall clock may be set by without a fresh start."""

_TO_LEARN_SECONDS = 0.1
"""From the first snapshot until groups are learned: first it is drawn."""

_LARGE_BATCH = 1000
"""Rows from which a batch is counted in a worker thread, so that the event loop stays free; fewer
take less than switching to a thread and back."""


async def aggregate(
    aggregation: Aggregation,
    receive: trio.MemoryReceiveChannel[FromParser],
    send: trio.MemorySendChannel[FromAggregator],
    *,
    refresh_seconds: float,
    wall: WallClock,
    before: Sequence[Mark] = (),
    checkpoint_seconds: float = math.inf,
    history: History | None = None,
    wish: Wish | None = None,
    is_shown: bool = True,
) -> None:
    """Aggregate until the channel ends; the last snapshot covers everything received.

    `before` is how far sources had been read by an earlier run. A checkpoint is sent every
    `checkpoint_seconds`, soon after a `wish`, and at the end. `history` receives the records.
    If nobody `is_shown` the window, snapshots have the health only.
    """
    marks = {mark.source: mark for mark in before}
    checkpointing = _Checkpointing(
        aggregation, marks, checkpoint_seconds, history, Wish() if wish is None else wish
    )
    clock = _Clock(wall)
    async with receive, send:
        await _prepare_rules(aggregation)
        next_close = trio.current_time()
        next_snapshot = next_close + refresh_seconds
        learn_groups = math.inf
        first = True
        ended = False
        while not ended:
            message = None
            # A received message must not be lost to a deadline.
            with trio.move_on_at(max(min(next_close, next_snapshot, learn_groups), clock.awake)):
                try:
                    message = await receive.receive()
                except trio.EndOfChannel:
                    ended = True
            if message is not None:
                # Lines written while the process stood still do not tell how late lines arrive.
                aggregation.learns_delay = not clock.stood_still
                await _take_in(aggregation, message, wall(), marks, history)
            set_by = clock.set_by()
            if set_by:
                aggregation.clock_was_set(wall())
                await send.send(ClockSet(set_by))
            if clock.stood_still and not ended:
                continue
            is_checkpoint = checkpointing.is_due(ended=ended)
            closed = aggregation.advance(
                wall(), ended=ended and aggregation.finished, whole=is_checkpoint
            )
            if closed is not None:
                await _hand_on(closed, send, history)
            if is_checkpoint and aggregation.is_settled:
                await send.send(await checkpointing.checkpoint())
            now = trio.current_time()
            if now >= next_close:
                next_close = now + _CLOSE_SECONDS
            if now >= learn_groups or (ended and not math.isinf(learn_groups)):
                await trio.to_thread.run_sync(_learn_groups, aggregation, not ended)
                learn_groups = math.inf
            due = now >= next_snapshot or ended or (first and aggregation.caught_up)
            if due:
                await send.send(await _snapshot(aggregation, wall, is_shown=is_shown))
                if first and is_shown and not ended:
                    # Only once there is something to see.
                    learn_groups = now + _TO_LEARN_SECONDS
                first = False
            if now >= next_snapshot:
                next_snapshot = max(next_snapshot, now) + refresh_seconds


async def _prepare_rules(aggregation: Aggregation) -> None:
    """Load what rules need, which otherwise the event loop would do with the first lines."""
    if aggregation.classifies_agents:
        await trio.to_thread.run_sync(prepare)


def _learn_groups(aggregation: Aggregation, goes_on: bool) -> None:
    aggregation.learn_groups()
    if goes_on:
        # Otherwise they are loaded in the event loop, once enough agents were new.
        prepare()


async def _snapshot(aggregation: Aggregation, wall: WallClock, *, is_shown: bool) -> Snapshot:
    if is_shown and aggregation.recent_rows >= _LARGE_BATCH:
        await trio.to_thread.run_sync(aggregation.count_recent)
    return aggregation.snapshot(wall(), is_shown=is_shown)


class _Clock:
    """Notices that the wall clock was set, and that the process was stopped."""

    def __init__(self, wall: WallClock) -> None:
        self._wall = wall
        self._ahead = wall() - trio.current_time()
        self._asked = trio.current_time()
        self.awake = -math.inf
        """When it may continue."""

    @property
    def stood_still(self) -> bool:
        """Whether the process stood still, and the tailers may not have checked since.

        No second is closed then, as after SIGSTOP: lines written in the meantime are read first.
        """
        now = trio.current_time()
        if now - self._asked > _STALL_SECONDS:
            self.awake = now + _LOOK_SECONDS
        self._asked = now
        return now < self.awake

    def set_by(self) -> float:
        """Return by how many seconds the clock was set since the last call; 0 if negligible."""
        ahead = self._wall() - trio.current_time()
        by, self._ahead = ahead - self._ahead, ahead
        return by if abs(by) > _TRIFLE_SECONDS else 0.0


class _Checkpointing:
    """Decides when a checkpoint is due, and makes it."""

    def __init__(
        self,
        aggregation: Aggregation,
        marks: Mapping[str, Mark],
        seconds: float,
        history: History | None,
        wish: Wish,
    ) -> None:
        self._history = history
        self._wish = wish
        self._aggregation = aggregation
        self._marks = marks
        self._seconds = seconds
        self._next = trio.current_time() + (_FIRST_CHECKPOINT if seconds < math.inf else math.inf)
        self._last = -math.inf
        self._soonest = self._next
        """When one may be made that is wished for."""
        self._marked: dict[str, Mark] = {}
        """The marks of the last one."""
        self._lines = aggregation.lines
        """How many lines it has; sources that only receive have no marks."""

    def is_due(self, *, ended: bool) -> bool:
        now = trio.current_time()
        if ended:
            return self._seconds < math.inf
        if self._wish.is_open and self._seconds < math.inf:
            return now >= self._soonest
        is_new = self._marks != self._marked or self._aggregation.lines != self._lines
        has_come = is_new or now >= self._last + _QUIET_SECONDS
        return now >= self._next and has_come

    async def checkpoint(self) -> Checkpoint:
        began = trio.current_time()
        aggregation = self._aggregation
        # Nothing is added in the meantime: the caller waits for this.
        state = await trio.to_thread.run_sync(lambda: to_bytes(aggregation.to_state()))
        self._last = trio.current_time()
        pause = _LEAST_PAUSE * (self._last - began)
        self._next = self._last + max(self._seconds, pause)
        self._soonest = self._last + max(_SOON_SECONDS, pause)
        self._wish.is_open = False
        self._marked, self._lines = dict(self._marks), aggregation.lines
        taken = None if self._history is None else self._history.position
        return Checkpoint(state, tuple(self._marks.values()), taken)


async def _hand_on(
    closed: ClosedSeconds,
    send: trio.MemorySendChannel[FromAggregator],
    history: History | None,
) -> None:
    if history is not None:
        history.reached(closed.end)
    await send.send(closed)


async def _take_in(
    aggregation: Aggregation,
    message: FromParser,
    wall: float,
    marks: dict[str, Mark],
    history: History | None,
) -> None:
    messages = message.messages if isinstance(message, Together) else (message,)
    for kind, run in itertools.groupby(messages, _kind_of):
        if kind is Parsed:
            await _count([one for one in run if isinstance(one, Parsed)], aggregation, wall, marks)
            continue
        for one in run:
            match one:
                case ParsedTogether():
                    await _count(one.parsed, aggregation, wall, marks, one.batch)
                case Parsed() | Together():
                    pass
                case _:
                    _note(one, aggregation, wall, marks)
    if history is not None:
        history.hurry()
        if not aggregation.caught_up:
            await history.room()


def _kind_of(message: Parsed | ParsedTogether | NotLines | Together) -> type | None:
    """Return what is counted in one go with messages of the same kind; `None`: it is not."""
    return Parsed if isinstance(message, Parsed) else None


async def _count(
    parsed: Sequence[Parsed],
    aggregation: Aggregation,
    wall: float,
    marks: dict[str, Mark],
    joint: pa.RecordBatch | None = None,
) -> None:
    reads = [one.batch for one in parsed]
    if len(reads) > 1 or _is_much(aggregation, reads[0].batch.num_rows):
        await trio.to_thread.run_sync(aggregation.add_all, reads, wall, joint)
    else:
        aggregation.add_all(reads, wall, joint)
    for one in parsed:
        if one.mark is not None:
            marks[one.mark.source] = one.mark


def _is_much(aggregation: Aggregation, rows: int) -> bool:
    """Tell whether counting a batch takes long: one of a few rows may be the last of many."""
    waiting = aggregation.recent_rows if aggregation.counts_recent_with(rows) else 0
    return rows + waiting >= _LARGE_BATCH


def _note(message: NotLines, aggregation: Aggregation, wall: float, marks: dict[str, Mark]) -> None:
    match message:
        case Marked(mark=mark):
            marks[mark.source] = mark
        case SourceGone(name=name):
            marks.pop(name, None)
            aggregation.forget_source(name)
        case Gap(what=what):
            logger.warning("{}", what)
            aggregation.note_gap(what)
        case SourceHealth():
            aggregation.note_source(message, wall)
        case ReadUntil(server=server, until=until):
            aggregation.note_read_until(server, until)
        case AgentHeard(agent=agent):
            aggregation.note_agent(agent)
        case AgentHidden(name=name, sources=sources):
            aggregation.forget_agent(name)
            for source in sources:
                aggregation.forget_source(source)
        case AgentGone(name=name, mark=mark):
            marks.pop(mark, None)
            aggregation.forget_agent(name)
        case Announced(logs=logs):
            for log in logs:
                aggregation.note_source(log, wall)
        case _:
            assert_never(message)
