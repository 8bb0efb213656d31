"""The API of a container engine: which containers there are, and their logs.

Source: https://docs.docker.com/reference/api/engine/; Podman speaks the same
(https://docs.podman.io/en/latest/_static/api.html, "compat").
"""

from __future__ import annotations

import array
import fcntl
import json
import math
import re
import termios
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs
import trio

from actors.sources.docker import why_unreachable

_ANSWER_SECONDS = 20.0
"""How long the engine may take to answer; a log that is followed may be silent for ever."""
_PIECE_BYTES = 1 << 18
_SMALL_PIECE = 1 << 15
_REST_SECONDS = 0.002
"""Pause after a small piece: an engine sends each line by itself, and to receive a hundred lines at
a time costs as much as one."""
_LONGEST_HEAD = 1 << 16
_PORT = 2375
_CLOSED = "the container engine closed the connection"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
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
    """What a connection delivers after the head of the answer. Waiting for it can be cancelled."""

    def __init__(self, stream: trio.SocketStream, first: bytes) -> None:
        """`first` arrived together with the head."""
        self._stream = stream
        self._first = first

    async def next(self) -> bytes:
        """Return the next piece; empty at the end. Raises `EngineError`."""
        first, self._first = self._first, b""
        if first:
            return first
        try:
            return bytes(await self._stream.receive_some(_PIECE_BYTES))
        except trio.BrokenResourceError:
            raise EngineError(_CLOSED) from None

    async def gathered(self, size: int, seconds: float) -> bytes:
        """Return what arrives within a moment of the next piece; empty at the end."""
        parts = [await self.next()]
        count = len(parts[0])
        with trio.move_on_after(seconds):
            while parts[-1] and count < size:
                if len(parts[-1]) < _SMALL_PIECE:
                    await trio.sleep(_REST_SECONDS)
                parts.append(await self.next())
                count += len(parts[-1])
        return b"".join(parts)

    @property
    def left(self) -> int:
        """Bytes known to be waiting."""
        count = array.array("i", [0])
        try:
            fcntl.ioctl(self._stream.socket.fileno(), termios.FIONREAD, count)
        except OSError:
            return 0
        return count[0] + len(self._first)


class Engine:
    """A container engine. Methods raise `EngineError`.

    Requests are of HTTP/1.0: an answer is then sent as it is. With HTTP/1.1 an engine makes a chunk
    of each line of a log, and taking those apart costs a hundred times as much as the lines.
    """

    def __init__(self, address: str) -> None:
        """`address`: `unix:///PATH` or `tcp://HOST:PORT`."""
        self._address = address
        self._socket: str | None = None
        self._host, self._port = "localhost", _PORT
        if address.startswith("unix://"):
            self._socket = address.removeprefix("unix://")
        else:
            host, _, port = address.removeprefix("tcp://").rstrip("/").rpartition(":")
            self._host = (host or port).strip("[]")
            self._port = int(port) if host and port.isdecimal() else _PORT

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
        request = f"GET {path}?{urlencode(asked)} HTTP/1.0\r\nHost: localhost\r\n\r\n"
        with trio.CancelScope() as patience:
            patience.deadline = trio.current_time() + _ANSWER_SECONDS
            stream = await self._connected()
            async with stream:
                pieces: Pieces | None = None
                with _as_engine_errors():
                    await stream.send_all(request.encode())
                    pieces = await _answered(stream)
                if endless:
                    patience.deadline = math.inf
                yield pieces
        if patience.cancelled_caught:
            raise EngineError(f"the container engine at {self._address} does not answer")

    async def _connected(self) -> trio.SocketStream:
        try:
            if self._socket is not None:
                return await trio.open_unix_socket(self._socket)
            return await trio.open_tcp_stream(self._host, self._port)
        except OSError:
            raise EngineError(self._why_unreachable()) from None

    def _why_unreachable(self) -> str:
        known = why_unreachable(self._address)
        return known or f"the container engine is not running: nothing answers at {self._address}"


_NOT_AN_ENGINE = "what answers at {} is not a container engine; check DOCKER_HOST"


def _container(found: Any) -> Container:
    names = [name.removeprefix("/") for name in found["Names"]]
    # Legacy links add names with a slash.
    name = next((name for name in names if "/" not in name), names[0])
    labels = {str(key): str(value) for key, value in (found.get("Labels") or {}).items()}
    return Container(str(found["Id"]), str(name), labels, found["State"] == "running")


async def _answered(stream: trio.SocketStream) -> Pieces:
    """Return what follows the head of an answer. Raises `EngineError` for refusals."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await stream.receive_some(_PIECE_BYTES)
        head += piece
        if not piece or len(head) > _LONGEST_HEAD + _PIECE_BYTES:
            raise EngineError(_CLOSED)
    head, _, first = head.partition(b"\r\n\r\n")
    found = _STATUS.match(head)
    if found is None:
        raise EngineError("what answers is not a container engine; check DOCKER_HOST")
    pieces = Pieces(stream, first)
    status = int(found[1])
    if status != 200:
        raise _refusal(status, await _said(pieces))
    return pieces


@contextmanager
def _as_engine_errors() -> Iterator[None]:
    try:
        yield
    except trio.BrokenResourceError:
        raise EngineError(_CLOSED) from None


async def _said(pieces: Pieces) -> str:
    """Return what the engine says about an error."""
    text = b""
    while len(text) < _LONGEST_HEAD and (piece := await pieces.next()):
        text += piece
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
