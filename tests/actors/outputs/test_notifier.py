"""Notifiers, against real servers and programs that fail in all the ways that they do."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from aiosmtpd.controller import Controller

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.notifier.journal import _MIGRATIONS, Journal, Message
from actors.outputs.notifier.notifier import make_notifier
from actors.outputs.notifier.sending import revealed
from actors.state.acknowledgements import Acknowledgements
from actors.state.silences import Silence, Silences
from glancemetrics.alerting.alerting import Alerts
from glancemetrics.errors import UsageError
from glancemetrics.health.health import OutputState
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident
from glancemetrics.notifying.payloads import SIGNATURE_HEADER
from glancemetrics.notifying.secret import read_secret
from glancemetrics.notifying.target_tables import read_targets
from glancemetrics.notifying.targets import Target
from tests.actors.outputs import snapshots
from tests.actors.outputs.feeding import INCIDENT, feed
from tests.actors.outputs.http_server import Answer, Server, http_server
from tests.lines import BASE


def event(number: int, kind: AlertEventKind = AlertEventKind.TRIGGERED) -> AlertEvent:
    incident = attrs.evolve(INCIDENT, id=f"high_traffic-{number}")
    return AlertEvent(kind, BASE + number, f"High traffic {number}", incident)


def describe(incident: Incident) -> str:
    return f"{incident.rule} is high"


def target(text: str) -> Target:
    (only,) = read_targets(f"[[notify]]\n{text}", "config.toml")
    return only


async def tell(
    told: Target,
    journal: Path,
    *events: AlertEvent,
    until: Callable[[], bool],
    seconds: float = 20,
    lost: int = 0,
) -> Delivery:
    """Run a notifier over events until something is so, and so many of them are lost."""
    delivery = Delivery.to(make_notifier(told, journal, time.time, describe))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for each in events:
            delivery.send_event(each)
        with trio.fail_after(seconds):
            while not until() or delivery.health.lost < lost:
                await trio.sleep(0.02)
            await trio.sleep(0.1)  # what the answer leads to
        nursery.cancel_scope.cancel()
    return delivery


def bodies(server: Server) -> list[dict[str, Any]]:
    return [json.loads(received.body) for received in server.received]


pytestmark = pytest.mark.usefixtures("soon")


async def test_a_webhook_is_sent_the_event_signed(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "quiet")
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\nsecret = "env:HOOK_SECRET"')
        await tell(told, journal, event(1), until=lambda: bool(server.received))
    (received,) = server.received
    assert received.path == "/hook"
    sent = json.loads(received.body)
    assert sent["key"] == "high_traffic-1 triggered"
    assert received.headers["Idempotency-Key"] == hashlib.sha256(sent["key"].encode()).hexdigest()
    assert {key: value for key, value in sent.items() if key != "key"} == event(1).to_json()
    second, digest = received.headers[SIGNATURE_HEADER].split(",")
    signed = f"{second.removeprefix('t=')}.".encode() + received.body
    assert digest == "v1=" + hmac.new(b"quiet", signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "bad",
    [
        Answer(503),
        Answer(500),
        Answer(429, {"Retry-After": "1"}),
        Answer(drop=True),
        Answer(hang_seconds=1.5),
        Answer(429, {"Retry-After": "garbage"}),
    ],
    ids=["503", "500", "429", "dropped", "hangs", "odd"],
)
async def test_what_fails_is_tried_again_and_the_order_stays(bad: Answer, journal: Path) -> None:
    with http_server(bad, bad) as server:
        told = target(f'webhook = "{server.url}"\ntimeout = "1s"')
        events = [event(1), event(1, AlertEventKind.RECOVERED), event(2)]
        await tell(told, journal, *events, until=lambda: len(server.received) >= 5)
    keys = [body["key"] for body in bodies(server)]
    assert keys == [
        *["high_traffic-1 triggered"] * 3,
        *("high_traffic-1 recovered", "high_traffic-2 triggered"),
    ]


async def test_it_waits_as_long_as_it_is_asked_to(journal: Path) -> None:
    with http_server(Answer(429, {"Retry-After": "1"})) as server:
        began = time.monotonic()
        told = target(f'webhook = "{server.url}"')
        await tell(told, journal, event(1), until=lambda: len(server.received) == 2)
    assert time.monotonic() - began >= 1.0


async def test_what_is_refused_for_good_does_not_hold_up_the_rest(journal: Path) -> None:
    with http_server(Answer(404), Answer(200), Answer(404)) as server:
        told = target(f'webhook = "{server.url}"')
        got = server.received
        await tell(told, journal, event(1), event(2), until=lambda: len(got) == 2, lost=1)
        one = await tell(told, journal, event(3), until=lambda: len(got) == 3, lost=1)
    assert one.health.state is OutputState.WORKING
    assert one.health.detail.startswith("webhook, refused 'high_traffic-3")
    assert "404" in one.health.detail
    assert [body["key"][:14] for body in bodies(server)] == [f"high_traffic-{i}" for i in (1, 2, 3)]


async def test_what_was_not_delivered_is_after_a_restart_and_what_was_is_not_sent_twice(
    journal: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    gone = target(f'name = "a"\nwebhook = "http://127.0.0.1:{port}/"')
    delivery = Delivery.to(make_notifier(gone, journal, time.time, describe))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for number in range(3):
            delivery.send_event(event(number))
        with trio.fail_after(60):
            while "3 waiting" not in delivery.health.detail:
                await trio.sleep(0.02)
        assert delivery.health.state is OutputState.RETRYING
        assert "cannot connect (ConnectError)" in delivery.health.detail
        nursery.cancel_scope.cancel()
    with http_server() as server:
        back = target(f'name = "a"\nwebhook = "{server.url}"')
        await tell(back, journal, until=lambda: len(server.received) == 3)
        # The same events once more, as when a log is read again.
        events = [event(number) for number in range(4)]
        await tell(back, journal, *events, until=lambda: len(server.received) == 4)
    assert [body["key"] for body in bodies(server)] == [
        f"high_traffic-{number} triggered" for number in range(4)
    ]


async def test_a_program_gets_the_event_on_its_standard_input_without_a_shell(
    journal: Path, tmp_path: Path
) -> None:
    script = tmp_path / "page"
    script.write_text(
        f'#!/bin/sh\ncat >> {tmp_path}/in\necho >> {tmp_path}/in\necho "$1" >> {tmp_path}/args\n'
        f"test -e {tmp_path}/ready || {{ touch {tmp_path}/ready; echo not yet >&2; exit 3; }}\n"
    )
    script.chmod(0o755)
    told = target(f'exec = ["{script}", "$(touch {tmp_path}/evil); `id`"]')
    inbox = tmp_path / "in"
    delivery = await tell(
        told,
        journal,
        event(1),
        until=lambda: inbox.exists() and inbox.read_text().count("\n") >= 2,
    )
    assert delivery.health.state is OutputState.WORKING
    sent = [json.loads(line) for line in inbox.read_text().splitlines()]
    assert [one["key"] for one in sent] == ["high_traffic-1 triggered"] * 2
    assert (tmp_path / "args").read_text().startswith("$(touch ")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (["/nowhere/page"], "/nowhere/page: No such file or directory"),
        (["/bin/sh", "-c", "echo wrong key >&2; exit 7"], "exit status 7: wrong key"),
        (["/bin/sleep", "30"], "took more than 1 s"),
    ],
)
async def test_what_is_wrong_with_a_program_is_told(
    command: list[str], detail: str, journal: Path
) -> None:
    told = target(f'exec = {json.dumps(command)}\ntimeout = "1s"')
    delivery = Delivery.to(make_notifier(told, journal, time.time, describe))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        delivery.send_event(event(1))
        with trio.fail_after(60):
            while delivery.health.state is not OutputState.RETRYING:
                await trio.sleep(0.02)
        assert detail in delivery.health.detail
        nursery.cancel_scope.cancel()


async def test_a_webhook_may_be_told_as_alertmanager_does(journal: Path) -> None:
    def of(number: int, kind: AlertEventKind = AlertEventKind.TRIGGERED) -> AlertEvent:
        made = event(number, kind)
        assert made.incident is not None
        over = BASE + 60 if kind is AlertEventKind.RECOVERED else None
        group = f"192.0.2.{number}"
        incident = attrs.evolve(made.incident, by="host", group=group, recovered_at=over)
        return attrs.evolve(made, incident=incident)

    with http_server() as server:
        told = target(
            f'name = "on call"\nwebhook = "{server.url}"\nformat = "alertmanager"\n'
            'group_wait = "1s"'
        )
        events = [of(1), of(2), of(2, AlertEventKind.RECOVERED)]
        await tell(told, journal, *events, until=lambda: bool(server.received))
    (sent,) = bodies(server)
    assert (sent["version"], sent["status"], sent["receiver"]) == ("4", "firing", "on call")
    assert sent["commonLabels"] == {
        "alertname": "high_traffic", "severity": "warning", "job": "glancemetrics",
    }  # fmt: skip
    one, two = sent["alerts"]
    assert (one["status"], one["endsAt"]) == ("firing", "0001-01-01T00:00:00Z")
    assert one["labels"]["host"] == "192.0.2.1"
    assert two["status"] == "resolved"
    assert two["endsAt"] > two["startsAt"]
    assert one["fingerprint"] != two["fingerprint"]


async def test_slack_is_sent_a_text_that_it_cannot_misread(journal: Path) -> None:
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\nformat = "slack"')
        evil = attrs.evolve(event(1), message="<!channel> & <https://evil.example|x>")
        await tell(told, journal, evil, until=lambda: bool(server.received))
    assert bodies(server) == [{"text": "🔴 &lt;!channel&gt; &amp; &lt;https://evil.example|x&gt;"}]


def test_secrets_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as told:
        target('webhook = "http://x"\nsecret = "hunter2"')
    assert "hunter2" not in str(told.value)
    assert "must be env:NAME or file:PATH" in str(told.value)
    assert "T000" not in repr(target('webhook = "https://hooks.slack.com/services/T000/B/X"'))
    for url, error in (
        (
            "env:NO_SUCH_HOOK",
            "config.toml line 2, [[notify]]: environment variable NO_SUCH_HOOK is not set",
        ),
        (f"file:{tmp_path}/none", f"file:{tmp_path}/none: No such file or directory"),
    ):
        with pytest.raises(UsageError) as told:
            make_notifier(target(f'webhook = "{url}"'), tmp_path / "a.db", time.time, describe)
        assert error in str(told.value)
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/hook")
    make_notifier(target('webhook = "env:HOOK"'), tmp_path / "a.db", time.time, describe)


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n", encoding="utf-8-sig")
    assert revealed(read_secret(f"file:{tmp_path}/secret")) == "hunter2"


class Telling:
    """A notifier that runs, on a clock that is set by hand."""

    def __init__(self, told: Target, journal: Path, nursery: trio.Nursery, now: float) -> None:
        self.now = now
        self.silences = Silences(journal.with_name("silences.json"))
        self.acknowledgements = Acknowledgements(journal.with_name("acknowledgements.json"))
        self.delivery = Delivery.to(make_notifier(told, journal, lambda: self.now, describe))
        nursery.start_soon(keep_running, self.delivery)

    def send(self, *events: AlertEvent) -> None:
        for each in events:
            self.delivery.send_event(each)

    async def show(self, *firing: AlertEvent) -> None:
        """Let a snapshot come in which these are ongoing, and be looked at."""
        incidents = tuple(one.incident for one in firing if one.incident is not None)
        snapshot = attrs.evolve(snapshots.snapshot(), alerts=Alerts(firing=incidents))
        self.delivery.send_snapshot(snapshot)
        await trio.sleep(0.1)


async def until(server: Server, count: int) -> None:
    with trio.fail_after(60):
        while len(server.received) < count:
            await trio.sleep(0.02)
    await trio.sleep(0.1)


async def test_events_are_gathered_into_one_message_that_stays_the_same(journal: Path) -> None:
    with http_server(Answer(503)) as server:
        told = target(f'webhook = "{server.url}"\ngroup_wait = "1s"')
        other = event(4)
        assert other.incident is not None
        other = attrs.evolve(other, incident=attrs.evolve(other.incident, rule="Other"))
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE)
            running.send(event(1), event(2), other)
            await trio.sleep(0.3)
            assert not server.received
            running.now += 1.1
            await until(server, 1)
            running.send(event(3))  # too late for the message that is tried again
            await until(server, 3)
            running.now += 1.1
            await until(server, 4)
            nursery.cancel_scope.cancel()
    keys = [(body["key"], [one["incident"] for one in body["events"]]) for body in bodies(server)]
    first = ("high_traffic-1 triggered and 1 more", ["high_traffic-1", "high_traffic-2"])
    assert keys == [
        *(first, first),
        ("high_traffic-4 triggered", ["high_traffic-4"]),
        ("high_traffic-3 triggered", ["high_traffic-3"]),
    ]


async def test_what_is_being_gathered_at_the_end_is_told_before_it(journal: Path) -> None:
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\ngroup_wait = "1h"')
        await feed(make_notifier(told, journal, time.time, describe), event(1), event(2))
    assert [len(body["events"]) for body in bodies(server)] == [2]


async def test_an_incident_that_goes_on_is_told_again_and_again(journal: Path) -> None:
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\nrepeat = "4h"')
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE)
            running.send(event(1))
            await until(server, 1)
            for hours, count in ((3, 1), (4, 2), (7, 2), (8, 3)):
                running.now = BASE + hours * 3600
                await running.show(event(1))
                await until(server, count)
                assert len(server.received) == count
            running.send(event(1, AlertEventKind.RECOVERED))
            await until(server, 4)
            running.now = BASE + 20 * 3600
            await running.show(event(1))  # a snapshot that does not know of it yet
            nursery.cancel_scope.cancel()
        # After a restart it is known when it was told.
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE + 20 * 3600)
            running.send(event(2))
            await until(server, 5)
            nursery.cancel_scope.cancel()
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE + 21 * 3600)
            await running.show(event(2))
            running.now = BASE + 24 * 3600
            await running.show(event(2))
            await until(server, 6)
            nursery.cancel_scope.cancel()
    assert [body["event"] for body in bodies(server)] == [
        *("triggered", "ongoing", "ongoing", "recovered", "triggered", "ongoing")
    ]
    assert len({body["key"] for body in bodies(server)}) == 6
    assert bodies(server)[2]["message"] == "Ongoing for 8 h 00 min: high_traffic is high"


async def test_an_acknowledged_incident_has_no_reminders_but_its_recovery(journal: Path) -> None:
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\nrepeat = "4h"')
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE)
            running.send(event(1), event(2))
            await until(server, 2)
            running.acknowledgements.add("high_traffic-1", BASE)
            running.now = BASE + 4 * 3600
            await running.show(event(1), event(2))
            await until(server, 3)
            assert len(server.received) == 3
            # Taken back, the reminder is due at once.
            running.acknowledgements.take_back("high_traffic-1")
            running.now = BASE + 5 * 3600
            await running.show(event(1), event(2))
            await until(server, 4)
            running.acknowledgements.add("high_traffic-1", BASE)
            running.send(event(1, AlertEventKind.RECOVERED))
            await until(server, 5)
            nursery.cancel_scope.cancel()
    assert [(body["incident"], body["event"]) for body in bodies(server)[2:]] == [
        ("high_traffic-2", "ongoing"),
        ("high_traffic-1", "ongoing"),
        ("high_traffic-1", "recovered"),
    ]


async def test_who_was_not_notified_yet_is_notified_of_an_acknowledged_incident(
    journal: Path,
) -> None:
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\nrepeat = "4h"')
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=BASE)
            running.silences.save([Silence("high*", BASE + 60)])
            running.acknowledgements.add("high_traffic-1", BASE)
            running.send(event(1))
            await running.show(event(1))
            assert not server.received
            running.now = BASE + 60
            await running.show(event(1))
            await until(server, 1)
            nursery.cancel_scope.cancel()
    assert [body["event"] for body in bodies(server)] == ["triggered"]


@pytest.mark.parametrize("why", ["silence", "hours"])
async def test_what_outlasts_a_silence_or_the_night_is_told_then(journal: Path, why: str) -> None:
    """And nothing is told of what does not."""
    hours = 'hours = "08:00-18:00"\ntimezone = "UTC"' if why == "hours" else ""
    day = BASE - BASE % 86_400
    with http_server() as server:
        told = target(f'webhook = "{server.url}"\n{hours}')
        async with trio.open_nursery() as nursery:
            running = Telling(told, journal, nursery, now=day + 3 * 3600)
            if why == "silence":
                running.silences.save([Silence("high*", day + 8 * 3600)])
            running.send(event(1), event(2), event(2, AlertEventKind.RECOVERED))
            await running.show(event(1))
            running.now = day + 8 * 3600 - 1
            await running.show(event(1))
            assert not server.received
            running.now = day + 8 * 3600
            await running.show(event(1))
            await running.show(event(1))
            await until(server, 1)
            running.now = day + 20 * 3600
            running.send(event(1, AlertEventKind.RECOVERED))
            await until(server, 2)
            nursery.cancel_scope.cancel()
    keys = [body["key"] for body in bodies(server)]
    assert keys == ["high_traffic-1 triggered", "high_traffic-1 recovered"]


async def test_a_body_of_ones_own_and_headers(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "Bearer quiet")
    with http_server() as server:
        told = target(
            f'webhook = "{server.url}"\nheaders = {{ Authorization = "env:TOKEN" }}\n'
            "[notify.body]\n"
            'title = "{rule} {event}: {value:.1f} over {window}"\npriority = 5\n'
            'blocks = [{ text = "{message}" }]\n'
        )
        evil = attrs.evolve(event(1), message='"}], {rule.__class__} \x1b[2J')
        await tell(told, journal, evil, until=lambda: bool(server.received))
    assert bodies(server) == [
        {
            "title": "high_traffic triggered: 12.5 over 2m",
            "priority": 5,
            "blocks": [{"text": '"}], {rule.__class__} \x1b[2J'}],
        }
    ]
    assert server.received[0].headers["Authorization"] == "Bearer quiet"


async def test_two_programs_tell_a_target_but_once(journal: Path) -> None:
    """As when two monitors have the same state folder."""
    with http_server(*[Answer(hang_seconds=0.02)] * 100) as server:
        told = target(f'name = "a"\nwebhook = "{server.url}"')
        async with trio.open_nursery() as nursery:
            both = [Telling(told, journal, nursery, now=BASE) for _ in range(2)]
            for number in range(40):
                both[number % 2].send(event(number))
            await until(server, 40)
            await trio.sleep(0.5)
            nursery.cancel_scope.cancel()
    keys = sorted(body["key"] for body in bodies(server))
    assert keys == sorted(f"high_traffic-{number} triggered" for number in range(40))


async def test_apprise_tells_any_service(journal: Path) -> None:
    pytest.importorskip("apprise")
    with http_server(Answer(500)) as server:
        told = target(f'apprise = "json://127.0.0.1:{server.port}/hook"\ngroup_wait = "1s"')
        begun = event(1)
        assert begun.incident is not None
        begun = attrs.evolve(begun, incident=attrs.evolve(begun.incident, severity="critical"))
        await tell(told, journal, begun, event(2), until=lambda: len(server.received) == 2)
    sent = bodies(server)[1]
    assert sent["title"] == "🔴 High traffic: triggered (2)"
    assert sent["message"] == "High traffic 1\nHigh traffic 2"
    assert sent["type"] == "failure"


async def test_apprise_sends_mail(journal: Path) -> None:
    pytest.importorskip("apprise")
    mails: list[bytes] = []

    class Inbox:
        async def handle_DATA(  # noqa: N802
            self, server: object, session: object, envelope: Any
        ) -> str:
            mails.append(envelope.content)
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mail_server = Controller(Inbox(), hostname="127.0.0.1", port=port)
    mail_server.start()
    try:
        told = target(
            f'apprise = "mailto://127.0.0.1:{port}?from=web@example.org&to=ops@example.org"'
        )
        await tell(told, journal, event(1), until=lambda: bool(mails))
    finally:
        mail_server.stop()
    (mail,) = mails
    assert b"To: ops@example.org" in mail
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    assert parsed["Subject"] == "🔴 High traffic: triggered"
    assert b"High traffic 1" in mail


def test_an_address_that_apprise_does_not_know_is_not_shown(tmp_path: Path) -> None:
    pytest.importorskip("apprise")
    with pytest.raises(UsageError) as told:
        make_notifier(
            target('apprise = "nosuch://hunter2"'), tmp_path / "a.db", time.time, describe
        )
    assert "hunter2" not in str(told.value)
    assert "not a valid Apprise URL" in str(told.value)


SENDER = """
import sys, time
from pathlib import Path
import trio
from actors.monitor.fan_out import Delivery
from actors.outputs.notifier.notifier import make_notifier
from actors.outputs.notifier import notifier as notifiers
from actors.monitor.restarting import keep_running
from tests.actors.outputs.test_notifier import describe, event, target

async def main():
    told = target('name = "a"\\nwebhook = "%s"' % sys.argv[2])
    delivery = Delivery.to(make_notifier(told, Path(sys.argv[1]), time.time, describe))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for number in range(1000):
            delivery.send_event(event(number))
        await trio.sleep_forever()

trio.run(main)
"""


def test_killed_at_any_moment_nothing_is_lost_and_nothing_told_twice(journal: Path) -> None:
    """A thousand events; what the kill left open between answer and disk has the same key."""
    kills = 0
    at = random.Random(3)
    with http_server() as server:

        def told() -> int:
            return len({body["key"] for body in bodies(server)})

        while (before := told()) < 1000:
            sender = subprocess.Popen(
                [sys.executable, "-c", SENDER, str(journal), server.url],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            until = min(1000, before + at.randint(100, 400))
            deadline = time.monotonic() + 60
            while told() < until:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            sender.send_signal(signal.SIGKILL)
            sender.wait(timeout=60)
            kills += 1
    keys = [body["key"] for body in bodies(server)]
    assert set(keys) == {f"high_traffic-{number} triggered" for number in range(1000)}
    assert len(keys) <= 1000 + kills
    assert kills >= 3
    first_seen = list(dict.fromkeys(keys))
    assert first_seen == [f"high_traffic-{number} triggered" for number in range(1000)]


def test_the_journal_may_be_read_by_its_owner_only_and_forgets_what_is_old(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    journal = Journal(path)
    assert path.stat().st_mode & 0o007 == 0
    assert journal.add("a", "1", {"event": "triggered"}, 0)
    assert not journal.add("a", "1", {"event": "triggered"}, 1)
    waiting = journal.next("a", 1)
    assert isinstance(waiting, Message)
    journal.delivered(waiting, 1)
    assert journal.next("a", 1) is None
    assert not journal.add("a", "1", {"event": "triggered"}, 100)
    assert journal.add("a", "2", {"event": "triggered"}, 100 * 86_400)
    assert journal.add("a", "1", {"event": "triggered"}, 100 * 86_400)
    journal.close()


def test_a_journal_of_an_earlier_version_is_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    old = sqlite3.connect(path)
    old.executescript(_MIGRATIONS[0])
    old.execute(
        "INSERT INTO deliveries (target, key, event, made) VALUES ('a', 'k', ?, 1)",
        (json.dumps(event(1).to_json()),),
    )
    old.commit()
    old.close()
    for _ in range(2):
        journal = Journal(path)
        waiting = journal.next("a", 2)
        assert isinstance(waiting, Message)
        assert waiting.events == (event(1).to_json(),)
        assert journal.last_noted("a", "high_traffic-1") == 1
        journal.close()
