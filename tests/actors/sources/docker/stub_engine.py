"""An engine for tests that speaks the API of Docker over a Unix socket, in threads.

Source: https://docs.docker.com/reference/api/engine/. It knows what is used of it: the list, the
details, events, and logs with frames or without.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

from tests.lines import BASE

STDOUT, STDERR = 1, 2


@attrs.define(eq=False)
class StubContainer:
    id: str
    name: str
    engine: StubEngine
    labels: dict[str, str]
    has_terminal: bool = False
    is_running: bool = True
    is_readable: bool = True
    is_removed: bool = False
    messages: list[tuple[int, int, bytes]] = attrs.field(factory=list)
    """Time in nanoseconds, stream, and message; of a line that was split, the last has its end."""

    def write(self, *lines: str, stream: int = STDOUT, nanos: int | None = None) -> None:
        with self.engine.changed:
            for line in lines:
                at = self.engine.tick() if nanos is None else nanos
                self.messages.append((at, stream, line.encode() + b"\n"))
            self.engine.changed.notify_all()

    def write_piece(self, piece: bytes, stream: int = STDOUT) -> None:
        with self.engine.changed:
            self.messages.append((self.engine.tick(), stream, piece))
            self.engine.changed.notify_all()

    def stop(self) -> None:
        self.is_running = False
        self.engine.happened("die", self)

    def start(self) -> None:
        self.is_running = True
        self.engine.happened("start", self)

    def remove(self) -> None:
        self.is_removed, self.is_running = True, False
        del self.engine.containers[self.id]
        self.engine.happened("destroy", self)


@attrs.define(eq=False)
class StubEngine:
    socket: Path
    containers: dict[str, StubContainer] = attrs.field(factory=dict)
    changed: threading.Condition = attrs.field(factory=threading.Condition)
    events: list[bytes] = attrs.field(factory=list)
    sent: int = 0
    """Bytes of logs that were sent."""
    asked: list[str] = attrs.field(factory=list)
    """Requests for logs."""
    now: int = BASE * 10**9
    generation: int = 0
    """How often it was stopped."""
    _server: socketserver.ThreadingUnixStreamServer | None = None

    def tick(self) -> int:
        self.now += 1_000_000
        return self.now

    def run(self, name: str, *, terminal: bool = False, **labels: str) -> StubContainer:
        """Run a container; in labels `__` stands for a dot."""
        number = f"{name}{len(self.events)}"
        made = StubContainer(
            hashlib.sha256(number.encode()).hexdigest(),
            name,
            self,
            {key.replace("__", "."): value for key, value in labels.items()},
            has_terminal=terminal,
        )
        self.containers[made.id] = made
        self.happened("start", made)
        return made

    def happened(self, what: str, container: StubContainer) -> None:
        with self.changed:
            event = {"Type": "container", "Action": what, "Actor": {"ID": container.id}}
            self.events.append(json.dumps(event).encode() + b"\n")
            self.changed.notify_all()

    def start(self) -> None:
        engine = self

        class Handler(_Handler):
            stub = engine

        self._server = socketserver.ThreadingUnixStreamServer(str(self.socket), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop as when the engine is restarted: all connections are closed."""
        assert self._server is not None
        with self.changed:
            self.generation += 1
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self.socket.unlink()


class _Handler(BaseHTTPRequestHandler):
    stub: StubEngine

    def address_string(self) -> str:
        return ""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(url.query).items()}
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            match url.path.strip("/").split("/"):
                case ["containers", "json"]:
                    self._answer([_listed(one) for one in self.stub.containers.values()])
                case ["events"]:
                    self._stream(self._events())
                case ["containers", key, what] if key in self.stub.containers:
                    self._of_container(self.stub.containers[key], what, asked)
                case _:
                    self._answer({"message": "No such container"}, 404)

    def _of_container(self, container: StubContainer, what: str, asked: dict[str, str]) -> None:
        if what == "json":
            state = {"Running": container.is_running, "ExitCode": 0}
            config = {"Tty": container.has_terminal, "Labels": container.labels}
            self._answer({"Id": container.id, "State": state, "Config": config})
        elif not container.is_readable:
            said = "configured logging driver does not support reading"
            self._answer({"message": said}, 501)
        else:
            self.stub.asked.append(self.path)
            self._stream(self._log(container, asked))

    def _answer(self, answer: Any, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, pieces: Iterator[bytes | None]) -> None:
        """Send pieces until `None`, then close: as Go's server does for requests of HTTP/1.0."""
        assert self.request_version == "HTTP/1.0"
        self.send_response(200)
        self.end_headers()
        for piece in pieces:
            if piece is None:
                return
            self.wfile.write(piece)

    def _events(self) -> Iterator[bytes | None]:
        stub, generation = self.stub, self.stub.generation
        at = len(stub.events)

        def is_due() -> bool:
            return len(stub.events) > at or stub.generation > generation

        while True:
            with stub.changed:
                stub.changed.wait_for(is_due)
                events, at = stub.events[at:], len(stub.events)
            if stub.generation > generation:
                yield None
                return
            yield b"".join(events)

    def _log(self, container: StubContainer, asked: dict[str, str]) -> Iterator[bytes | None]:
        stub, generation = self.stub, self.stub.generation
        since = int(asked.get("since", "0")) * 10**9
        follows = asked["follow"] == "1"
        at = 0
        if asked["tail"] != "all":
            at = max(0, len(container.messages) - int(asked["tail"]))

        def is_due() -> bool:
            is_over = not container.is_running or stub.generation > generation
            return len(container.messages) > at or is_over

        while True:
            with stub.changed:
                if follows:
                    stub.changed.wait_for(is_due)
                messages, at = container.messages[at:], len(container.messages)
                is_cut = stub.generation > generation
                is_over = not (follows and container.is_running) and not messages
            if is_cut:
                yield None
                return
            for nanos, stream, message in messages:
                if nanos >= since:
                    piece = _framed(container, nanos, stream, message)
                    stub.sent += len(piece)
                    yield piece
            if is_over:
                return


def _framed(container: StubContainer, nanos: int, stream: int, message: bytes) -> bytes:
    second = datetime.fromtimestamp(nanos // 10**9, UTC)
    text = f"{second:%Y-%m-%dT%H:%M:%S}.{nanos % 10**9:09d}Z ".encode() + message
    if container.has_terminal:
        return text
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


def _listed(container: StubContainer) -> dict[str, Any]:
    return {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Labels": container.labels,
        "State": "running" if container.is_running else "exited",
    }
