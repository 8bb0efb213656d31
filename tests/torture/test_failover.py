"""A fleet whose Redis is killed again and again, while a sentinel promotes its replica."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import thorough
from tests.redis import Redis
from tests.torture.fleet import (
    BySecond,
    counted_by,
    hub_of,
    in_histories,
    server_of,
    written_by,
)
from tests.waiting import eventually, free_port, until_listening

pytestmark = pytest.mark.torture

FAILOVERS = thorough(2, 10)
_SENTINEL = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor main 127.0.0.1 {master} 1
sentinel down-after-milliseconds main 1000
sentinel failover-timeout main 3000
"""


class Failing:
    """A Redis, its replica, and a sentinel that watches them."""

    def __init__(self, folder: Path) -> None:
        self.master = Redis(folder / "one")
        self.master.start()
        self.replica = Redis(folder / "other")
        self.replica.options = ("--replicaof", "127.0.0.1", str(self.master.port))
        self.replica.start()
        self.port = free_port()
        settings = folder / "sentinel.conf"
        settings.write_text(
            _SENTINEL.format(port=self.port, folder=folder, master=self.master.port)
        )
        self._sentinel = subprocess.Popen(
            ["redis-server", str(settings), "--sentinel"], stdout=subprocess.DEVNULL
        )
        until_listening(self.port, "the sentinel")
        self._until_replicating()
        eventually(lambda: "slaves=1" in self._asked("INFO", "sentinel"), 60, "the sentinel's view")

    def fail_over(self) -> None:
        """Kill the master; the replica takes its place, and it comes back as the replica."""
        self.master.kill()
        self.master, self.replica = self.replica, self.master
        # Until the sentinel knows the new master itself, one that comes back is made the master
        # again, and each a replica of the other.
        eventually(self._is_switched, 60, "the failover")
        self.replica.options = ("--replicaof", "127.0.0.1", str(self.master.port))
        self.replica.start()
        self._until_replicating()

    def close(self) -> None:
        self._sentinel.kill()
        self._sentinel.wait(20)
        self.master.kill()
        self.replica.kill()

    def _is_switched(self) -> bool:
        known = self._asked("SENTINEL", "get-master-addr-by-name", "main").split()
        return known[-1] == str(self.master.port) and self.master.run("ROLE").startswith("master")

    def _until_replicating(self) -> None:
        eventually(self._is_replicating, 60, "the replica's data")

    def _is_replicating(self) -> bool:
        # Beside other work a master may be silent for so long that the sentinel replaces it.
        if self.replica.run("ROLE").startswith("master"):
            self.master, self.replica = self.replica, self.master
        return "master_link_status:up" in self.replica.run("INFO", "replication")

    def _asked(self, *words: str) -> str:
        return subprocess.run(
            ["redis-cli", "-p", str(self.port), *words],
            capture_output=True, text=True, check=True, timeout=20,
        ).stdout  # fmt: skip


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Failing]:
    made = Failing(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("options", [(), ("--state", "redis")], ids=["on disk", "in Redis"])
def test_each_line_is_counted_once_when_the_replica_takes_over(
    failing: Failing, tmp_path: Path, options: tuple[str, ...]
) -> None:
    url = f"redis+sentinel://127.0.0.1:{failing.port}/0?master=main&fleet=trial"
    hub = hub_of(url, tmp_path, "hub", "--config", "off", *options)
    servers = [server_of(name, url, tmp_path, 100) for name in ("web1", "web2")]
    try:
        for server in servers:
            server.agent.start()
            server.write()
        hub.start()
        eventually(lambda: len(counted_by(hub)) == len(servers), 60, "a count")
        for _ in range(FAILOVERS):
            time.sleep(3)
            failing.fail_over()
        time.sleep(3)
        for server in servers:
            server.stop_writing()
        written = written_by(servers)
        eventually(lambda: counted_by(hub) == written, 60, f"{written}")
        hub.end(15)
        lines: BySecond = Counter()
        for server in servers:
            lines += server.lines()
        assert in_histories([tmp_path / "state"]) == lines
    finally:
        for server in servers:
            server.agent.end()
            server.stop_writing()
        hub.end()
