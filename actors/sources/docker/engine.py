"""The API of a container engine: which containers there are, and their logs.

Source: https://docs.docker.com/reference/api/engine/; Podman speaks the same
(https://docs.podman.io/en/latest/_static/api.html, "compat").
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs
import httpx
import trio

from actors.sources.docker import HOST_VARIABLE

_ANSWER_SECONDS = 20.0
"""How long the engine may take to answer; a log that is followed may be silent for ever."""
_PIECES = 16
"""Pieces that may wait, at most 64 kB each."""
_MOST_BYTES = 64 << 20
"""Bytes of an answer, at most: fifty thousand containers."""
_ID = re.compile(r"/([0-9a-f]{64})/(?:userdata/)?(?:hostname|hosts|resolv\.conf)")


class EngineError(Exception):
    """The engine cannot do what is asked; the text is a sentence for people."""


class NoSuchContainerError(EngineError):
    """The container does not exist (any more)."""


@attrs.frozen
class Container:
    """A container in the engine's list."""

    id: str
    name: str
    labels: Mapping[str, str]
    is_running: bool


@attrs.frozen
class Details:
    """What else matters of a container."""

    is_running: bool
    has_terminal: bool
    """Whether its log has no frames."""
    exit_status: int


class Pieces:
    """What a connection delivers. Waiting for the next piece can be cancelled.

    A task of its own reads: httpx closes a connection whose reading is cancelled.
    """

    def __init__(self, receive: trio.MemoryReceiveChannel[bytes]) -> None:
        self._receive = receive
        self.failure: EngineError | None = None

    async def next(self) -> bytes:
        """Return the next piece; empty at the end. Raises `EngineError`."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            if self.failure is not None:
                raise self.failure from None
            return b""

    async def gathered(self, size: int, seconds: float) -> bytes:
        """Return what arrives within a moment of the next piece; empty at the end."""
        parts = [await self.next()]
        count = len(parts[0])
        with trio.move_on_after(seconds):
            while parts[-1] and count < size:
                parts.append(await self.next())
                count += len(parts[-1])
        return b"".join(parts)

    @property
    def has_more(self) -> bool:
        """Whether a piece is waiting."""
        return self._receive.statistics().current_buffer_used > 0


@asynccontextmanager
async def _pieces_of(response: httpx.Response) -> AsyncIterator[Pieces]:
    send, receive = trio.open_memory_channel[bytes](_PIECES)
    pieces = Pieces(receive)
    failure: EngineError | None = None

    async def pump() -> None:
        with send:
            try:
                async for piece in response.aiter_raw():
                    await send.send(piece)
            except httpx.HTTPError:
                pieces.failure = EngineError("the container engine closed the connection")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump)
        try:
            yield pieces
        except EngineError as error:
            failure = error  # raised alone, not as a group
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


class Engine:
    """A container engine, as an asynchronous context manager. Methods raise `EngineError`."""

    def __init__(self, address: str) -> None:
        """`address`: `unix:///PATH` or `tcp://HOST:PORT`."""
        self._address = address
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=4)
        if address.startswith("unix://"):
            self._socket: str | None = address.removeprefix("unix://")
            transport = httpx.AsyncHTTPTransport(uds=self._socket, limits=limits)
            base = "http://localhost"
        else:
            self._socket = None
            transport = httpx.AsyncHTTPTransport(limits=limits)
            base = "http://" + address.removeprefix("tcp://").rstrip("/")
        timeout = httpx.Timeout(_ANSWER_SECONDS)
        self._client = httpx.AsyncClient(transport=transport, base_url=base, timeout=timeout)

    async def __aenter__(self) -> Engine:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def containers(self) -> list[Container]:
        """Return all containers, running or not."""
        found = await self._json("/containers/json", {"all": "1"})
        try:
            return [_container(one) for one in found]
        except (TypeError, KeyError, AttributeError, IndexError):
            raise EngineError(_NOT_AN_ENGINE.format(self._address)) from None

    async def details(self, container: str) -> Details:
        """Return what else matters of a container. Raises `NoSuchContainerError`."""
        found = await self._json(f"/containers/{container}/json", {})
        try:
            state = found["State"]
            return Details(
                is_running=bool(state["Running"]),
                has_terminal=bool(found["Config"]["Tty"]),
                exit_status=int(state.get("ExitCode") or 0),
            )
        except (TypeError, KeyError, AttributeError, ValueError):
            raise EngineError(_NOT_AN_ENGINE.format(self._address)) from None

    @asynccontextmanager
    async def log(
        self, container: str, *, since: int | None, follow: bool, last: int | None = None
    ) -> AsyncIterator[Pieces]:
        """Read the log of a container, with the time before each line.

        `since` is a second since the epoch, from which on (or a little earlier) lines are sent.
        `last` is how many lines are sent, of the end. Raises `NoSuchContainerError`.
        """
        asked = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": str(int(follow))}
        asked["tail"] = "all" if last is None else str(last)
        if since is not None:
            asked["since"] = str(since)
        async with self._stream(f"/containers/{container}/logs", asked, endless=True) as pieces:
            yield pieces

    @asynccontextmanager
    async def events(self) -> AsyncIterator[Pieces]:
        """Read the engine's events about containers that begin, end or change."""
        kinds = ["start", "die", "destroy", "rename"]
        asked = {"filters": json.dumps({"type": ["container"], "event": kinds})}
        async with self._stream("/events", asked, endless=True) as pieces:
            yield pieces

    async def _json(self, path: str, asked: Mapping[str, str]) -> Any:
        parts: list[bytes] = []
        async with self._stream(path, asked, endless=False) as pieces:
            while piece := await pieces.next():
                parts.append(piece)
                if sum(map(len, parts)) > _MOST_BYTES:
                    raise EngineError(_NOT_AN_ENGINE.format(self._address))
        try:
            return json.loads(b"".join(parts))
        except (ValueError, RecursionError):
            raise EngineError(_NOT_AN_ENGINE.format(self._address)) from None

    @asynccontextmanager
    async def _stream(
        self, path: str, asked: Mapping[str, str], *, endless: bool
    ) -> AsyncIterator[Pieces]:
        timeout = httpx.Timeout(_ANSWER_SECONDS, read=None if endless else _ANSWER_SECONDS)
        try:
            async with self._client.stream("GET", path, params=asked, timeout=timeout) as response:
                if response.status_code != 200:
                    raise _refusal(response.status_code, await _beginning(response))
                async with _pieces_of(response) as pieces:
                    yield pieces
        except httpx.ConnectError:
            raise EngineError(self._why_unreachable()) from None
        except httpx.TimeoutException:
            raise EngineError(f"the container engine at {self._address} does not answer") from None
        except httpx.HTTPError:
            raise EngineError("the container engine closed the connection") from None

    def _why_unreachable(self) -> str:
        socket = self._socket
        if socket is None:
            return f"nothing answers at {self._address}; check {HOST_VARIABLE}"
        if not os.path.lexists(socket):
            return (
                f"no container engine: {socket} does not exist; start Docker, set {HOST_VARIABLE}, "
                f"or mount the socket into this container (-v {socket}:{socket})"
            )
        if not os.access(socket, os.R_OK | os.W_OK):
            return (
                f"permission denied: {socket}; try: sudo usermod -aG docker $USER, "
                "then log in again"
            )
        return f"the container engine is not running: nothing answers at {socket}"


_NOT_AN_ENGINE = "what answers at {} is not a container engine; check DOCKER_HOST"


def _container(found: Any) -> Container:
    names = [name.removeprefix("/") for name in found["Names"]]
    # Legacy links add names with a slash.
    name = next((name for name in names if "/" not in name), names[0])
    labels = {str(key): str(value) for key, value in (found.get("Labels") or {}).items()}
    return Container(str(found["Id"]), str(name), labels, found["State"] == "running")


async def _beginning(response: httpx.Response) -> str:
    """Return what the engine says about an error."""
    text = b""
    async for piece in response.aiter_raw():
        text += piece
        if len(text) > 1 << 16:
            break
    try:
        said = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = text.decode("utf-8", "replace")
    return " ".join(str(said).split())[:200]


def _refusal(status: int, said: str) -> EngineError:
    if status == 404:
        return NoSuchContainerError("no such container")
    if "does not support reading" in said:
        return EngineError(
            "the container's logging driver cannot be read; use the driver json-file, local or "
            'journald (docker run --log-driver local, or "log-driver" in /etc/docker/daemon.json)'
        )
    return EngineError(f"the container engine answered {status}: {said}")


def own_container() -> str | None:
    """Return the id of the container that this program runs in; `None` outside of one.

    The engine mounts files of the container's directory into it.
    """
    with suppress(OSError):
        found = _ID.search(Path("/proc/self/mountinfo").read_text())
        if found is not None:
            return found[1]
    return None
