"""Receives lines: reads the body of a request within limits, and hands its lines to the intake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial

import attrs
import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from actors.files.decompression import DamagedError, TooLargeError, unpacked
from actors.outputs.desk import Desk
from actors.outputs.web.guards import sender_of
from actors.outputs.web.problems import problem
from actors.outputs.web.senders import Sender
from actors.sources.intake import (
    Intake,
    KeyInUseError,
    NotTakenError,
    OtherLinesError,
)
from actors.state.left_threads import run_leavable
from actors.state.turns import Turns
from glancemetrics.errors import UsageError
from glancemetrics.formats.posted_frames import NO_KEY, Posted
from glancemetrics.formats.posted_keys import MOST_KEY, digest_of, fingerprint_of, read_key
from glancemetrics.formats.posted_lines import BodyKind, NotLinesError, posted_lines
from glancemetrics.http_api.endpoints import JSON, Endpoint
from glancemetrics.http_api.json_text import json_bytes
from glancemetrics.http_api.parameters import read_parameters
from glancemetrics.http_api.sent_lines import CODINGS, MEDIA, coding_of, kind_of_body

MOST_BODY = 16 << 20
"""Bytes of a body, as it is sent and after it was decompressed."""
MOST_HELD, _MOST_OF_ONE = 96 << 20, 48 << 20
"""Bytes of bodies in memory at the same time: of all senders, and of one."""
MOST_AT_ONCE = 64
"""Requests of one sender at the same time."""
_BODY_SECONDS = 10.0
_LEAST_RATE = 64 << 10
"""Bytes a second at which a body has to arrive, after `_BODY_SECONDS`."""
_SMALL = 32 << 10
"""Bytes of a body that is read in the event loop, which takes less than a thread would."""
_BUSY_SECONDS = 1.0
_TURNS = Turns(2)
"""Threads for larger bodies. They are not those of the viewers."""


@attrs.define
class _RefusedError(Exception):
    """The answer to a request whose lines are not taken."""

    response: Response


def _refused(
    status: int, detail: str, *, after: float | None = None, headers: Mapping[str, str] = {}
) -> _RefusedError:
    response = problem(status, detail, retry_after=after)
    response.headers.update(headers)
    return _RefusedError(response)


@attrs.define
class _Room:
    """Memory for the bodies of one request, of what there is for all and for its sender."""

    _held: Counter[str]
    _sender: str
    _own: int = 0

    def take(self, size: int) -> None:
        """Take bytes of it. Raises `_RefusedError`."""
        if self._held.total() + size > MOST_HELD or self._held[self._sender] + size > _MOST_OF_ONE:
            raise _refused(503, "too many lines arrive at once", after=_BUSY_SECONDS)
        self._held[self._sender] += size
        self._own += size

    def give_back(self) -> None:
        """Give back what was taken."""
        self._held[self._sender] -= self._own
        if not self._held[self._sender]:
            del self._held[self._sender]


class Receiving:
    """Answers requests with lines."""

    def __init__(self, desk: Desk, endpoint: Endpoint) -> None:
        self._desk = desk
        self._endpoint = endpoint
        self._running: Counter[str] = Counter()
        """{sender: its requests}"""
        self._held: Counter[str] = Counter()
        """{sender: bytes of its bodies}"""

    async def answer(self, request: Request) -> Response:
        """Take the lines of a request, whose sender was let in by the guard."""
        intake, sender = self._desk.intake, sender_of(request.scope)
        if intake is None or sender is None:
            return problem(404, "no lines are taken here: -f http: and --web-senders are not set")
        if request.method == "HEAD":  # so Vector asks whether the server is there
            return Response(media_type=JSON)
        room = _Room(self._held, sender.name)
        self._running[sender.name] += 1
        try:
            if self._running[sender.name] > MOST_AT_ONCE:
                detail = f"{MOST_AT_ONCE} requests of this sender are in progress already"
                raise _refused(429, detail, after=_BUSY_SECONDS)
            return await self._take(request, sender, intake, room)
        except _RefusedError as refusal:
            intake.refuse()
            return refusal.response
        except ClientDisconnect:
            intake.refuse()
            return problem(400, "the body is incomplete")  # nobody reads it
        finally:
            room.give_back()
            self._running[sender.name] -= 1
            if not self._running[sender.name]:
                del self._running[sender.name]

    async def _take(
        self, request: Request, sender: Sender, intake: Intake, room: _Room
    ) -> Response:
        kind, coding = _form_of(request)
        key = _key_of(request)
        server = self._server_of(request, sender)
        body = await _body_of(request, room)
        read = partial(_posted, body, kind, coding, sender, server)
        if coding or len(body) > _SMALL:
            posted = await run_leavable(read, _TURNS.of(sender.name))
        else:
            posted = read()
        room.take(posted.size)
        posted = attrs.evolve(
            posted,
            at=int(self._desk.wall()),
            key=NO_KEY if key is None else digest_of(sender.name, key),
        )
        try:
            is_new = await intake.take(posted, sender.name)
        except NotTakenError as error:
            raise _refused(503, str(error), after=error.wait) from None
        except KeyInUseError:
            detail = "a request with this Idempotency-Key is still in progress"
            raise _refused(409, detail, after=_BUSY_SECONDS) from None
        except OtherLinesError:
            detail = "this Idempotency-Key was used for other lines; each batch needs its own"
            raise _refused(422, detail) from None
        return Response(
            json_bytes({"lines": posted.count, "repeated": not is_new}), media_type=JSON
        )

    def _server_of(self, request: Request, sender: Sender) -> str:
        """Return the server of lines that name none."""
        try:
            values = read_parameters(self._endpoint.parameters, request.query_params.multi_items())
        except UsageError as error:
            raise _refused(400, str(error)) from None
        server: str = values["server"] or sender.name
        if not sender.may_be(server):
            raise _refused(
                403,
                f"{sender.name} may not send lines of another server; "
                f"`{sender.name} TOKEN SERVER` in the file of --web-senders allows it",
            )
        return server


def _form_of(request: Request) -> tuple[BodyKind, str]:
    """Return what the body is, and how it is compressed."""
    kind = kind_of_body(request.headers.get("content-type", ""))
    if kind is None:
        raise _refused(415, f"the body must be lines or JSON: {', '.join(MEDIA)}")
    coding = coding_of(", ".join(request.headers.getlist("content-encoding")))
    if coding is None:
        raise _refused(
            415,
            f"the body must be compressed with {CODINGS}, or not at all",
            headers={"Accept-Encoding": CODINGS},
        )
    return kind, coding


def _key_of(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    key = read_key(given[0]) if len(given) == 1 else None
    if key is None:
        raise _refused(400, f"Idempotency-Key: must be one text of 1 to {MOST_KEY} characters")
    return key


async def _body_of(request: Request, room: _Room) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MOST_BODY:
        raise _too_large()
    body = bytearray()
    with trio.move_on_after(_BODY_SECONDS) as waiting:
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                room.take(len(piece))
                body += piece
                if len(body) > MOST_BODY:
                    raise _too_large()
                waiting.deadline += len(piece) / _LEAST_RATE
        return bytes(body)
    raise _refused(408, f"the body came at less than {_LEAST_RATE >> 10} kB/s")


def _posted(body: bytes, kind: BodyKind, coding: str, sender: Sender, server: str) -> Posted:
    """Return the lines of a body. It may take long. Raises `_RefusedError`."""
    try:
        text = unpacked(body, coding, MOST_BODY) if coding else body
        groups = posted_lines(text, kind, server, sender.may_be if sender.servers else None)
    except TooLargeError:
        raise _too_large() from None
    except DamagedError as error:
        raise _refused(400, f"the body is {error}") from None
    except NotLinesError as error:
        raise _refused(400, str(error)) from None
    return Posted(groups, sender=digest_of(sender.name), fingerprint=fingerprint_of(groups))


def _too_large() -> _RefusedError:
    return _refused(
        413, f"the body is over {MOST_BODY >> 20} MiB, as sent or decompressed; send smaller ones"
    )
