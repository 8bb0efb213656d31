"""Held bytes: messages to viewers who do not read."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from loguru import logger
from starlette.types import Receive, Scope, Send

from actors.outputs.web import held_bytes
from actors.outputs.web.held_bytes import HeldBytes

LARGE = "a" * 50_000


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Send large messages for ever."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await trio.lowlevel.checkpoint()
        if scope["type"] == "http":
            body = LARGE.encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
        else:
            await send({"type": "websocket.send", "text": LARGE})


class Client:
    """Takes some large messages, and then waits."""

    def __init__(self, limited: HeldBytes, kind: str, peer: str, most: int) -> None:
        self._limited, self._most = limited, most
        self._scope = {"type": kind, "client": (peer, 1), "headers": [], "path": "/"}
        self.got: list[Any] = []
        self.has_ended = False

    async def run(self) -> None:
        await self._limited(self._scope, self._receive, self._send)
        self.has_ended = True

    async def _receive(self) -> Any:
        await trio.sleep_forever()

    async def _send(self, message: Any) -> None:
        self.got.append(message)
        if message["type"] != "websocket.close" and len(self.got) > self._most:
            await trio.sleep_forever()


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_viewers_are_parted_with_when_too_much_waits(
    kind: str, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_bytes, "MOST_HELD", 130_000)
    monkeypatch.setattr(held_bytes, "MOST_HELD_OF_ONE", 90_000)
    limited, texts = HeldBytes(stream), list[str]()
    number = logger.add(texts.append, level="WARNING", format="{message}")
    first, quick, other, third = (
        Client(limited, kind, peer, most)
        for peer, most in (
            ("192.0.2.1", 1),
            ("192.0.2.1", 1000),
            ("192.0.2.2", 1),
            ("192.0.2.3", 1),
        )
    )
    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            for client in (first, quick, other, third):
                nursery.start_soon(client.run)
                await trio.testing.wait_all_tasks_blocked()
    logger.remove(number)
    # Of one asker there is room for one that waits, and in all for two.
    assert [one.has_ended for one in (first, quick, other, third)] == [False, True, False, True]
    if kind == "websocket":
        assert third.got == [{"type": "websocket.close", "code": 1013, "reason": held_bytes._WHY}]
    (text,) = texts
    assert text.startswith("large answers of the page refused so far: 1; clients")
