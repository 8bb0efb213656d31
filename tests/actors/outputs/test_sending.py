"""What a target's answers and failures mean: some pass, the others are final."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio
from loguru import logger

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.notifier import sending
from actors.outputs.notifier.notifier import make_notifier
from glancemetrics.errors import UsageError
from glancemetrics.health.health import OutputState
from glancemetrics.incidents.alert_events import AlertEvent
from tests.actors.outputs.http_server import Answer, http_server
from tests.actors.outputs.test_notifier import bodies, describe, event, target, tell

pytestmark = pytest.mark.usefixtures("soon")


def of_group(number: int, group: str) -> AlertEvent:
    made = event(number)
    assert made.incident is not None
    incident = attrs.evolve(made.incident, id=f"Scanner[{group}]", by="path", group=group)
    return attrs.evolve(made, incident=incident)


@pytest.mark.parametrize("group", ["/a\r\nX-Evil: 1", "/\x00\x7f", "/\udc80", "/ü€", "/" * 9000])
async def test_no_text_of_a_log_is_in_a_header(group: str, journal: Path) -> None:
    with http_server() as server:
        told = target(f'webhook = "{server.url}"')
        events = [of_group(1, group), event(2)]
        await tell(told, journal, *events, until=lambda: len(server.received) >= 2)
    evil, after = server.received
    key = json.loads(evil.body)["key"]
    assert group in key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    assert evil.headers["Idempotency-Key"] == digest
    assert "X-Evil" not in evil.headers
    assert json.loads(after.body)["key"] == "high_traffic-2 triggered"


def request() -> httpx.Request:
    return httpx.Request("POST", "http://x/")


FINAL = [
    httpx.LocalProtocolError("Illegal header value", request=request()),
    httpx.UnsupportedProtocol("ftp", request=request()),
    httpx.InvalidURL("https://hunter2@"),
    httpx.CookieConflict("hunter2"),
    UnicodeEncodeError("ascii", "hunter2", 0, 1, "no"),
    ValueError("hunter2"),
    KeyError("hunter2"),
    RecursionError("hunter2"),
    OverflowError("hunter2"),
]
PASSING = [
    httpx.ConnectError("hunter2"),
    httpx.ConnectTimeout("hunter2"),
    httpx.ReadError("hunter2"),
    httpx.RemoteProtocolError("hunter2"),
    httpx.ProxyError("hunter2"),
    OSError(24, "Too many open files"),
    MemoryError(),
]


async def told_after(
    error: Exception, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Delivery, list[str]]:
    """Tell of two events, of which the first meets an error once."""
    stream = httpx.AsyncClient.stream
    errors = [error]

    def failing(*arguments: Any, **options: Any) -> Any:
        if errors:
            raise errors.pop()
        return stream(*arguments, **options)

    monkeypatch.setattr(httpx.AsyncClient, "stream", failing)
    with http_server() as server:
        told = target(f'webhook = "{server.url}"')

        def has_last() -> bool:
            return any(body["key"] == "high_traffic-2 triggered" for body in bodies(server))

        delivery = await tell(told, journal, event(1), event(2), until=has_last)
    return delivery, [body["key"] for body in bodies(server)]


@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
async def test_what_would_fail_the_same_way_for_ever_is_final(
    error: Exception, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="ERROR", format="{message}")
    try:
        delivery, keys = await told_after(error, journal, monkeypatch)
    finally:
        logger.remove(sink)
    assert keys == ["high_traffic-2 triggered"]
    assert (delivery.health.lost, delivery.health.restarts) == (1, 0)
    assert len(said) == 1
    assert "high_traffic-1 triggered" in said[0]
    assert "hunter2" not in said[0]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
async def test_what_may_be_over_next_time_is_tried_again(
    error: Exception, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery, keys = await told_after(error, journal, monkeypatch)
    assert keys == ["high_traffic-1 triggered", "high_traffic-2 triggered"]
    assert (delivery.health.lost, delivery.health.restarts) == (0, 0)


@pytest.mark.parametrize(
    "wait",
    [
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
        "Sat, 01 Jan 0001 00:00:00 -0000",
        "Sat, 01 Jan 0001 00:00:00 +2359",
        "9" * 400,
        "²",
        "-1",
        "1e999",
        "\x01",
        "",
    ],
)
async def test_an_odd_retry_after_ends_nothing(
    wait: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.outputs.retry_after.LONGEST_WAIT", 0.2)
    with http_server(Answer(503, {"Retry-After": wait})) as server:
        told = target(f'webhook = "{server.url}"')
        delivery = await tell(told, journal, event(1), until=lambda: len(server.received) == 2)
    assert delivery.health.restarts == 0


@pytest.mark.parametrize("status", [200, 204, 503])
async def test_of_an_answer_only_the_status_is_read(status: int, journal: Path) -> None:
    """An answer may have no end, and be packed."""
    bomb = gzip.compress(bytes(1 << 20))
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/html"}
    with http_server(Answer(status, headers, endless=bomb)) as server:
        told = target(f'webhook = "{server.url}"\ntimeout = "300s"')
        count = 2 if status == 503 else 1
        delivery = await tell(
            told, journal, event(1), until=lambda: len(server.received) >= count, seconds=60
        )
        with trio.fail_after(60):
            while delivery.health.state is not OutputState.WORKING:
                await trio.sleep(0.02)
    assert len(server.received) == count
    assert server.taken_bytes < 20_000_000  # what the kernel's buffers hold


@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        ('webhook = "env:ODD"', "https://hunter2\n@x/", "invalid URL"),
        ('webhook = "env:ODD"', "ftp://hunter2@x/", "invalid URL"),
        ('webhook = "env:ODD"', "hunter2", "invalid URL"),
        ('webhook = "env:ODD"', "https:///hunter2", "invalid URL"),
        ('webhook = "env:ODD"', "https://hunter2:port/", "invalid URL"),
        ('webhook = "env:ODD"', "https://hunter2:99999999/", "invalid URL"),
        ('webhook = "env:ODD"', "https://hunter2:0/", "invalid URL"),
        ('alertmanager = "env:ODD"', "hunter2:9093", "invalid URL"),
        ('webhook = "https://x.y/"\nheaders = { A = "env:ODD" }', "hunter2\nB: 1", "line breaks"),
        ('webhook = "https://x.y/"\nheaders = { A = "env:ODD" }', "hunter2\x00", "line breaks"),
        ('webhook = "https://x.y/"\nheaders = { A = "env:ODD" }', "", "ODD is empty"),
    ],
)
def test_what_can_never_be_sent_is_said_at_the_start_and_not_shown(
    text: str, value: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending.os, "environ", {"ODD": value})
    with pytest.raises(UsageError) as told:
        make_notifier(target(text), tmp_path / "a.db", time.time, describe)
    assert error in str(told.value)
    assert str(told.value).startswith("config.toml line ")
    assert "hunter2" not in str(told.value)


async def test_a_header_may_have_letters_of_all_languages(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD", "Grüße")
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\nheaders = {{ X-Whom = "env:ODD" }}')
        await tell(told, journal, event(1), until=lambda: bool(server.received))
    assert server.received[0].headers["X-Whom"].encode("latin-1").decode() == "Grüße"


async def test_what_apprise_raises_is_final(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apprise = pytest.importorskip("apprise")
    calls: list[int] = []

    def notify(*_: Any, **__: Any) -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise TypeError("hunter2")
        return True

    monkeypatch.setattr(apprise.Apprise, "notify", notify)
    told = target('apprise = "json://127.0.0.1/"')
    delivery = Delivery.to(make_notifier(told, journal, time.time, describe))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_event(event(1))
        delivery.send_event(event(2))
        with trio.fail_after(60):
            while len(calls) < 2:
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    assert (delivery.health.lost, delivery.health.restarts) == (1, 0)
