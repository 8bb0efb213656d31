"""Each line of a container once: the monitor killed, the engine and the container restarted.

The engine is a stub, except for Podman where it is installed: that is a real engine whose API is
Docker's, run in a cgroup namespace of its own.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.actors.sources.docker.stub_engine import STDERR, StubEngine
from tests.conftest import thorough
from tests.lines import line

SECONDS = thorough(8, 60)


@attrs.define
class Monitor:
    folder: Path
    socket: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["-f", "docker:web", "--json", "--state-dir", str(self.folder / "state")]
        arguments += ["--from", "start", "--timewindow", "3600", "--alert_threshold", "1e9"]
        with (
            (self.folder / "out").open("wb") as out,
            (self.folder / "errors").open("ab") as errors,
        ):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "glancemetrics", *arguments, "-r", "0.5"],
                env={**os.environ, "DOCKER_HOST": f"unix://{self.socket}"},
                stdout=out,
                stderr=errors,
            )

    def end(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(20)

    @property
    def last(self) -> dict[str, object]:
        lines = (self.folder / "out").read_bytes().split(b"\n")[:-1]
        snapshot: dict[str, object] = json.loads(lines[-1]) if lines else {}
        return snapshot

    @property
    def health(self) -> dict[str, object]:
        found = self.last.get("health", {})
        assert isinstance(found, dict)
        return found

    def until(self, numbers: Sequence[int]) -> None:
        """Wait until exactly these lines are counted."""
        expected = len(numbers), sum(numbers)
        deadline = time.monotonic() + 60
        while self.counted != expected and time.monotonic() < deadline:
            time.sleep(0.2)
        errors = (self.folder / "errors").read_text()
        assert self.counted == expected, (expected, self.health, errors[-2000:])

    @property
    def counted(self) -> tuple[object, object]:
        return self.last.get("hits"), self.last.get("bytes")


@contextmanager
def monitoring(folder: Path, socket: Path) -> Iterator[Monitor]:
    monitor = Monitor(folder, socket)
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.end()


def test_each_line_once_while_monitor_engine_and_container_are_restarted(tmp_path: Path) -> None:
    chance = random.Random(1)
    engine = StubEngine(tmp_path / "engine.sock")
    web = engine.run("web")
    engine.start()
    ends = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not ends.wait(0.01):
            # Several lines have the same time, as of servers that write a buffer at once.
            at = time.time_ns() // 10_000_000 * 10_000_000
            for _ in range(chance.randrange(30)):
                written += 1
                web.write(line(int(time.time()), size=written).decode().rstrip(), nanos=at)
            if not chance.randrange(20):
                web.write("an error", stream=STDERR, nanos=time.time_ns())

    with monitoring(tmp_path, engine.socket) as monitor:
        time.sleep(2.5)  # until there is a checkpoint
        writer = threading.Thread(target=write)
        writer.start()
        end, step = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.2, 1))
            match step % 3:
                case 0:
                    monitor.end(chance.choice([signal.SIGKILL, signal.SIGTERM]))
                    time.sleep(chance.uniform(0, 1))
                    monitor.start()
                    time.sleep(chance.uniform(0, 2))
                case 1:
                    engine.stop()
                    time.sleep(chance.uniform(0, 0.5))
                    engine.start()
                case 2:
                    web.stop()
                    time.sleep(chance.uniform(0, 0.5))
                    web.start()
            step += 1
        ends.set()
        writer.join()
        monitor.until(range(1, written + 1))
        assert monitor.health["gaps"] == 0
    engine.stop()
    print(f"{written} lines, {step} disturbances")
