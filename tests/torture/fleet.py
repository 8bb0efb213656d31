"""A fleet of real programs: Redis, a hub, and servers that write a log and have an agent each."""

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from actors.history.reading import HistoryRecords, histories_in
from glancemetrics.records.schema import seconds
from glancemetrics.records.time_span import TimeSpan
from tests.redis import Redis, Wire

RATE = 400
AGENTS = ("web1", "web2", "web3")
FLEET = "trial"
_LINE = re.compile(rb'\[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) [^"]*"[^"]*" \d{3} (\d+)')

BySecond = Counter[tuple[str, int, int]]
"""How often each line is there: by server, second and number."""


@attrs.define
class Program:
    """One of the programs, which is killed and started again."""

    arguments: Sequence[str]
    errors: Path
    output: Path | None = None
    variables: Mapping[str, str] = attrs.field(factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with contextlib.ExitStack() as files:
            out = files.enter_context((self.output or Path(os.devnull)).open("wb"))
            errors = files.enter_context(self.errors.open("ab"))
            self.process = subprocess.Popen(
                [sys.executable, "-m", "glancemetrics", *self.arguments],
                stdout=out, stderr=errors, env={**os.environ, **self.variables},
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
    writing: Sequence[str]
    """The command that writes its log."""
    variables: Mapping[str, str] = attrs.field(factory=dict)
    writer: subprocess.Popen[bytes] | None = None
    rotations: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "access.log"

    def write(self) -> None:
        """Begin to write the log."""
        self.writer = subprocess.Popen(
            self.writing, stdout=subprocess.DEVNULL, env={**os.environ, **self.variables}
        )

    def calm(self) -> None:
        """Make its traffic even."""
        if self.writer is not None:
            self.writer.send_signal(signal.SIGUSR2)

    def stop_writing(self) -> None:
        if self.writer is not None:
            self.writer.terminate()
            self.writer.wait(20)
            self.writer = None

    def rotate(self) -> None:
        while not self.log.exists():  # it was rotated just before, and is not open again yet
            time.sleep(0.05)
        self.rotations += 1
        self.log.rename(self.folder / f"access.log.{self.rotations:04}")
        if self.writer is not None:
            self.writer.send_signal(signal.SIGUSR1)

    def written(self) -> Iterator[bytes]:
        """Yield the lines of all its files."""
        for path in self.folder.glob("access.log*"):
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            yield from data.splitlines(keepends=True)

    def lines(self) -> BySecond:
        found: BySecond = Counter()
        for line in self.written():
            match = _LINE.search(line)
            assert match is not None, line
            day, month, year, clock, number = (part.decode() for part in match.groups())
            at = time.strptime(f"{day} {month} {year} {clock}", "%d %b %Y %H:%M:%S")
            found[self.name, int(time.mktime(at)) - time.timezone, int(number)] += 1
        return found


def server_of(
    name: str, url: str, folder: Path, rate: int = RATE, bursts: int | None = None
) -> Server:
    """A server with an agent; neither of them has begun."""
    own = folder / name
    own.mkdir()
    log = own / "access.log"
    log.touch()
    agent = Program(
        ["agent", str(log), "--to", url, "--name", name, "--from", "start"],
        folder / f"{name}.errors",
    )
    writing = [sys.executable, "-m", "tests.torture.writer", str(log), str(rate), "0.1"]
    if bursts is not None:
        writing.append(f"{bursts}-{name}")
    return Server(name, own, agent, writing)


def hub_of(url: str, folder: Path, name: str, *options: str, state: str = "state") -> Program:
    """A hub that prints its snapshots; its state is in the folder as well."""
    return Program(
        ["-f", url, "--json", "--state-dir", str(folder / state), "--timewindow", "3600",
         "-r", "0.5", "--alert-log", str(folder / f"{name}.alerts.jsonl"), *options],
        folder / f"{name}.errors",
        folder / f"{name}.jsonl",
    )  # fmt: skip


def snapshot_of(hub: Program) -> dict[str, Any]:
    """The last snapshot of a hub; empty before the first one."""
    assert hub.output is not None
    lines = hub.output.read_bytes().split(b"\n")[:-1]
    return json.loads(lines[-1]) if lines else {}  # type: ignore[no-any-return]


def counted_by(hub: Program) -> dict[str, tuple[int, int]]:
    """By server, lines and the sum of their numbers, as a hub has printed them last."""
    servers = snapshot_of(hub).get("top", {}).get("servers", [])
    return {one["name"]: (one["hits"], one["bytes"]) for one in servers}


def written_by(servers: Sequence[Server]) -> dict[str, tuple[int, int]]:
    """By server, lines and the sum of their numbers, in the files."""
    found = {}
    for server in servers:
        lines = server.lines()
        found[server.name] = lines.total(), sum(number for _, _, number in lines.elements())
    return found


def in_histories(folders: Sequence[Path]) -> BySecond:
    """What is in the histories of these folders."""
    found: BySecond = Counter()
    for batch in HistoryRecords(histories_in(folders), TimeSpan(None, None)):
        servers = batch.column("server").to_pylist()
        sizes = batch.column("bytes").to_pylist()
        found.update(zip(servers, seconds(batch).tolist(), sizes, strict=True))
    return found


class Fleet:
    """Redis, a hub, and servers with agents. `start` starts the programs, `write` the logs."""

    def __init__(
        self,
        folder: Path,
        *,
        redis: Redis | None = None,
        query: Callable[[str], tuple[str, str]] = lambda _: ("redis://", ""),
        hub: Sequence[str] = ("--config", "off", "--alert-threshold", "1e9"),
        bursts: int | None = None,
    ) -> None:
        """`query` returns the beginning and the end of the address
        for the user of a server, or of `hub`. `hub`: more options of the hub. `bursts`: a seed for
        uneven traffic with errors.
        """
        self.folder = folder
        self.redis = redis or Redis(folder / "redis")
        if self.redis.process is None:
            self.redis.start()
        self._query = query
        self.wire = Wire(self.redis.port)
        self.hub = hub_of(self.url("hub"), folder, "hub", *hub)
        self.servers = [server_of(name, self.url(name), folder, bursts=bursts) for name in AGENTS]

    def url(self, user: str) -> str:
        begin, end = self._query(user)
        return f"{begin}localhost:{self.wire.port}/0?fleet={FLEET}{end}"

    def start(self) -> None:
        for server in self.servers:
            server.agent.start()
        self.hub.start()

    def write(self) -> None:
        for server in self.servers:
            server.write()

    def until_heard(self) -> None:
        """Wait until the hub knows all logs."""
        deadline = time.monotonic() + 60
        logs = {f"{server.name}:{server.log}" for server in self.servers}
        while not logs <= {one["name"] for one in self.sources()}:
            assert time.monotonic() < deadline, self.errors()
            time.sleep(0.1)

    def stop_writing(self) -> None:
        for server in self.servers:
            server.stop_writing()

    def snapshot(self) -> dict[str, Any]:
        """Return the last snapshot of the hub; empty before the first one."""
        return snapshot_of(self.hub)

    def sources(self) -> list[dict[str, Any]]:
        """Return what the hub says of the logs."""
        found: list[dict[str, Any]] = self.snapshot().get("health", {}).get("sources", [])
        return found

    def counted(self) -> dict[str, tuple[int, int]]:
        """By server, lines and the sum of their numbers."""
        return counted_by(self.hub)

    def totals(self) -> dict[str, tuple[int, int]]:
        """The same of what is in the files."""
        return written_by(self.servers)

    def lines(self) -> BySecond:
        found: BySecond = Counter()
        for server in self.servers:
            found += server.lines()
        return found

    def in_history(self) -> BySecond:
        return in_histories([self.folder / "state"])

    def close(self) -> None:
        self.wire.close()
        for server in self.servers:
            server.agent.end()
            server.stop_writing()
        self.hub.end()
        self.redis.kill()

    def errors(self) -> str:
        return "\n".join(
            f"{path.name}:\n{path.read_text()[-2500:]}" for path in self.folder.glob("*.errors")
        )


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
