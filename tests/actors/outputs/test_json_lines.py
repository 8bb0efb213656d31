"""JSON snapshots: field names that stay, one line a snapshot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import attrs
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.heartbeat.writing import Heartbeat
from actors.outputs.json_lines.writing import JsonLines
from glancemetrics.health.heartbeat import Heartbeat as Read
from tests.actors.outputs.snapshots import snapshot
from tests.lines import BASE


async def test_a_snapshot_is_a_line() -> None:
    read_end, write_end = os.pipe()
    delivery = Delivery.to(JsonLines(lambda: write_end))
    delivery.send_snapshot(snapshot())
    delivery.close()
    await keep_running(delivery)
    os.close(write_end)
    with os.fdopen(read_end) as reader:
        (line,) = reader.read().splitlines()
    told = json.loads(line)
    assert list(told) == [
        "time", "window", "hits", "hit_rate", "bytes", "visitors", "known_users", "errors",
        "client_errors", "server_errors", "status_classes", "top", "estimated", "alerts", "health",
    ]  # fmt: skip
    assert told["window"] == {
        "start": "2026-09-21T14:13:10+00:00",
        "end": "2026-09-21T14:13:20+00:00",
        "seconds": 10,
    }
    assert list(told["top"]) == ["sections", "paths", "hosts", "users", "status", "methods",
                                 "referrers", "agents"]  # fmt: skip
    assert told["top"]["sections"][0] == {"name": "/s0", "hits": 100, "bytes": 1000, "errors": 3}
    assert list(told["alerts"]) == ["firing", "recovered"]
    assert told["alerts"]["firing"][0]["triggered_at"] == "2026-09-21T14:13:00+00:00"
    assert list(told["health"])[:10] == [
        "lines", "records", "rejects", "foreign", "damaged", "filtered", "late", "early", "delay",
        "lag_bytes",
    ]  # fmt: skip
    assert told["health"]["sources"][0]["state"] == "following"


async def test_the_latest_snapshot_replaces_one_that_nobody_took(tmp_path: Path) -> None:
    file = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    delivery = Delivery.to(JsonLines(lambda: file))
    for second in range(3):
        delivery.send_snapshot(attrs.evolve(snapshot(), time=BASE + second))
    delivery.close()
    await keep_running(delivery)
    os.close(file)
    (line,) = (tmp_path / "out").read_text().splitlines()
    assert json.loads(line)["time"] == "2026-09-21T14:13:22+00:00"


async def test_the_heartbeat_says_when_the_next_is_due(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    delivery = Delivery.to(Heartbeat(path, 2.0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_snapshot(snapshot())
        with trio.fail_after(60):
            while not path.exists():
                await trio.sleep(0.01)
        text = path.read_text()
        delivery.close()
    read = Read.read(text)
    assert read.overdue_seconds(BASE + 10) < 0 < read.overdue_seconds(BASE + 12)
    assert not read.trouble
    assert not path.exists()
