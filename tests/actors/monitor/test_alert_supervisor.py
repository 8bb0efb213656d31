"""The alert supervisor of a hub that may have been replaced: it tells and saves nothing then."""

from __future__ import annotations

import errno
from pathlib import Path

import trio
import trio.testing

from actors.monitor.alert_supervisor import supervise_alerts
from actors.monitor.checkpoints import Checkpoints
from actors.monitor.fan_out import FanOut
from actors.monitor.messages import Checkpoint, FromAggregator, Wish
from actors.outputs.output import Inbox, Report
from actors.sources.desk import SavedMarks
from actors.state.clock import WallClock
from glancemetrics.alerting.alerting import Alerting
from glancemetrics.alerting.own_watch import OwnWatch
from glancemetrics.health.health import OutputHealth, OutputState
from glancemetrics.incidents.alert_events import AlertEventKind
from glancemetrics.rules.high_traffic import high_traffic
from glancemetrics.state.tree import to_bytes
from tests.actors.outputs.snapshots import snapshot
from tests.glancemetrics.alerting.counts import closed, counts
from tests.lines import BASE


class Listening:
    """An output that gets everything at once."""

    name = "listening"
    wants_events = True
    wants_snapshots = True

    async def run(self, inbox: Inbox, report: Report) -> None:
        del inbox, report


class Saving(Checkpoints):
    """Notes what is saved."""

    def __init__(self) -> None:
        self.saved: list[float] = []
        self.failure: OSError | None = None
        self.again_seconds = 5.0

    def save(self, time: float, marks: object, history: object = None, **parts: object) -> None:
        if self.failure is not None:
            raise self.failure
        self.saved.append(time)


async def test_nothing_is_told_or_saved_until_it_is_sure(
    clock: trio.testing.MockClock, wall: WallClock
) -> None:
    rule = high_traffic(10.0, 10)
    fan_out, saving, wish = FanOut([Listening()]), Saving(), Wish()
    undelivered = fan_out.deliveries[0].inbox.undelivered
    is_sure = False
    send, receive = trio.open_memory_channel[FromAggregator](16)

    def told() -> list[AlertEventKind]:
        return [event.kind for event in undelivered if event.incident is not None]

    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await supervise_alerts(
                Alerting([rule]), receive, fan_out, own=OwnWatch(()), what="a fleet",
                wall=wall, checkpoints=saving, wish=wish, is_sure=lambda: is_sure,
            )  # fmt: skip

        nursery.start_soon(run)
        await send.send(closed(BASE))
        await send.send(closed(BASE + 10, counts({BASE + 5: 500})))
        await send.send(Checkpoint(to_bytes({}), ()))
        await send.send(snapshot())
        await trio.sleep(1)
        assert told() == []
        assert saving.saved == []
        shown = fan_out.deliveries[0].inbox.snapshots.receive_nowait()
        assert shown.alerts.firing == ()
        is_sure = True
        await send.send(closed(BASE + 11))
        await trio.sleep(1)
        assert told() == [AlertEventKind.TRIGGERED]
        assert wish.is_open
        await send.send(Checkpoint(to_bytes({}), ()))
        await trio.sleep(1)
        assert len(saving.saved) == 1
        send.close()


async def test_a_state_that_cannot_be_saved_is_shown_until_it_can(
    clock: trio.testing.MockClock, wall: WallClock, tmp_path: Path
) -> None:
    fan_out, saving, saved = FanOut([Listening()]), Saving(), SavedMarks()
    failure = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "state.new"))
    told = f"{tmp_path / 'state.new'}: No space left on device; free some disk space"
    send, receive = trio.open_memory_channel[FromAggregator](16)

    async def shown() -> OutputHealth | None:
        """Return how saving is said to be after another attempt."""
        await trio.sleep(60)
        await send.send(Checkpoint(to_bytes({}), ()))
        await send.send(snapshot())
        await trio.sleep(1)
        found = fan_out.deliveries[0].inbox.snapshots.receive_nowait().health.outputs
        return next((one for one in found if one.name == "saving the state"), None)

    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await supervise_alerts(
                Alerting([]), receive, fan_out, own=OwnWatch(()), what="a log",
                wall=wall, checkpoints=saving, saved=saved,
            )  # fmt: skip

        nursery.start_soon(run)
        assert await shown() is None
        saving.failure = failure
        assert await shown() == OutputHealth("saving the state", OutputState.RETRYING, told)
        assert saved.is_overdue
        saving.failure = None
        assert await shown() == OutputHealth("saving the state", OutputState.WORKING)
        assert not saved.is_overdue
        send.close()
