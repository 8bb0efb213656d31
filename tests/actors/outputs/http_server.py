"""A loopback HTTP server that answers as it is told, or does not."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import attrs


@attrs.define
class Answer:
    """What the server does with one request."""

    status: int = 200
    headers: dict[str, str] = attrs.field(factory=dict)
    hang_seconds: float = 0
    drop: bool = False
    """Close the connection in the middle of the answer."""
    body: bytes = b""
    endless: bytes = b""
    """What comes after the headers again and again, until the other side has closed."""


@attrs.define
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@attrs.define
class Server:
    """What it has received, and what it will answer; then 200."""

    port: int = 0
    received: list[Received] = attrs.field(factory=list)
    answers: list[Answer] = attrs.field(factory=list)
    taken_bytes: int = 0
    """Of answers without an end, how much could be sent."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def http_server(*answers: Answer) -> Iterator[Server]:
    """Run a server meanwhile."""
    server = Server(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        told: ClassVar[Server] = server

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            if len(body) < size:  # whoever sent it was killed meanwhile
                self.close_connection = True
                return
            answer = self.told.answers.pop(0) if self.told.answers else Answer()
            self.told.received.append(Received(self.path, dict(self.headers), body))
            time.sleep(answer.hang_seconds)
            if answer.drop:
                self.wfile.write(b"HTTP/1.1 200 O")
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not answer.endless:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            if answer.endless:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    while True:
                        self.told.taken_bytes += self.wfile.write(answer.endless)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            del format, arguments

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
