"""Two hubs of a fleet, of which the one that works is killed, stopped and cut off again and again.

What they have counted, by server and second, is held against the files, and what a webhook got
against the spikes that there were.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.actors.outputs.http_server import Server as Hook
from tests.actors.outputs.http_server import http_server
from tests.conftest import thorough
from tests.lines import line
from tests.redis import Redis, Wire
from tests.torture.fleet import (
    BySecond,
    Program,
    counted_by,
    hub_of,
    in_histories,
    server_of,
    written_by,
)
from tests.waiting import eventually

pytestmark = pytest.mark.torture

SECONDS = int(os.environ.get("FLEET_SECONDS", thorough(12, 600)))
SERVERS = ("web1", "web2")
RATE = 100
SPIKE = 3000
"""Lines of a spike, of one second; the rule is about 3 s."""
_RULES = """
rules = "none"
[[rule]]
name = "Spike"
metric = "rate"
by = "path"
above = 500
window = "3s"
[[notify]]
name = "hook"
webhook = "{url}"
rules = ["Spike"]
"""


class Pair:
    """Redis, two hubs, servers with agents, and whoever is notified."""

    def __init__(self, folder: Path, hook: Hook, *, in_redis: bool) -> None:
        self.folder, self.hook, self.in_redis = folder, hook, in_redis
        self.redis = Redis(folder / "redis")
        self.redis.start()
        self.wire = Wire(self.redis.port)
        url = f"redis://127.0.0.1:{self.wire.port}/0?fleet=trial"
        settings = folder / "hub.toml"
        settings.write_text(_RULES.format(url=hook.url))
        options = ("--config", str(settings), *(("--state", "redis") if in_redis else ()))
        self.states = ["state-a", "state-b"] if in_redis else ["state", "state"]
        self.hubs = [
            hub_of(url, folder, name, *options, state=state)
            for name, state in zip(("a", "b"), self.states, strict=True)
        ]
        self.servers = [server_of(name, url, folder, RATE) for name in SERVERS]
        self.spikes = 0
        for server in self.servers:
            server.agent.start()
            server.write()
        for hub in self.hubs:
            hub.start()

    def working(self) -> Program | None:
        """The hub that has the lease."""
        with contextlib.suppress(subprocess.CalledProcessError, ValueError, OSError):
            holder = json.loads(self.redis.run("GET", "gm:{trial}:hub"))
            for hub in self.hubs:
                if hub.process is not None and hub.process.pid == holder["process"]:
                    return hub
        return None

    def one_works(self) -> Program:
        eventually(self.working, 60, "a hub that works")
        return self.working() or self.one_works()

    def other_of(self, hub: Program) -> Program:
        return self.hubs[1 - self.hubs.index(hub)]

    def has_taken_over(self, hub: Program) -> None:
        """Wait until a hub works, with what the other one has counted.

        Until it has loaded that, Redis alone has it, and must not be emptied.
        """
        eventually(lambda: self.working() is hub, 60, "a takeover")
        said = self._said_by(hub)
        eventually(lambda: self._said_by(hub) > said and counted_by(hub), 60, "what it counts")

    def _said_by(self, hub: Program) -> int:
        return 0 if hub.output is None else hub.output.stat().st_size

    def spike(self) -> None:
        """Write many lines of one path, whose incident is one of its own."""
        self.spikes += 1
        now = int(time.time())
        request = f"GET /spike-{self.spikes} HTTP/1.1"
        with self.servers[0].log.open("ab", buffering=0) as log:
            for first in range(0, SPIKE, 1000):  # written at once, also beside another writer
                numbers = range(first, first + 1000)
                log.write(b"".join(line(now, request=request, size=10**6 + one) for one in numbers))

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.hook.received]

    def is_quiet(self) -> None:
        """Wait for a moment in which nobody is being notified.

        Whoever is killed between the answer and its own note notifies again, by what it promises.
        """
        count = -1
        while count != (count := len(self.hook.received)):
            time.sleep(0.3)

    def close(self) -> None:
        self.wire.close()
        for server in self.servers:
            server.agent.end()
            server.stop_writing()
        for hub in self.hubs:
            hub.end()
        self.redis.kill()

    def errors(self) -> str:
        return "\n".join(
            f"{path.name}:\n{path.read_text()[-2500:]}" for path in self.folder.glob("*.errors")
        )


@pytest.fixture(params=["shared folder", "state in Redis"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    with http_server() as hook:
        made = Pair(tmp_path, hook, in_redis=request.param == "state in Redis")
        try:
            yield made
        finally:
            made.close()


@attrs.frozen
class Faults:
    """What may happen to hubs; each is over when it returns."""

    _pair: Pair
    _dice: random.Random

    def working_hub_is_killed(self) -> None:
        self._ends(signal.SIGKILL)

    def working_hub_is_asked_to_end(self) -> None:
        self._ends(signal.SIGTERM)

    def _ends(self, how: signal.Signals) -> None:
        hub = self._pair.one_works()
        self._pair.is_quiet()
        hub.end(how)
        self._pair.has_taken_over(self._pair.other_of(hub))
        hub.start()

    def working_hub_stands_still(self) -> None:
        hub = self._pair.one_works()
        self._pair.is_quiet()
        assert hub.process is not None
        hub.process.send_signal(signal.SIGSTOP)
        if self._pair.in_redis:
            self._pair.has_taken_over(self._pair.other_of(hub))
            time.sleep(self._dice.uniform(0, 5))
        else:
            time.sleep(self._dice.uniform(0, 8))  # it has the lock
        hub.process.send_signal(signal.SIGCONT)

    def waiting_hub_is_killed(self) -> None:
        hub = self._pair.other_of(self._pair.one_works())
        hub.end()
        hub.start()

    def redis_is_emptied(self) -> None:
        self._pair.redis.run("FLUSHALL")
        time.sleep(1.5)  # the hub has put back its lease

    def redis_is_killed(self) -> None:
        self._pair.redis.kill()
        time.sleep(self._dice.uniform(0, 2))
        self._pair.redis.start()

    def network_stalls(self) -> None:
        self._pair.wire.stall()
        time.sleep(self._dice.uniform(0, 8))
        self._pair.wire.heal()


def test_each_line_is_counted_once_and_each_alert_told_once(
    pair: Pair, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("FLEET_SEED", random.randrange(1 << 32)))
    record_property("seed", seed)
    dice = random.Random(seed)
    faults = Faults(pair, dice)
    kinds = [getattr(faults, name) for name in sorted(vars(Faults)) if not name.startswith("_")]
    happened = []
    left: list[Callable[[], None]] = []
    pair.one_works()
    time.sleep(3)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        left = left or dice.sample(kinds, len(kinds))
        fault = left.pop()
        happened.append(fault.__name__)
        if fault.__name__.startswith("working_hub"):
            # Lines that arrive too late, as nothing passed meanwhile, are counted without alerts.
            pair.spike()
            time.sleep(dice.uniform(0, 3))
            fault()
        else:
            fault()
            time.sleep(8)
    time.sleep(5)  # until the last spike is over
    for server in pair.servers:
        server.stop_writing()
    told_of = f"{seed} {happened}\n"
    written = written_by(pair.servers)
    eventually(
        lambda: counted_by(pair.one_works()) == written,
        60,
        f"{told_of}{written} {[counted_by(hub) for hub in pair.hubs]}\n{pair.errors()}",
    )
    eventually(lambda: len(pair.told()) >= 2 * pair.spikes, 30, f"{told_of}{pair.told()}")
    # Each gets a turn: what it had kept for itself when it was killed is read by the other.
    last = pair.one_works()
    last.end(signal.SIGTERM)
    pair.has_taken_over(pair.other_of(last))
    time.sleep(3)
    pair.other_of(last).end(signal.SIGTERM)
    times = Counter(one["key"] for one in pair.told())
    twice = [key for key, count in times.items() if count > 1]
    assert not twice, f"{twice} {told_of}{pair.errors()}"
    steps = Counter((one["group"], one["event"]) for one in pair.told())
    paths = [f"/spike-{number}" for number in range(1, pair.spikes + 1)]
    assert steps == Counter(
        {(path, step): 1 for path in paths for step in ("triggered", "recovered")}
    )
    kept = in_histories([pair.folder / state for state in dict.fromkeys(pair.states)])
    lines: BySecond = Counter()
    for server in pair.servers:
        lines += server.lines()
    assert kept == lines, (told_of, kept - lines, lines - kept, pair.errors())
