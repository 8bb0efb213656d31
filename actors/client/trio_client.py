"""The client under trio: the methods of `Client`, to await, or to iterate over with `async for`."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import trio

from actors.client.connection import Connection, received, reply_of, troubles
from actors.client.method import Method
from glancemetrics.errors import UnreachableError, UsageError
from glancemetrics.history.query import Answer
from glancemetrics.http_api import calls
from glancemetrics.http_api.calls import (
    Call,
    Pages,
    check_reply,
    read_reply,
)
from glancemetrics.http_api.event_stream import Event, Following

T = TypeVar("T")


async def _send(client: TrioClient, call: Call[T]) -> T:
    with troubles(client.connection):
        response = await client.http.request(**client.connection.request(call))
    return read_reply(call, reply_of(response, response.content), client.connection.server)


async def _turn(client: TrioClient, pages: Pages | None) -> AsyncGenerator[Answer, None]:
    while pages is not None:
        answer, link = await _send(client, pages.call)
        yield answer
        pages = pages.after(answer, link)


async def _follow(client: TrioClient, call: Call[Any]) -> AsyncGenerator[Event, None]:
    following = Following()
    while True:
        try:
            connection = client.connection
            with troubles(connection):
                async with client.http.stream(**connection.stream_request(call)) as response:
                    if not response.is_success:
                        await response.aread()
                    body = b"" if response.is_success else response.content
                    check_reply(call, reply_of(response, body), connection.server)
                    for event in following.connected(time.time()):
                        yield event
                    async for data in response.aiter_bytes():
                        for event in received(following, data, connection):
                            yield event
            why = "the server closed the connection"
        except UnreachableError as error:
            if not following.has_connected:
                raise
            why = str(error)
        await trio.sleep(following.lost(time.time(), why))


class TrioClient:
    """A connection to a running monitor (`--web`), made by `connect_trio`; use `async with`."""

    query = Method(calls.query, _send)
    series = Method(calls.series, _send)
    records = Method(calls.records, _turn)
    kept_fields = Method(calls.kept_fields, _send)
    snapshot = Method(calls.snapshot, _send)
    health = Method(calls.health, _send)
    alerts = Method(calls.alerts, _send)
    rules = Method(calls.rules, _send)
    silences = Method(calls.silences, _send)
    silence = Method(calls.silence, _send)
    end_silence = Method(calls.end_silence, _send)
    acknowledge = Method(calls.acknowledge, _send)
    take_back = Method(calls.take_back, _send)
    events = Method(calls.events, _follow)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http: httpx.AsyncClient | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """The client of httpx. Raises `UsageError` outside `async with`."""
        if self._http is None:
            raise UsageError(f"{self.connection.server}: use this client in async with")
        return self._http

    def __repr__(self) -> str:
        return f"<TrioClient of {self.connection.server}>"

    async def __aenter__(self) -> Self:
        """Raises `UsageError` for files of certificates that cannot be used."""
        # Authorities are read from files, which takes a while.
        options = await trio.to_thread.run_sync(self.connection.options)
        self._http = httpx.AsyncClient(**options)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
