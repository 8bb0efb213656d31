"""An inbox for one output under test, and events to put into it."""

from __future__ import annotations

import attrs
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.output import Output
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident
from tests.lines import BASE

INCIDENT = Incident("high_traffic-20260921T141320Z", "high_traffic", 10.0, 120, BASE, 12.5, 12.5)


def event(number: int = 0, message: str = "High traffic") -> AlertEvent:
    return AlertEvent(
        AlertEventKind.TRIGGERED,
        BASE + number,
        f"{message} {number}",
        attrs.evolve(INCIDENT, value=float(number)),
    )


async def feed(output: Output, *events: AlertEvent) -> Delivery:
    """Run an output as the service does, over these events, until it has ended."""
    delivery = Delivery.to(output)
    for each in events:
        delivery.send_event(each)
    delivery.close()
    with trio.fail_after(60):
        await keep_running(delivery)
    return delivery
