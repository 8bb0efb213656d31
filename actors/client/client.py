"""The client without trio: each method waits for its answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from actors.client.connection import Connection, received, reply_of, troubles
from actors.client.method import Method
from glancemetrics.errors import UnreachableError
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


def _send(client: Client, call: Call[T]) -> T:
    client.connection.check_open(client.http)
    with troubles(client.connection):
        response = client.http.request(**client.connection.request(call))
    return read_reply(call, reply_of(response, response.content), client.connection.server)


def _turn(client: Client, pages: Pages | None) -> Iterator[Answer]:
    while pages is not None:
        answer, link = _send(client, pages.call)
        yield answer
        pages = pages.after(answer, link)


def _follow(client: Client, call: Call[Any]) -> Iterator[Event]:
    following = Following()
    while True:
        try:
            yield from _events_of_a_connection(client, call, following)
            why = "the server closed the connection"
        except UnreachableError as error:
            if not following.has_connected:
                raise
            why = str(error)
        time.sleep(following.lost(time.time(), why))


def _events_of_a_connection(
    client: Client, call: Call[Any], following: Following
) -> Iterator[Event]:
    connection = client.connection
    connection.check_open(client.http)
    with troubles(connection), client.http.stream(**connection.stream_request(call)) as response:
        if not response.is_success:
            response.read()
        body = b"" if response.is_success else response.content
        check_reply(call, reply_of(response, body), connection.server)
        yield from following.connected(time.time())
        for data in response.iter_bytes():
            yield from received(following, data, connection)


class Client:
    """A connection to a running monitor (`--web`), made by `connect`; close it, or use `with`.

    Its methods may be called from several threads.
    """

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
        """Raises `UsageError` for files of certificates that cannot be used."""
        self.connection = connection
        self.http = httpx.Client(**connection.options())

    def __repr__(self) -> str:
        return f"<Client of {self.connection.server}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.http.close()
