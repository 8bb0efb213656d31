"""The fan-out: every output gets what it wants, and none slows another down.

Snapshots are conflated: a slow output gets the latest. Alert events queue for each output; only
when `EVENT_QUEUE` of them wait for a stuck output is the next one lost, and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import trio

from actors.monitor.memory import memory_limit, memory_taken
from actors.outputs.desk import Latest
from actors.outputs.output import Inbox, Output, Staying
from glancemetrics.health.health import Health, OutputHealth, OutputState
from glancemetrics.incidents.alert_events import AlertEvent
from glancemetrics.traffic.snapshot import Snapshot

EVENT_QUEUE = 10_000
"""Alert events that can wait for an output."""

GIVE_UP_SECONDS = 1.5
"""At the end, how long a failing output is retried. One that works gets all the time it
needs."""
_LOOK_SECONDS = 0.5
_LIMIT_SECONDS = 10.0
"""Seconds between readings of the memory limit, which is in several files."""


@attrs.define
class Delivery:
    """One output, its channels, and how it fares."""

    output: Output
    inbox: Inbox
    _events: trio.MemorySendChannel[AlertEvent]
    _snapshots: trio.MemorySendChannel[Snapshot]
    health: OutputHealth
    done: trio.Event = attrs.field(factory=trio.Event)
    """Set when the output has ended."""
    closing: trio.Event = attrs.field(factory=trio.Event)
    """Set when nothing more will be sent to it."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    """The scope that the output runs in."""

    @classmethod
    def to(cls, output: Output) -> Delivery:
        send_event, receive_event = trio.open_memory_channel[AlertEvent](EVENT_QUEUE)
        send_snapshot, receive_snapshot = trio.open_memory_channel[Snapshot](1)
        return cls(
            output,
            Inbox(receive_event, receive_snapshot),
            send_event,
            send_snapshot,
            OutputHealth(output.name, OutputState.STARTING),
        )

    def report(self, state: OutputState, detail: str = "", *, lost: int = 0) -> None:
        self.health = attrs.evolve(
            self.health, state=state, detail=detail, lost=self.health.lost + lost
        )

    def count_restart(self) -> None:
        self.health = attrs.evolve(self.health, restarts=self.health.restarts + 1)

    def send_event(self, event: AlertEvent) -> None:
        if not self.output.wants_events:
            return
        try:
            self._events.send_nowait(event)
        except trio.WouldBlock:
            self.health = attrs.evolve(self.health, lost=self.health.lost + 1)
        else:
            self.inbox.undelivered.append(event)

    def send_snapshot(self, snapshot: Snapshot) -> None:
        if not self.output.wants_snapshots:
            return
        try:
            self._snapshots.send_nowait(snapshot)
        except trio.WouldBlock:
            self.inbox.snapshots.receive_nowait()  # stale: nobody has looked at it
            self._snapshots.send_nowait(snapshot)

    def close(self) -> None:
        self._events.close()
        self._snapshots.close()
        self.closing.set()

    async def drained(self) -> None:
        """Wait until the output has delivered everything, or is failing and gives up."""
        patience = GIVE_UP_SECONDS
        while not self.done.is_set():
            with trio.move_on_after(patience):
                await self.done.wait()
            patience = _LOOK_SECONDS
            if self.health.state is OutputState.RETRYING:
                self.scope.cancel()


class FanOut:
    """Sends to all outputs; never blocks."""

    def __init__(
        self,
        outputs: Sequence[Output],
        latest: Latest | None = None,
        oldest: float = -math.inf,
    ) -> None:
        """`latest` gets each snapshot as well.

        Events of incidents that were triggered before `oldest`, in seconds since the epoch, are
        sent to nobody.
        """
        self._oldest = oldest
        self._latest = Latest() if latest is None else latest
        self._memory_limit: int | None = None
        self._limit_due = -math.inf
        self.deliveries = [Delivery.to(output) for output in outputs]

    @property
    def destinations(self) -> tuple[str, ...]:
        """Where alert events go, for people; known once the outputs have started."""
        return tuple(
            f"{each.output.name} ({each.health.detail})"
            if each.health.detail and each.health.state is OutputState.WORKING
            else each.output.name
            for each in self.deliveries
            if each.output.wants_events and not isinstance(each.output, Staying)
        )

    @property
    def pages(self) -> tuple[str, ...]:
        """Where people look, known once that is served."""
        return tuple(
            each.health.detail
            for each in self.deliveries
            if isinstance(each.output, Staying) and each.health.state is OutputState.WORKING
        )

    @property
    def undelivered(self) -> dict[str, list[AlertEvent]]:
        """The undelivered events, by name of output."""
        return {
            delivery.output.name: list(delivery.inbox.undelivered) for delivery in self.deliveries
        }

    def send_again(self, undelivered: Mapping[str, Sequence[AlertEvent]]) -> None:
        """Send what outputs of the same name had not delivered before a restart."""
        for delivery in self.deliveries:
            for event in undelivered.get(delivery.output.name, ()):
                delivery.send_event(event)

    def send_event(self, event: AlertEvent) -> None:
        if event.incident is not None and event.incident.triggered_at < self._oldest:
            return
        for delivery in self.deliveries:
            delivery.send_event(event)

    def health(self, health: Health) -> Health:
        """Return the health, with that of the outputs and the memory in use."""
        outputs = tuple(
            attrs.evolve(delivery.health, waiting=len(delivery.inbox.undelivered))
            for delivery in self.deliveries
        )
        now = trio.current_time()
        if now >= self._limit_due:
            self._memory_limit, self._limit_due = memory_limit(), now + _LIMIT_SECONDS
        return attrs.evolve(
            health, outputs=outputs, memory=memory_taken(), memory_limit=self._memory_limit
        )

    def send_snapshot(self, snapshot: Snapshot) -> None:
        self._latest.snapshot = snapshot
        for delivery in self.deliveries:
            delivery.send_snapshot(snapshot)

    def close(self) -> None:
        """End the channels: outputs end once they have delivered what they have."""
        for delivery in self.deliveries:
            delivery.close()

    async def drained(self) -> None:
        """Wait until every output has ended."""
        async with trio.open_nursery() as nursery:
            for delivery in self.deliveries:
                nursery.start_soon(delivery.drained)
