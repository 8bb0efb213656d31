"""Syslog: messages a second that are received, and what the kernel drops over UDP."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import time
from pathlib import Path

import attrs
import trio

from actors.sources.messages import Chunk, FromSource
from actors.sources.syslog import SyslogInputSettings, listener_of
from actors.sources.syslog.receiving import SyslogInput
from benchmarks.lines import fixed_lines, stamp
from benchmarks.monitor import Monitor

_MESSAGES = 1_000_000
_HEADER = b"<190>Nov 27 23:00:00 web1 nginx: "
_UDP_RATES = (50_000, 100_000, 200_000, 400_000, math.inf)
_SETTLE_SECONDS = 1.0
_SENDERS = """
import socket, sys, time
kind, port, count, rate, path = sys.argv[1:]
port, count, rate = int(port), int(count), float(rate)
lines = open(path, "rb").read().split(b"\\n")[:-1]
if kind == "udp":
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect(("127.0.0.1", port))
    began = time.monotonic()
    for number in range(count):
        out.send(lines[number % len(lines)])
        if number % 100 == 0:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
else:
    out = socket.create_connection(("127.0.0.1", port))
    if kind == "octets":
        block = b"".join(b"%d %s" % (len(line), line) for line in lines)
    else:
        block = b"".join(line + b"\\n" for line in lines)
    for _ in range(count // len(lines)):
        out.sendall(block)
"""


@attrs.define
class _Received:
    messages: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    longest: float = 0.0
    """Seconds that the event loop was held up."""


def measure_syslog(folder: Path) -> None:
    """Measure the source alone, then a monitor with it."""
    path = folder / "messages"
    text = stamp(time.time()).join(fixed_lines(1000))
    path.write_bytes(b"".join(_HEADER + line + b"\n" for line in text.splitlines()))
    for kind in ("tcp", "octets"):
        got = trio.run(_receive, kind, _MESSAGES, math.inf, path)
        print(f"syslog, {_named(kind)}: {_told(got)}", flush=True)
    for rate in _UDP_RATES:
        count = int(min(_MESSAGES, rate * 5))
        got = trio.run(_receive, "udp", count, rate, path)
        asked = "as fast as possible" if rate == math.inf else f"at {rate:,} messages/s"
        lost = f"{count - got.messages:,} of {count:,} dropped by the kernel"
        print(f"syslog, UDP {asked}: {lost}; {_told(got)}", flush=True)
    for kind in ("tcp", "udp"):
        _measure_monitor(kind, path)


def _named(kind: str) -> str:
    return "UDP" if kind == "udp" else "TCP with octet counts" if kind == "octets" else "TCP"


def _told(got: _Received) -> str:
    return (
        f"{got.messages / got.seconds:,.0f} messages/s, "
        f"{got.messages / got.cpu_seconds:,.0f} per second of CPU, "
        f"event loop held for at most {1000 * got.longest:.0f} ms"
    )


async def _receive(kind: str, count: int, rate: float, path: Path) -> _Received:
    """Run the source until the sender has ended and nothing more arrives."""
    got, port = _Received(), _free_port()
    scheme = "udp" if kind == "udp" else "tcp"
    listener = listener_of(f"syslog+{scheme}://127.0.0.1:{port}")
    source = SyslogInput([listener], SyslogInputSettings())
    send, receive = trio.open_memory_channel[FromSource](2)
    stop = trio.Event()

    async def look_at_loop() -> None:
        while not stop.is_set():
            began = time.monotonic()
            await trio.sleep(0.001)
            got.longest = max(got.longest, time.monotonic() - began - 0.001)

    async def run_sender() -> None:
        arguments = [kind, str(port), str(count), str(rate), str(path)]
        await trio.run_process([sys.executable, "-c", _SENDERS, *arguments])
        await trio.sleep(_SETTLE_SECONDS)
        stop.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(source.run, send, stop)
        await receive.receive()
        nursery.start_soon(run_sender)
        nursery.start_soon(look_at_loop)
        cpu, first = time.process_time(), 0.0
        async for message in receive:
            if isinstance(message, Chunk):
                first = first or time.monotonic() - 0.1
                got.messages += message.lines.count(b"\n")
                got.seconds = time.monotonic() - first
        got.cpu_seconds = time.process_time() - cpu
    return got


def _measure_monitor(kind: str, path: Path) -> None:
    """Measure how long a monitor takes to receive, parse and count."""
    port = _free_port()
    text = f"syslog+{kind}://127.0.0.1:{port}"
    command = [sys.executable, "-m", "glancemetrics", "-f", text, "--json", "--config", "off"]
    more = ["--alert-log", "off", "--refresh", "0.5", "--state-dir", "off"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE) as process:
        monitor = Monitor(process)
        monitor.wait_first()
        count = _MESSAGES if kind == "tcp" else _MESSAGES // 4
        rate = math.inf if kind == "tcp" else 50_000
        began = time.monotonic()
        arguments = [kind, str(port), str(count), str(rate), str(path)]
        subprocess.run([sys.executable, "-c", _SENDERS, *arguments], check=True)
        seen, seen_at = -1, began
        while monitor.health["records"] != seen or time.monotonic() - seen_at < 2:
            if monitor.health["records"] != seen:
                seen, seen_at = monitor.health["records"], time.monotonic()
            time.sleep(0.05)
        print(
            f"syslog, {_named(kind)}, with parsing and counting: {seen:,} of {count:,} requests, "
            f"{seen / (seen_at - began):,.0f}/s; {monitor.peak_memory_bytes() / 1e6:,.0f} MB",
            flush=True,
        )
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
