"""A real Redis for tests, and the wires to it, which may be cut."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from tests.conftest import needs
from tests.waiting import free_port, until_listening


@attrs.define
class Redis:
    """A Redis server of Debian's, which can be killed and started."""

    folder: Path
    options: Sequence[str] = ("--appendonly", "yes", "--appendfsync", "everysec")
    port: int = attrs.field(factory=free_port)
    client: Sequence[str] = ()
    """Options of redis-cli."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        needs("redis-server")
        self.folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--dir", str(self.folder), "--save", "",
             "--bind", "127.0.0.1", *self.options],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until_listening(self.port, "Redis")
        if self.process.poll() is not None:
            raise RuntimeError(f"port {self.port} is another program's")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def __enter__(self) -> Redis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def run(self, *words: str, line: str | None = None) -> str:
        """Run a command with redis-cli, or a line that is typed there."""
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *self.client, *words],
            input=line, capture_output=True, text=True, check=True, timeout=20,
        )  # fmt: skip
        return done.stdout.strip()


class Wire:
    """Passes on connections to a port; can stall, drop and duplicate what is sent."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.duplicates = False
        """Whether new connections are made twice: all that is sent comes twice."""
        self.delay = 0.0
        """Seconds that what is sent is under way."""
        self._flows = threading.Event()
        self._flows.set()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Let nothing through, without a word."""
        self._flows.clear()

    def heal(self) -> None:
        """Let everything through again, also what has waited."""
        self._flows.set()

    def drop(self) -> None:
        """End all connections."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self._flows.set()
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with contextlib.ExitStack() as opened:
            opened.enter_context(client)
            try:
                server, shadow = (
                    opened.enter_context(socket.create_connection(("127.0.0.1", self._to), 5))
                    for _ in range(2)
                )
            except OSError:
                return
            opened.pop_all()
        for one in (server, shadow):
            one.settimeout(None)  # the limit was for connecting; a connection may be quiet
        self._open |= {client, server, shadow}
        copies = [server, shadow] if self.duplicates else [server]
        for source, targets in ((client, copies), (server, [client]), (shadow, [])):
            threading.Thread(target=self._pass_on, args=(source, targets), daemon=True).start()

    def _pass_on(self, source: socket.socket, targets: Sequence[socket.socket]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._flows.wait()
                time.sleep(self.delay)
                for target in targets:
                    target.sendall(data)
        for one in (source, *targets):
            self._open.discard(one)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
