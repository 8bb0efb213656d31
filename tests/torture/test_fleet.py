"""A fleet whose parts are killed, cut off, emptied and rotated: each line of each server once.

What the hub has counted, by server and second, is held against the files.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from actors.history.reading import HistoryRecords, histories_in
from glancemetrics.records.schema import seconds
from glancemetrics.records.time_span import TimeSpan
from tests.conftest import thorough
from tests.redis import Redis, Wire

pytestmark = pytest.mark.torture

SECONDS = int(os.environ.get("FLEET_SECONDS", thorough(15, 600)))
RATE = 400
AGENTS = ("web1", "web2", "web3")
AOF = {
    "everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
    "always": ("--appendonly", "yes", "--appendfsync", "always"),
    "none": ("--appendonly", "no"),
}
_LINE = re.compile(rb'\[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) [^"]*"[^"]*" \d{3} (\d+)')

BySecond = Counter[tuple[str, int, int]]
"""How often each line is there: by server, second and number."""


@attrs.define
class Program:
    """One of the programs, which is killed and started again."""

    arguments: list[str]
    errors: Path
    output: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with contextlib.ExitStack() as files:
            out = files.enter_context((self.output or Path(os.devnull)).open("wb"))
            errors = files.enter_context(self.errors.open("ab"))
            self.process = subprocess.Popen(
                [sys.executable, "-m", "glancemetrics", *self.arguments],
                stdout=out, stderr=errors,
            )  # fmt: skip

    def end(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


@attrs.define
class Server:
    """A server that writes a log and has an agent."""

    name: str
    folder: Path
    agent: Program
    writer: subprocess.Popen[bytes]
    rotations: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "access.log"

    def rotate(self) -> None:
        self.rotations += 1
        self.log.rename(self.folder / f"access.log.{self.rotations:04}")
        self.writer.send_signal(signal.SIGUSR1)

    def lines(self) -> BySecond:
        found: BySecond = Counter()
        for path in self.folder.glob("access.log*"):
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            for match in _LINE.finditer(data):
                day, month, year, clock, number = (part.decode() for part in match.groups())
                at = time.strptime(f"{day} {month} {year} {clock}", "%d %b %Y %H:%M:%S")
                found[self.name, int(time.mktime(at)) - time.timezone, int(number)] += 1
        return found


class Fleet:
    """Redis, a hub, and servers with agents."""

    def __init__(self, folder: Path, options: tuple[str, ...]) -> None:
        self.folder = folder
        self.redis = Redis(folder / "redis", options)
        self.redis.start()
        self.wire = Wire(self.redis.port)
        url = f"redis://127.0.0.1:{self.wire.port}/0?fleet=trial"
        self.hub = Program(
            ["-f", url, "--json", "--config", "off", "--state-dir", str(folder / "state"),
             "--timewindow", "3600", "-r", "0.5", "--alert-log", str(folder / "alerts.jsonl"),
             "--alert-threshold", "1e9"],
            folder / "hub.errors",
            folder / "snapshots.jsonl",
        )  # fmt: skip
        self.servers = [self._server(name, url) for name in AGENTS]
        self.hub.start()

    def _server(self, name: str, url: str) -> Server:
        folder = self.folder / name
        folder.mkdir()
        log = folder / "access.log"
        log.touch()
        agent = Program(
            ["agent", str(log), "--to", url, "--name", name, "--from", "start"],
            self.folder / f"{name}.errors",
        )
        agent.start()
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.writer", str(log), str(RATE), "0.1"],
            stdout=subprocess.DEVNULL,
        )
        return Server(name, folder, agent, writer)

    def counted(self) -> dict[str, tuple[int, int]]:
        """By server, lines and the sum of their numbers."""
        assert self.hub.output is not None
        lines = self.hub.output.read_bytes().split(b"\n")[:-1]
        if not lines:
            return {}
        servers = json.loads(lines[-1]).get("top", {}).get("servers", [])
        return {one["name"]: (one["hits"], one["bytes"]) for one in servers}

    def written(self) -> dict[str, tuple[int, int]]:
        found = {}
        for server in self.servers:
            lines = server.lines()
            found[server.name] = lines.total(), sum(number for _, _, number in lines)
        return found

    def in_history(self) -> BySecond:
        found: BySecond = Counter()
        for batch in HistoryRecords(histories_in([self.folder / "state"]), TimeSpan(None, None)):
            servers = batch.column("server").to_pylist()
            sizes = batch.column("bytes").to_pylist()
            found.update(zip(servers, seconds(batch).tolist(), sizes, strict=True))
        return found

    def close(self) -> None:
        self.wire.close()
        for server in self.servers:
            server.agent.end()
            server.writer.kill()
            server.writer.wait(20)
        self.hub.end()
        self.redis.kill()

    def errors(self) -> str:
        return "\n".join(
            f"{path.name}:\n{path.read_text()[-2500:]}" for path in self.folder.glob("*.errors")
        )


@pytest.fixture(params=AOF)
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path, AOF[request.param])
    try:
        yield made
    finally:
        made.close()


class Faults:
    """What may happen to a fleet; each is over when it returns."""

    def __init__(self, fleet: Fleet, dice: random.Random) -> None:
        self._fleet = fleet
        self._dice = dice

    def _pause(self, longest: float) -> None:
        time.sleep(self._dice.uniform(0, longest))

    def agent_is_killed(self) -> None:
        server = self._dice.choice(self._fleet.servers)
        server.agent.end()
        self._pause(1)
        if self._dice.random() < 0.5:
            server.rotate()
            self._pause(1)
        server.agent.start()

    def agent_is_stopped(self) -> None:
        agent = self._dice.choice(self._fleet.servers).agent
        agent.end(signal.SIGTERM)
        self._pause(1)
        agent.start()

    def agent_stands_still(self) -> None:
        agent = self._dice.choice(self._fleet.servers).agent
        assert agent.process is not None
        agent.process.send_signal(signal.SIGSTOP)
        self._pause(8)
        agent.process.send_signal(signal.SIGCONT)

    def hub_is_killed(self) -> None:
        self._fleet.hub.end(self._dice.choice([signal.SIGKILL, signal.SIGTERM]))
        self._pause(2)
        self._fleet.hub.start()

    def redis_is_killed(self) -> None:
        self._fleet.redis.kill()
        self._pause(2)
        self._fleet.redis.start()

    def redis_is_emptied(self) -> None:
        self._fleet.redis.run("FLUSHALL")

    def network_stalls(self) -> None:
        self._fleet.wire.stall()
        self._pause(8)
        self._fleet.wire.heal()

    def network_drops(self) -> None:
        self._fleet.wire.drop()

    def network_duplicates(self) -> None:
        self._fleet.wire.duplicates = True
        self._fleet.wire.drop()
        self._pause(2)
        self._fleet.wire.duplicates = False
        self._fleet.wire.drop()

    def log_is_rotated(self) -> None:
        self._dice.choice(self._fleet.servers).rotate()


def test_each_line_is_counted_once_whatever_happens(
    fleet: Fleet, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("FLEET_SEED", random.randrange(1 << 32)))
    record_property("seed", seed)
    dice = random.Random(seed)
    faults = Faults(fleet, dice)
    kinds = [getattr(faults, name) for name in sorted(vars(Faults)) if not name.startswith("_")]
    happened = []
    until = time.monotonic() + SECONDS
    # Each kind happens; which is next is left to chance.
    left: list[Callable[[], None]] = []
    time.sleep(1)
    while time.monotonic() < until:
        left = left or dice.sample(kinds, len(kinds))
        fault = left.pop()
        happened.append(fault.__name__)
        fault()
        time.sleep(dice.uniform(0, 1.5))
    for server in fleet.servers:
        server.writer.terminate()
        server.writer.wait(20)
    written = fleet.written()
    deadline = time.monotonic() + 60
    while fleet.counted() != written and time.monotonic() < deadline:
        time.sleep(0.5)
    assert fleet.counted() == written, (seed, happened, fleet.errors())
    fleet.hub.end(signal.SIGTERM)
    kept = fleet.in_history()
    lines: BySecond = Counter()
    for server in fleet.servers:
        lines += server.lines()
    assert kept == lines, (seed, happened, kept - lines, lines - kept)
