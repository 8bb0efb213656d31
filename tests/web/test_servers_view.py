"""The view of servers in Debian's Chromium: two agents, one hub, and a Redis between them."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.redis import Redis
from tests.waiting import Running
from tests.web.browsing import Traffic, looking
from tests.web.monitors import monitor
from tests.web.node import installed

pytestmark = pytest.mark.terminal


def test_a_killed_agent_is_shown_as_silent_and_the_other_can_be_narrowed_to(
    browser: Browser, tmp_path: Path
) -> None:
    axe = (installed() / "axe-core" / "axe.min.js").read_text()
    with ExitStack() as running:
        redis = running.enter_context(Redis(tmp_path / "redis", ("--appendonly", "no")))
        fleet = f"redis://127.0.0.1:{redis.port}/0?fleet=prod"
        agents = {}
        for name in ("web1", "web2"):
            log = tmp_path / f"{name}.log"
            running.enter_context(Traffic(log))
            command = (sys.executable, "-m", "glancemetrics", "agent", str(log), "--to", fleet)
            agent = Running([*command, "--name", name], stderr=subprocess.DEVNULL)
            agents[name] = running.enter_context(agent)
            running.callback(agent.kill)
        found = running.enter_context(monitor(tmp_path, log=fleet))
        watched = running.enter_context(looking(browser, found))
        found.until_read(60)
        page = watched.open("?window=1m")
        page.get_by_role("navigation").get_by_text("Servers", exact=True).click()
        rows = page.locator("tbody tr.row")
        expect(rows).to_have_count(2)
        expect(rows.nth(0).locator(".of-state")).to_have_text("ok")

        # Requests say whose they are; of one server, they need not.
        page.get_by_role("navigation").get_by_text("Requests", exact=True).click()
        servers = page.locator("table.requests tbody td.server")
        expect(servers.get_by_text("web1", exact=True).first).to_be_visible()
        expect(servers.get_by_text("web2", exact=True)).not_to_have_count(0)
        page.go_back()

        agents["web2"].kill()
        expect(rows.nth(0)).to_contain_text("web2")
        expect(rows.nth(0).locator(".of-state")).to_have_text(re.compile(r"SILENT for \d+ s"))
        expect(page.get_by_text("2 agents: 1 silent (web2)").first).to_be_visible()

        # The API, the page and the metrics say the same.
        listed = found.get("api/v1/servers?last=1m").json()["rows"]
        assert [(one["server"], one["state"]) for one in listed] == [
            ("web2", "silent"),
            ("web1", "ok"),
        ]
        metrics = found.get("metrics").text
        assert 'glancemetrics_agent_up{server="web2"} 0.0' in metrics

        # As other tables: sorted by a column, which the link carries; a click narrows.
        page.get_by_role("button", name="Server", exact=True).click()
        expect(rows.nth(0)).to_contain_text("web1")
        assert "servers/server:name" in page.url
        for scheme, width in (("light", 1440), ("dark", 1440), ("light", 390)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            page.evaluate(axe)
            violations = page.evaluate("axe.run()")["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            expect(rows.nth(0).locator(".of-state")).to_be_visible()
        page.set_viewport_size({"width": 1440, "height": 900})
        rows.nth(0).get_by_text("web1", exact=True).click()
        expect(rows).to_have_count(1)
        assert "is=server:web1" in page.url

        # The line of a record is on its server, and the page says so.
        page.get_by_role("navigation").get_by_text("Requests", exact=True).click()
        expect(page.locator("table.requests tbody tr.row").first).to_be_visible()
        expect(servers).to_have_count(0)
        page.locator("table.requests tbody tr.row").first.click()
        said = f"The line is on server web1, in {tmp_path / 'web1.log'}"
        expect(page.get_by_label("One request").get_by_text(said)).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("navigation").get_by_text("Health", exact=True).click()
        expect(page.get_by_text("2 agents: 1 silent (web2)").last).to_be_visible()
        health = found.get("api/v1/health").json()
        assert {one["name"]: one["state"] for one in health["agents"]} == {
            "web1": "ok",
            "web2": "silent",
        }
