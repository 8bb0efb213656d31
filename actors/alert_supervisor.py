"""The alert supervisor: evaluates rules over closed seconds and tells the outputs what happened.

Snapshots pass through it on their way to the outputs, so that the alerts in a snapshot are those
of the same instant as its insights.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import trio
from loguru import logger

from actors.alert_state import AlertState
from actors.clock import WallClock
from actors.fan_out import FanOut
from actors.messages import FromAggregator
from glancemetrics.alert_events import AlertEvent, AlertEventKind
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.closed_seconds import ClosedSeconds
from glancemetrics.snapshot import SourceHealth, SourceState

_SAVE_SECONDS = 1.0
"""Between saves of where rules stand. After a crash, what happened since happens once more."""
_MOST_CAUSE = 300
"""Characters."""
_SAVE_AGAIN_SECONDS = 60.0
"""After a save that failed."""


async def supervise_alerts(
    alerting: Alerting,
    receive: trio.MemoryReceiveChannel[FromAggregator],
    fan_out: FanOut,
    *,
    what: str,
    wall: WallClock,
    state: AlertState | None = None,
    first: Sequence[AlertEvent] = (),
) -> None:
    """Evaluate until the channel ends. The monitoring's own start and end are events too.

    `what` says what is monitored, for people; `state` is where rules stand, to be saved; `first`
    has happened before.
    """
    fan_out.send_event(_own(AlertEventKind.MONITORING_STARTED, f"Monitoring of {what} began", wall))
    for event in first:
        fan_out.send_event(event)
    save_at = trio.current_time() + _SAVE_SECONDS
    dropped: dict[str, int] = {}
    unread = ""
    try:
        async with receive:
            async for message in receive:
                if isinstance(message, ClosedSeconds):
                    for event in alerting.close(message, unread):
                        fan_out.send_event(event)
                    dropped = _told_dropped(alerting, dropped)
                    # What has not been delivered would be lost with a state that knows of it.
                    due = trio.current_time() >= save_at
                    if state is not None and due and fan_out.all_delivered:
                        saved = await _save(state, alerting)
                        pause = _SAVE_SECONDS if saved else _SAVE_AGAIN_SECONDS
                        save_at = trio.current_time() + pause
                else:
                    unread = _unread(message.health.sources)
                    fan_out.send_snapshot(attrs.evolve(message, alerts=alerting.alerts))
    finally:
        # Also when something failed: silence must be told from absence.
        fan_out.send_event(
            _own(AlertEventKind.MONITORING_STOPPED, f"Monitoring of {what} ended", wall)
        )


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


async def _save(state: AlertState, alerting: Alerting) -> bool:
    try:
        await trio.to_thread.run_sync(state.save, alerting.to_json())
    except OSError as error:
        logger.warning("where rules stand could not be saved: {}", error)
        return False
    return True


def _own(kind: AlertEventKind, message: str, wall: WallClock) -> AlertEvent:
    return AlertEvent(kind, int(wall()), message)
