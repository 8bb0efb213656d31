"""Held bytes: what is in memory until clients have taken it, of all answers together.

A client that reads slowly holds its whole answer. Without a limit, some hundred of them would take
the memory of the machine.
"""

from __future__ import annotations

import math
from collections import Counter

import trio
from loguru import logger
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.outputs.web.guards import asker_of
from actors.outputs.web.problems import problem

MOST_HELD, MOST_HELD_OF_ONE = 256 << 20, 128 << 20
"""Bytes of all answers, and of those of one asker, that wait for their clients."""
_SMALL = 16 << 10
"""Bytes of an answer that is never refused: an error, a probe, a page without its files."""
_RETRY_SECONDS = 20.0
_TRY_AGAIN_LATER = 1013
"""A close code (IANA, WebSocket Close Code Number Registry)."""
_WHY = "clients have not read too many answers yet"
_WARN_SECONDS = 60.0
"""Between two warnings."""


class HeldBytes:
    """Refuses large answers and messages while clients have not read too many others.

    An answer is refused with the status 503; a viewer that gets messages is parted with, and may
    connect again. Whoever holds nothing gets one answer of any size, unless all hold too much.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._held, self._of = 0, Counter[str]()
        self._refused = 0
        self._warned_at = -math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asker = asker_of(scope)
        answer: int | None = None
        """Bytes of the answer, which are held until the last one is taken."""
        is_refused = False

        async def begin(message: Message) -> None:
            nonlocal answer, is_refused
            length = int(Headers(raw=message["headers"]).get("content-length", 0))
            if self._take(asker, length):
                answer = length
                await send(message)
                return
            is_refused = True
            why = f"{_WHY}; try again in {_RETRY_SECONDS:g} s"
            await problem(503, why, retry_after=_RETRY_SECONDS)(scope, receive, send)

        async def go_on(message: Message) -> None:
            size = _size_of(message)
            if not self._take(asker, size):
                if message["type"] == "websocket.send":
                    code = {"code": _TRY_AGAIN_LATER, "reason": _WHY}
                    await send({"type": "websocket.close", **code})
                # A stream of HTTP ends without its last chunk: so it is seen to be incomplete.
                running.cancel()
                await trio.lowlevel.checkpoint()
            try:
                await send(message)
            finally:
                self._give_back(asker, size)

        async def within_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                await begin(message)
            elif not is_refused:
                await go_on(message)

        try:
            with trio.CancelScope() as running:
                await self._application(scope, receive, within_limits)
        finally:
            if answer is not None:
                self._give_back(asker, answer)

    def _take(self, asker: str, size: int) -> bool:
        """Note that an asker's client is to read so many bytes; returns whether it may."""
        own = self._of[asker]
        is_too_much = (self._held and self._held + size > MOST_HELD) or (
            own and own + size > MOST_HELD_OF_ONE
        )
        if is_too_much and size > _SMALL:
            self._warn()
            return False
        self._held += size
        self._of[asker] += size
        return True

    def _give_back(self, asker: str, size: int) -> None:
        self._held -= size
        self._of[asker] -= size
        if not self._of[asker]:
            del self._of[asker]

    def _warn(self) -> None:
        self._refused += 1
        now = trio.current_time()
        if now - self._warned_at >= _WARN_SECONDS:
            self._warned_at = now
            logger.warning(
                "large answers of the page refused so far: {:,}; clients that read slowly hold "
                "{:,} bytes",
                self._refused,
                self._held,
            )


def _size_of(message: Message) -> int:
    """Return the bytes of a message that is one of many; those of an answer are known before."""
    if message["type"] == "websocket.send":
        return len(message.get("text") or message.get("bytes") or b"")
    return len(message.get("body", b"")) if message.get("more_body") else 0
