"""HTTP/1.1 and WebSockets of one connection: those of hypercorn, which also end and have limits.

Sources: RFC 9110 (HTTP), RFC 6455 (WebSocket), RFC 9113, section 3 (the ways to HTTP/2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import h11
from hypercorn.events import Closed
from hypercorn.protocol.events import Request, StreamClosed
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import (
    ASGIWebsocketState,
    FrameTooLargeError,
    WebsocketBuffer,
    WSStream,
)
from wsproto.events import Message

_EXTENSIONS = b"sec-websocket-extensions"


class _Buffer(WebsocketBuffer):
    """The message that arrives: hypercorn's would write a piece before it looks at the limit."""

    is_over = False
    """Whether a message was larger than the limit."""

    def extend(self, event: Message[Any]) -> None:
        data = event.data
        size = len(data.encode()) if isinstance(data, str) else len(data)
        if self.length + size > self.max_length:
            self.is_over = True
            self.clear()
            raise FrameTooLargeError
        super().extend(event)
        self.length += size - len(data)  # hypercorn counts characters of a text


class WebSocketStream(WSStream):
    """A WebSocket. One that is refused or sends too large a message does not stay open."""

    on_over: Callable[[], None]
    """Called once a message was too large: nothing more is taken, and the connection must end."""

    def __init__(self, *details: Any) -> None:
        super().__init__(*details)
        self._message = _Buffer(self.config.websocket_max_message_size)
        self.buffer = self._message

    @property
    def is_busy(self) -> bool:
        """Whether it is accepted, or the application still decides about it."""
        states = {ASGIWebsocketState.HANDSHAKE, ASGIWebsocketState.CONNECTED}
        return not self.closed and self.state in states

    async def _handle_events(self) -> None:
        await super()._handle_events()
        if self._message.is_over:
            # The close frame is sent; hypercorn would go on to read and to keep what comes.
            await self.handle(StreamClosed(stream_id=self.stream_id))
            self.on_over()

    async def _send_error_response(self, status_code: int) -> None:
        await super()._send_error_response(status_code)
        # It says `Connection: close`, but hypercorn would leave that to the client.
        await self.send(StreamClosed(stream_id=self.stream_id))


class Http1(H11Protocol):
    """HTTP/1 only: without the ways to HTTP/2 that hypercorn offers."""

    on_over: Callable[[], None]
    """What its WebSocket calls."""

    @property
    def is_answering(self) -> bool:
        """Whether a request is being answered."""
        return isinstance(self.stream, HTTPStream)

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered, or there is a WebSocket."""
        stream = self.stream
        return self.is_answering or (isinstance(stream, WebSocketStream) and stream.is_busy)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Ignore `Upgrade: h2c`, as a server may (RFC 9110, section 7.8)."""

    async def _create_stream(self, request: h11.Request) -> None:
        if request.http_version not in {b"1.0", b"1.1"}:  # the preface "PRI * HTTP/2.0"
            await self._send_error_response(505)
            await self.send(Closed())
            return
        is_socket = _is_upgrade(request)
        self.stream = (WebSocketStream if is_socket else HTTPStream)(
            self.app, self.config, self.context, self.task_group, self.ssl,
            self.client, self.server, self.stream_send, STREAM_ID,
        )  # fmt: skip
        if isinstance(self.stream, WebSocketStream):
            self.stream.on_over = self.on_over
            self.connection = H11WSConnection(cast(h11.Connection, self.connection))
        # No extension of a WebSocket is offered to hypercorn: it would take permessage-deflate
        # (RFC 7692), where a small frame may hold hundreds of megabytes, and each message would be
        # compressed again for each viewer.
        headers = [one for one in request.headers if not is_socket or one[0] != _EXTENSIONS]
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=headers,
                http_version=request.http_version.decode(),
                method=request.method.decode("ascii").upper(),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1


def _is_upgrade(request: h11.Request) -> bool:
    """Tell whether a request asks for a WebSocket (RFC 6455, section 4.1)."""
    found = {name: value.decode("latin-1").strip().lower() for name, value in request.headers}
    tokens = {one.strip() for one in found.get(b"connection", "").split(",")}
    return (
        request.method.upper() == b"GET"
        and "upgrade" in tokens
        and found.get(b"upgrade", "") == "websocket"
    )
