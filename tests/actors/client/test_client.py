"""The client of a running monitor, with and without trio."""

from __future__ import annotations

import contextlib
import inspect
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

import glancemetrics as gm
from actors.client.client import Client
from actors.client.trio_client import TrioClient
from glancemetrics.http_api.event_stream import Following
from tests.actors.client.monitors import LINES, monitor, until_read, write_log
from tests.lines import BASE, line
from tests.waiting import eventually, free_port

USER = "ops:"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("client")
    write_log(folder / "access.log")
    options = ("--web-admin", "--web-path", "/traffic", "--keep", "cache")
    with monitor(folder / "access.log", folder / "state", *options) as running:
        until_read(running.url)
        yield running.url


@pytest.fixture
def client(url: str) -> Iterator[gm.Client]:
    with gm.connect(url) as client:
        yield client


def test_the_address_may_have_a_path(url: str, client: gm.Client) -> None:
    assert url.endswith("/traffic")
    assert repr(client) == f"<Client of {url}>"
    with gm.connect(f"{url}/#overview") as same:
        assert same.query().total == client.query().total


def test_a_query_in_arguments_is_the_query_as_a_value(client: gm.Client) -> None:
    asked = client.query(
        where="status >= 400", by=("section", "cache"), sort="bytes", limit=3,
        since=datetime.fromtimestamp(BASE, UTC), until=BASE + 300.0, measures="hits,p95",
    )  # fmt: skip
    same = client.query(
        gm.Query(
            where="status >= 400", by=("section", "cache"), order="bytes", limit=3,
            span=gm.TimeSpan(BASE, BASE + 300), measures=("hits", "p95", "bytes"), kept=("cache",),
        )
    )  # fmt: skip
    assert asked.table.equals(same.table)
    assert (asked.total, asked.groups, asked.covers) == (same.total, same.groups, same.covers)
    assert asked.table.column_names == ["section", "cache", "hits", "p95", "bytes"]
    assert asked.table.num_rows == 3 < asked.groups


def test_times_without_a_zone_are_in_that_of_the_query(client: gm.Client) -> None:
    naive = datetime.fromtimestamp(BASE + 60, UTC).replace(tzinfo=None)
    paris = client.query(since=naive + timedelta(hours=2), timezone="Europe/Paris")
    assert paris.covers == client.query(since=naive).covers
    assert client.query(since=naive).covers.since == BASE + 60


def test_a_series_has_a_row_for_each_step(client: gm.Client) -> None:
    series = client.series(timedelta(minutes=1), since=BASE - BASE % 60 + 60, until=BASE + 200)
    assert series.table.column_names == ["time", "hits", "errors", "p95"]
    assert series.table.equals(
        client.series("1m", since=BASE - BASE % 60 + 60, until=BASE + 200).table
    )
    assert series.table.equals(
        client.query(step=60, since=BASE - BASE % 60 + 60, until=BASE + 200).table
    )


def test_requests_come_in_pages_each_once(client: gm.Client) -> None:
    pages = list(client.records(page=700))
    assert [page.table.num_rows for page in pages] == [700, 700, 700, 700, 200]
    whole = next(client.records())
    rows = [row for page in pages for row in page.table.to_pylist()]
    assert rows == whole.table.to_pylist()
    assert len(rows) == LINES
    some = list(client.records(limit=900, offset=50, page=700, reverse=True))
    assert [page.table.num_rows for page in some] == [700, 200]
    oldest = [row for page in some for row in page.table.to_pylist()]
    assert oldest == next(client.records(reverse=True)).table.to_pylist()[50:950]
    assert some[-1].has_more
    (none,) = client.records(where="status = 999")
    assert none.table.num_rows == 0


def test_a_page_is_asked_for_when_it_is_needed(client: gm.Client) -> None:
    pages = client.records(page=10)
    assert next(pages).has_more
    with gm.connect("127.0.0.1:9") as nobody:
        nobody.records()  # asks nothing yet


def test_a_page_has_the_texts_of_its_own_rows(client: gm.Client) -> None:
    (page,) = client.records(limit=5)
    assert len(page.table.column("path").combine_chunks().dictionary) <= 5


def test_what_else_can_be_asked(client: gm.Client) -> None:
    assert client.kept_fields() == ("cache",)
    assert client.snapshot()["health"]["records"] == LINES
    assert client.health()["records"] == LINES
    rules = {rule.name: rule for rule in client.rules()}
    assert rules["Server errors"].severity == "critical"
    alerts = client.alerts()
    assert isinstance(alerts.firing, tuple)
    for incident in (*alerts.firing, *alerts.ended):
        assert incident.triggered_at.tzinfo is UTC


def test_a_client_that_is_closed_says_so(url: str) -> None:
    with gm.connect(url) as closed:
        pass
    for ask in (closed.health, lambda: next(closed.records()), lambda: next(closed.events())):
        with pytest.raises(gm.GlanceMetricsError, match=r"this client is closed; connect again$"):
            ask()


async def test_a_client_that_is_not_open_says_so(url: str) -> None:
    client = gm.connect_trio(url)
    with pytest.raises(gm.GlanceMetricsError, match=r"use this client in async with$"):
        await client.health()


@pytest.mark.parametrize("last", [timedelta(milliseconds=1500), True, 0.5, float("inf")])
def test_a_length_of_time_is_whole_seconds(client: gm.Client, last: object) -> None:
    with pytest.raises(gm.UsageError, match="must be whole seconds"):
        client.query(last=last)  # type: ignore[arg-type]
    assert client.query(last=timedelta(hours=1)).total == client.query(last=3600.0).total  # type: ignore[arg-type]


def test_a_silence_begins_and_ends(client: gm.Client) -> None:
    before = datetime.now(UTC)
    assert client.silence("No such*", 1).rules == ()
    client.end_silence("No such*")
    silence = client.silence("Server*", 600, "deploy")
    assert silence.rules == ("Server clock", "Server errors")
    assert (silence.pattern, silence.why) == ("Server*", "deploy")
    assert before < silence.until <= datetime.now(UTC) + timedelta(seconds=600)
    assert client.silences() == (silence,)
    rules = {rule.name: rule for rule in client.rules()}
    assert rules["Server errors"].silenced_until == silence.until
    client.end_silence("Server*")
    assert client.silences() == ()
    with pytest.raises(gm.GlanceMetricsError, match=r"/traffic: there is no such silence$"):
        client.end_silence("Server*")


def test_an_incident_that_is_not_there(client: gm.Client) -> None:
    with pytest.raises(gm.GlanceMetricsError, match="there is no such active incident"):
        client.acknowledge("Scanner-20261126T100503Z")
    with pytest.raises(gm.GlanceMetricsError, match="this incident is not acknowledged"):
        client.take_back("Scanner-20261126T100503Z")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"where": "nope = 1"}, "where nope = 1: no column 'nope'"),
        ({"by": "nope"}, "unknown field 'nope'"),
        ({"since": "x"}, "since: must be a time"),
        ({"since": 20, "until": 10}, "since 20: is not before until 10"),
        ({"last": "1h", "since": 5}, "last: cannot be combined with since or until"),
        ({"limit": 0}, "limit: must be a whole number from 1 to 1,000,000"),
        ({"timezone": "Mars"}, "timezone: unknown zone 'Mars'"),
    ],
    ids=str,
)
def test_a_mistake_is_a_usage_error_that_names_the_server(
    url: str, client: gm.Client, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(gm.UsageError) as caught:
        client.query(**arguments)
    assert str(caught.value).startswith(f"{url}: {said}")


def test_mistakes_that_need_no_server() -> None:
    with gm.connect("127.0.0.1:9") as client:
        for ask, said in (
            (lambda: client.query(where=" "), "where: must be a condition, such as status >= 500"),
            (lambda: client.query(where="\udcff"), "where: not valid UTF-8"),
            (lambda: client.query(gm.Query(), by="path"), "by: cannot be combined with a query"),
            (lambda: client.records(page=20_000), "page 20000: must be from 1 to 10,000"),
            (lambda: client.records(limit=0), "limit 0: must be 1 or more"),
        ):
            with pytest.raises(gm.UsageError) as caught:
                ask()
            assert str(caught.value) == said


async def test_trio_asks_the_same(url: str, client: gm.Client) -> None:
    async with gm.connect_trio(url) as other:
        assert repr(other) == f"<TrioClient of {url}>"
        answer = await other.query(by="path", sort="p95")
        assert answer.table.equals(client.query(by="path", sort="p95").table)
        pages = [page.table.num_rows async for page in other.records(page=1000)]
        assert pages == [1000, 1000, 1000]
        assert await other.rules() == client.rules()
        assert await other.kept_fields() == client.kept_fields()
        assert (await other.health())["records"] == LINES
        await other.silence("Own*", 60)
        await other.end_silence("Own*")
        with pytest.raises(gm.UsageError, match="no column 'nope'"):
            await other.query(where="nope")
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(other.query)


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, Any]:
        return {name: getattr(kind, name) for name in vars(kind)
                if type(getattr(kind, name)).__name__ == "Method"}  # fmt: skip

    ours, others = methods(Client), methods(TrioClient)
    assert list(ours) == list(others)
    assert len(ours) > 12
    for name, method in ours.items():
        assert method.__doc__
        assert method.__doc__ == others[name].__doc__
    with gm.connect("127.0.0.1:9") as client:
        assert str(inspect.signature(client.end_silence)) == "(pattern: 'str')"


def test_snapshots_and_requests_come_as_events(client: gm.Client) -> None:
    events = client.events()
    first = next(events)
    assert (first.kind, first.data["hits"] >= 0, "type" in first.data) == ("snapshot", True, False)
    events.close()


def test_a_condition_that_is_wrong_is_an_error_and_no_silence(client: gm.Client) -> None:
    with pytest.raises(gm.UsageError, match="no column 'nope'"):
        next(client.events(where="nope = 1"))


RULE = """
[[rule]]
name = "Too much"
metric = "hits"
window = "10s"
above = 5
"""


@pytest.mark.parametrize("kind", ["plain", "trio"])
def test_events_over_a_restart(tmp_path: Path, kind: str) -> None:
    """After a kill the client waits, and says from when on alerts may be missing."""
    log = tmp_path / "access.log"
    log.touch()
    (tmp_path / "gm.toml").write_text(RULE, encoding="utf-8")
    port = free_port()
    options = (f"--web=127.0.0.1:{port}", "--web-admin", "--config", str(tmp_path / "gm.toml"))
    seen: list[gm.Event] = []
    stop = threading.Event()
    listening = plain if kind == "plain" else with_trio
    with monitor(log, tmp_path / "state", *options) as first:
        until_read(first.url, 0)
        thread = threading.Thread(target=listening, args=(first.url, seen, stop))
        thread.start()
        eventually(lambda: kinds(seen)["snapshot"], what="a snapshot")
        append(log, 20)
        eventually(lambda: kinds(seen)["alert"], what="an alert")
        eventually(lambda: kinds(seen)["requests"], what="requests")
        an_incident_is_acknowledged(first.url)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(30)
    before = len(seen)
    with monitor(log, tmp_path / "state", *options) as second:
        eventually(lambda: kinds(seen)["missed"], what="word of what was missed")
        eventually(lambda: kinds(seen[before:])["snapshot"], what="a snapshot after it")
        stop.set()
        thread.join(30)
        assert second.url
    alert = next(one for one in seen if one.kind == "alert")
    assert "Too much" in alert.message
    assert alert.data["rule"] == "Too much"
    (missed,) = [one for one in seen if one.kind == "missed"]
    assert seen.index(missed) == before
    assert missed.message.startswith("alerts between 20")
    assert missed.data["since"] < missed.data["until"]


def an_incident_is_acknowledged(url: str) -> None:
    """And taken back; both by itself and by its id."""
    with gm.connect(url) as client:
        (incident,) = client.alerts().firing
        assert (incident.rule, incident.recovered_at) == ("Too much", None)
        assert incident.id.startswith("Too much")
        assert client.acknowledge(incident) == client.alerts().firing[0].acknowledged_at
        client.take_back(incident.id)
        assert client.alerts().firing[0].acknowledged_at is None


def kinds(seen: list[gm.Event]) -> dict[str, int]:
    return {name: sum(one.kind == name for one in seen)
            for name in ("snapshot", "alert", "requests", "missed")}  # fmt: skip


def append(log: Path, count: int) -> None:
    with log.open("ab") as file:
        file.write(line(int(time.time())) * count)


def plain(url: str, seen: list[gm.Event], stop: threading.Event) -> None:
    with gm.connect(url) as client:
        for event in client.events(where="status = 200"):
            seen.append(event)
            if stop.is_set():
                return


def with_trio(url: str, seen: list[gm.Event], stop: threading.Event) -> None:
    async def listen() -> None:
        async with gm.connect_trio(url) as client:
            events = client.events(where="status = 200")
            async with contextlib.aclosing(events):
                async for event in events:
                    seen.append(event)
                    if stop.is_set():
                        return

    trio.run(listen)


def test_the_way_back_is_tried_less_and_less_often() -> None:
    following = Following()
    list(following.connected(100))
    assert [following.lost(110 + i, "x") for i in range(6)] == [3, 6, 12, 24, 30, 30]
    (missed,) = following.connected(200)
    assert missed.data == {"since": 110, "until": 200, "why": "x"}
    assert following.lost(210, "y") == 3
