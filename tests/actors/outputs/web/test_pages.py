"""The files of the page, and the documentation of the API."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import trio

from actors.outputs.web import pages
from actors.outputs.web.html_pages import docs_page
from actors.outputs.web.pages import BuiltPage
from tests.actors.outputs.web.sites import served


def build(folder: Path, number: int) -> None:
    """Write a page as web/build.mjs does: the manifest last."""
    (folder / "assets").mkdir(exist_ok=True)
    files = {
        "index.html": f"<!doctype html><script src=assets/app-{number}.js>",
        f"assets/app-{number}.js": f"run({number})",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    listed = [{"name": name, "bytes": len(text)} for name, text in files.items()]
    (folder / "manifest.json").write_text(json.dumps({"files": listed}))
    os.utime(folder / "manifest.json", ns=(number, number))


async def test_an_upgrade_changes_the_page_and_its_files_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    monkeypatch.setattr(pages, "_PAGE", BuiltPage(folder))
    async with served(tmp_path) as site, site.client() as client:
        assert "was not built" in (await client.get("/")).text
        build(folder, 1)
        assert "app-1.js" in (await client.get("/")).text
        # Half of an upgrade: the old files have gone.
        (folder / "index.html").write_text("new")
        (folder / "assets" / "app-1.js").unlink()
        assert "app-1.js" in (await client.get("/")).text
        assert (await client.get("/assets/app-1.js")).text == "run(1)"
        (folder / "manifest.json").unlink()
        assert (await client.get("/assets/app-1.js")).text == "run(1)"
        build(folder, 2)
        (folder / "assets" / "app-2.js").write_text("")
        assert "app-1.js" in (await client.get("/")).text
        build(folder, 2)
        assert "app-2.js" in (await client.get("/")).text
        assert (await client.get("/assets/app-2.js")).text == "run(2)"
        assert (await client.get("/assets/app-1.js")).status_code == 404


async def test_answers_with_data_are_private_and_compared_weakly(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        first = await client.get("/api/v1/rules")
        assert first.headers["cache-control"] == "private, no-cache"
        assert "Authorization" in first.headers["vary"]
        tag = first.headers["etag"]
        for method in ("GET", "HEAD"):
            for known in (tag, tag.removeprefix("W/"), f'"x", {tag.removeprefix("W/")}', "*"):
                found = await client.request(
                    method, "/api/v1/rules", headers={"If-None-Match": known}
                )
                assert (found.status_code, found.content) == (304, b"")
            other = await client.request(
                method, "/api/v1/rules", headers={"If-None-Match": 'W/"x"'}
            )
            assert other.status_code == 200


async def test_the_head_of_events_ends_at_once(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        with trio.fail_after(2):
            found = await client.head("/api/v1/events")
            wrong = await client.head("/api/v1/events?x=1")
    assert (found.status_code, found.content) == (200, b"")
    assert found.headers["content-type"].startswith("text/event-stream")
    assert wrong.status_code == 400


def test_texts_of_the_documentation_are_marked_up() -> None:
    operation = {
        "operationId": "a", "tags": ["T"], "summary": "Takes `a < b`; one ` stays.",
        "parameters": [
            {"name": "format", "required": False, "description": "As `x`.",
             "schema": {"enum": ["json", "<csv>"], "default": "json"}},
            {"name": "by", "required": True, "description": "A lone ` stays.",
             "schema": {"type": "array", "items": {"enum": ["host"]}}},
        ],
        "responses": {"200": {}},
    }  # fmt: skip
    text = docs_page(
        {
            "info": {"title": "G", "description": "It is `now`.", "version": "1"},
            "paths": {"/api/v1/a": {"get": {**operation, "summary": "Takes `a < b`."}}},
            "components": {"schemas": {}},
        }
    )
    assert "It is <code>now</code>." in text
    assert "Takes <code>a &lt; b</code>." in text
    assert "<h3>GET /api/v1/a</h3>" in text
    assert (
        "One of: <code>json</code>, <code>&lt;csv&gt;</code>. Default: <code>json</code>." in text
    )
    assert "A lone ` stays. One of: <code>host</code>." in text
