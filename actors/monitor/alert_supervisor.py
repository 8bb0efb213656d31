"""The alert supervisor: evaluates rules over closed seconds and sends events to the outputs.

Snapshots pass through it on their way to the outputs, so that a snapshot's alerts and insights are
of the same instant.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs
import trio
from loguru import logger

from actors.monitor.checkpoints import Checkpoints
from actors.monitor.fan_out import FanOut
from actors.monitor.messages import Checkpoint, ClockSet, FromAggregator, Wish
from actors.sources.desk import SavedMarks
from actors.state.clock import WallClock
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.own_watch import OwnWatch
from glancemetrics.errors import sentence
from glancemetrics.health.changes import HealthChanges
from glancemetrics.health.health import OutputHealth, OutputState, SourceHealth
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.state.tree import to_bytes
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.words.humane import format_duration

if TYPE_CHECKING:
    from actors.history.history import History
    from actors.redis.term import Term

_MOST_CAUSE = 300
"""Characters."""
_FLUSH_SECONDS = 1.0
"""Seconds that a checkpoint waits for the history."""
_LONGEST_WITHOUT = 60.0
"""Seconds without a checkpoint while the history is behind; a crash may then leave a gap."""
_SAVING = "saving the state"
"""It is shown as an output once it has failed."""


async def supervise_alerts(
    alerting: Alerting,
    receive: trio.MemoryReceiveChannel[FromAggregator],
    fan_out: FanOut,
    *,
    own: OwnWatch,
    what: str,
    wall: WallClock,
    checkpoints: Checkpoints | None = None,
    first: Sequence[AlertEvent] = (),
    history: History | None = None,
    saved: SavedMarks | None = None,
    wish: Wish | None = None,
    is_sure: Callable[[], bool] | None = None,
) -> None:
    """Evaluate until the channel ends. Start and stop of monitoring are events too.

    `own` watches GlanceMetrics itself; `what` names what is monitored, for people, and is empty for
    nothing; `checkpoints` saves them once `history` is on disk, then `saved` gets their marks;
    `first` are events that happened before. `wish` is made after each event. While `is_sure` says
    no, another process may have taken over: then nothing is evaluated.
    """
    supervision = _Supervision(
        alerting, own, fan_out, what, wall, checkpoints, history, saved, wish or Wish()
    )
    # Seconds that wait until it is sure. A checkpoint of that time would be without their alerts.
    waiting: deque[ClosedSeconds | ClockSet] = deque()
    fan_out.send_event(_own(AlertEventKind.MONITORING_STARTED, f"Started monitoring {what}", wall))
    supervision.send(first)
    try:
        async with receive:
            async for message in receive:
                sure = is_sure is None or is_sure()
                if not isinstance(message, Snapshot | Checkpoint):
                    waiting.append(message)
                while sure and waiting:
                    await supervision.evaluate(waiting.popleft())
                    sure = is_sure is None or is_sure()
                match message:
                    case Snapshot():
                        supervision.show(message, is_sure=sure)
                    case Checkpoint():
                        await supervision.save(message, is_sure=sure)
                    case _:
                        pass
    finally:
        # Also after a failure: silence must not be mistaken for absence.
        fan_out.send_event(
            _own(AlertEventKind.MONITORING_STOPPED, f"Stopped monitoring {what}", wall)
        )


@attrs.define
class _Supervision:
    """Handles the messages."""

    _alerting: Alerting
    _own: OwnWatch
    _fan_out: FanOut
    _what: str
    _wall: WallClock
    _checkpoints: Checkpoints | None
    _history: History | None
    _saved: SavedMarks | None
    _wish: Wish
    _changes: HealthChanges | None = None
    """`None` before the first snapshot."""
    _unread: str = ""
    """Which logs could not be read at the last snapshot."""
    _dropped: dict[str, int] = attrs.field(factory=dict)
    """{rule with too many groups: the number last logged}"""
    _save_at: float = -math.inf
    _trouble: str | None = None
    """Why the state could not be saved at the last attempt; `None`: it never failed."""
    _is_announced: bool = False
    """Whether it was logged what is monitored."""
    _returns: int = 0
    """How often Redis had returned when a checkpoint was last wished for because of that."""
    _save_by: float = attrs.field(factory=lambda: trio.current_time() + _LONGEST_WITHOUT)
    """When a checkpoint is saved even if the history is behind."""

    def send(self, events: Sequence[AlertEvent]) -> None:
        """Send events to the outputs. Without a screen, the program's log shows them."""
        for event in events:
            logger.info("{}", event.message)
            self._fan_out.send_event(event)
            self._wish.is_open = True

    @property
    def _term(self) -> Term | None:
        return None if self._checkpoints is None else self._checkpoints.term

    async def evaluate(self, message: ClosedSeconds | ClockSet) -> None:
        """Evaluate rules, for new seconds or after the clock was set."""
        if isinstance(message, ClockSet):
            self._begin_anew(message)
        else:
            await self._close(message)

    async def _close(self, seconds: ClosedSeconds) -> None:
        for events in self._alerting.closing(seconds, self._unread):
            self.send(events)
            await trio.lowlevel.checkpoint()  # years may have passed
        self._dropped = _warn_dropped(self._alerting, self._dropped)

    def _begin_anew(self, clock: ClockSet) -> None:
        why = _clock_set(clock.seconds)
        self.send([*self._alerting.begin_anew(why), *self._own.begin_anew(why, self._wall())])

    def show(self, snapshot: Snapshot, *, is_sure: bool) -> None:
        """Pass on a snapshot with its alerts; log what changed in its health."""
        self._unread = _unread(snapshot.health.sources)
        health = self._fan_out.health(snapshot.health)
        if self._history is not None:
            outputs = (*health.outputs, self._history.health)
            health = attrs.evolve(health, outputs=outputs)
        if self._trouble is not None:
            state = OutputState.RETRYING if self._trouble else OutputState.WORKING
            saving = OutputHealth(_SAVING, state, self._trouble)
            health = attrs.evolve(health, outputs=(*health.outputs, saving))
        if self._term is not None and self._term.returns != self._returns:
            self._returns, self._wish.is_open = self._term.returns, True
        if is_sure:
            self.send(self._own.look(health, snapshot.time))
        if self._changes is None:
            self._changes = HealthChanges()
        if self._what and not self._is_announced:
            self._is_announced = True
            where = ", ".join(self._fan_out.destinations) or "no output"
            page = "".join(f"; page: {url}" for url in self._fan_out.pages)
            logger.info("following {}; alerts go to: {}{}", self._what, where, page)
        for change in self._changes.look(health, trio.current_time()):
            logger.log(change.level.value, "{}", change.text)
        alerts = self._own.joined(self._alerting.alerts)
        self._fan_out.send_snapshot(attrs.evolve(snapshot, health=health, alerts=alerts))

    async def save(self, checkpoint: Checkpoint, *, is_sure: bool) -> None:
        """Save a checkpoint, unless another process may have taken over."""
        if self._checkpoints is None:
            return
        if not is_sure or trio.current_time() < self._save_at:
            self._wish.is_open = self._term is not None
            return
        if self._history is not None:
            # The history must be on disk before the checkpoint that refers to it. Otherwise no
            # checkpoint is saved: what is read again then is neither missing nor there twice.
            with trio.move_on_after(_FLUSH_SECONDS) as flushing:
                await self._history.flushed(checkpoint.history)
            if flushing.cancelled_caught and trio.current_time() < self._save_by:
                self._note_unsaved()
                return
        try:
            await _save(
                self._checkpoints,
                checkpoint,
                self._alerting,
                self._own,
                self._fan_out,
                self._wall(),
                has_history=self._history is not None,
            )
        except OSError as error:
            now = trio.current_time()
            self._save_at = now + self._checkpoints.again_seconds
            self._wish.is_open = self._term is not None
            self._trouble = sentence(error)
            self._note_unsaved()
        else:
            self._trouble = None if self._trouble is None else ""
            if self._saved is not None:
                self._saved.tell(checkpoint.marks)
        self._save_by = trio.current_time() + _LONGEST_WITHOUT

    def _note_unsaved(self) -> None:
        if self._saved is not None:
            self._saved.is_overdue = True


def _clock_set(by: float) -> str:
    way = "forward" if by > 0 else "back"
    what = f"the clock was set {way} by {format_duration(abs(by))}"
    logger.warning("{}: windows and rules start over", what)
    return what


def _unread(sources: Sequence[SourceHealth]) -> str:
    """Name the logs that cannot be read, with the reasons."""
    return "; ".join(f"{source.name}: {source.detail}" for source in sources if source.is_unread)[
        :_MOST_CAUSE
    ]


def _warn_dropped(alerting: Alerting, before: dict[str, int]) -> dict[str, int]:
    """Warn once for each rule that has too many groups; return the current numbers."""
    now = alerting.dropped_groups
    for rule in now.keys() - before.keys():
        logger.warning(
            "rule {!r} has too many groups: only those with the most requests are watched",
            rule,
        )
    return now


async def _save(
    checkpoints: Checkpoints,
    checkpoint: Checkpoint,
    alerting: Alerting,
    own: OwnWatch,
    fan_out: FanOut,
    time: float,
    *,
    has_history: bool,
) -> None:
    # Steps after this are repeated after a crash, and recognized by their name.
    save = functools.partial(
        checkpoints.save,
        time,
        checkpoint.marks,
        aggregation=checkpoint.aggregation,
        alerting=to_bytes(alerting.to_state()),
        own=own.to_state(),
        history=checkpoint.history if has_history else None,
        undelivered={
            name: [event.to_state() for event in events]
            for name, events in fan_out.undelivered.items()
        },
    )
    await trio.to_thread.run_sync(save)


def _own(kind: AlertEventKind, message: str, wall: WallClock) -> AlertEvent:
    return AlertEvent(kind, int(wall()), message)
