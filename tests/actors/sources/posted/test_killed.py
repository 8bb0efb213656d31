"""Senders that retry with keys, while the monitor is killed again and again."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import thorough
from tests.lines import line
from tests.waiting import Running, eventually, free_port

TOKEN = "0123456789abcdef0123456789abcdef"
SENDERS = 4


@contextmanager
def monitor(folder: Path, port: int) -> Iterator[Running]:
    (folder / "senders").write_text(f"fleet {TOKEN} *\n")
    command = [
        *(sys.executable, "-m", "glancemetrics", "-f", "http:", f"--web=127.0.0.1:{port}"),
        *("--web-senders", "senders", "--no-console", "--state-dir", str(folder / "state")),
        *("--refresh", "0.5", "--timewindow", "1h"),
    ]
    with Running(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class Sender(threading.Thread):
    """Sends batches, each until it is acknowledged."""

    def __init__(self, number: int, url: str) -> None:
        super().__init__(daemon=True)
        self._number = number
        self._url = url
        self._random = random.Random(number)
        self.is_over = False
        self.sent: dict[str, int] = {}
        """{path: its lines}, of what was acknowledged"""
        self.repeated = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        batch = 0
        with httpx.Client(timeout=5) as client:
            while not self.is_over:
                batch += 1
                path, count = f"/s{self._number}/b{batch}", self._random.randint(1, 400)
                self._send(client, path, count)
                self.sent[path] = count

    def _send(self, client: httpx.Client, path: str, count: int) -> None:
        servers = [f"web{self._random.randrange(5)}" for _ in range(count)]
        values = [
            {
                "host": server,
                "message": line(int(time.time()), request=f"GET {path} HTTP/1.1").decode().rstrip(),
            }
            for server in servers
        ]
        body = json.dumps(values).encode()
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": f'"{uuid.uuid4()}"',
        }
        if self._random.random() < 0.5:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body)
        while True:
            try:
                answer = client.post(self._url, content=body, headers=headers)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200 and self._random.random() < 0.1:
                time.sleep(self._random.uniform(0, 2))  # as if the answer had been lost
                continue
            if answer.status_code == 200:
                self.repeated += answer.json()["repeated"]
                return
            if answer.status_code not in {409, 429, 503}:
                self.wrong.append(answer.text)
                return
            time.sleep(0.05)


@pytest.mark.slow
def test_each_acknowledged_line_is_counted_once_whenever_the_monitor_is_killed(
    tmp_path: Path,
) -> None:
    port, chance = free_port(), random.Random(5)
    url = f"http://127.0.0.1:{port}"
    senders = [Sender(number, f"{url}/api/v1/lines") for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(thorough(5, 40)):
        before = sum(len(one.sent) for one in senders)
        with monitor(tmp_path, port) as process:
            eventually(lambda: sum(len(one.sent) for one in senders) > before, what="a batch")  # noqa: B023
            time.sleep(chance.uniform(0, 4))
            process.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            process.wait(10)
    for sender in senders:
        sender.is_over = True
    with monitor(tmp_path, port):
        for sender in senders:
            sender.join(60)
            assert not sender.is_alive()
        assert not [one for sender in senders for one in sender.wrong]
        sent = {path: count for sender in senders for path, count in sender.sent.items()}
        total = sum(sent.values())

        def counted() -> int:
            try:
                answer = httpx.get(f"{url}/api/v1/health", timeout=10)
            except httpx.TransportError:
                return 0
            return int(answer.json()["records"]) if answer.status_code == 200 else 0

        eventually(lambda: counted() >= total, what=f"{total} lines")
        time.sleep(1)
        assert counted() == total
        query = {"by": "path", "limit": 100_000, "last": "1h", "measures": "hits"}
        rows = httpx.get(f"{url}/api/v1/query", params=query, timeout=30).json()["rows"]
        assert {row["path"]: row["hits"] for row in rows} == sent
    assert sum(sender.repeated for sender in senders)
