"""Lines over HTTP: requests and lines a second with each answer on the disk, and fairness."""

from __future__ import annotations

import re
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from benchmarks.lines import stamp
from benchmarks.monitor import cpu_seconds, resident_bytes
from benchmarks.web import _free_port as free_port

_TOKEN = "0123456789abcdef0123456789abcdef"
_SECONDS = 8.0
_SHAPES = ((1, 10), (16, 10), (60, 10), (8, 1000), (2, 10_000))
"""Connections, and lines in each request."""


def measure_posted(folder: Path) -> None:
    """Measure batches of several sizes, with and without state, and a viewer beside them."""
    for has_state in (True, False):
        print(f"lines over HTTP, {'on the disk' if has_state else 'in memory'}:", flush=True)
        with _monitor(folder, has_state=has_state) as running:
            for connections, lines in _SHAPES:
                found = _send(running.port, connections, lines, _SECONDS)
                print(
                    f"  {connections:>2} connections, {lines:>6,} lines a request: "
                    f"{found.rate:>6,.0f} requests/s, {found.rate * lines:>9,.0f} lines/s, answer "
                    f"after {found.median * 1000:.1f} ms (99 %: {found.slow * 1000:.1f} ms), "
                    f"{found.refused:,} refused",
                    flush=True,
                )
            print(f"  memory {resident_bytes(running.pid) / 1e6:,.0f} MB", flush=True)
    with _monitor(folder, has_state=True) as running:
        alone = _looks(running.port, 3.0)
        sending = threading.Thread(target=_send, args=(running.port, 60, 10, _SECONDS))
        sending.start()
        time.sleep(1)
        cpu, began = cpu_seconds(running.pid), time.monotonic()
        beside = _looks(running.port, _SECONDS - 3)
        used = (cpu_seconds(running.pid) - cpu) / (time.monotonic() - began)
        sending.join()
        print(
            f"a viewer's query: {alone * 1000:.0f} ms alone, {beside * 1000:.0f} ms beside 60 "
            f"connections that send (CPU {used:.2f} of a core)",
            flush=True,
        )


@attrs.frozen
class _Sent:
    rate: float
    """Requests a second that were answered with 200."""
    median: float
    slow: float
    """Seconds until the answer."""
    refused: int


@attrs.frozen
class _Running:
    port: int
    pid: int


@contextmanager
def _monitor(folder: Path, *, has_state: bool) -> Iterator[_Running]:
    senders, port = folder / "senders", free_port()
    senders.write_text(f"web1 {_TOKEN}\n")
    state = str(folder / f"posted{port}") if has_state else "off"
    command = [
        *(sys.executable, "-m", "glancemetrics", "-f", "http:", f"--web=127.0.0.1:{port}"),
        *("--web-senders", str(senders), "--no-console", "--state-dir", state),
    ]
    nothing = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, stdout=nothing, stderr=nothing) as process:
        try:
            for _ in range(200):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            time.sleep(1)
            yield _Running(port, process.pid)
        finally:
            process.terminate()
            process.wait(20)


class _Connection:
    """Sends the same request again and again."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self.socket = self._connected()

    def _connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port), 10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def begin(self) -> None:
        self._got = b""
        self.began = time.monotonic()
        self.socket.sendall(self._request)

    def status(self) -> int | None:
        """Read what has come; returns the status once the answer is complete."""
        data = self.socket.recv(1 << 16)
        self._got += data
        head = re.search(rb"content-length: (\d+)\r\n(?:.*\r\n)*?\r\n", self._got)
        if data and (head is None or len(self._got) < head.end() + int(head[1])):
            return None
        return int(self._got[9:12] or b"0")

    @property
    def is_closed(self) -> bool:
        """Whether the server closes it: it answers a thousand requests on one."""
        return not self._got or b"connection: close" in self._got.lower()


def _send(port: int, connections: int, lines: int, seconds: float) -> _Sent:
    request = b"GET /index.html HTTP/1.1"
    now = stamp(time.time())
    line = b'203.0.113.9 - - [%s] "%s" 200 512 "-" "Mozilla/5.0 (X11; Linux)"\n' % (now, request)
    body = line * lines
    whole = (
        f"POST /api/v1/lines HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {_TOKEN}"
        f"\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    selector = selectors.DefaultSelector()

    def begin() -> None:
        made = _Connection(port, whole)
        selector.register(made.socket, selectors.EVENT_READ, made)
        made.begin()

    for _ in range(connections):
        begin()
    good = refused = 0
    took = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in selector.select(0.5):
            connection: _Connection = key.data
            status = connection.status()
            if status is None:
                continue
            good, refused = good + (status == 200), refused + (status != 200)
            took.append(time.monotonic() - connection.began)
            if connection.is_closed:
                selector.unregister(connection.socket)
                connection.socket.close()
                begin()
            else:
                connection.begin()
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    took.sort()
    return _Sent(good / seconds, statistics.median(took), took[int(len(took) * 0.99)], refused)


def _looks(port: int, seconds: float) -> float:
    """Return the median of the seconds that a query of a viewer takes."""
    took = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        url = f"http://127.0.0.1:{port}/api/v1/query?by=path&last=5m"
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer.read()
        took.append(time.monotonic() - began)
        time.sleep(0.1)
    return statistics.median(took)
