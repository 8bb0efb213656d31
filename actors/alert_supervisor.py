"""The alert supervisor: evaluates rules over closed seconds and tells the outputs what happened.

Snapshots pass through it on their way to the outputs, so that the alerts in a snapshot are those
of the same instant as its insights.
"""

from __future__ import annotations

import attrs
import trio

from actors.clock import WallClock
from actors.fan_out import FanOut
from actors.messages import FromAggregator
from glancemetrics.alert_events import AlertEvent, AlertEventKind
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.closed_seconds import ClosedSeconds


async def supervise_alerts(
    alerting: Alerting,
    receive: trio.MemoryReceiveChannel[FromAggregator],
    fan_out: FanOut,
    *,
    what: str,
    wall: WallClock,
) -> None:
    """Evaluate until the channel ends. The monitoring's own start and end are events too.

    `what` says what is monitored, for people.
    """
    fan_out.send_event(_own(AlertEventKind.MONITORING_STARTED, f"Monitoring of {what} began", wall))
    try:
        async with receive:
            async for message in receive:
                if isinstance(message, ClosedSeconds):
                    for event in alerting.close(message):
                        fan_out.send_event(event)
                else:
                    fan_out.send_snapshot(attrs.evolve(message, alerts=alerting.alerts))
    finally:
        # Also when something failed: silence must be told from absence.
        fan_out.send_event(
            _own(AlertEventKind.MONITORING_STOPPED, f"Monitoring of {what} ended", wall)
        )


def _own(kind: AlertEventKind, message: str, wall: WallClock) -> AlertEvent:
    return AlertEvent(kind, int(wall()), message)
