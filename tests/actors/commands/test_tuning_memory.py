"""How much free memory a monitor keeps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing

from actors.commands import monitor_logs
from actors.outputs.desk import Latest
from glancemetrics.traffic.snapshot import Snapshot


async def test_memory_is_returned_once_load_has_ended_also_if_nothing_comes_any_more(
    clock: trio.testing.MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(monitor_logs, "share_memory", lambda: done.append("kept"))
    monkeypatch.setattr(monitor_logs, "stay_small", lambda: done.append("returned"))
    latest = Latest()

    def has(lines: int) -> None:
        snapshot = SimpleNamespace(health=SimpleNamespace(lines=lines))
        latest.snapshot = cast("Snapshot", snapshot)

    nursery.start_soon(monitor_logs._tune_memory, latest)
    await trio.sleep(31)
    assert not done
    has(1_000_000)
    await trio.sleep(60)
    assert done == ["kept", "returned"]
    nursery.cancel_scope.cancel()
