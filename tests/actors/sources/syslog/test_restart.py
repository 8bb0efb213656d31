"""A monitor that receives syslog is stopped and started: what it has received is not lost."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.monitor.service import CHECKPOINT_SECONDS
from tests.lines import line
from tests.waiting import Running, eventually, free_port, until_listening

PROGRAM = [sys.executable, "-m", "glancemetrics"]


class Sender:
    """Sends a message with a number of its own, until the other side wants no more."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.sent = 0

    def send_until_closed(self, most: int) -> None:
        with socket.create_connection(("127.0.0.1", self._port), 20) as connection:
            while self.sent < most:
                readable, _, _ = select.select([connection], [], [], 0)
                if readable:
                    return
                now = int(time.time())
                body = line(now, request=f"GET /{self.sent} HTTP/1.1", status=500)
                connection.sendall(b"<190>Nov 27 23:00:00 web1 nginx: " + body)
                self.sent += 1
                time.sleep(0.002)


@contextmanager
def monitor(folder: Path, text: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [*PROGRAM, "-f", text, "--no-console", "--config", "off", "--refresh", "0.5"]
    command += ["--state-dir", str(folder / "state"), "--alert-log", str(folder / "alerts.log")]
    with (
        (folder / "own.log").open("ab") as log,
        (folder / "snapshots").open("wb") as snapshots,
        Running([*command, "--json"], cwd=folder, stdout=snapshots, stderr=log) as process,
    ):
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def newest(folder: Path) -> dict:
    lines = (folder / "snapshots").read_bytes().split(b"\n")[:-1]
    return json.loads(lines[-1]) if lines else {}


def events(folder: Path) -> list[str]:
    lines = (folder / "alerts.log").read_text().splitlines()
    return [json.loads(one)["event"] for one in lines]


def recorded(folder: Path, text: str) -> int:
    command = [*PROGRAM, "query", "-f", text, "--state-dir", str(folder / "state"), "--json"]
    told = subprocess.run([*command, "--last", "1h"], cwd=folder, capture_output=True, check=True)
    return int(json.loads(told.stdout)["rows"][0]["hits"])


@pytest.mark.slow
def test_a_clean_restart_loses_nothing_and_keeps_incidents_and_history(tmp_path: Path) -> None:
    port = free_port()
    text = f"syslog+tcp://127.0.0.1:{port}"
    sender = Sender(port)

    def has(rule: str) -> bool:
        alerts = newest(tmp_path).get("alerts", {})
        return rule in json.dumps(alerts)

    with monitor(tmp_path, text):
        until_listening(port, "glancemetrics")
        sender.send_until_closed(2500)
        eventually(lambda: has("high_traffic"), what="the alert")
    before = events(tmp_path)
    assert before.count("triggered") >= 1
    with monitor(tmp_path, text) as process:
        until_listening(port, "glancemetrics")
        threading.Timer(1.5, process.send_signal, [signal.SIGTERM]).start()
        sender.send_until_closed(100_000)  # stopped in the middle
        process.wait(20)
    assert newest(tmp_path)["health"]["records"] == sender.sent
    with monitor(tmp_path, text):
        eventually(lambda: newest(tmp_path).get("health"), what="a snapshot")
        eventually(lambda: has("high_traffic"), what="the incident")
        assert newest(tmp_path)["health"]["records"] == sender.sent
        assert newest(tmp_path)["health"]["gaps"] == 0
    after = events(tmp_path)
    assert after.count("triggered") == before.count("triggered")
    assert recorded(tmp_path, text) == sender.sent


@pytest.mark.slow
def test_a_crash_loses_what_came_after_the_last_checkpoint_only(tmp_path: Path) -> None:
    """A socket that it leaves behind is taken over."""
    text = f"syslog+unix:{tmp_path}/gm.sock"

    def say(count: int) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(f"{tmp_path}/gm.sock")
            for _ in range(count):
                sender.send(b"<190>Nov 27 23:00:00 nginx: " + line(int(time.time())))

    def records() -> int:
        return int(newest(tmp_path).get("health", {}).get("records", -1))

    command = [*PROGRAM, "-f", text, "--no-console", "--config", "off", "--json"]
    command += ["--state-dir", str(tmp_path / "state"), "--alert-log", "off", "--refresh", "0.5"]
    with (
        (tmp_path / "snapshots").open("wb") as snapshots,
        Running(command, cwd=tmp_path, stdout=snapshots) as process,
    ):
        eventually(lambda: records() == 0, what="a snapshot")
        time.sleep(2)  # the first checkpoint has nothing yet
        say(100)
        eventually(lambda: records() == 100, what="100 requests")
        time.sleep(CHECKPOINT_SECONDS + 2)
        process.kill()
        process.wait(20)
    with monitor(tmp_path, text):
        eventually(lambda: records() == 100, what="the same 100 requests")
        say(10)
        eventually(lambda: records() == 110, what="10 more requests")
