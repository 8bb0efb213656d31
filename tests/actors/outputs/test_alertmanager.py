"""Alertmanager: it hears again of what is firing, from a real one that is restarted in between."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.notifier import notifier as notifiers
from actors.outputs.notifier.notifier import make_notifier
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.notifying.payloads import alertmanager_body
from tests.actors.outputs.feeding import INCIDENT
from tests.actors.outputs.http_server import Answer, Server, http_server
from tests.actors.outputs.test_notifier import Telling, describe, target, tell
from tests.lines import BASE

pytestmark = pytest.mark.usefixtures("soon")

SOON = 0.3
"""Seconds between what is sent again, in these tests."""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifiers, "RESEND_SECONDS", SOON)


def scanner(number: int, begun: int, *, over: int | None = None, named: str = "") -> AlertEvent:
    """An incident of one host that begins, or that is over."""
    host = f"192.0.2.{number}"
    incident = attrs.evolve(
        INCIDENT,
        id=f"Scanner[{host}]{named}",
        rule="Scanner",
        by="host",
        group=host,
        triggered_at=begun,
        recovered_at=over,
    )
    if over is None:
        return AlertEvent(AlertEventKind.TRIGGERED, begun, f"Scanner {host}", incident)
    return AlertEvent(AlertEventKind.RECOVERED, over, f"Scanner {host} is over", incident)


def posted(server: Server) -> list[list[dict[str, Any]]]:
    return [json.loads(received.body) for received in server.received]


async def until(server: Server, count: int) -> None:
    with trio.fail_after(60):
        while len(server.received) < count:
            await trio.sleep(0.02)


def test_an_alert_that_fires_ends_a_few_minutes_from_now() -> None:
    now = BASE + 3600
    (alert,) = json.loads(alertmanager_body([scanner(1, BASE).to_json()], now))
    ahead = datetime.fromisoformat(alert["endsAt"]) - datetime.fromtimestamp(now, UTC)
    assert timedelta(minutes=2) <= ahead <= timedelta(minutes=10)


def test_the_next_incident_of_the_same_labels_is_what_counts() -> None:
    events = [scanner(1, BASE), scanner(1, BASE, over=BASE + 60), scanner(1, BASE + 70, named="b")]
    (alert,) = json.loads(alertmanager_body([one.to_json() for one in events], BASE + 80))
    assert alert["endsAt"] > datetime.fromtimestamp(BASE + 80, UTC).isoformat()


@pytest.mark.parametrize("over", [BASE, BASE + 500])
def test_an_alert_ends_neither_before_it_begins_nor_after_now(over: int) -> None:
    """It is refused, or not resolved yet, when a server's clock is fast."""
    event = scanner(1, BASE + 20, over=over).to_json()
    (alert,) = json.loads(alertmanager_body([event], BASE + 30))
    ends = datetime.fromisoformat(alert["endsAt"]).timestamp()
    assert BASE + 20 <= ends <= BASE + 30


@pytest.mark.usefixtures("often")
async def test_what_fires_is_sent_again_and_again_also_after_a_restart(journal: Path) -> None:
    with http_server() as server:
        told = target(f'alertmanager = "http://127.0.0.1:{server.port}"')
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE)
            running.send(scanner(1, BASE))
            await until(server, 3)
            nursery.cancel_scope.cancel()
        first, again = posted(server)[0], posted(server)[2]
        assert first == again
        server.received.clear()
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE + 100)
            await running.show(scanner(1, BASE))  # it still fires
            await until(server, 2)
            nursery.cancel_scope.cancel()
        (alert,) = posted(server)[-1]
    assert alert["labels"] == first[0]["labels"]
    assert alert["startsAt"] == first[0]["startsAt"]
    assert alert["endsAt"] > first[0]["endsAt"]


async def test_after_a_restart_it_hears_at_once_of_what_still_fires(journal: Path) -> None:
    """And not a minute later: until then the alert may have ended there."""
    with http_server() as server:
        told = target(f'alertmanager = "http://127.0.0.1:{server.port}"')
        for count in (1, 2):
            async with trio.open_nursery() as nursery:
                running = Telling(told, journal, nursery, now=BASE)
                if count == 1:
                    running.send(scanner(1, BASE))
                else:
                    await trio.sleep(0.5)  # nothing was known of it when it began
                    await running.show(scanner(1, BASE))
                await until(server, count)
                nursery.cancel_scope.cancel()
    assert posted(server)[0] == posted(server)[1]


@pytest.mark.usefixtures("often")
async def test_what_is_over_is_sent_again_for_a_while_only(journal: Path) -> None:
    with http_server() as server:
        told = target(f'alertmanager = "http://127.0.0.1:{server.port}"')
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE)
            running.send(scanner(1, BASE), scanner(1, BASE, over=BASE + 60))
            running.now = BASE + 60
            await until(server, 5)
            resolved = datetime.fromtimestamp(BASE + 60, UTC).isoformat()
            assert [alert["endsAt"] for alert in posted(server)[-1]] == [resolved]
            running.now = BASE + 60 + 3600
            await trio.sleep(3 * SOON)
            count = len(server.received)
            await trio.sleep(3 * SOON)
            assert len(server.received) == count
            nursery.cancel_scope.cancel()


@pytest.mark.usefixtures("often")
async def test_what_is_over_is_not_sent_again_once_its_like_fires(journal: Path) -> None:
    with http_server() as server:
        told = target(f'alertmanager = "http://127.0.0.1:{server.port}"')
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE + 80)
            running.send(
                *(scanner(1, BASE), scanner(1, BASE, over=BASE + 60)),
                scanner(1, BASE + 70, named="b"),
            )
            await until(server, 6)
            nursery.cancel_scope.cancel()
    now = datetime.fromtimestamp(BASE + 80, UTC).isoformat()
    for alerts in posted(server)[3:]:
        assert len(alerts) == 1
        assert alerts[0]["endsAt"] > now


@pytest.mark.usefixtures("often")
async def test_one_that_fails_meanwhile_hears_of_it_the_next_time(journal: Path) -> None:
    with http_server(Answer(), Answer(503), Answer(503)) as server:
        told = target(f'alertmanager = "http://127.0.0.1:{server.port}"')
        delivery = await tell(
            told, journal, scanner(1, int(time.time())), until=lambda: len(server.received) >= 4
        )
    assert delivery.health.detail == "alertmanager"
    assert delivery.health.lost == 0


class Alertmanager:
    """A real one."""

    def __init__(self, folder: Path, program: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        config = folder / "alertmanager.yml"
        config.write_text(
            "route:\n  receiver: none\n  group_by: [alertname]\nreceivers:\n- name: none\n"
        )
        self._command = [
            *(program, f"--config.file={config}", f"--storage.path={folder}/data"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=1)
            except OSError:
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)

    def asked(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v2/{path}", timeout=60) as answer:
            return json.load(answer)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("prometheus-alertmanager is not installed")
    running = Alertmanager(tmp_path, program)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.usefixtures("often")
async def test_a_real_one_that_was_restarted_knows_what_fires(
    alertmanager: Alertmanager, journal: Path
) -> None:
    """It keeps alerts in memory only."""
    now = int(time.time())
    told = target(f'alertmanager = "{alertmanager.url}"')
    delivery = Delivery.to(make_notifier(told, journal, time.time, describe))

    async def known(count: int) -> list[Any]:
        with trio.fail_after(60):
            while len(found := alertmanager.asked("alerts")) != count:
                await trio.sleep(0.05)
        return list(found)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_event(scanner(1, now - 60))
        delivery.send_event(scanner(2, now - 60))
        await known(2)
        await trio.to_thread.run_sync(alertmanager.stop)
        await trio.to_thread.run_sync(alertmanager.start)
        found = await known(2)
        for alert in found:
            ahead = datetime.fromisoformat(alert["endsAt"]).timestamp() - time.time()
            assert 60 < ahead <= 600
        delivery.send_event(scanner(1, now - 60, over=now - 1))
        (left,) = await known(1)
        assert left["labels"]["host"] == "192.0.2.2"
        await trio.sleep(3 * SOON)  # the end of the one is not taken for that of the other
        assert len(alertmanager.asked("alerts")) == 1
        nursery.cancel_scope.cancel()


async def test_a_real_one_receives_groups_and_resolves(
    alertmanager: Alertmanager, journal: Path
) -> None:
    now = int(time.time())
    asked = alertmanager.asked
    told = target(f'alertmanager = "{alertmanager.url}/"')
    begun = [scanner(number, now - 60) for number in (1, 2)]
    await tell(told, journal, *begun, until=lambda: len(asked("alerts")) == 2)
    (group,) = asked("alerts/groups")
    assert group["labels"] == {"alertname": "Scanner"}
    labels = sorted(alert["labels"]["host"] for alert in group["alerts"])
    assert labels == ["192.0.2.1", "192.0.2.2"]
    over = [scanner(number, now - 60, over=now - 1) for number in (1, 2)]
    await tell(told, journal, *over, until=lambda: asked("alerts") == [])
