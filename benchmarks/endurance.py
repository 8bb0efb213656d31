"""Endurance: a soak test of many minutes, and an attack in which no value repeats."""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import random
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.lines import fixed_lines, stamp
from benchmarks.monitor import monitoring, swallow

_BLOCK = 2000
"""Lines written at once."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """Resource use of a process, from /proc."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    @property
    def memory(self) -> float:
        """Resident memory in MB."""
        return int((self._folder / "statm").read_text().split()[1]) * _PAGE / 1e6

    @property
    def descriptors(self) -> int:
        return sum(1 for _ in (self._folder / "fd").iterdir())

    @property
    def threads(self) -> int:
        return sum(1 for _ in (self._folder / "task").iterdir())

    @property
    def usage(self) -> tuple[float, int, int]:
        return self.memory, self.descriptors, self.threads


class Writer:
    """A server that writes at a constant rate, and rotates its log at random times."""

    def __init__(self, log: Path, rate: int) -> None:
        self.log = log
        self.lines = 0
        self.rotations = 0
        self._rate = rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        log.write_bytes(b"")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        pieces = fixed_lines(_BLOCK)
        chance, began, rotate_at = random.Random(1), time.monotonic(), 20.0
        file = self.log.open("ab", 0)
        while not self._stop.is_set():
            due = int((time.monotonic() - began) * self._rate) - self.lines
            for _ in range(due // _BLOCK):
                file.write(stamp(time.time()).join(pieces))
                self.lines += _BLOCK
            if time.monotonic() - began > rotate_at:
                rotate_at += chance.uniform(5, 40)
                self._rotate()
                file.close()
                file = self.log.open("ab", 0)
            time.sleep(0.02)
        file.close()

    def _rotate(self) -> None:
        """Keep three rotated files, to save disk space."""
        self.rotations += 1
        for number in (3, 2, 1):
            old = self.log.with_name(f"{self.log.name}.{number}")
            if number == 3:
                old.unlink(missing_ok=True)
            elif old.exists():
                old.rename(self.log.with_name(f"{self.log.name}.{number + 1}"))
        self.log.rename(self.log.with_name(f"{self.log.name}.1"))


def measure_soak(folder: Path, minutes: float, rate: int) -> None:
    """Run a soak test with random rotations, a syslog server that is killed, and resizing."""
    log = folder / "soak.log"
    writer = Writer(log, rate)
    port = _free_port()
    chance = random.Random(2)
    arguments = ["--from", "start", "--state-dir", str(folder / "state"), "--rules", "stock"]
    arguments += ["--syslog", f"tcp://127.0.0.1:{port}", "-r", "1", "--alert_threshold", "1"]
    sizes: list[tuple[float, ...]] = []
    lag = 0.0
    syslog: subprocess.Popen[bytes] | None = None
    with monitoring(log, *arguments) as monitor, _console(log) as (screen, resize):
        monitor.wait_first()
        service = Process(monitor.pid)
        end = time.monotonic() + minutes * 60
        next_row = time.monotonic() + 30
        while time.monotonic() < end:
            time.sleep(0.5)
            lag = max(lag, monitor.health["lag_seconds"] or 0.0)
            if chance.random() < 0.1:
                resize(chance.randint(40, 240), chance.randint(10, 70))
            if chance.random() < 0.05:
                if syslog is None:
                    syslog = _syslog_server(port)
                else:
                    syslog.kill()
                    syslog.wait()
                    syslog = None
            if time.monotonic() > next_row:
                next_row += 60
                sizes.append((*service.usage, *screen.usage))
                memory, descriptors, threads, *of_screen = sizes[-1]
                elapsed = (time.monotonic() - end) / 60 + minutes
                print(
                    f"  {elapsed:4.1f} min: service {memory:.0f} MB, "
                    f"{descriptors:.0f} descriptors, {threads:.0f} threads; "
                    f"console {of_screen[0]:.0f} MB, {of_screen[1]:.0f}, {of_screen[2]:.0f}; "
                    f"worst lag {lag:.1f} s, {writer.lines:,} lines, {writer.rotations} rotations",
                    flush=True,
                )
        writer.stop()
        deadline = time.monotonic() + 120
        while monitor.health["lines"] != writer.lines and time.monotonic() < deadline:
            time.sleep(0.2)
        counted = monitor.health["lines"]
        gaps = monitor.health["gaps"]
    if syslog is not None:
        syslog.kill()
        syslog.wait()
    middle = len(sizes) // 2
    first, second = sizes[:middle] or sizes, sizes[middle:]
    print(
        f"soak of {minutes:g} min at {rate:,} lines/s: {writer.lines:,} lines written, "
        f"{counted:,} counted, {gaps} gaps, {writer.rotations} rotations, worst lag {lag:.1f} s; "
        f"service: peak {max(s[0] for s in first):.0f} MB in the first half, "
        f"{max(s[0] for s in second):.0f} MB in the second, "
        f"{min(s[1] for s in sizes)}-{max(s[1] for s in sizes)} descriptors, "
        f"{min(s[2] for s in sizes)}-{max(s[2] for s in sizes)} threads; "
        f"console: {max(s[3] for s in first):.0f} MB, {max(s[3] for s in second):.0f} MB"
    )
    if counted != writer.lines or gaps:
        raise SystemExit("some lines were lost or counted twice")


@contextmanager
def _console(log: Path) -> Iterator[tuple[Process, _Resize]]:
    """A console in a resizable terminal."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "glancemetrics", "-f", str(log), "--alert-log", "off"]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm"}
    ) as process:
        threading.Thread(target=swallow, args=(master,), daemon=True).start()
        try:
            yield Process(process.pid), _Resize(slave)
        finally:
            process.terminate()
            process.wait(10)
            os.close(slave)


class _Resize:
    def __init__(self, terminal: int) -> None:
        self._terminal = terminal

    def __call__(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _syslog_server(port: int) -> subprocess.Popen[bytes]:
    script = (
        "import socket, threading\n"
        f"server = socket.create_server(('127.0.0.1', {port}))\n"
        "while True:\n"
        "    opened, _ = server.accept()\n"
        "    threading.Thread(target=lambda o=opened: [0 for _ in iter(lambda: o.recv(9999), b'')],"
        " daemon=True).start()\n"
    )
    return subprocess.Popen([sys.executable, "-c", script])


class Attack:
    """Lines without repetition: every host, path, referrer and agent is different."""

    LINES = 1000
    """Lines of a block of 8 MB."""
    _NUMBER = b"#" * 10

    def __init__(self) -> None:
        address = b"2001:db8::####:####:##"
        request = b'"GET /%b/%b HTTP/1.1" 404 512' % (self._NUMBER, self._NUMBER)
        agent = b"Agent/%b %b" % (self._NUMBER, b"x" * 7_850)
        line = b'%b - - [01/Jan/1970:00:00:00 +0000] %b "https://%b.example/" "%b"\n'
        line %= address, request, self._NUMBER, agent
        self._block = np.tile(np.frombuffer(line, np.uint8), (self.LINES, 1))
        marks = np.flatnonzero(self._block[0] == ord("#"))
        self._places = [marks[digit :: len(self._NUMBER)] for digit in range(len(self._NUMBER))]
        moment = line.index(b"[") + 1
        self._moment = slice(moment, line.index(b"]"))

    def block(self, first: int, now: int) -> memoryview:
        """Return the lines numbered from `first`, with the time `now`."""
        numbers = np.arange(first, first + self.LINES)[:, None]
        for digit, places in enumerate(reversed(self._places)):
            self._block[:, places] = numbers // 10**digit % 10 + ord("0")
        self._block[:, self._moment] = np.frombuffer(stamp(now), np.uint8)
        return self._block.data


def measure_attack(folder: Path, seconds: int) -> None:
    """Write 200,000 lines/s of 8 kB in which no value repeats, or as many as possible.

    Measures memory, delays of the refresh, and the error of estimates. Lines are written to
    /dev/shm if it exists: few disks sustain 1.6 GB/s.
    """
    in_memory = Path("/dev/shm")
    if in_memory.is_dir():
        with tempfile.TemporaryDirectory(dir=in_memory) as made:
            _measure_attack(Path(made) / "attack.log", seconds)
    else:
        _measure_attack(folder / "attack.log", seconds)


def _measure_attack(log: Path, seconds: int) -> None:
    rate, attack = 200_000, Attack()
    log.write_bytes(b"")
    with monitoring(log, "-r", "1", "--timewindow", "3600", "--from", "start") as monitor:
        monitor.wait_first()
        number, began, peak = 0, time.monotonic(), 0.0
        with log.open("ab", 0) as file:
            while (elapsed := time.monotonic() - began) < seconds:
                if number + attack.LINES > elapsed * rate:
                    time.sleep(0.001)
                    continue
                file.write(attack.block(number, int(time.time())))
                number += attack.LINES
                peak = max(peak, monitor.memory_bytes() / 1e6)
        wrote = time.monotonic() - began
        while monitor.health["lines"] < number and time.monotonic() - began < 600:
            time.sleep(0.2)
            peak = max(peak, monitor.memory_bytes() / 1e6)
        took = time.monotonic() - began
        time.sleep(2.5)
        last = monitor.snapshots[-1][1]
        times = [moment for moment, _ in monitor.snapshots]
    gap = max(later - earlier for earlier, later in itertools.pairwise(times))
    off = abs(last["visitors"] - number) / number
    size = log.stat().st_size
    print(
        f"attack: {number:,} lines of {size / number:,.0f} B, all values distinct, written at "
        f"{number / wrote:,.0f}/s, all read after {took:.1f} s ({number / took:,.0f}/s, "
        f"{size / took / 1e6:,.0f} MB/s), {last['hits']:,} counted; peak memory {peak:,.0f} MB; "
        f"longest time between snapshots {gap:.1f} s (refresh: 1 s); "
        f"estimate of visitors {100 * off:.1f} % off (standard error: 1.6 %)"
    )
