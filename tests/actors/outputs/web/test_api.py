"""The API in this process: it answers as the history does, and mistakes say what is wrong."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import attrs
import httpx
import jsonschema
import pyarrow as pa
import pytest
import trio

from actors.outputs.web.api import HANDLERS
from glancemetrics.history.query import Query, RecordQuery
from glancemetrics.http_api.answer_arrow import answer_of
from glancemetrics.http_api.endpoints import ENDPOINTS
from glancemetrics.http_api.openapi import openapi
from glancemetrics.http_api.schemas import SCHEMAS
from glancemetrics.records.time_span import TimeSpan
from glancemetrics.reporting.answers import answer_json
from tests.actors.outputs.console.replays import (
    AGENTS,
    OUTAGE,
    START,
    answer_from,
    recorded,
    recorded_of_servers,
)
from tests.actors.outputs.web.sites import Served, served
from tests.lines import BASE

SPAN = TimeSpan(START, BASE)
ASKING = {"X-GlanceMetrics": "1"}


def is_as_described(value: object, name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    jsonschema.Draft202012Validator(schema).validate(value)


async def got(site: Served, path: str, **parameters: Any) -> httpx.Response:
    async with site.client() as client:
        return await client.get(f"/api/v1{path}", params=parameters)


def test_each_endpoint_has_what_answers_it() -> None:
    answered = {one.name for one in ENDPOINTS if not one.is_for_senders}
    assert answered == {*HANDLERS, "events"}


def test_the_document_is_one_of_openapi() -> None:
    document = openapi("1.0", has_tokens=True, has_users=True)
    assert document["openapi"] == "3.1.0"
    assert len(document["paths"]) == len({one.path for one in ENDPOINTS})
    text = json.dumps(document)
    for name in SCHEMAS:
        jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
        assert f'"#/components/schemas/{name}"' in text or name == "AlertEvent", name


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({}, {"measures": ("hits", "visitors", "bytes", "errors", "error_ratio", "p95")}),
        (
            {"by": "path,status", "measures": "hits,5xx", "sort": "5xx", "limit": "3"},
            {
                "by": ("path", "status"),
                "measures": ("hits", "5xx"),
                "order": "5xx",
                "limit": 3,
            },
        ),
        (
            {"step": "1m", "where": "status >= 500", "measures": "hits,p99"},
            {"step": 60, "where": "status >= 500", "measures": ("hits", "p99")},
        ),
        (
            {"by": "host", "reverse": "true", "measures": "bytes"},
            {"by": ("host",), "is_ascending": True, "measures": ("bytes",)},
        ),
    ],
)
async def test_a_query_answers_as_the_history_does(
    parameters: dict[str, str], query: dict[str, Any], tmp_path: Path
) -> None:
    question = Query(span=SPAN, **{"limit": 1000, **query})
    expected = answer_json(answer_from(question, recorded()), question)
    async with served(tmp_path) as site:
        found = await got(site, "/query", since=START, until=BASE, **parameters)
    assert found.status_code == 200
    assert found.json() == json.loads(json.dumps(expected))
    is_as_described(found.json(), "Answer")


async def test_a_query_can_be_had_as_csv_and_as_arrow(tmp_path: Path) -> None:
    parameters = {"since": START, "until": BASE, "by": "path", "measures": "hits,p95,last_seen"}
    question = Query(span=SPAN, by=("path",), measures=("hits", "p95", "last_seen"), limit=1000)
    expected = answer_from(question, recorded())
    async with served(tmp_path) as site:
        as_csv = await got(site, "/query", format="csv", **parameters)
        as_arrow = await got(site, "/query", format="arrow", **parameters)
        async with site.client() as client:
            accepted = await client.get(
                "/api/v1/query",
                params=parameters,
                headers={"Accept": "application/vnd.apache.arrow.stream"},
            )
    rows = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert [row["path"] for row in rows] == expected.table.column("path").to_pylist()
    assert [int(row["hits"]) for row in rows] == expected.table.column("hits").to_pylist()
    assert "attachment" in as_csv.headers["content-disposition"]
    found = answer_of(as_arrow.content)
    assert as_arrow.content == accepted.content
    assert found.table.equals(expected.table)
    for field in attrs.fields(type(found)):
        if field.name != "table":
            assert getattr(found, field.name) == getattr(expected, field.name), field.name


async def test_what_is_accepted_best_is_sent(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        for accept, media in (
            ("application/json, text/csv;q=0.1", "application/json"),
            ("text/csv;q=0, application/json", "application/json"),
            ("text/csv, */*;q=0.1", "text/csv; charset=utf-8"),
            ("text/html", "application/json"),
        ):
            found = await client.get("/api/v1/query", headers={"Accept": accept})
            assert found.headers["content-type"] == media, accept


async def test_an_answer_has_so_many_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.outputs.web.limits.MOST_VALUES", 50)
    async with served(tmp_path) as site, site.client() as client:
        few = await client.get("/api/v1/query?by=host&measures=hits&limit=25")
        many = await client.get("/api/v1/query?by=host&measures=hits,bytes&limit=25")
        series = await client.get("/api/v1/query?by=host&step=5m&limit=10&last=1h")
    assert (few.status_code, many.status_code, series.status_code) == (200, 400, 400)
    assert many.json()["detail"] == (
        "25 groups with 3 columns: over 50 values; lower the limit, ask for fewer measures, or "
        "lengthen the step"
    )
    assert "steps of" in series.json()["detail"]


async def test_a_series_has_columns_of_the_same_length(tmp_path: Path) -> None:
    async with served(tmp_path, is_broken=True) as site:
        found = (
            await got(site, "/series", since=START, until=BASE, step="1m", measures="hits,5xx")
        ).json()
        without = await got(site, "/series")
    is_as_described(found, "Series")
    assert found["columns"]["time"] == list(range(START // 60 * 60, BASE, 60))
    assert sum(found["columns"]["hits"]) == found["total"]["hits"] == 9000
    assert sum(found["columns"]["5xx"]) == found["total"]["5xx"] > 300
    assert without.status_code == 400
    assert without.json()["detail"] == "step: missing"


async def test_pages_of_requests_have_each_once(tmp_path: Path) -> None:
    async with served(tmp_path, is_broken=True) as site, site.client() as client:
        path, rows, pages = f"?where=status >= 500&limit=100&since={START}", [], 0
        while path is not None:
            page = (await client.get(f"/api/v1/records{path}")).json()
            is_as_described(page, "Records")
            rows += page["rows"]
            path = page["next"]
            pages += 1
    question = RecordQuery(span=SPAN, where="status >= 500", limit=10_000)
    expected = answer_json(answer_from(question, recorded(is_broken=True)), question)
    assert pages == -(-len(rows) // 100) > 3
    assert rows == json.loads(json.dumps(expected["rows"]))


async def test_what_is_known_now(tmp_path: Path) -> None:
    async with served(tmp_path, is_broken=True) as site:
        for path, schema in (
            ("/snapshot", "Snapshot"),
            ("/health", "Health"),
            ("/alerts", "Alerts"),
            ("/rules", "Rules"),
            ("/silences", "Silences"),
            ("/dimensions", "Dimensions"),
        ):
            found = await got(site, path)
            assert found.status_code == 200, path
            is_as_described(found.json(), schema)
        alerts = (await got(site, "/alerts")).json()
        snapshot = (await got(site, "/snapshot")).json()
        assert site.desk.latest.snapshot is not None
        assert snapshot == json.loads(json.dumps(site.desk.latest.snapshot.to_json()))
        site.desk.latest.snapshot = None
        early = await got(site, "/snapshot")
        assert (await got(site, "/alerts")).json()["firing"] == []
    assert early.status_code == 404
    outage = alerts["firing"][0]
    assert (outage["incident"], outage["severity"]) == (OUTAGE.id, "critical")
    assert outage["headline"] == "Server errors: 12 % of responses are 5xx (limit 5 %, 2 min)"
    assert outage["peak_text"] == "46 %"


async def test_servers_are_there_with_their_requests_and_their_agents(tmp_path: Path) -> None:
    kept = recorded_of_servers()
    parameters = {"since": START, "until": BASE}
    async with served(tmp_path, kept=kept) as site:
        shown = site.desk.latest.snapshot
        assert shown is not None
        site.desk.latest.snapshot = attrs.evolve(
            shown, health=attrs.evolve(shown.health, agents=AGENTS)
        )
        found = await got(site, "/servers", **parameters)
        as_csv = await got(site, "/servers", format="csv", **parameters)
        narrowed = await got(site, "/servers", where="server = 'web1'", **parameters)
        by_server = await got(
            site, "/query", by="server", measures="hits,rate,5xx,4xx,p95", **parameters
        )
        wrong = await got(site, "/servers", format="arrow")
        async with site.client() as client:
            again = await client.get(
                "/api/v1/servers",
                params=parameters,
                headers={"If-None-Match": found.headers["etag"]},
            )
        health = (await got(site, "/health")).json()
    is_as_described(found.json(), "Servers")
    rows = {row["server"]: row for row in found.json()["rows"]}
    assert list(rows) == ["web7", "web2", "web3", "sys\x1blog", "web1", "web4"]
    states = [row["state"] for row in rows.values()]
    assert states == ["silent", "trouble", "waiting", None, "ok", "ended"]
    for row in by_server.json()["rows"]:
        assert row.items() <= rows[row["server"]].items()
    assert (rows["web7"]["hits"], rows["web7"]["last_heard"]) == (0, BASE - 40)
    assert (rows["web1"]["clock_offset"], rows["web1"]["host"]) == (3.2, "ip-10-0-0-1")
    assert rows["web2"]["detail"] == "sent an invalid entry (damaged)"
    assert rows["sys\x1blog"]["lag_bytes"] is None
    listed = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    assert [row["server"] for row in listed] == list(rows)
    assert [row["server"] for row in narrowed.json()["rows"]] == ["web1"]
    assert again.status_code == 304
    assert wrong.status_code == 400
    assert wrong.headers["content-type"] == "application/problem+json"
    assert [one["name"] for one in health["agents"]] == [one.name for one in AGENTS]
    is_as_described(health, "Health")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/query?by=pth", "unknown field 'pth' (did you mean 'path'?)"),
        ("/query?mesures=hits", "mesures: unknown parameter (did you mean 'measures'?)"),
        ("/query?measures=hit", "measures: unknown measure 'hit' (did you mean 'hits'?)"),
        ("/query?where=status", "must be a condition"),
        ("/query?where=a+%3D+1", "where a = 1: no column 'a'"),
        ("/query?where=1%3D1+--x", "contains a comment"),
        ("/query?last=1", "last: must be"),
        ("/query?last=1h&since=2h", "cannot be combined"),
        ("/query?since=never", "since: must be a time"),
        ("/query?since=2h&until=3h", "is not before"),
        ("/query?timezone=Mars", "unknown zone"),
        ("/query?limit=0", "limit: must be a whole number from 1"),
        ("/query?limit=9999999999999999", "limit: must be a whole number"),
        ("/query?limit=3&limit=4", "limit: given twice"),
        ("/query?reverse=perhaps", "reverse: must be true or false"),
        ("/query?format=xml", "format: must be one of json, csv, arrow"),
        ("/query?sort=bytes&measures=hits,rat", "unknown measure 'rat'"),
        ("/query?by=path,host,status", "at most two fields"),
        ("/records?by=path", "by: unknown parameter"),
        ("/values", "field: missing"),
        ("/events?where=status%3D500", "where: is about requests; it needs requests=true"),
        ("/values?field=x", "unknown field 'x'"),
    ],
)
async def test_mistakes_are_named(path: str, says: str, tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        found = await client.get(f"/api/v1{path}")
    assert found.status_code == 400
    assert found.headers["content-type"] == "application/problem+json"
    is_as_described(found.json(), "Problem")
    assert says in found.json()["detail"]


async def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        nowhere = await client.get("/api/v1/nothing")
        wrong = await client.delete("/api/v1/query", headers=ASKING)
        head = await client.head("/api/v1/rules")
    assert nowhere.status_code == 404
    assert nowhere.headers["content-type"] == "application/problem+json"
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    assert head.status_code == 200
    assert head.content == b""


async def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        first = await client.get("/api/v1/rules")
        tag = first.headers["etag"]
        again = await client.get("/api/v1/rules", headers={"If-None-Match": f'"x", {tag}'})
        other = await client.get("/api/v1/rules", headers={"If-None-Match": '"x"'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert other.content == first.content


async def test_long_answers_are_compressed_for_those_who_can(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        small = await client.get("/api/v1/snapshot", headers={"Accept-Encoding": "gzip"})
        whole = await client.get("/api/v1/snapshot", headers={"Accept-Encoding": "gzip;q=0"})
        request = client.build_request(
            "GET", "/api/v1/snapshot", headers={"Accept-Encoding": "br, gzip"}
        )
        raw = await client.send(request, stream=True)
        data = b"".join([piece async for piece in raw.aiter_raw()])
    assert raw.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in whole.headers
    assert small.content == whole.content == gzip.decompress(data)
    assert len(data) < len(whole.content) / 3


async def test_filters_and_values_complete_what_is_typed(tmp_path: Path) -> None:
    async with served(tmp_path, is_broken=True) as site:
        words = (await got(site, "/filter", text="5xx /checkout")).json()
        wrong = (await got(site, "/filter", text="status >")).json()
        empty = (await got(site, "/filter")).json()
        values = (await got(site, "/values", field="path", prefix="CHECK")).json()
        numbers = (await got(site, "/values", field="status", prefix="50")).json()
        quoted = (await got(site, "/values", field="path", prefix="'; DROP")).json()
    assert words == {
        "where": "(status BETWEEN 500 AND 599) AND (starts_with(path, '/checkout'))",
        "problem": "",
    }
    assert wrong["problem"]
    assert empty == {"where": "", "problem": ""}
    assert [one["value"] for one in values["values"]] == ["/checkout"]
    assert [one["value"] for one in numbers["values"]] == ["503"]
    assert quoted == {"values": []}


async def test_a_line_of_the_log_is_found(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client(headers=ASKING) as client:
        row = (await client.get("/api/v1/records?limit=1")).json()["rows"][0]
        found = await client.post("/api/v1/raw-line", json={"record": row})
        timeless = await client.post("/api/v1/raw-line", json={"record": {"source": "a"}})
    assert found.json() == {"line": "a line of /var/log/access.log", "missing": ""}
    assert timeless.json()["detail"] == "record: needs its time"


async def test_a_report_is_written_one_at_a_time(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        asked: list[object] = []

        async def write(path: str, where: str | None, span: TimeSpan) -> str:
            asked.append((where, span))
            await trio.sleep(0.2)
            Path(path).write_text("<!doctype html>")
            return path

        object.__setattr__(site.desk, "write_report", write)
        found: list[httpx.Response] = []

        async def ask() -> None:
            found.append(await client.get("/api/v1/report?where=status=500&since=5&until=9"))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
    assert sorted(one.status_code for one in found) == [200, 429, 429]
    (written,) = (one for one in found if one.status_code == 200)
    assert written.headers["content-disposition"].startswith("attachment; ")
    assert written.text == "<!doctype html>"
    assert asked == [("status=500", TimeSpan(5, 9))]
    async with served(tmp_path, anonymize_ip=True) as site, site.client() as client:
        assert (await client.get("/api/v1/report")).status_code == 404


async def test_admins_silence_and_acknowledge(tmp_path: Path) -> None:
    async with (
        served(tmp_path, is_broken=True, admin=True) as site,
        site.client(headers=ASKING) as client,
    ):
        made = await client.post(
            "/api/v1/silences", json={"pattern": "Server errors", "seconds": 60, "why": "deploy"}
        )
        assert made.status_code == 201
        is_as_described(made.json(), "Silence")
        assert (await client.get("/api/v1/silences")).json() == {"silences": [made.json()]}
        firing = (await client.get("/api/v1/alerts")).json()["firing"][0]
        assert firing["silenced_until"] == BASE + 60
        ended = await client.delete("/api/v1/silences", params={"pattern": "Server errors"})
        again = await client.delete("/api/v1/silences", params={"pattern": "Server errors"})
        assert (ended.status_code, again.status_code) == (204, 404)
        kept = await client.put("/api/v1/acknowledgements", json={"incident": OUTAGE.id})
        assert kept.json() == {"incident": OUTAGE.id, "at": float(BASE)}
        firing = (await client.get("/api/v1/alerts")).json()["firing"][0]
        assert firing["acknowledged_at"] == BASE
        unknown = await client.put("/api/v1/acknowledgements", json={"incident": "none"})
        assert unknown.status_code == 404
        path = "/api/v1/acknowledgements"
        for status in (204, 404):
            found = await client.delete(path, params={"incident": OUTAGE.id})
            assert found.status_code == status


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be an object"),
        (b"{}", "pattern: missing"),
        (b'{"pattern": "a", "seconds": "1"}', "seconds: must be integer"),
        (b'{"pattern": "a", "seconds": true}', "seconds: must be integer"),
        (b'{"pattern": "a", "seconds": 0}', "seconds: must be from 1"),
        (b'{"pattern": "", "seconds": 1}', "pattern: must have 1 to 500"),
        (b'{"pattern": "a\\u0000", "seconds": 1}', "must not have NUL"),
        (b'{"pattern": "a", "seconds": 1, "x": 1}', "unknown field 'x'"),
        (b"[" * 5000, "not JSON"),
    ],
)
async def test_wrong_bodies_change_nothing(body: bytes, says: str, tmp_path: Path) -> None:
    async with served(tmp_path, admin=True) as site, site.client(headers=ASKING) as client:
        found = await client.post(
            "/api/v1/silences", content=body, headers={"Content-Type": "application/json"}
        )
        assert found.status_code == 400
        assert says in found.json()["detail"]
        assert (await client.get("/api/v1/silences")).json() == {"silences": []}


async def test_bodies_have_a_type_and_an_end(tmp_path: Path) -> None:
    async with served(tmp_path, admin=True) as site, site.client(headers=ASKING) as client:
        form = await client.post("/api/v1/silences", data={"pattern": "a"})
        long = await client.post("/api/v1/silences", json={"pattern": "a" * 100_000, "seconds": 1})
    assert (form.status_code, long.status_code) == (415, 413)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/silences", {"pattern": "*", "seconds": 60}),
        ("DELETE", "/silences?pattern=*", None),
        ("PUT", "/acknowledgements", {"incident": OUTAGE.id}),
        ("DELETE", "/acknowledgements?incident=a", None),
    ],
)
async def test_others_only_look(
    method: str, path: str, body: dict[str, Any] | None, tmp_path: Path
) -> None:
    async with served(tmp_path, is_broken=True) as site, site.client(headers=ASKING) as client:
        found = await client.request(method, f"/api/v1{path}", json=body)
        assert found.status_code == 403
        assert "--web-admin" in found.json()["detail"]
        assert (await client.get("/api/v1/silences")).json() == {"silences": []}


async def test_a_damaged_file_of_silences_is_said(tmp_path: Path) -> None:
    (tmp_path / "silences.json").write_text("{")
    async with served(tmp_path, admin=True) as site, site.client(headers=ASKING) as client:
        found = await client.post("/api/v1/silences", json={"pattern": "a", "seconds": 1})
        assert found.status_code == 503
        assert (await client.get("/api/v1/alerts")).status_code == 200


async def test_the_documentation_has_every_endpoint_and_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as site, site.client() as client:
        page = await client.get("/api/docs")
        document = await client.get("/api/v1/openapi.json")
    for one in ENDPOINTS:
        assert f'id="{one.name}"' in page.text
    assert "://" not in page.text.replace("&quot;", "")
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert document.json() == openapi(
        document.json()["info"]["version"], has_tokens=False, has_users=False
    )


def test_an_answer_that_is_none_of_ours_is_refused() -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([])):
        pass
    from glancemetrics.errors import GlanceMetricsError

    for data in (b"", b"<html>", sink.getvalue().to_pybytes()):
        with pytest.raises(GlanceMetricsError, match="not an answer"):
            answer_of(data)
