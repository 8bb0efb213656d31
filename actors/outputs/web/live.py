"""Live: the WebSocket of the page, and Server-Sent Events."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import trio
from starlette.websockets import WebSocket, WebSocketDisconnect

from actors.outputs.web.access import Person
from actors.outputs.web.allowances import Allowance
from actors.outputs.web.threads import in_thread
from actors.outputs.web.viewers import Frame, Viewer, Viewers
from glancemetrics.errors import UsageError
from glancemetrics.history.ask import Ask
from glancemetrics.http_api.ask_json import MOST_ASKS, ask_of
from glancemetrics.http_api.event_stream import QUIET_SECONDS, RETRY_MS

_TOO_MUCH, _BAD = 1008, 1007
"""Close codes: policy violation, and data of another type than announced (RFC 6455, 7.4.1)."""
_LONGEST_ID = 4000
_MESSAGES_A_SECOND, _BURST = 10.0, 60.0


async def serve_socket(
    socket: WebSocket,
    viewers: Viewers,
    kept: tuple[str, ...],
    person: Person | None,
    asker: str,
) -> None:
    """Serve one WebSocket until it is closed, or the person may no longer look."""
    is_compressed = socket.query_params.get("compress") == "deflate"
    viewer = Viewer(is_compressed=is_compressed, asker=asker, person=person)
    await socket.accept()
    try:
        await viewers.greet(viewer)
        await viewers.join(viewer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send, socket, viewer)
            nursery.start_soon(_close_when_dismissed, socket, viewer, nursery.cancel_scope)
            await _listen(socket, viewer, viewers, kept)
            nursery.cancel_scope.cancel()
    except* WebSocketDisconnect:
        pass
    finally:
        viewers.leave(viewer)


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while not viewer.dismissed.is_set():
        for frame in await viewer.frames():
            if viewer.dismissed.is_set():
                return
            if viewer.is_compressed:
                await socket.send_bytes(frame.deflated)
            else:
                await socket.send_text(frame.text)


async def _close_when_dismissed(
    socket: WebSocket, viewer: Viewer, running: trio.CancelScope
) -> None:
    await viewer.dismissed.wait()
    await socket.close(_TOO_MUCH, "the session has ended")
    running.cancel()  # else it would be listened to until the client closes it, too


async def _listen(
    socket: WebSocket, viewer: Viewer, viewers: Viewers, kept: tuple[str, ...]
) -> None:
    """Obey what the viewer says until it leaves."""
    allowance = Allowance(_MESSAGES_A_SECOND, _BURST)
    while True:
        message = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        if not allowance.take(time.monotonic()):
            await socket.close(_TOO_MUCH, "too many messages")
            return
        try:
            told = json.loads(message.get("text") or "")
            if not isinstance(told, dict):
                raise UsageError("a message must be an object")
        except (ValueError, RecursionError, UsageError):
            await socket.close(_BAD, "a message must be an object of JSON")
            return
        await _obey(told, viewer, viewers, kept)


async def _obey(
    told: Mapping[str, Any], viewer: Viewer, viewers: Viewers, kept: tuple[str, ...]
) -> None:
    match told.get("type"):
        case "asks":
            await _ask(told.get("asks"), viewer, viewers, kept)
        case "pause":
            viewers.pause(viewer, is_paused=bool(told.get("paused")))
        case other:
            _refuse(viewer, "", f"unknown message {str(other)[:40]!r}")


async def _ask(asks: object, viewer: Viewer, viewers: Viewers, kept: tuple[str, ...]) -> None:
    if not isinstance(asks, dict) or len(asks) > MOST_ASKS:
        _refuse(viewer, "", f"asks must be an object of at most {MOST_ASKS} questions")
        return
    new = [name for name, value in asks.items() if viewer.told.get(name) != value]
    if new and not viewer.new_asks.take(trio.current_time(), len(new)):
        viewer.forget_answers_but(asks.keys() | viewer.asks.keys())
        for name in asks:
            _refuse(viewer, name, "too many new questions; try again in a few seconds")
        return
    viewer.told = asks
    # Conditions are parsed, which takes milliseconds each.
    read, problems = await in_thread(partial(_read, asks, kept), viewer.asker)
    try:
        viewers.ask(viewer, read)
    except UsageError as error:
        problems |= dict.fromkeys(read, str(error))
    for name, problem in problems.items():
        _refuse(viewer, name, problem)


def _read(
    asks: Mapping[str, object], kept: tuple[str, ...]
) -> tuple[dict[str, Ask], dict[str, str]]:
    """Return questions by id, and what is wrong with the others."""
    read, problems = {}, {}
    for name, value in asks.items():
        try:
            if len(name) > _LONGEST_ID:
                raise UsageError(f"an id has at most {_LONGEST_ID:,} characters")
            read[name] = ask_of(value, kept)
        except UsageError as error:
            problems[name] = str(error)
    return read, problems


def _refuse(viewer: Viewer, name: str, error: str) -> None:
    """Answer a question with why it cannot be."""
    name = name[:_LONGEST_ID]
    viewer.put(("answer", name), Frame.of("answer", {"columns": {}, "error": error}, name))


async def events(viewer: Viewer, viewers: Viewers) -> AsyncIterator[str]:
    """Yield what a viewer gets as Server-Sent Events (WHATWG HTML, section 9.2).

    A comment is sent when there is nothing else for a while: without one, neither side would
    notice that the other has gone. Alert events that a slow viewer did not get are counted.
    """
    alerts = requests = 0
    try:
        await viewers.join(viewer)
        yield f"retry: {RETRY_MS}\n\n"
        while not viewer.dismissed.is_set():
            frames: list[Frame] = []
            with trio.move_on_after(QUIET_SECONDS):
                frames = await viewer.frames()
            if not frames:
                yield ": nothing new\n\n"
            if viewer.missed > alerts:
                frames.insert(0, Frame.of("missed", {"events": viewer.missed - alerts}))
                alerts = viewer.missed
            if viewer.missed_requests > requests:
                lost = viewer.missed_requests - requests
                frames.insert(0, Frame.of("missed", {"messages": lost}))
                requests = viewer.missed_requests
            for frame in frames:
                if viewer.dismissed.is_set():
                    return
                yield f"event: {frame.kind}\ndata: {frame.text}\n\n"
    finally:
        viewers.leave(viewer)
