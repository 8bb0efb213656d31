"""The alert supervisor: evaluates rules over closed seconds and tells the outputs what happened.

Snapshots pass through it on their way to the outputs, so that the alerts in a snapshot are those
of the same instant as its insights.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import attrs
import trio
from loguru import logger

from actors.history.history import History
from actors.monitor.checkpoints import Checkpoints
from actors.monitor.fan_out import FanOut
from actors.monitor.messages import Checkpoint, ClockSet, FromAggregator
from actors.state.clock import WallClock
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.closed_seconds import ClosedSeconds
from glancemetrics.alerting.own_watch import OwnWatch
from glancemetrics.health.changes import HealthChanges
from glancemetrics.health.health import SourceHealth
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.state.tree import to_bytes
from glancemetrics.traffic.snapshot import Snapshot
from glancemetrics.words.humane import format_duration

_MOST_CAUSE = 300
"""Characters."""
_FLUSH_SECONDS = 1.0
"""For which a checkpoint waits for the history."""
_LONGEST_WITHOUT = 60.0
"""Seconds without a checkpoint, as the history is behind; then it may have a hole after a crash."""
_SAVE_AGAIN_SECONDS = 60.0
"""After a save that failed: it is tried again then, and said again if it fails."""


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
) -> None:
    """Evaluate until the channel ends. The monitoring's own start and end are events too.

    `own` watches how the program itself fares; `what` says what is monitored, for people;
    `checkpoints` is where they are saved, once `history` is on the disk; `first` has happened
    before.
    """
    supervision = _Supervision(alerting, own, fan_out, what, wall, checkpoints, history)
    fan_out.send_event(_own(AlertEventKind.MONITORING_STARTED, f"Monitoring of {what} began", wall))
    supervision.tell(first)
    try:
        async with receive:
            async for message in receive:
                match message:
                    case ClosedSeconds():
                        await supervision.close(message)
                    case ClockSet():
                        supervision.begin_anew(message)
                    case Snapshot():
                        supervision.show(message)
                    case Checkpoint():
                        await supervision.save(message)
    finally:
        # Also when something failed: silence must be told from absence.
        fan_out.send_event(
            _own(AlertEventKind.MONITORING_STOPPED, f"Monitoring of {what} ended", wall)
        )


@attrs.define
class _Supervision:
    """What is done with each message."""

    _alerting: Alerting
    _own: OwnWatch
    _fan_out: FanOut
    _what: str
    _wall: WallClock
    _checkpoints: Checkpoints | None
    _history: History | None
    _changes: HealthChanges | None = None
    """`None` before the first snapshot."""
    _unread: str = ""
    """Which logs cannot be read, as of the last snapshot."""
    _dropped: dict[str, int] = attrs.field(factory=dict)
    """{rule that has too many groups: of how many that was said}"""
    _save_at: float = -math.inf
    _save_by: float = attrs.field(factory=lambda: trio.current_time() + _LONGEST_WITHOUT)
    """When one is saved also though the history is behind."""

    def tell(self, events: Sequence[AlertEvent]) -> None:
        """Send events to the outputs. Where there is no screen, the program's log shows them."""
        for event in events:
            logger.info("{}", event.message)
            self._fan_out.send_event(event)

    async def close(self, seconds: ClosedSeconds) -> None:
        for events in self._alerting.closing(seconds, self._unread):
            self.tell(events)
            await trio.lowlevel.checkpoint()  # years may have passed
        self._dropped = _told_dropped(self._alerting, self._dropped)

    def begin_anew(self, clock: ClockSet) -> None:
        why = _clock_set(clock.seconds)
        self.tell([*self._alerting.begin_anew(why), *self._own.begin_anew(why, self._wall())])

    def show(self, snapshot: Snapshot) -> None:
        """Hand on a snapshot with the alerts of its instant; log what has changed in its health."""
        self._unread = _unread(snapshot.health.sources)
        health = self._fan_out.health(snapshot.health)
        if self._history is not None:
            outputs = (*health.outputs, self._history.health)
            health = attrs.evolve(health, outputs=outputs)
        self.tell(self._own.look(health, snapshot.time))
        if self._changes is None:
            self._changes = HealthChanges()
            where = ", ".join(self._fan_out.destinations) or "no output"
            logger.info("following {}; alerts go to {}", self._what, where)
        for change in self._changes.look(health, trio.current_time()):
            logger.log(change.level.value, "{}", change.text)
        alerts = self._own.joined(self._alerting.alerts)
        self._fan_out.send_snapshot(attrs.evolve(snapshot, health=health, alerts=alerts))

    async def save(self, checkpoint: Checkpoint) -> None:
        if self._checkpoints is None or trio.current_time() < self._save_at:
            return
        if self._history is not None:
            # What a checkpoint says is in the history is to be on the disk before it. Else it is
            # left out: what is read again then is not missing, nor is it there twice.
            with trio.move_on_after(_FLUSH_SECONDS) as flushing:
                await self._history.flushed(checkpoint.history)
            if flushing.cancelled_caught and trio.current_time() < self._save_by:
                return
        if not await _save(
            self._checkpoints,
            checkpoint,
            self._alerting,
            self._own,
            self._fan_out,
            self._wall(),
            has_history=self._history is not None,
        ):
            self._save_at = trio.current_time() + _SAVE_AGAIN_SECONDS
        self._save_by = trio.current_time() + _LONGEST_WITHOUT


def _clock_set(by: float) -> str:
    way = "forward" if by > 0 else "back"
    said = f"the clock was set {way} by {format_duration(abs(by))}"
    logger.warning("{}: windows and rules begin anew", said)
    return said


def _unread(sources: Sequence[SourceHealth]) -> str:
    """Say which logs cannot be read."""
    return "; ".join(f"{source.name}: {source.detail}" for source in sources if source.is_unread)[
        :_MOST_CAUSE
    ]


def _told_dropped(alerting: Alerting, before: dict[str, int]) -> dict[str, int]:
    """Say of each rule once that it has too many groups; return of how many it was said."""
    now = alerting.dropped_groups
    for rule in now.keys() - before.keys():
        logger.warning(
            "rule {!r} has more groups than are watched at a time; those with most requests are",
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
) -> bool:
    # What happens from here on would happen once more after a crash, and is known by its name.
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
    try:
        await trio.to_thread.run_sync(save)
    except OSError as error:
        logger.warning("what is known could not be saved: {}", error)
        return False
    return True


def _own(kind: AlertEventKind, message: str, wall: WallClock) -> AlertEvent:
    return AlertEvent(kind, int(wall()), message)
