"""Serving: hypercorn's trio worker, one connection at a time, behind our own limits.

What hypercorn does not do, or not always, is done here: a client that does not read is closed, and
one whose request does not arrive in time; connections are limited, and a changed certificate is
used without a restart. HTTP/2 is not spoken: there a client that does not
read holds up one stream and not the connection, where no time limit would see it.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from loguru import logger
from starlette.responses import Response
from starlette.types import ASGIApp

from actors.files.certificates import CertificateFiles, FreshContext
from actors.files.open_files import allow_open_files
from actors.outputs.web import WebAddress, WebSettings
from actors.outputs.web.http1 import Http1
from actors.outputs.web.networks import network_of
from actors.outputs.web.problems import problem
from glancemetrics.errors import sentence

MOST_CONNECTIONS = 4096
_MOST_OF_ONE = 1500
"""Connections of one network (`networks.py`), which may be that of an office's gateway."""
_MOST_FILES = 65_536
_SPARE_FILES = 256
"""Open files that are left for logs and outputs."""
HEAD_SECONDS = 10.0
"""Until the head of a request has arrived, and until an idle connection is closed."""
SEND_SECONDS = 20.0
"""Until a piece of an answer has been taken over by the system."""
LEAST_RATE = 64 << 10
"""Bytes a second at which a client has to read an answer, or a message, after `SEND_SECONDS`."""
_WATCH_SECONDS = 1.0
"""Between two looks at the connections."""
_LINGER_SECONDS = 0.5
"""Until a connection is forgotten that its client has closed, or that sent too much."""
_ANSWER_SECONDS = 30.0
"""The same if it waits for an answer: it may have closed its direction only."""
_PIECE = 1 << 16
_PING_SECONDS = 20.0
_HEAD_BYTES, _MESSAGE_BYTES = 32 << 10, 256 << 10
_NEXT_PORTS = 20
"""Tried when a port is in use, to suggest another one."""
_TLS_HANDSHAKE = b"\x16"
"""The first byte of a connection with TLS (RFC 8446, section 5.1)."""
_NOT_TLS = problem(400, "this address needs HTTPS; use https:// in place of http://")
_LOOK_SECONDS = 5.0
"""Between two looks at the certificate."""


class Connection(trio.abc.HalfCloseableStream):
    """A connection that is closed when its client does not read."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket = stream.socket
        """For hypercorn, which asks it for addresses."""
        self.scope = trio.CancelScope()
        """What it is served in."""
        self.is_answering: Callable[[], bool] = lambda: False
        """Whether an answer is under way."""
        self.is_busy: Callable[[], bool] = lambda: False
        """The same, or whether it is a WebSocket."""
        self.idle_since = trio.current_time()
        """When it began to wait for a request; of no meaning while it is busy."""
        self.left = trio.Event()
        """Set when no request has come in time."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        # Otherwise a client could hold a large answer for hours, with a piece now and then.
        until = trio.current_time() + SEND_SECONDS + len(view) / LEAST_RATE
        for start in range(0, len(view), _PIECE):
            with trio.move_on_at(min(until, trio.current_time() + SEND_SECONDS)):
                await self._stream.send_all(view[start : start + _PIECE])
                continue
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the client does not read")

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data: bytes | bytearray = b""
        try:
            data = await self._stream.receive_some(max_bytes)
        finally:
            if not data:
                # Hypercorn would wait as long as for the next request of an idle client.
                self.linger(_ANSWER_SECONDS if self.is_answering() else _LINGER_SECONDS)
        return data

    def linger(self, seconds: float = _LINGER_SECONDS) -> None:
        """Forget it after some seconds, in which its client may still read."""
        self.scope.deadline = trio.current_time() + seconds

    def look(self, now: float) -> None:
        """Let it end if it has waited for a request for too long."""
        if self.is_busy():
            self.idle_since = now
        elif now - self.idle_since >= HEAD_SECONDS:
            self.left.set()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def close(self) -> None:
        """Close it now: what is being sent fails."""
        self.socket.close()


class _Server(TCPServer):
    """Serves one connection."""

    @property
    def _connection(self) -> Connection:
        stream: Any = self.stream
        connection: Connection = getattr(stream, "transport_stream", stream)
        return connection

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, Updated):
            # Hypercorn would start a timer here: not if the answer's task is being cancelled, and
            # never again after an error that it answers itself.
            self._connection.idle_since = trio.current_time()
            return
        await super().protocol_send(event)

    async def _idle_timeout(self) -> None:
        connection = self._connection
        connection.idle_since = trio.current_time()  # the TLS handshake has a limit of its own
        await connection.left.wait()
        with trio.CancelScope(shield=True):
            await self._initiate_server_close()

    async def _read_data(self) -> None:
        made, connection = self.protocol, self._connection
        protocol = Http1(
            made.app, made.config, made.context, made.task_group, made.state, made.ssl,
            made.client, made.server, made.send,
        )  # fmt: skip
        made.protocol = protocol
        protocol.on_over = connection.linger
        connection.is_answering = lambda: protocol.is_answering
        connection.is_busy = lambda: protocol.is_busy
        await super()._read_data()
        await self.idle_task.stop()  # what is still answered is waited for


class Certificates:
    """The TLS context, made anew when its files change."""

    def __init__(self, settings: WebSettings) -> None:
        self._files: CertificateFiles | None = None
        if settings.cert is not None:
            self._files = CertificateFiles(
                settings.cert, settings.key, settings.client_ca, "--web", ("http/1.1",)
            )
        self._fresh: FreshContext | None = None
        self.context: ssl.SSLContext | None = None
        """`None`: without TLS."""
        self.names: frozenset[str] = frozenset()
        """The names in the certificate, in lower case; they may begin with `*.`."""

    def refresh(self) -> None:
        """Read the files if they have changed. Raises `GlanceMetricsError` the first time only."""
        if self._files is None:
            return
        if self._fresh is None:
            self._fresh = FreshContext(self._files)
        else:
            self._fresh.refresh()
        if self.context is not self._fresh.context:
            self.context = self._fresh.context
            self.names = _names_in(self._files.cert)


def _names_in(path: str) -> frozenset[str]:
    """Return the names in a certificate; none if this Python cannot decode it."""
    # There is no public function for a certificate that no peer has sent.
    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    try:
        found = decode(path) if decode is not None else {}
    except (OSError, ValueError):
        found = {}
    names = found.get("subjectAltName", ())
    return frozenset(str(value).lower() for kind, value in names if kind == "DNS")


class Serving:
    """Listens and serves an application."""

    def __init__(
        self, address: WebAddress, application: ASGIApp, certificates: Certificates
    ) -> None:
        self._address = address
        # Hypercorn and Starlette type the same protocol differently.
        self._application = ASGIWrapper(cast(Any, application))
        self._certificates = certificates
        self._config = _config()
        self._context = WorkerContext(None)
        self._open: set[Connection] = set()
        self._of: Counter[str] = Counter()
        self._most = MOST_CONNECTIONS
        self.refused = 0
        """Connections that were closed because there were too many."""

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        return len(self._open)

    async def run(self, started: Callable[[str], None]) -> None:
        """Serve until cancelled; `started` gets the address of the page. Raises `OSError`."""
        self._most = min(MOST_CONNECTIONS, allow_open_files(_MOST_FILES) - _SPARE_FILES)
        listeners = await trio.open_tcp_listeners(self._address.port, host=self._address.host)
        port = listeners[0].socket.getsockname()[1]
        scheme = "http" if self._certificates.context is None else "https"
        # Nobody can open the page at 0.0.0.0.
        host = socket.gethostname() if self._address.is_wildcard else self._address.host
        started(f"{scheme}://{WebAddress(host, port)}/")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            try:
                await trio.serve_listeners(self._serve, listeners, handler_nursery=nursery)
            finally:
                # Sending is shielded from being cancelled; on a closed connection it fails.
                for connection in self._open:
                    connection.close()
                nursery.cancel_scope.cancel()

    async def _watch(self) -> None:
        """Let idle connections end, forever.

        Whether they are idle is looked at from outside, so that none is forgotten.
        """
        while True:
            await trio.sleep(_WATCH_SECONDS)
            now = trio.current_time()
            for connection in self._open:
                connection.look(now)

    async def _is_refused(self, stream: trio.SocketStream) -> bool:
        """Tell in plain HTTP who speaks it at an address with TLS; returns whether it did."""
        if self._certificates.context is None:
            return False
        with trio.move_on_after(HEAD_SECONDS):
            first = await stream.socket.recv(1, socket.MSG_PEEK)
            if first in {b"", _TLS_HANDSHAKE}:
                return False
            await stream.receive_some(_HEAD_BYTES)  # what is left unread would reset the connection
            await stream.send_all(_as_bytes(_NOT_TLS))
            await stream.send_eof()
        return True

    async def _serve(self, stream: trio.SocketStream) -> None:
        try:
            network = network_of(str(stream.socket.getpeername()[0]))
        except OSError:  # it has gone already
            await trio.aclose_forcefully(stream)
            return
        if len(self._open) >= self._most or self._of[network] >= _MOST_OF_ONE:
            self.refused += 1
            await trio.aclose_forcefully(stream)
            return
        connection = Connection(stream)
        self._open.add(connection)
        self._of[network] += 1
        try:
            with connection.scope:
                if await self._is_refused(stream):
                    return
                await _Server(
                    self._application,
                    self._config,
                    self._context,
                    ConnectionState({}),
                    cast(Any, self._secured(connection)),
                )
        except Exception as error:  # one connection; the others go their way
            logger.opt(exception=error).debug("a connection of the page failed")
        finally:
            self._open.discard(connection)
            self._of[network] -= 1
            if not self._of[network]:
                del self._of[network]
            connection.close()

    def _secured(self, connection: Connection) -> trio.abc.Stream:
        context = self._certificates.context
        if context is None:
            return connection
        return trio.SSLStream(connection, context, server_side=True, https_compatible=True)


def _as_bytes(response: Response) -> bytes:
    """Return a response as it is sent (RFC 9112)."""
    status = f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}".encode()
    headers = (b"%s: %s" % header for header in response.raw_headers)
    return b"\r\n".join((status, *headers, b"Connection: close", b"", bytes(response.body)))


async def keep_fresh(refresh: Callable[[], None]) -> None:
    """Look at files of settings again and again, forever."""
    while True:
        await trio.sleep(_LOOK_SECONDS)
        try:
            await trio.to_thread.run_sync(refresh, abandon_on_cancel=True)
        except Exception as error:
            logger.opt(exception=error).debug("files of the page could not be read again")


def listening_problem(address: WebAddress, error: OSError) -> str:
    """Return why an address cannot be listened at, and what to do, in a sentence."""
    match error.errno:
        case errno.EADDRINUSE:
            other = _free_port(address)
            hint = f"--web {WebAddress(address.host, other)}" if other else "another port"
            return f"--web {address}: in use by another program; try {hint}"
        case errno.EACCES:
            return f"--web {address}: ports below 1024 need rights; try --web {address.host}:7890"
        case errno.EADDRNOTAVAIL:
            return f"--web {address}: not an address of this machine"
        case _:
            return f"--web {address}: {sentence(error)}"


def _free_port(address: WebAddress) -> int | None:
    """Return one of the next ports that is free now; `None` if none of them is."""
    for port in range(address.port + 1, min(address.port + 1 + _NEXT_PORTS, 65_536)):
        try:
            found = socket.getaddrinfo(
                address.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, kind, protocol, _, where in found:
                with socket.socket(family, kind, protocol) as tried:
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    if family == socket.AF_INET6:
                        tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    tried.bind(where)
                    tried.listen(1)
        except OSError:
            continue
        return port
    return None


def _config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False
    config.ssl_handshake_timeout = HEAD_SECONDS
    config.h11_max_incomplete_size = _HEAD_BYTES
    config.websocket_max_message_size = _MESSAGE_BYTES
    config.websocket_ping_interval = _PING_SECONDS
    return config
