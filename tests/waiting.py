"""Waiting, in real time, for what other programs do."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any


def eventually(true: Callable[[], object], seconds: float = 60, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.1)


class Running(subprocess.Popen[Any]):
    """A process in a `with` block: an error in the block ends it, instead of waiting for it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, traceback)


def until_taken(pipe: IO[bytes]) -> None:
    """Wait until all that was written to a pipe was read."""
    eventually(
        lambda: not struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0],
        what="what was written",
    )


def until_worked(process: subprocess.Popen[Any], seconds: float) -> None:
    """Wait until a process has used so much time of the CPU."""
    used = Path(f"/proc/{process.pid}/stat")
    ticks = seconds * os.sysconf("SC_CLK_TCK")
    eventually(
        lambda: sum(map(int, used.read_text().rsplit(")", 1)[1].split()[11:13])) > ticks,
        what="the work",
    )


def until_read(process: subprocess.Popen[Any], size: int) -> None:
    """Wait until a process has read so many bytes, or has ended. A start reads 10 MB of modules."""
    counted = Path(f"/proc/{process.pid}/io")
    eventually(
        lambda: process.poll() is not None or int(counted.read_text().split()[1]) > size,
        what="so much that was read",
    )


def free_port() -> int:
    """A TCP port of loopback that nobody listened on a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def until_listening(port: int, what: str, seconds: float = 60) -> None:
    def listening() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    eventually(listening, seconds, what)
