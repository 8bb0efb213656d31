"""Syslog: alert events as RFC 5424 messages over UDP, TCP, TLS or a local socket.

While the server is unreachable, events wait in the output's channel. On TCP a message counts as
sent once the kernel has accepted it; plain syslog cannot tell more (RFC 6587 section 1).
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from abc import abstractmethod
from typing import Protocol

import trio

from actors.files.handshake import shake_hands
from actors.outputs.output import Inbox, Report
from actors.outputs.syslog import SyslogAddress
from glancemetrics.health.health import OutputState
from glancemetrics.incidents.syslog_message import SyslogFormat, octet_counted

CONNECT_SECONDS = 10.0
SEND_SECONDS = 10.0


class _Transport(Protocol):
    @abstractmethod
    async def send(self, message: bytes) -> None: ...

    @abstractmethod
    async def aclose(self) -> None: ...


class Syslog:
    """Sends each event, over one connection for as long as it lasts."""

    name = "syslog"
    wants_events = True
    wants_snapshots = False

    def __init__(
        self, address: SyslogAddress, *, facility: str, severity: str, ca_file: str | None = None
    ) -> None:
        self._address = address
        self._ca_file = ca_file
        self._format = SyslogFormat(facility, severity, socket.gethostname(), os.getpid())

    async def run(self, inbox: Inbox, report: Report) -> None:
        """Send events until there are no more. Raises `OSError` when the server is unreachable."""
        try:
            with trio.fail_after(CONNECT_SECONDS):
                transport = await self._connect()
        except trio.TooSlowError:
            raise OSError(f"{self._address} does not answer") from None
        except (OSError, trio.BrokenResourceError) as error:
            raise OSError(f"cannot reach {self._address}: {_reason(error)}") from error
        report(OutputState.WORKING, str(self._address))
        try:
            await self._deliver(inbox, transport)
        finally:
            with trio.move_on_after(1, shield=True):
                await transport.aclose()

    async def _deliver(self, inbox: Inbox, transport: _Transport) -> None:
        try:
            while True:
                async with inbox.event() as event:
                    with trio.fail_after(SEND_SECONDS):
                        await transport.send(self._format.message(event))
        except trio.EndOfChannel:
            return
        except trio.TooSlowError:
            raise OSError(f"{self._address} accepts nothing") from None
        except trio.BrokenResourceError as error:
            raise OSError(f"{self._address} closed the connection") from error

    async def _connect(self) -> _Transport:
        match self._address.scheme:
            case "udp":
                return await _Datagrams.to_host(self._address.host, self._address.port)
            case "unix":
                return await _connect_unix(self._address.host)
            case "tcp":
                return _Stream(await trio.open_tcp_stream(self._address.host, self._address.port))
            case _:
                context = ssl.create_default_context(cafile=self._ca_file)
                stream = await trio.open_ssl_over_tcp_stream(
                    self._address.host, self._address.port, ssl_context=context
                )
                await shake_hands(stream)
                return _Stream(stream)


class _Datagrams:
    """One message per datagram (RFC 5426), also on the local socket."""

    def __init__(self, connected: trio.socket.SocketType) -> None:
        self._socket = connected

    @classmethod
    async def to_host(cls, host: str, port: int) -> _Datagrams:
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        opened = trio.socket.socket(family, kind, protocol)
        try:
            await opened.connect(address)
        except BaseException:
            opened.close()
            raise
        return cls(opened)

    async def send(self, message: bytes) -> None:
        await self._socket.send(message)

    async def aclose(self) -> None:
        self._socket.close()


class _Stream:
    """Messages on a stream, octet-counted. Notices when the server has closed it.

    A message sent into a connection that the other side has closed is lost without an error, so
    this is checked before.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def send(self, message: bytes) -> None:
        await self._check_open()
        await self._stream.send_all(octet_counted(message))

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def _check_open(self) -> None:
        closed = False
        with trio.move_on_after(0.01):
            closed = not await self._stream.receive_some(1)
        if closed:
            raise trio.BrokenResourceError


async def _connect_unix(path: str) -> _Transport:
    # /dev/log accepts datagrams with rsyslog and systemd; some daemons listen for a stream.
    datagrams = trio.socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        await datagrams.connect(path)
    except BaseException as error:
        datagrams.close()
        if not isinstance(error, OSError) or error.errno != errno.EPROTOTYPE:
            raise
        return _Stream(await trio.open_unix_socket(path))
    return _Datagrams(datagrams)


def _reason(error: BaseException) -> str:
    """Return the root cause: trio wraps the errors of each address and of TLS."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if isinstance(cause, socket.gaierror):
        return f"{cause.strerror}: check the host's name"
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
        return os.strerror(cause.errno)
    return str(cause)
