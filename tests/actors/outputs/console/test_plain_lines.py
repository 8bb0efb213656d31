"""The console of a terminal that can only print lines."""

from __future__ import annotations

import attrs
import pytest
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.console.plain_lines import PlainLines
from glancemetrics.alerting.alerting import Alerts
from glancemetrics.health.health import SourceHealth, SourceState
from tests.actors.outputs.console.replays import CONTEXT, OUTAGE
from tests.actors.outputs.snapshots import health, insights, snapshot
from tests.lines import BASE


async def test_each_refresh_is_a_line_and_alerts_are_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    delivery = Delivery.to(PlainLines(CONTEXT))
    over = attrs.evolve(OUTAGE, recovered_at=BASE + 2)
    sent = [
        snapshot(alerts=Alerts()),
        snapshot(time=BASE + 1.0, alerts=Alerts((OUTAGE,)), insights=insights(hits=1000)),
        snapshot(time=BASE + 2.0, alerts=Alerts((OUTAGE,)), insights=insights(hits=999)),
        snapshot(
            time=BASE + 3.0, alerts=Alerts((), (over,), (over,)), insights=insights(hits=998),
            health=health(gaps=1, last_gap="evil \x1b[2J 日本"),
        ),
    ]  # fmt: skip
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for one in sent:
            delivery.send_snapshot(one)
            await trio.sleep(0.1)
        delivery.close()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("14:13:20  * HEALTHY  128.4 req/s")
    assert lines[1].startswith("14:13:21  x 1 CRITICAL  100 req/s")
    assert lines[2].startswith("14:13:21  x Server errors: 12 % of responses are 5xx")
    assert lines[3].startswith("14:13:22  x 1 CRITICAL  99.9 req/s")
    assert lines[4].startswith("14:13:23  * HEALTHY")
    assert lines[5].startswith("14:13:23  recovered: Server errors: 1 min 22 s")
    assert r"evil \x1b[2J ????" in lines[6]
    assert len(lines) == 7
    assert all(line.isascii() for line in lines)


async def test_a_problem_is_said_when_it_begins_and_ends_whatever_its_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    delivery = Delivery.to(PlainLines(CONTEXT))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for number, late in enumerate((5, 60, 7000, 0)):
            delivery.send_snapshot(
                snapshot(time=BASE + number * 1.0, alerts=Alerts(), health=health(late=late))
            )
            await trio.sleep(0.1)
        delivery.close()
    said = [one for one in capsys.readouterr().out.splitlines() if "too late" in one]
    assert said == [
        "14:13:20  ! 5 requests arrived too late for any window",
        "14:13:23  no longer: 7,000 requests arrived too late for any window",
    ]


async def test_two_logs_with_the_same_problem_are_two_problems(
    capsys: pytest.CaptureFixture[str],
) -> None:
    delivery = Delivery.to(PlainLines(CONTEXT))
    both = [SourceHealth(f"web{n}.log", SourceState.BLOCKED, "permission denied") for n in (1, 2)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for number, sources in enumerate((both, both[:1], [])):
            checked = health(sources=tuple(sources))
            delivery.send_snapshot(snapshot(time=BASE + number * 1.0, health=checked))
            await trio.sleep(0.1)
        delivery.close()
    said = [one[8:] for one in capsys.readouterr().out.splitlines() if "permission" in one]
    assert said == [
        "  ! web1.log: permission denied",
        "  ! web2.log: permission denied",
        "  no longer: web2.log: permission denied",
        "  no longer: web1.log: permission denied",
    ]
