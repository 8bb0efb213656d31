"""The page under load: 1,000 viewers while 100,000 lines/s come in, beside GoAccess's own page."""

from __future__ import annotations

import base64
import json
import os
import resource
import selectors
import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from benchmarks.console import writing
from benchmarks.monitor import cpu_seconds, monitoring, resident_bytes

_RATE = 100_000
_VIEWERS = 1000
_SECONDS = 20
_ASKS = {
    "figures": {
        "seconds": 300,
        "measures": ["hits", "4xx", "5xx", "bytes", "visitors", "p50", "p95"],
    },
    "chart": {
        "seconds": 300, "step": 5,
        "measures": ["hits", "1xx", "2xx", "3xx", "4xx", "5xx"],
    },
    **{
        name: {
            "seconds": 300, "by": [name], "limit": 20,
            "measures": ["hits", "4xx", "5xx", "p95", "bytes"],
        }
        for name in ("section", "path", "host", "status")
    },
}  # fmt: skip
"""What the Overview of the page asks."""


def measure_web(folder: Path) -> None:
    """Measure ingest, CPU and memory with and without viewers, and the same of GoAccess."""
    _raise_limit()
    alone = measured(folder, 0)
    watched = measured(folder, _VIEWERS)
    print(
        f"page: {watched.counted / alone.counted:.3f} of the ingest without viewers; CPU "
        f"{watched.cpu:.2f} of a core with {_VIEWERS:,} viewers, {alone.cpu:.2f} without",
        flush=True,
    )
    for viewers in (0, 100, _VIEWERS):
        _measure_goaccess(folder, viewers)


@attrs.frozen
class Result:
    """What a monitor did."""

    counted: float
    """Lines a second."""
    cpu: float
    """Cores."""


def measured(folder: Path, count: int) -> Result:
    """Measure a monitor with so many viewers of its page."""
    log, port = folder / "web.log", _free_port()
    log.write_bytes(b"")
    options = ("-r", "1", "--timewindow", "5", "--web", f"127.0.0.1:{port}")
    with monitoring(log, *options) as monitor, writing(log, _RATE):
        monitor.wait_first()
        time.sleep(5)
        path = "/api/v1/events?compress=deflate"
        with _viewers(port, count, path, json.dumps({"type": "asks", "asks": _ASKS})) as viewers:
            time.sleep(5)
            viewers.begin()
            memory, cpu, began = monitor.memory_bytes(), monitor.cpu_seconds(), time.monotonic()
            first = len(monitor.snapshots)
            lines = monitor.health["lines"]
            worst = 0.0
            while time.monotonic() - began < _SECONDS:
                time.sleep(0.5)
                worst = max(worst, monitor.health["lag_seconds"] or 0.0)
            took = time.monotonic() - began
            counted = (monitor.health["lines"] - lines) / took
            used = (monitor.cpu_seconds() - cpu) / took
            grown = monitor.memory_bytes() - memory
            pauses = [
                later[0] - earlier[0]
                for earlier, later in zip(
                    monitor.snapshots[first:], monitor.snapshots[first + 1 :], strict=False
                )
            ]
            print(
                f"  {count:>5,} viewers: {counted:,.0f} lines/s counted, lag up to {worst:.2f} s, "
                f"CPU {used:.2f} of a core, memory {monitor.memory_bytes() / 1e6:,.0f} MB "
                f"({grown / 1e6:+.0f} MB in {took:.0f} s), a snapshot every "
                f"{statistics.mean(pauses):.2f} s{viewers.summary(took)}",
                flush=True,
            )
    log.unlink()
    return Result(counted, used)


def _measure_goaccess(folder: Path, count: int) -> None:
    program = shutil.which("goaccess")
    if program is None:
        print("GoAccess is not installed: not compared")
        return
    log, port = folder / "goaccess.log", _free_port()
    log.write_bytes(b"")
    command = [
        *(program, str(log), "--log-format=COMBINED", "--real-time-html", "--no-global-config"),
        *(f"--port={port}", "--addr=127.0.0.1", "-o", str(folder / "goaccess.html")),
    ]
    nothing = subprocess.DEVNULL
    with (
        writing(log, _RATE),
        subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing) as process,
    ):
        try:
            time.sleep(5)
            with _viewers(port, count, "/", "") as viewers:
                time.sleep(5)
                viewers.begin()
                cpu, memory = cpu_seconds(process.pid), resident_bytes(process.pid)
                began = time.time()
                time.sleep(_SECONDS)
                took = time.time() - began
                used = (cpu_seconds(process.pid) - cpu) / took
                grown = resident_bytes(process.pid) - memory
                print(
                    f"  GoAccess, {count:>5,} viewers: CPU {used:.2f} of a core, memory "
                    f"{resident_bytes(process.pid) / 1e6:,.0f} MB "
                    f"({grown / 1e6:+.0f} MB in {took:.0f} s){viewers.summary(took)}",
                    flush=True,
                )
        finally:
            process.kill()
            process.wait(10)
    log.unlink()


class _Viewers:
    """Connections that read whatever comes, and count it."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets
        self._selector = selectors.DefaultSelector()
        self._bytes = 0
        self._updates: set[tuple[int, int]] = set()
        """(socket, tenth of a second) in which something came after a pause."""
        self._last: dict[int, float] = {}
        self._closed = 0
        self._is_over = False
        for one in sockets:
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def begin(self) -> None:
        self._bytes = 0
        self._updates.clear()

    def stop(self) -> None:
        self._is_over = True
        self._thread.join()
        for one in self._sockets:
            one.close()

    def summary(self, seconds: float) -> str:
        count = len(self._sockets)
        if not count:
            return ""
        each = len(self._updates) / count / seconds
        size = self._bytes / max(1, len(self._updates))
        lost = f", {self._closed} were closed" if self._closed else ""
        return (
            f"; each viewer got {each:.2f} updates a second of {size / 1000:.1f} kB, "
            f"{self._bytes / seconds / 1e6:.1f} MB/s in all{lost}"
        )

    def _read(self) -> None:
        while not self._is_over:
            now = time.monotonic()
            for key, _ in self._selector.select(0.2):
                number = key.fd
                try:
                    data = key.fileobj.recv(1 << 18)  # type: ignore[union-attr]
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if not data:
                    self._selector.unregister(key.fileobj)
                    self._closed += 1
                    continue
                self._bytes += len(data)
                # What comes within 0.3 s is one update.
                if now - self._last.get(number, 0.0) > 0.3:
                    self._updates.add((number, int(now * 10)))
                    self._last[number] = now


@contextmanager
def _viewers(port: int, count: int, path: str, says: str) -> Iterator[_Viewers]:
    sockets = []
    for _ in range(count):
        made = socket.create_connection(("127.0.0.1", port), 30)
        key = base64.b64encode(os.urandom(16)).decode()
        made.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:{port}\r\n"
            "User-Agent: viewer\r\n\r\n".encode()
        )
        answer = made.recv(1 << 16)
        if b" 101 " not in answer:
            raise SystemExit(f"a viewer was refused: {answer[:100]!r}")
        if says:
            made.sendall(_frame(says.encode()))
        sockets.append(made)
    viewers = _Viewers(sockets)
    try:
        yield viewers
    finally:
        viewers.stop()


def _frame(data: bytes) -> bytes:
    """Return a text message with a mask of zeros (RFC 6455, section 5.2)."""
    length = len(data)
    head = b"\x81" + (
        bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    )
    return head + b"\0\0\0\0" + data


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _raise_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
