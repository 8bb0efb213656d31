"""Servers of a fleet whose clocks are wrong: their lines count in their logs' own seconds."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import needs, thorough
from tests.torture.fleet import FLEET, Fleet

pytestmark = pytest.mark.torture

SECONDS = thorough(8, 60)


@pytest.mark.parametrize(
    "ahead", [{"web2": 7, "web3": -3600}, {"web2": -7, "web3": 40}], ids=["an hour", "seconds"]
)
def test_wrong_clocks_lose_nothing_and_hold_nobody_up(
    tmp_path: Path, ahead: Mapping[str, int]
) -> None:
    needs("faketime")
    with closing(Fleet(tmp_path)) as fleet:
        for server in fleet.servers:
            if server.name in ahead:
                clock = with_clock(ahead[server.name])
                server.agent.variables = clock
                server.variables = clock
        fleet.start()
        fleet.until_heard()
        fleet.write()
        time.sleep(SECONDS)
        end = datetime.fromisoformat(fleet.snapshot()["window"]["end"]).timestamp()
        assert time.time() - end < 12, fleet.snapshot()["health"]
        said = heard(fleet)
        fleet.stop_writing()
        written = sum(lines for lines, _ in fleet.totals().values())
        deadline = time.monotonic() + 60
        while fleet.snapshot()["health"]["records"] < written and time.monotonic() < deadline:
            time.sleep(0.5)
        fleet.hub.end(signal.SIGTERM)
        assert fleet.in_history() == fleet.lines()
    assert {name: round(one) for name, one in said.items()} == {"web1": 0, **ahead}


def with_clock(ahead: int) -> Mapping[str, str]:
    """Variables of a program whose clock is wrong; run by `faketime` itself, it has a parent."""
    clock = f"{ahead:+d}s"
    library = subprocess.run(
        ["faketime", "-f", clock, "printenv", "LD_PRELOAD"],
        capture_output=True, text=True, check=True, timeout=20,
    ).stdout.strip()  # fmt: skip
    return {"LD_PRELOAD": library, "FAKETIME": clock, "DONT_FAKE_MONOTONIC": "1"}


def heard(fleet: Fleet) -> dict[str, float]:
    """By agent, how far it says that its clock is ahead."""
    channels = f"gm:{{{FLEET}}}:hello:*"
    with subprocess.Popen(
        ["redis-cli", "-p", str(fleet.redis.port), "psubscribe", channels], stdout=subprocess.PIPE
    ) as listening:
        time.sleep(2.5)
        listening.terminate()
        assert listening.stdout is not None
        said = listening.stdout.read().decode().splitlines()
    found = itertools.pairwise(said)
    return {
        channel.rpartition(":")[2]: json.loads(text)["ahead"]
        for channel, text in found
        if text.startswith("{")
    }
