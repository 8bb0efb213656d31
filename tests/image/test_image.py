"""The image, built and run: its size, the console, a service that is stopped, and each feature."""

from __future__ import annotations

import http.server
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.image.container import BASE, IMAGE, Container, Store
from tests.lines import line
from tests.redis import Redis
from tests.tmux import Tmux
from tests.waiting import eventually, free_port

LIMIT = 200_000_000
"""Unpacked bytes of the image above its base."""
STATE = "/var/lib/glancemetrics/state"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    needs("buildah", "mmdebstrap", "unshare", "nsenter", "chroot")
    assert os.geteuid() == 0, "building the image needs root"
    store = Store(tmp_path_factory.mktemp("image"))
    store.make_base()
    store.build()
    yield store
    store.remove()
    shutil.rmtree(store.folder)


@pytest.fixture
def container(store: Store) -> Iterator[Container]:
    made = store.new_container()
    yield made
    made.remove()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a log that only the group adm may read, as on Debian."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    tmp_path.chmod(0o755)
    log = folder / "access.log"
    log.touch()
    os.chown(log, 0, 4)
    log.chmod(0o640)
    return folder


@pytest.fixture
def state(tmp_path: Path, container: Container) -> Path:
    """A volume: Docker gives a new one the owner that the folder has in the image."""
    folder = tmp_path / "state"
    folder.mkdir()
    owner = (container.root / STATE[1:]).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    return folder


def write(data: Path, count: int, **fields: str) -> None:
    with (data / "access.log").open("ab") as log:
        log.writelines(line(int(time.time()), **fields) for _ in range(count))


def test_it_adds_at_most_200_mb_to_its_base(store: Store) -> None:
    added = store.unpacked_bytes(IMAGE) - store.unpacked_bytes(BASE)
    print(f"{added / 1e6:.1f} MB above the base")
    assert added <= LIMIT


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-f", "/data/access.log"),
        ("--file", "/data/access.log", "--timewindow", "5", "--alert_threshold", "100"),
    ],
)
def test_the_console_in_a_terminal(
    container: Container,
    data: Path,
    terminal: Callable[[int, int], Tmux],
    arguments: tuple[str, ...],
) -> None:
    write(data, 300)
    screen = terminal(120, 40)
    script = data.parent / "run.sh"
    script.write_text(shlex.join(container.command(*arguments, volumes={data: "/data"})))
    screen.type(f"bash {script}; echo status $?")
    screen.until(r"/pages\b")
    write(data, 200, request="GET /checkout/pay HTTP/1.1")
    screen.until("/checkout")
    screen.press("q")
    screen.until("status 0")


def hits(container: Container, pid: int) -> int:
    """Return how many requests the history has."""
    asked = container.execute(pid, "glancemetrics", "query", "--measures", "hits", "--json")
    return json.loads(asked.stdout)["total"]["hits"] if asked.returncode == 0 else 0


def until_counted(lines: int, container: Container, pid: int) -> None:
    eventually(lambda: hits(container, pid) == lines, 60, f"{lines} lines")


def test_a_service_that_is_stopped_resumes_and_counts_each_line_once(
    container: Container, data: Path, state: Path, tmp_path: Path
) -> None:
    volumes = {data: "/data", state: STATE}
    printed = tmp_path / "printed"
    write(data, 1000)
    for round_, expected in enumerate([2000, 4000, 6000]):
        with printed.open("a") as output:
            pid = container.start(volumes=volumes, stdout=output, stderr=output)
        write(data, 1000)
        until_counted(expected, container, pid)
        began = time.monotonic()
        os.kill(pid, getattr(signal, container.config["StopSignal"]))
        assert container.processes[-1].wait(20) == 0
        assert time.monotonic() - began < 10, "Docker kills what takes longer"
        write(data, 1000)
        assert (state / "alerts.jsonl").read_text().count("monitoring_stopped") == round_ + 1
    pid = container.start(volumes=volumes)
    until_counted(7000, container, pid)
    assert "Traceback" not in printed.read_text()
    assert "/data/access.log" in printed.read_text()


def test_an_agent_and_a_hub(
    store: Store, container: Container, data: Path, state: Path, tmp_path: Path
) -> None:
    beside = store.new_container()
    write(data, 300)
    try:
        with Redis(tmp_path / "redis") as redis:
            url = f"redis://127.0.0.1:{redis.port}/0?fleet=prod"
            pid = container.start("-f", url, volumes={state: STATE}, stderr=subprocess.DEVNULL)
            agent = ("agent", "/data/access.log", "--to", url, "--name", "web1", "--from", "start")
            beside.start(*agent, volumes={data: "/data"}, stderr=subprocess.DEVNULL)
            until_counted(300, container, pid)
            write(data, 200)
            until_counted(500, container, pid)
    finally:
        beside.remove()


def test_the_health_check(container: Container, data: Path, state: Path) -> None:
    pid = container.start(volumes={data: "/data", state: STATE})
    kind, *check = container.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    eventually(lambda: container.execute(pid, *check).returncode == 0, 30, "health")
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: container.execute(pid, *check).returncode == 1, 60, "a failing check")
    os.kill(pid, signal.SIGCONT)
    eventually(lambda: container.execute(pid, *check).returncode == 0, 30, "health")


def test_reports_queries_and_sql(container: Container, data: Path, state: Path) -> None:
    out = data.parent / "out"
    out.mkdir()
    out.chmod(0o777)
    volumes = {data: "/data", state: STATE, out: "/out"}

    def done(*arguments: str) -> str:
        finished = container.run(*arguments, volumes=volumes)
        assert finished.returncode == 0, finished.stderr
        assert "Traceback" not in finished.stderr
        return finished.stdout

    (data / "access.log").write_text(done("generate", "--fast", "--lines", "5000"))
    assert "5,000" in done("report", "/data/access.log")
    for ending in ("html", "json", "csv", "parquet"):
        done("report", "/data/access.log", "-o", f"/out/report.{ending}")
    assert (out / "report.html").read_text().lower().startswith("<!doctype html>")
    assert (out / "report.parquet").read_bytes()[:4] == b"PAR1"
    assert "5,000" in done("sql", "/data/access.log", "select count(*) from log")
    assert "combined" in done("formats", "/data/access.log")
    done("replay", "/data/access.log", "--rules", "stock")


def test_an_alert_is_sent_by_apprise(
    container: Container, data: Path, state: Path, tmp_path: Path
) -> None:
    received: list[bytes] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    port = free_port()
    server = http.server.HTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (data / "config.toml").write_text(
        f'file = "/data/access.log"\nalert_threshold = 1\nalertwindow = 0.1\n'
        f'[[notify]]\nname = "team"\napprise = "json://127.0.0.1:{port}"\n'
    )
    volumes = {data: "/data", state: STATE}
    container.start("--config", "/data/config.toml", volumes=volumes, stderr=subprocess.DEVNULL)

    def told() -> bool:
        write(data, 50)
        return any(b"High traffic" in body for body in received)

    try:
        eventually(told, 90, "the notification")
    finally:
        server.shutdown()
        server.server_close()
