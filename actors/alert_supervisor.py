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

from actors.checkpoints import Checkpoints
from actors.clock import WallClock
from actors.fan_out import FanOut
from actors.messages import Checkpoint, ClockSet, FromAggregator
from glancemetrics.alert_events import AlertEvent, AlertEventKind
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.own_watch import OwnWatch
from glancemetrics.closed_seconds import ClosedSeconds
from glancemetrics.humane import format_duration
from glancemetrics.snapshot import Snapshot, SourceHealth, SourceState
from glancemetrics.state_tree import to_bytes

_MOST_CAUSE = 300
"""Characters."""
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
) -> None:
    """Evaluate until the channel ends. The monitoring's own start and end are events too.

    `own` watches how the program itself fares; `what` says what is monitored, for people;
    `checkpoints` is where they are saved; `first` has happened before.
    """
    fan_out.send_event(_own(AlertEventKind.MONITORING_STARTED, f"Monitoring of {what} began", wall))
    for event in first:
        fan_out.send_event(event)
    save_at = -math.inf
    dropped: dict[str, int] = {}
    unread = ""
    try:
        async with receive:
            async for message in receive:
                match message:
                    case ClosedSeconds():
                        for event in alerting.close(message, unread):
                            fan_out.send_event(event)
                        dropped = _told_dropped(alerting, dropped)
                    case ClockSet(seconds=by):
                        why = _clock_set(by)
                        ends = [*alerting.begin_anew(why), *own.begin_anew(why, wall())]
                        for event in ends:
                            fan_out.send_event(event)
                    case Snapshot():
                        unread = _unread(message.health.sources)
                        health = fan_out.health(message.health)
                        for event in own.look(health, message.time):
                            fan_out.send_event(event)
                        alerts = own.joined(alerting.alerts)
                        fan_out.send_snapshot(attrs.evolve(message, health=health, alerts=alerts))
                    case Checkpoint():
                        is_due = checkpoints is not None and trio.current_time() >= save_at
                        if checkpoints is None or not is_due:
                            continue
                        if not await _save(checkpoints, message, alerting, own, fan_out, wall()):
                            save_at = trio.current_time() + _SAVE_AGAIN_SECONDS
    finally:
        # Also when something failed: silence must be told from absence.
        fan_out.send_event(
            _own(AlertEventKind.MONITORING_STOPPED, f"Monitoring of {what} ended", wall)
        )


def _clock_set(by: float) -> str:
    way = "forward" if by > 0 else "back"
    said = f"the clock was set {way} by {format_duration(abs(by))}"
    logger.warning("{}: windows and rules begin anew", said)
    return said


def _unread(sources: Sequence[SourceHealth]) -> str:
    """Say which logs cannot be read."""
    unread = (SourceState.BLOCKED, SourceState.WAITING)
    return "; ".join(
        f"{source.name} {source.detail}" for source in sources if source.state in unread
    )[:_MOST_CAUSE]


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
) -> bool:
    # What happens from here on would happen once more after a crash, and is known by its name.
    save = functools.partial(
        checkpoints.save,
        time,
        checkpoint.marks,
        aggregation=checkpoint.aggregation,
        alerting=to_bytes(alerting.to_state()),
        own=own.to_state(),
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
