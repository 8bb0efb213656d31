"""What people do with the page: files, the past, phones, charts."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.lines import line
from tests.waiting import eventually
from tests.web.browsing import RULES, Traffic, at_rest, in_all, looking
from tests.web.monitors import monitor

pytestmark = pytest.mark.terminal


def test_the_file_of_many_requests_has_the_newest_and_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    now = int(time.time())
    log = (line(now - 700 + i // 18, request=f"GET /{i} HTTP/1.1") for i in range(12_000))
    (tmp_path / "access.log").write_bytes(b"".join(log))
    options = ("--from", "start")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        found.until_read(12_000)
        page = watched.open("?view=requests&window=1h")
        eventually(lambda: in_all(page) == 12_000, what="all requests")
        link = page.get_by_role("link", name=re.compile("newest 10,000 of 12,000"))
        expect(link).to_have_attribute("title", re.compile(r"query --records --limit 12000 --at h"))
        with page.expect_download() as download:
            link.click()
        rows = Path(download.value.path()).read_text().splitlines()
        assert len(rows) == 1 + 10_000
        assert "/11999" in rows[1]


def test_the_past_has_nothing_of_now(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    traffic.status = 503
    (tmp_path / "rules.toml").write_text(RULES)
    options = ("--config", "rules.toml", "--rules", "none", "--web-admin")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        page = watched.open("?view=alerts")
        main = page.locator("main")
        expect(page.get_by_role("button", name="Acknowledge").first).to_be_visible()
        expect(main).to_contain_text(re.compile(r"so far · peak .* · now \d"))
        began = found.get("api/v1/alerts").json()["firing"][0]["triggered_at"]
        page = watched.open(f"?view=alerts&until={began + 1}")
        expect(main).to_contain_text("1 s by then")
        text = main.inner_text().lower()
        assert "peak" not in text
        assert re.search(r"\bnow\b", text) is None
        expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        expect(page.get_by_role("button", name="Silence…")).to_have_count(0)
        page.keyboard.press("a")
        expect(page.get_by_text("Go live to acknowledge or silence")).to_be_visible()
        page.keyboard.press("End")
        expect(page.get_by_role("button", name="Acknowledge").first).to_be_visible()


def test_header_tab_and_badge_are_about_the_same_time(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    options = ("--config", "rules.toml", "--rules", "none")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        found.until_read(60)
        before = int(time.time()) - 1
        traffic.status = 503
        page = watched.open()
        pill, badge = page.locator(".state-pill"), page.locator(".badge.critical")
        expect(pill).to_have_text(re.compile("1 critical"))
        expect(badge).to_have_text(re.compile("^1"))
        eventually(lambda: page.title().startswith("● 1 critical · "), what="the title")
        page = watched.open(f"?until={before}&window=10s")
        expect(pill).to_have_text(re.compile("Healthy then"))
        expect(badge).to_have_count(0)
        assert page.title().startswith("10 s until ")
        expect(page.locator(".banner.info")).to_contain_text("Now: 1 critical.")
        began = found.get("api/v1/alerts").json()["firing"][0]["triggered_at"]
        page = watched.open(f"?until={began + 1}")
        expect(pill).to_have_text(re.compile("1 critical then"))
        expect(badge).to_have_text(re.compile("^1"))
        eventually(lambda: page.title().startswith("● 1 critical then · "), what="the title")


def test_what_stands_out_adds_up(browser: Browser, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    now = int(time.time())
    log.write_bytes(b"".join(line(now - 120 + i // 10) for i in range(1200)))
    options = ("--from", "start", "--rules", "none")
    with (
        Traffic(log) as traffic,
        monitor(tmp_path, *options) as found,
        looking(browser, found) as watched,
    ):
        traffic.status = 503
        page = watched.open("?window=30s")
        strip = page.get_by_role("region", name="What stands out")
        expect(strip).to_contain_text(" of the server errors (")
        expect(strip).to_contain_text("of responses are server errors (")
        seen: set[str] = set()
        ends = time.monotonic() + 40
        while len(seen) < 3:
            assert time.monotonic() < ends
            page.wait_for_timeout(50)
            text = strip.inner_text()
            counted = re.search(r"are server errors \((\d+) responses\)", text)
            share = re.search(r"of the server errors \((\d+) of (\d+)\)", text)
            assert counted is not None
            assert share is not None
            assert counted[1] == share[2]
            seen.add(counted[1])


@pytest.mark.parametrize("text", ["status = 5000 and", "status = abc", "status:5000 or"])
def test_a_wrong_condition_stays_in_the_box(
    browser: Browser, traffic: Traffic, tmp_path: Path, text: str
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(20)
        page = watched.open("?window=5m")
        box = page.get_by_role("combobox", name="Filter requests")
        box.fill(text)
        page.keyboard.press("Enter")
        # Before the page knows the fields, the server's answer explains it: No column 'abc'.
        expect(page.locator(".problem")).to_contain_text(
            re.compile("Incomplete|not a number|Syntax error|No column")
        )
        expect(box).to_have_value(text)
        assert "is=" not in page.url
        box.fill("status = 200")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=re.compile("^Remove the filter"))).to_have_count(1)
        assert page.url.endswith("?window=5m&is=status:200")


def _timed(path: Path) -> None:
    """Write a log of the last ten minutes, with response times."""
    now = int(time.time())
    lines = (
        line(now - 600 + i // 4, request=f"GET /{i % 7} HTTP/1.1").rstrip(b"\n")
        + b" 0.0%d\n" % (1 + i % 9)
        for i in range(2400)
    )
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("chart", [".chart-canvas .u-over", ".heat-map canvas"])
def test_a_first_tap_shows_the_value_and_a_second_goes_there(
    browser: Browser, tmp_path: Path, chart: str
) -> None:
    _timed(tmp_path / "access.log")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    options = ("--from", "start")
    with monitor(tmp_path, *options) as found, looking(browser, found, **phone) as watched:
        found.until_read(2400)
        page = watched.open("?view=latency&window=10m")
        canvas = page.locator(chart).first
        expect(canvas).to_be_visible()
        box = at_rest(canvas)
        x, y = box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"]
        page.touchscreen.tap(x, y)
        tip = page.locator(".tip:visible")
        expect(tip).to_have_count(1)
        assert "until=" not in page.url

        def taps_again() -> bool:
            # A busy browser may lose a tap; `pointer.test.ts` counts how many it takes.
            page.touchscreen.tap(x + 6, y)
            page.wait_for_timeout(1000)
            return "until=" in page.url

        eventually(taps_again, what="the time of the column")


def test_an_incident_that_recovers_says_so(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    traffic.status = 503
    (tmp_path / "rules.toml").write_text(f'{RULES}keep_firing = "20s"\n')
    options = ("--config", "rules.toml", "--rules", "none")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        page = watched.open("?view=alerts")
        active = page.get_by_role("list", name="Active incidents")
        expect(active).to_contain_text("critical")
        expect(active).not_to_contain_text("recovering")
        traffic.status = 200
        expect(active).to_contain_text("recovering")
        expect(active).to_contain_text(re.compile(r"below its limit, ends in \d+ s"))


def test_response_times_are_compared_too(browser: Browser, tmp_path: Path) -> None:
    _timed(tmp_path / "access.log")
    options = ("--from", "start")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        found.until_read(2400)
        page = watched.open("?window=3m&compare=before")
        card = page.get_by_role("region", name="Response times")
        expect(card).to_contain_text("p95 before")
        card.locator("summary").click()
        expect(card.get_by_role("columnheader", name="p95 before")).to_be_visible()
        row = card.locator("tbody tr").nth(5)
        expect(row.locator("td").last).to_have_text(re.compile(r"\d ms"))


def test_a_link_carries_how_tables_are_sorted(browser: Browser, tmp_path: Path) -> None:
    _timed(tmp_path / "access.log")
    options = ("--from", "start")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        found.until_read(2400)
        page = watched.open("?view=urls&window=1h")
        paths = page.get_by_role("region", name="Paths")
        paths.get_by_role("button", name="p95").click()
        paths.get_by_role("button", name="p95").click()
        assert page.url.endswith("?view=urls&window=1h&sort=urls/path:p95:up")
        page.reload()
        head = paths.get_by_role("columnheader", name="p95")
        expect(head).to_have_attribute("aria-sort", "ascending")
        paths.get_by_role("button", name="Requests").click()
        assert page.url.endswith("?view=urls&window=1h")


def test_a_legend_hides_a_series(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    traffic.status = 503
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(60)
        page = watched.open("?window=5m")
        card = page.get_by_role("region", name="Requests per second")
        entry = card.get_by_role("button", name="2xx")
        expect(entry).to_have_attribute("aria-pressed", "true")
        head = card.get_by_role("columnheader", name="2xx")
        card.locator("summary").click()
        expect(head).to_have_count(1)
        entry.focus()
        page.keyboard.press("Enter")
        expect(entry).to_have_attribute("aria-pressed", "false")
        expect(head).to_have_count(0)
        expect(card.get_by_role("columnheader", name="5xx", exact=True)).to_have_count(1)
        for name in ("3xx", "4xx", "5xx", "5xx share"):
            card.get_by_role("button", name=name, exact=True).click()
        expect(card.get_by_role("columnheader")).to_have_text(["Time"])
        entry.click()
        expect(head).to_have_count(1)


def test_a_span_is_typed_with_both_ends(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(20)
        page = watched.open("?utc")
        page.keyboard.press("t")
        page.get_by_label("End of the span").fill("yesterday 15:00 to 16:00")
        expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"1 h until \w+ \d+ 16:00"))
        page.keyboard.press("Enter")
        until = int(time.time()) // 86_400 * 86_400 - 8 * 3600
        assert page.url.endswith(f"?window=1h&until={until}&utc")


def test_several_logs_have_a_card(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    other.write_bytes(b"".join(line(int(time.time()) - i) for i in range(20)))
    options = ("--from", "start", "-f", "other.log")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        found.until_read(60)
        page = watched.open("?window=5m")
        card = page.get_by_role("region", name="Sources")
        card.get_by_role("button", name="other.log", exact=True).click()
        eventually(lambda: in_all(page) == 20, what="the requests of one log")
        assert "is=source:" in page.url


def test_one_log_has_no_card_of_logs(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?window=5m")
        eventually(lambda: in_all(page) > 20, what="requests")
        expect(page.get_by_role("region", name="Paths")).to_be_visible()
        expect(page.get_by_role("region", name="Sources")).to_have_count(0)


def test_a_wall_screen_names_a_wrong_filter_without_an_option(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?kiosk&where=garbage((")
        banner = page.locator(".banner.lost")
        expect(banner).to_contain_text("Filter garbage((: incomplete, or a bracket or quote")
        assert "--where" not in page.locator("body").inner_text()


def test_the_header_has_the_same_height_at_any_time(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    (tmp_path / "other.log").touch()
    size = {"width": 1366, "height": 768}
    options = ("-f", "other.log")
    with monitor(tmp_path, *options) as found, looking(browser, found, viewport=size) as watched:
        found.until_read(20)
        heights = set()
        yesterday = int(time.time()) - 86_400
        for query in ("?", "?compare=week", f"?compare=week&window=30m&until={yesterday}"):
            page = watched.open(query)
            expect(page.locator(".state-pill")).to_be_visible()
            heights.add(page.evaluate("document.querySelector('.top').offsetHeight"))
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0
            assert page.locator(".live-button").bounding_box()["x"] < 1366 - 80  # type: ignore[index]
            assert page.locator(".filter-box").bounding_box()["width"] > 240  # type: ignore[index]
        assert len(heights) == 1


def test_a_table_that_is_wider_than_a_phone_shows_that_it_scrolls(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}}
    with monitor(tmp_path) as found, looking(browser, found, **phone) as watched:
        found.until_read(20)
        page = watched.open("?view=health")
        table = page.locator(".scroll").first
        expect(table).to_be_visible()
        # Two layers move with the table and cover the shadows that stay, where it ends.
        attached = "node => getComputedStyle(node).backgroundAttachment"
        assert table.evaluate(attached) == "local, local, scroll, scroll"
