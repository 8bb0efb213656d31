"""Metrics over HTTP: in the format that is asked for, and only for those who may look."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from actors.outputs.web.web import Web
from tests.actors.outputs.web.sites import RULES, served
from tests.glancemetrics.exposition.test_prometheus import PROMETHEUS_2, PROMETHEUS_3

TOKEN = "a-token-of-some-length-0123456789"


@pytest.mark.parametrize(
    ("accept", "kind", "read"),
    [
        (PROMETHEUS_2, "application/openmetrics-text; version=1.0.0", read_openmetrics),
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0", read_openmetrics),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", read_text),
    ],
)
async def test_the_format_is_the_one_that_is_asked_for(
    tmp_path: Path, accept: str, kind: str, read
) -> None:
    async with served(tmp_path) as site, site.client() as client:
        reply = await client.get("/metrics", headers={"Accept": accept})
        assert reply.status_code == 200
        assert reply.headers["Content-Type"].startswith(kind)
        assert reply.headers["Cache-Control"] == "no-store"
        values = {sample.name: sample.value for one in read(reply.text) for sample in one.samples}
        assert site.site.latest is not None
        assert values["glancemetrics_visitors"] == site.site.latest.insights.visitors
        assert values["glancemetrics_records_total"] == site.site.latest.health.records
        rules = reply.text.count("glancemetrics_incidents_firing{")
        assert rules >= len(RULES)


async def test_before_the_first_snapshot_there_is_the_version(tmp_path: Path) -> None:
    async with served(tmp_path) as site:
        site.desk.latest.snapshot = None
        async with site.client() as client:
            reply = await client.get("/metrics")
    assert reply.status_code == 200
    assert "glancemetrics_build_info{" in reply.text
    assert "glancemetrics_lines" not in reply.text


async def test_a_program_needs_a_token_like_everybody(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    async with served(tmp_path, token_file=str(file)) as site, site.client() as client:
        assert (await client.get("/metrics")).status_code == 401
        reply = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert reply.status_code == 200


def test_the_page_has_totals_counted() -> None:
    assert Web.wants_totals
