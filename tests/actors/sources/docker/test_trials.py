"""Each line of a container once: the monitor killed, the engine and the container restarted.

The engine is a stub, except for Podman where it is installed: that is a real engine whose API is
Docker's, run in a cgroup namespace of its own.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
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
from tests.waiting import eventually

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


_SHOP = """
i=0
while [ $i -lt 6000 ]; do
    now=$(/bin/busybox date -u +%d/%b/%Y:%H:%M:%S)
    n=0
    while [ $n -lt 100 ]; do
        i=$((i + 1)) n=$((n + 1))
        echo "192.0.2.1 - - [$now +0000] \\"GET /cart HTTP/1.1\\" 200 $i \\"-\\" \\"-\\""
    done
    echo an error >&2
    /bin/busybox sleep 0.15
done
"""


@attrs.define
class Podman:
    """A real engine, in a mount namespace where control groups are as it needs them."""

    folder: Path
    service: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "podman.sock"

    @property
    def _program(self) -> list[str]:
        places = ["--root", f"{self.folder}/root", "--runroot", f"{self.folder}/runroot"]
        return ["podman", *places, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]

    def start(self) -> None:
        prepare = "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "
        service = [*self._program, "system", "service", "-t", "0", f"unix://{self.socket}"]
        self.service = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", prepare + " ".join(service)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __call__(self, *arguments: str, **options: bytes) -> bool:
        assert self.service is not None
        enter = ["nsenter", "--target", str(self.service.pid), "--mount"]
        command = [*enter, *self._program, *arguments]
        return not subprocess.run(command, capture_output=True, check=False, **options).returncode

    def end(self) -> None:
        assert self.service is not None
        self("rm", "--force", "--all", "--time", "0")
        self.service.kill()
        self.service.wait(20)


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Podman]:
    busybox = shutil.which("busybox")
    missing = [name for name in ("podman", "unshare", "nsenter", "tar") if not shutil.which(name)]
    if os.geteuid() or missing or busybox is None:
        pytest.skip("an engine of its own needs root, podman and busybox-static")
    with tempfile.TemporaryDirectory() as short:  # paths of sockets are limited
        made = Podman(Path(short))
        image = tmp_path / "image/bin"
        image.mkdir(parents=True)
        shutil.copy(busybox, image)
        made.start()
        try:
            eventually(made.socket.exists, 20, "podman's socket")
            tar = subprocess.run(
                ["tar", "-C", image.parent, "-c", "."], check=True, stdout=subprocess.PIPE
            )
            if not made("import", "-", "shop", input=tar.stdout):
                pytest.skip("podman cannot import an image here")
            limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
            how = ("--network", "none", "--cgroups=disabled", "--log-driver", "k8s-file", *limits)
            run = ("run", "--detach", "--name", "web", *how, "shop", "/bin/busybox", "sh", "-c")
            if not made(*run, _SHOP):
                pytest.skip("podman cannot run a container here")
            yield made
        finally:
            made.end()


def test_each_line_once_from_podman(tmp_path: Path, podman: Podman) -> None:
    """A real engine, whose times are of whole seconds: a hundred lines have the same one."""
    with monitoring(tmp_path, podman.socket) as monitor:
        for _ in range(2):
            time.sleep(3)  # until there is a checkpoint
            monitor.end()
            monitor.start()
        monitor.until(range(1, 6001))
        assert monitor.health["gaps"] == 0

        def sources() -> list[dict[str, str]]:
            found = monitor.health["sources"]
            assert isinstance(found, list)
            return found

        eventually(lambda: sources()[0]["state"] == "waiting", 30, "the end of the container")
        assert sources()[0]["detail"] == "the container has stopped (exit status 0)"
