"""`Notifier`: decides when a target is notified of what, and retries until it is delivered."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from loguru import logger

from actors.outputs.notifier.journal import Event, Journal, Message
from actors.outputs.notifier.sending import RefusedError, Send, TryAgainError, sender
from actors.outputs.output import Inbox, Report
from actors.state.acknowledgements import FILE_NAME as ACKNOWLEDGEMENTS
from actors.state.acknowledgements import Acknowledgements
from actors.state.clock import WallClock
from actors.state.silences import FILE_NAME as SILENCES
from actors.state.silences import Silence, Silences, silence_among
from glancemetrics.health.health import OutputState
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident
from glancemetrics.notifying.payloads import (
    RESEND_RESOLVED_SECONDS,
    RESEND_SECONDS,
    alert_of,
    key_of,
    key_of_all,
)
from glancemetrics.notifying.targets import Target, TargetKind
from glancemetrics.words.humane import format_duration

if TYPE_CHECKING:
    from actors.redis.term import Term

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
"""Seconds after a failed attempt; doubled each time, unless the target says how long."""
_CLAIM_PAUSE = 0.2
"""Seconds between checks whether another process is still notifying the same target."""
_MOST_OVER = 10_000
"""Ended incidents that are remembered."""

Describe = Callable[[Incident], str]
"""Describes how an incident began."""


class Notifier:
    """Notifies one target."""

    wants_events = True
    wants_snapshots = True
    wants_traffic = False

    def __init__(
        self,
        target: Target,
        journal: Callable[[], Journal],
        send: Send,
        wall: WallClock,
        silences: Silences,
        acknowledgements: Acknowledgements,
        describe: Describe,
    ) -> None:
        self.name = f"notify {target.name}"
        self._target = target
        self._open_journal = journal
        self._send = send
        self._wall = wall
        self._silences = silences
        self._acknowledgements = acknowledgements
        self._describe = describe
        self._detail = target.kind.value
        """The detail shown while it works."""
        self._noting = trio.Lock()
        """Held while it is decided whether an incident is notified."""
        self._ongoing: dict[str, float | None] = {}
        """When the target was last notified of each ongoing incident; `None` if never."""
        self._over: dict[str, None] = {}
        """The last incidents that ended."""
        self._fails = False
        """Whether the last delivery failed."""
        self._resends = target.kind is TargetKind.ALERTMANAGER
        """Whether it assumes that an alert is resolved when it is not sent again."""
        self._resend_at = -math.inf
        """When that is due, on trio's clock."""

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Record and deliver events until there are no more.

        Raises `sqlite3.Error`, and `OSError` from `Journal.confirm`.
        """
        journal = await trio.to_thread.run_sync(self._open_journal)
        try:
            poke, poked = trio.open_memory_channel[None](1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._deliver, journal, poked, report)
                async with poke:
                    nursery.start_soon(self._watch, inbox, journal, poke.clone())
                    await self._note(inbox, journal, poke)
        finally:
            journal.close()

    async def _note(
        self, inbox: Inbox, journal: Journal, poke: trio.MemorySendChannel[None]
    ) -> None:
        """Record events."""
        try:
            while True:
                async with inbox.event() as event:
                    if event.incident is None or not self._target.watches(event.incident):
                        continue
                    async with self._noting:
                        await trio.to_thread.run_sync(self._noted, event, journal)
                    _poke(poke)
        except trio.EndOfChannel:
            return

    def _noted(self, event: AlertEvent, journal: Journal) -> None:
        incident = event.incident
        assert incident is not None
        now = self._wall()
        if event.kind is AlertEventKind.RECOVERED:
            self._ongoing.pop(incident.id, None)
            self._over[incident.id] = None
            if len(self._over) > _MOST_OVER:
                del self._over[next(iter(self._over))]
            # Whoever was notified of the beginning is notified of the end.
            is_notified = journal.last_noted(self._target.name, incident.id) is not None
        else:
            is_notified = self._is_notified(incident, now, self._silences.known(now))
            self._ongoing[incident.id] = now if is_notified else None
        if is_notified and self._target.wants(event):
            self._add(event, incident, journal, now)
        elif not is_notified:
            why = "silenced, or outside its hours"
            logger.info("{}: not notified of {!r} ({})", self.name, incident.id, why)

    async def _watch(
        self, inbox: Inbox, journal: Journal, poke: trio.MemorySendChannel[None]
    ) -> None:
        """Record ongoing incidents: ones that began during a silence or at night, and reminders."""
        is_first = True
        async with poke:
            async for snapshot in inbox.snapshots:
                await trio.to_thread.run_sync(journal.put_back)
                firing = [one for one in snapshot.alerts.firing if self._target.watches(one)]
                if not firing:
                    continue
                async with self._noting:
                    has_noted = await trio.to_thread.run_sync(self._remind, firing, journal)
                if is_first:
                    # Incidents from before a restart are known only now, and may expire there soon.
                    self._resend_at = -math.inf
                if has_noted or is_first:
                    _poke(poke)
                is_first = False

    def _remind(self, firing: list[Incident], journal: Journal) -> bool:
        now, name = self._wall(), self._target.name
        # A snapshot may be older than the end of an incident.
        firing = [incident for incident in firing if incident.id not in self._over]
        known = self._ongoing
        self._ongoing = {
            one.id: known[one.id] if one.id in known else journal.last_noted(name, one.id)
            for one in firing
        }
        due = [one for one in firing if self._is_due(self._ongoing[one.id], now)]
        silences = self._silences.known(now) if due else ()
        acknowledged = self._acknowledgements.known() if due else {}
        notified = [
            one
            for one in due
            if self._is_notified(one, now, silences)
            # Only reminders: without the first notification there would be none of the recovery.
            and not (one.id in acknowledged and self._ongoing[one.id] is not None)
        ]
        for incident in notified:
            is_first = self._ongoing[incident.id] is None
            event = self._reminder(incident, now, is_first=is_first)
            self._add(event, incident, journal, now)
            self._ongoing[incident.id] = now
        return bool(notified)

    def _is_due(self, last: float | None, now: float) -> bool:
        repeat = self._target.repeat
        return last is None or (repeat is not None and now - last >= repeat)

    def _reminder(self, incident: Incident, now: float, *, is_first: bool) -> AlertEvent:
        said = self._describe(incident)
        if is_first:
            kind = AlertEventKind.FLAPPING if incident.flapping else AlertEventKind.TRIGGERED
            return AlertEvent(kind, incident.triggered_at, said, incident)
        lasts = format_duration(max(0, int(now) - incident.triggered_at))
        message = f"Ongoing for {lasts}: {said}"
        return AlertEvent(AlertEventKind.ONGOING, int(now), message, incident)

    def _add(self, event: AlertEvent, incident: Incident, journal: Journal, now: float) -> None:
        line = event.to_json()
        gathered = self._target.group_of(incident)
        journal.add(self._target.name, key_of(line), line, now, gathered)

    def _is_notified(self, incident: Incident, now: float, silences: Iterable[Silence]) -> bool:
        is_silent = silence_among(silences, incident.rule) is not None
        return not is_silent and self._target.is_on_duty(now)

    async def _deliver(
        self, journal: Journal, poked: trio.MemoryReceiveChannel[None], report: Report
    ) -> None:
        """Deliver what is in the journal, until nothing more can arrive."""
        has_ended = False
        while True:
            waiting = await self._next(journal, at_once=has_ended)
            if isinstance(waiting, Message):
                with journal.claimed(self._target.name) as is_ours:
                    if is_ours:
                        await self._deliver_waiting(journal, report)
                    else:
                        await trio.sleep(_CLAIM_PAUSE)
                continue
            if has_ended:
                report(OutputState.WORKING, self._detail)
                return
            if self._resends and trio.current_time() >= self._resend_at:
                await self._resend(journal, report)
            elif not self._fails:
                report(OutputState.WORKING, self._detail)
            with trio.move_on_after(self._until_more(waiting)):
                try:
                    await poked.receive()
                except trio.EndOfChannel:
                    has_ended = True

    def _until_more(self, wait: float | None) -> float:
        """Return in how many seconds something is due."""
        wait = math.inf if wait is None else wait
        if self._resends:
            wait = min(wait, max(0.0, self._resend_at - trio.current_time()))
        return wait

    async def _deliver_waiting(self, journal: Journal, report: Report) -> None:
        pause = _FIRST_PAUSE
        # Firing alerts must be sent again soon after an outage.
        longest = RESEND_SECONDS if self._resends else _LONGEST_PAUSE
        while isinstance(message := await self._next(journal), Message):
            await trio.to_thread.run_sync(journal.confirm)
            try:
                await self._send(message.events)
            except TryAgainError as error:
                await trio.to_thread.run_sync(journal.attempted, message)
                left = await trio.to_thread.run_sync(journal.count, self._target.name)
                self._fails = True
                report(OutputState.RETRYING, f"{error}; {left} waiting")
                await trio.sleep(pause if error.after is None else error.after)
                pause = min(2 * pause, longest)
                continue
            except RefusedError as error:
                key = key_of_all(message.events)
                count = len(message.events)
                logger.error(
                    "{} refused {!r} permanently: {}; {} lost",
                    *(self.name, key, error, "1 event" if count == 1 else f"{count} events"),
                )
                logger.opt(exception=error.__cause__).debug("{} refused it", self.name)
                await trio.to_thread.run_sync(journal.refused, message)
                self._fails = True
                self._detail = f"{self._target.kind.value}, refused {key!r}: {error}"
                report(OutputState.WORKING, self._detail, lost=count)
            else:
                await trio.to_thread.run_sync(journal.delivered, message, self._wall())
                self._succeeded()
            pause = _FIRST_PAUSE

    async def _resend(self, journal: Journal, report: Report) -> None:
        """Send firing and recently resolved alerts again; after a failure, in a minute."""
        self._resend_at = trio.current_time() + RESEND_SECONDS
        async with self._noting:
            ongoing = list(self._ongoing)
        events = await trio.to_thread.run_sync(self._to_resend, journal, ongoing)
        if events:
            with journal.claimed(self._target.name) as is_ours:
                if not is_ours:
                    self._resend_at = trio.current_time() + _CLAIM_PAUSE
                    return
                await trio.to_thread.run_sync(journal.confirm)
                try:
                    await self._send(events)
                except (TryAgainError, RefusedError) as error:
                    if isinstance(error, TryAgainError) and error.after is not None:
                        self._resend_at += error.after
                    self._fails = True
                    report(OutputState.RETRYING, str(error))
                    return
            self._succeeded()
        if not self._fails:
            report(OutputState.WORKING, self._detail)

    def _to_resend(self, journal: Journal, ongoing: list[str]) -> list[Event]:
        """Return the last event of each alert to send again, firing ones last."""
        since = self._wall() - RESEND_RESOLVED_SECONDS
        lately = {
            alert_of(event): event for event in journal.delivered_since(self._target.name, since)
        }
        last = journal.last_delivered(self._target.name, ongoing)
        return [
            *(event for event in lately.values() if event["event"] == "recovered"),
            *(event for event in last if event["event"] != "recovered"),
        ]

    def _succeeded(self) -> None:
        self._fails = False
        self._detail = self._target.kind.value

    async def _next(self, journal: Journal, *, at_once: bool = False) -> Message | float | None:
        wait: float | None = self._target.group_wait or None
        if wait is not None and at_once:
            wait = 0
        return await trio.to_thread.run_sync(journal.next, self._target.name, self._wall(), wait)


def _poke(poke: trio.MemorySendChannel[None]) -> None:
    with suppress(trio.WouldBlock):  # it is already awake
        poke.send_nowait(None)


def make_notifier(
    target: Target,
    journal: Path,
    wall: WallClock,
    describe: Describe,
    term: Term | None = None,
) -> Notifier:
    """Return the notifier of a target. Raises `UsageError` if its secrets are missing.

    With a `term`, what is in the journal is in Redis as well, for other hubs of the same fleet.
    """
    silences = Silences(journal.with_name(SILENCES))
    acknowledgements = Acknowledgements(journal.with_name(ACKNOWLEDGEMENTS))
    send = sender(target, wall)

    open_journal: Callable[[], Journal] = partial(Journal, journal)
    if term is not None:
        from actors.outputs.notifier.shared_journal import SharedJournals  # late: few have it

        open_journal = SharedJournals(journal, term, target.name).open
    return Notifier(target, open_journal, send, wall, silences, acknowledgements, describe)
