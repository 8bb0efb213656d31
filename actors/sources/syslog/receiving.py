"""Receives syslog messages until told to stop.

Over UDP and local datagrams a message is what a datagram holds; on connections `SyslogFraming`
finds them. While the channel is full nothing is read: on a connection the sender waits, and what
exceeds the buffer of a UDP socket is dropped by the kernel, which counts it.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_network

import trio
from loguru import logger

from actors.files.certificates import FreshContext
from actors.files.open_files import allow_open_files
from actors.sources.messages import FromSource
from actors.sources.source import Say, saying
from actors.sources.syslog import (
    TLS,
    SyslogInputSettings,
    SyslogListener,
    certificate_files,
)
from actors.sources.syslog.intake import Intake, Report
from actors.sources.syslog.senders import Senders
from actors.sources.syslog.sockets import (
    OpenSocket,
    is_datagram,
    kernel_drops,
    open_sockets,
    queue_problem,
)
from glancemetrics.lines.syslog_messages import SyslogFraming, messages_of

HANDSHAKE_SECONDS = 10.0
DRAIN_SECONDS = 0.8
"""After a stop, how long is still received what senders have sent by then."""
_QUIET_SECONDS = 0.15
"""After a stop, how long nothing has to arrive on a connection until it is closed."""
_FAREWELL_SECONDS = 0.2
"""How long the other side of a connection may take to be told of its end."""
_WATCH_SECONDS = 1.0
_LOOK_SECONDS = 5.0
"""Between two looks at the certificate."""
_READ_BYTES = 64 << 10
_DATAGRAM_BYTES = 65_535
_DATAGRAMS_AT_ONCE = 1000
_DATAGRAM_BYTES_AT_ONCE = 512 << 10
_SPARE_FILES = 256
"""Open files that are left for logs and outputs."""
_HELD_EACH = 64 << 10
"""Bytes of an incomplete message that each connection may hold."""
HELD_IN_ALL = 64 << 20
"""Bytes of incomplete messages in all, from which a connection that holds more is closed."""
_FULL_SECONDS = 0.1
"""How long nothing is accepted when no more files can be opened."""
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""A sender that vanished is noticed after two minutes; one that is silent stays connected."""


class SyslogInput:
    """All syslog listeners of a run, as one source: a server may send to several of them."""

    def __init__(
        self,
        listeners: Sequence[SyslogListener],
        settings: SyslogInputSettings,
        senders: Senders | None = None,
    ) -> None:
        self._listeners = listeners
        self._settings = settings
        self._senders = senders or Senders()

    async def run(self, send: trio.MemorySendChannel[FromSource], stop: trio.Event) -> None:
        """Receive until `stop`. Raises `GlanceMetricsError` if it cannot listen."""
        async with send:
            opened: list[OpenSocket] = []
            try:
                await self._run(saying(send), stop, opened)
            finally:
                for one in opened:
                    one.close()

    async def _run(self, say: Say, stop: trio.Event, opened: list[OpenSocket]) -> None:
        intake = Intake(say, socket.gethostname(), self._senders)
        files = certificate_files(self._settings)
        has_tls = any(listener.scheme == TLS for listener in self._listeners)
        fresh = FreshContext(files) if has_tls and files is not None else None
        receivers: list[_Datagrams | _Streams] = []
        for listener in self._listeners:
            sockets = await trio.to_thread.run_sync(open_sockets, listener)
            opened += sockets
            problem = queue_problem() if listener.is_local and is_datagram(listener) else ""
            if problem:
                logger.warning("{}: {}", listener.text, problem)
            report = Report(listener.text, problem)
            intake.reports.append(report)
            bound = [one.socket for one in sockets]
            if is_datagram(listener):
                receivers.append(_Datagrams(bound, intake, report))
            else:
                secure = fresh if listener.scheme == TLS else None
                streams = _Streams(bound, intake, report, self._settings, listener, secure)
                receivers.append(streams)
        for report in intake.reports:
            await say(report.begin())
        await _receive(receivers, intake, fresh, stop)


async def _receive(
    receivers: Sequence[_Datagrams | _Streams],
    intake: Intake,
    fresh: FreshContext | None,
    stop: trio.Event,
) -> None:
    async with trio.open_nursery() as beside:
        beside.start_soon(intake.gathering.send_forever)
        beside.start_soon(_watch_forever, receivers, intake)
        if fresh is not None:
            beside.start_soon(_refresh_forever, fresh)
        async with trio.open_nursery() as nursery:
            for receiver in receivers:
                nursery.start_soon(receiver.run, stop)
        beside.cancel_scope.cancel()
    for receiver in receivers:
        receiver.look()
    await intake.gathering.finish()
    await intake.watch(at_last=True)


async def _watch_forever(receivers: Sequence[_Datagrams | _Streams], intake: Intake) -> None:
    while True:
        await trio.sleep(_WATCH_SECONDS)
        for receiver in receivers:
            receiver.look()
        await intake.watch()


async def _refresh_forever(fresh: FreshContext) -> None:
    while True:
        await trio.sleep(_LOOK_SECONDS)
        await trio.to_thread.run_sync(fresh.refresh, abandon_on_cancel=True)


class _Stopping:
    """Ends waits when a stop is requested, and never anything that would lose messages."""

    def __init__(self, grace: float) -> None:
        """`grace` is how long a wait may still last after the stop, in seconds."""
        self._grace = grace
        self._waits: set[trio.CancelScope] = set()
        self._until: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether a stop is requested."""
        return self._until is not None

    @property
    def is_over(self) -> bool:
        """Whether the time to drain is over."""
        return self._until is not None and trio.current_time() >= self._until

    @contextmanager
    def wait(self) -> Iterator[trio.CancelScope]:
        """Wait for something in this block."""
        with trio.CancelScope(deadline=self._deadline()) as scope:
            self._waits.add(scope)
            try:
                yield scope
            finally:
                self._waits.discard(scope)

    async def begin_at(self, stop: trio.Event) -> None:
        await stop.wait()
        self._until = trio.current_time() + DRAIN_SECONDS
        for scope in self._waits:
            scope.deadline = self._deadline()

    def _deadline(self) -> float:
        if self._until is None:
            return float("inf")
        return min(self._until, trio.current_time() + self._grace)


class _Datagrams:
    """Receives datagrams, each of which is a message."""

    def __init__(self, sockets: Sequence[socket.socket], intake: Intake, report: Report) -> None:
        self._sockets = sockets
        self._intake = intake
        self._report = report
        self._stopping = _Stopping(0)
        self._drops = [kernel_drops(one) for one in sockets]

    def look(self) -> None:
        """Count what the kernel has dropped."""
        for number, one in enumerate(self._sockets):
            drops = kernel_drops(one)
            self._report.troubles.dropped += (drops - self._drops[number]) % (1 << 32)
            self._drops[number] = drops

    async def run(self, stop: trio.Event) -> None:
        """Receive until `stop`, and then what has arrived by then."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stopping.begin_at, stop)
            for one in self._sockets:
                nursery.start_soon(self._receive, one)

    async def _receive(self, one: socket.socket) -> None:
        while not self._stopping.is_on:
            with self._stopping.wait():
                await self._intake.gathering.room()
                await trio.lowlevel.wait_readable(one)
            await self._take(one)
        while not self._stopping.is_over and await self._take(one):
            with self._stopping.wait():
                await self._intake.gathering.room()

    async def _take(self, one: socket.socket) -> bool:
        """Take what waits, as far as it is not too much at once; returns whether it may be more."""
        by_address: dict[str, list[bytes]] = {}
        size = count = 0
        receive = one.recvfrom
        is_network = one.family != socket.AF_UNIX
        with suppress(BlockingIOError):
            while count < _DATAGRAMS_AT_ONCE and size < _DATAGRAM_BYTES_AT_ONCE:
                datagram, address = receive(_DATAGRAM_BYTES)
                by_address.setdefault(address[0] if is_network else "", []).append(datagram)
                size += len(datagram)
                count += 1
        for address, datagrams in by_address.items():
            await self._intake.take(messages_of(datagrams), address, self._report)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return count > 0


class _Streams:
    """Accepts connections, and receives messages on each."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        intake: Intake,
        report: Report,
        settings: SyslogInputSettings,
        listener: SyslogListener,
        fresh: FreshContext | None,
    ) -> None:
        self._sockets = sockets
        self._intake = intake
        self._report = report
        self._is_local = listener.is_local
        self._fresh = fresh
        self._stopping = _Stopping(_QUIET_SECONDS)
        allowed = allow_open_files(settings.connections + _SPARE_FILES)
        self._most = max(1, min(settings.connections, allowed - _SPARE_FILES))
        self._most_of_one = self._most if self._is_local else settings.peer_connections
        self._open: set[trio.SocketStream] = set()
        self._of: Counter[str] = Counter()
        """{network of a sender: its connections}"""
        self._held = 0
        """Bytes of incomplete messages on all connections."""

    def look(self) -> None:
        """Nothing is lost that a sender was told has arrived."""

    async def run(self, stop: trio.Event) -> None:
        """Receive until `stop`, and then what has arrived by then."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._half_close_at, stop)
            for one in self._sockets:
                nursery.start_soon(self._accept, one, nursery)

    async def _half_close_at(self, stop: trio.Event) -> None:
        """Tell senders to send no more, as soon as a stop is requested.

        rsyslog looks whether a connection is still open before it sends, and keeps its messages
        for the next one if it is not.
        """
        await self._stopping.begin_at(stop)
        for stream in self._open:
            _half_close(stream)

    async def _accept(self, listening: socket.socket, nursery: trio.Nursery) -> None:
        while not self._stopping.is_on:
            with self._stopping.wait():
                await self._intake.gathering.room()
                await trio.lowlevel.wait_readable(listening)
            await self._accept_waiting(listening, nursery)
        listening.close()

    async def _accept_waiting(self, listening: socket.socket, nursery: trio.Nursery) -> None:
        while not self._stopping.is_over:
            try:
                connection, address = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NO_MORE:
                    self._report.troubles.refused += 1
                    await trio.sleep(_FULL_SECONDS)
                    return
                continue  # it has gone already
            self._begin(connection, "" if self._is_local else str(address[0]), nursery)
            await trio.lowlevel.checkpoint()

    def _begin(self, connection: socket.socket, address: str, nursery: trio.Nursery) -> None:
        network = _network_of(address)
        if len(self._open) >= self._most or self._of[network] >= self._most_of_one:
            self._report.troubles.refused += 1
            connection.close()
            return
        connection.setblocking(False)
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(connection))
        if not self._is_local:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, value in _KEEPALIVE:
                    connection.setsockopt(socket.IPPROTO_TCP, option, value)
        self._open.add(stream)
        self._of[network] += 1
        if self._stopping.is_on:
            _half_close(stream)
        nursery.start_soon(self._serve, stream, address, network)

    async def _serve(self, stream: trio.SocketStream, address: str, network: str) -> None:
        try:
            secured = await self._secured(stream)
            if secured is not None:
                await self._read(secured, address)
                # RFC 5425, section 4.4: the end of a connection is answered.
                with trio.move_on_after(_FAREWELL_SECONDS):
                    await secured.aclose()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            logger.debug("{}: a connection of {} ended: {!r}", self._report.name, address, error)
        finally:
            self._open.discard(stream)
            self._of[network] -= 1
            if not self._of[network]:
                del self._of[network]
            stream.socket.close()

    async def _secured(self, stream: trio.SocketStream) -> trio.abc.Stream | None:
        """Return the stream, with TLS if that is wanted; `None` if the handshake fails."""
        if self._fresh is None:
            return stream
        secured = trio.SSLStream(stream, self._fresh.context, server_side=True)
        with self._stopping.wait() as scope, trio.move_on_after(HANDSHAKE_SECONDS):
            try:
                await secured.do_handshake()
            except (OSError, trio.BrokenResourceError) as error:
                cause = error.__cause__ or error
                reason = cause.reason if isinstance(cause, ssl.SSLError) else cause
                logger.debug("{}: TLS handshake: {}", self._report.name, reason)
            else:
                return secured
        if not scope.cancelled_caught:
            self._report.troubles.handshakes += 1
        return None

    async def _read(self, stream: trio.abc.Stream, address: str) -> None:
        framing = SyslogFraming(nul_ends=self._is_local)
        held = 0
        try:
            while not self._stopping.is_over:
                piece: bytes | bytearray = b""
                with self._stopping.wait():
                    await self._intake.gathering.room()
                    piece = await stream.receive_some(_READ_BYTES)
                if not piece:
                    break
                await self._intake.take(framing.feed(bytes(piece)), address, self._report)
                self._held += framing.held - held
                held = framing.held
                if held > _HELD_EACH and self._held > HELD_IN_ALL:
                    self._report.troubles.stuffed += 1
                    break
        finally:
            self._held -= held
            # Also after an error: it has arrived.
            with trio.CancelScope(shield=True):
                await self._intake.take(framing.end(), address, self._report)


def _half_close(stream: trio.SocketStream) -> None:
    with suppress(OSError):
        stream.socket.shutdown(socket.SHUT_WR)


def _network_of(address: str) -> str:
    """Return what connections are counted by: an address, of IPv6 its network."""
    if ":" not in address:
        return address
    return str(ip_network((address.partition("%")[0], 64), strict=False))
