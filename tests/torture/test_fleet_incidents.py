"""The incidents that a fleet's hub reports are those of `glancemetrics replay` over all files.

They are equal to the second (rule, group, begin, end) as long as no agent is silent for more than
5 s, says goodbye or is killed: whatever happens to the hub, to Redis and to the network meanwhile.
Notifications may come later, but each second is evaluated once, with the lines of all servers.
A second does not wait for an agent that is silent. Its lines are then counted in their own
seconds, but these are not evaluated again; `test_fleet` has the trial of this.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import thorough
from tests.torture.fleet import AGENTS, RATE, Faults, Fleet

pytestmark = pytest.mark.torture

QUIET_SECONDS = int(os.environ.get("FLEET_SECONDS", thorough(8, 120)))
FAULTS = int(os.environ.get("FLEET_FAULTS", thorough(3, 18)))
CALM_SECONDS = 8
"""After the bursts, until all incidents are over."""
RULES = """
[[rule]]
name = "Errors"
metric = "status(5xx)"
by = "{by}"
above = {errors}
window = "2s"

[[rule]]
name = "Error ratio"
metric = "status_ratio(5xx)"
above = 0.08
window = "3s"
"""
HIGH_TRAFFIC = ("--alert-threshold", str(RATE * len(AGENTS) * 1.4), "--alertwindow", "2s")


class Incident(NamedTuple):
    """When an incident began and ended; times are ISO 8601."""

    rule: str
    group: str | None
    began: str
    ended: str | None


@pytest.fixture
def seed(record_property: Callable[[str, object], None]) -> int:
    chosen = int(os.environ.get("FLEET_SEED", random.randrange(1 << 32)))
    record_property("seed", chosen)
    return chosen


@pytest.fixture
def fleet(seed: int, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path, hub=rules(tmp_path, "server"), bursts=seed)
    try:
        made.start()
        made.until_heard()
        made.write()
        yield made
    finally:
        made.close()


def rules(folder: Path, by: str) -> tuple[str, ...]:
    path = folder / f"by-{by}.toml"
    path.write_text(RULES.format(by=by, errors=RATE // 5))
    return ("--config", str(path), "--rules", "none", *HIGH_TRAFFIC)


def test_incidents_are_those_of_a_replay_of_all_files(fleet: Fleet, seed: int) -> None:
    time.sleep(QUIET_SECONDS)
    finish(fleet)
    assert len(replayed(fleet)) > 1, seed
    assert reported(fleet) == replayed(fleet), (seed, fleet.errors())


def test_incidents_are_the_same_when_the_hub_and_redis_fail(fleet: Fleet, seed: int) -> None:
    dice = random.Random(seed)
    faults = Faults(fleet, dice)
    kinds = [
        faults.hub_is_killed,
        faults.redis_is_killed,
        faults.redis_is_emptied,
        faults.network_drops,
        faults.network_stalls,
        faults.network_duplicates,
        faults.log_is_rotated,
    ]
    happened = []
    for fault in dice.choices(kinds, k=FAULTS):
        time.sleep(dice.uniform(3, 6))
        happened.append(f"{time.strftime('%H:%M:%S')} {fault.__name__}")
        fault()
    time.sleep(4)
    finish(fleet)
    assert len(replayed(fleet)) > 1, seed
    assert reported(fleet) == replayed(fleet), (seed, happened, fleet.errors())


def finish(fleet: Fleet) -> None:
    """Let all incidents end, and all lines be counted."""
    for server in fleet.servers:
        server.calm()
    time.sleep(CALM_SECONDS)
    fleet.stop_writing()
    written = fleet.totals()
    deadline = time.monotonic() + 60
    while fleet.counted() != written and time.monotonic() < deadline:
        time.sleep(0.5)
    assert fleet.counted() == written, fleet.errors()
    fleet.hub.end(signal.SIGTERM)


def reported(fleet: Fleet) -> list[Incident]:
    """What is in the alert log, where each step of an incident is once."""
    found: dict[str, Incident] = {}
    for text in (fleet.folder / "hub.alerts.jsonl").read_text().splitlines():
        event = json.loads(text)
        name = event.get("incident")
        if name is None or event["rule"] == "agent_silent":
            continue
        if event["event"] == "recovered":
            assert found[name].ended is None, text
            found[name] = found[name]._replace(ended=event["time"])
        else:
            assert name not in found, text
            found[name] = Incident(event["rule"], event.get("group"), event["triggered_at"], None)
    return sorted(found.values())


def replayed(fleet: Fleet) -> list[Incident]:
    """What a replay finds in all files: there the server is the virtual host."""
    merged = fleet.folder / "merged.log"
    with merged.open("wb") as file:
        for server in fleet.servers:
            file.writelines(f"{server.name}:80 ".encode() + line for line in server.written())
    done = subprocess.run(
        [sys.executable, "-m", "glancemetrics", "replay", str(merged), "--output-format", "json",
         *rules(fleet.folder, "vhost")],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return sorted(
        Incident(one["rule"], one["group"], one["triggered_at"], one["recovered_at"])
        for one in json.loads(done.stdout)["incidents"]
    )
