"""With --web-anonymize-ip no viewer gets a whole address, or can ask for one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pyarrow as pa

from glancemetrics.alerting.alerting import Alerts, Pending
from glancemetrics.http_api.anonymous import anonymous_event, anonymous_snapshot
from glancemetrics.incidents.alert_events import AlertEvent, AlertEventKind
from glancemetrics.incidents.incident import Incident, incident_id
from glancemetrics.records.dimensions import HOST
from glancemetrics.records.networks import anonymized_lists, anonymized_text
from glancemetrics.records.rejects import Reject
from tests.actors.outputs.web.sites import Served, served
from tests.lines import BASE

ASKING = {"X-GlanceMetrics": "1"}
WHOLE = re.compile(r"203\.0\.113\.(?!0\b)\d")


def by_host(number: int, at: int = BASE - 30) -> Incident:
    host = f"203.0.113.{number}"
    name = incident_id("Scanner", host, at)
    return Incident(name, "Scanner", 5.0, 60, at, 9.0, 9.0, by="host", group=host)


def with_incidents(site: Served) -> None:
    snapshot = site.desk.latest.snapshot
    assert snapshot is not None
    forwarded = attrs.evolve(  # of a rule by a field of --keep
        by_host(5), by="xff", group="203.0.113.5, 203.0.113.6",
        id="Scanner[203.0.113.5, 203.0.113.6]-20260921T133250Z",
    )  # fmt: skip
    firing = (by_host(7), by_host(8), by_host(9, BASE - 50), forwarded)
    alerts = Alerts(firing, pending=(Pending("Scanner", "203.0.113.12", BASE),),
                    latest={firing[0].id: 4.0})  # fmt: skip
    rejects = (Reject("203.0.113.77 oops", "no format", "a"),)
    health = attrs.evolve(snapshot.health, reject_samples=rejects)
    site.desk.latest.snapshot = attrs.evolve(snapshot, alerts=alerts, health=health)


async def test_no_answer_has_a_whole_address(tmp_path: Path) -> None:
    async with served(tmp_path, anonymize_ip=True) as site, site.client(headers=ASKING) as client:
        with_incidents(site)
        texts = []
        for path in (
            "/query?by=host",
            "/query?by=host,path",
            "/query?by=network",
            "/records?limit=500",
            "/records?limit=500&format=csv",
            "/series?step=1m&by=host",
            "/values?field=host",
            "/snapshot",
            "/alerts",
            "/health",
        ):
            found = await client.get(f"/api/v1{path}")
            assert found.status_code == 200, path
            texts.append(found.text)
        snapshot = site.desk.latest.snapshot
        assert snapshot is not None
        texts.append(json.dumps(site.site.snapshot_message(snapshot)))
        row = (await client.get("/api/v1/records?limit=1")).json()["rows"][0]
        line = await client.post("/api/v1/raw-line", json={"record": row})
        assert line.status_code == 404
        for where in ("host = '203.0.113.7'", "host like '%.7'", "right(host, 2) = '.7'"):
            found = await client.get("/api/v1/query", params={"where": where})
            assert found.json()["records"] == 0, where
    for text in texts:
        assert "oops" not in text
        assert WHOLE.search(text) is None


async def test_numbers_stay_what_they_are(tmp_path: Path) -> None:
    async with served(tmp_path) as plain, plain.client() as client:
        whole = (await client.get("/api/v1/query?measures=hits,visitors,bytes")).json()
        by_path = (await client.get("/api/v1/query?by=path&measures=hits,visitors")).json()
    async with served(tmp_path, anonymize_ip=True) as site, site.client() as client:
        masked = (await client.get("/api/v1/query?measures=hits,visitors,bytes")).json()
        same = (await client.get("/api/v1/query?by=path&measures=hits,visitors")).json()
        hosts = (await client.get("/api/v1/query?by=host&measures=hits,visitors")).json()
    assert masked == whole
    assert same == by_path
    assert whole["total"]["visitors"] == 40
    assert hosts["rows"] == [{"host": "203.0.113.0", "hits": 9000, "visitors": 40}]


def test_addresses_within_texts_are_masked() -> None:
    for text, masked in (
        ("203.0.113.10", "203.0.113.0"),
        ("203.0.113.10, 198.51.100.7", "203.0.113.0, 198.51.100.0"),
        ("2001:db8:1:2:3:4:5:6, 10.1.2.3", "2001:db8:1::, 10.1.2.0"),
        ("2001:db8::7", "2001:db8::"),
        ("2a00::1234", "2a00::"),
        ("fd00::abcd, 10.1.2.3", "fd00::, 10.1.2.0"),
        ("fd00::1:2, 2001:DB8:1:2:3:4:5:6", "fd00::, 2001:db8:1::"),
        ("64:ff9b::1.2.3.4", "64:ff9b::"),
        ("::ffff:10.1.2.3, ::1", "10.1.2.0, ::"),
        ("for=[2001:db8:1:2::7]:443;by=x", "for=[2001:db8:1::]:443;by=x"),
        ("a::b::c std::string", "a::b::c std::string"),
        ("12:34:56", "12:34:56"),
        ("HIT", "HIT"),
        ("1.2.3", "1.2.3"),
    ):
        assert anonymized_text(text) == masked, text
        column = pa.array([text, None, text]).dictionary_encode()
        assert anonymized_lists(column).to_pylist() == [masked, None, masked]


def test_an_event_by_a_field_of_keep_has_no_whole_address() -> None:
    group = "203.0.113.5, 203.0.113.6"
    incident = attrs.evolve(
        by_host(5), by="xff", group=group, id=incident_id("Scanner", group, BASE)
    )
    event = AlertEvent(AlertEventKind.TRIGGERED, BASE, f"Scanner (xff {group})", incident)
    masked = anonymous_event(event, None)
    assert WHOLE.search(json.dumps(masked.to_json())) is None
    assert masked.incident is not None
    assert masked.incident.group == "203.0.113.0, 203.0.113.0"


def test_rows_of_one_network_are_added_up() -> None:
    from tests.actors.outputs.console.replays import replay

    shown = replay().shown
    assert shown is not None
    (row,) = anonymous_snapshot(shown).shown.top[HOST]
    assert (row.name, row.hits) == ("203.0.113.0", sum(one.hits for one in shown.shown.top[HOST]))


async def test_incidents_of_one_network_are_told_apart_and_acknowledged(tmp_path: Path) -> None:
    async with (
        served(tmp_path, anonymize_ip=True, admin=True) as site,
        site.client(headers=ASKING) as client,
    ):
        with_incidents(site)
        firing = (await client.get("/api/v1/alerts")).json()["firing"]
        names = [one["incident"] for one in firing]
        assert len(set(names)) == 4
        assert firing[0]["latest"] == 4.0
        found = await client.put("/api/v1/acknowledgements", json={"incident": names[1]})
        assert found.json()["incident"] == names[1]
        assert set(site.desk.acknowledgements.known()) == {by_host(8).id}
        again = (await client.get("/api/v1/alerts")).json()["firing"]
        assert [one["acknowledged_at"] is None for one in again] == [True, False, True, True]
        whole = await client.put("/api/v1/acknowledgements", json={"incident": by_host(7).id})
        assert whole.status_code == 404
        taken = await client.delete("/api/v1/acknowledgements", params={"incident": names[1]})
        assert taken.status_code == 204


async def test_events_have_no_address_in_their_message(tmp_path: Path) -> None:
    incident = by_host(7)
    event = AlertEvent(AlertEventKind.TRIGGERED, BASE, f"Scanner ({incident.group}): 9", incident)
    other = AlertEvent(AlertEventKind.MONITORING_STARTED, BASE, "started")
    async with served(tmp_path, anonymize_ip=True) as site:
        assert WHOLE.search(json.dumps(site.site.seen_event(event).to_json())) is None
        assert site.site.seen_event(other) is other
    async with served(tmp_path) as site:
        assert site.site.seen_event(event) is event
