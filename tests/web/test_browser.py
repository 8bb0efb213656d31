"""The page in Debian's Chromium, over a real monitor of a log that is being written."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.lines import line
from tests.waiting import eventually, free_port
from tests.web.browsing import RULES, Traffic, Watched, in_all, looking
from tests.web.monitors import monitor
from tests.web.node import installed

pytestmark = pytest.mark.terminal

VIEWS = (
    *("overview", "urls", "errors", "clients", "latency", "alerts", "requests", "health"),
    "servers",
)
HOSTILE = (
    "<script>window.hurt=1</script>",
    '"><img src=x onerror=window.hurt=1>',
    "javascript:window.hurt=1",
    "\x1b]0;title\x07\x1b[31mred",
    "a\u202eb\u200bc\u2066d",
    "{{constructor.constructor('window.hurt=1')()}}",
    "' OR 1=1 --",
    "%3Cscript%3Ewindow.hurt=1%3C/script%3E",
    "\ud83d\ude00" * 3,
    "x" * 4000,
)


def test_numbers_move_while_the_log_is_written(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?window=5m")
        eventually(lambda: in_all(page) > 20, what="requests")
        before = in_all(page)
        eventually(lambda: in_all(page) > before + 40, what="more requests")
        assert watched.loads == 1
        sockets = [url for url in watched.asked if url.startswith("ws")]
        assert len(sockets) == 1
        row = page.get_by_role("region", name="Paths").get_by_text("/login", exact=True)
        expect(row.first).to_be_visible()
        answer = found.get("api/v1/query?last=5m").json()["total"]["hits"]
        assert abs(in_all(page) - answer) <= 60


@pytest.mark.parametrize("width", [1440, 800, 390])
def test_menus_of_the_header_open_below_their_button(
    browser: Browser, traffic: Traffic, tmp_path: Path, width: int
) -> None:
    size = {"width": width, "height": 900}
    with monitor(tmp_path) as found, looking(browser, found, viewport=size) as watched:
        page = watched.open("?window=5m")
        eventually(lambda: in_all(page) > 20, what="requests")
        for name in (".window-button", ".compare-button"):
            button = page.locator(name)
            button.click()
            menu = page.get_by_role("menu")
            expect(menu).to_be_visible()
            above, box = button.bounding_box(), menu.bounding_box()
            assert above is not None
            assert box is not None
            assert above["y"] + above["height"] <= box["y"] <= above["y"] + above["height"] + 12
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["x"] <= above["x"] + above["width"]
            assert above["x"] <= box["x"] + box["width"]
            hit = "([x, y]) => document.elementFromPoint(x, y).closest('[role=menu]') !== null"
            corners = (box["y"] + 12, box["y"] + box["height"] - 12)
            assert all(page.evaluate(hit, [box["x"] + 20, y]) for y in corners)
            assert page.evaluate("scrollX + document.documentElement.scrollLeft") == 0
            page.keyboard.press("Escape")
            expect(menu).to_have_count(0)


def test_a_click_narrows_and_the_link_carries_it(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?window=5m")
        eventually(lambda: in_all(page) > 60, what="requests")
        page.get_by_role("region", name="Paths").get_by_text("/cart", exact=True).first.click()
        chip = page.get_by_role("button", name=re.compile("^Remove the filter"))
        expect(chip).to_have_count(1)
        eventually(lambda: 0 < in_all(page) < 60, what="fewer requests")
        assert "cart" in page.url
        sections = page.get_by_role("region", name="Sections")
        expect(sections.get_by_text("/static", exact=True)).to_have_count(0)
        link = page.url
        chip.click()
        expect(chip).to_have_count(0)
        page.go_back()
        expect(chip).to_have_count(1)
        other = watched.page.context.new_page()
        other.goto(link)
        expect(other.get_by_role("button", name=re.compile("^Remove the filter"))).to_have_count(1)
        eventually(lambda: 0 < in_all(other) < 100, what="the same in another tab")
        narrowed = in_all(other)
        where = {"where": "path = '/cart'", "last": "5m"}
        answer = found.get("api/v1/query", params=where).json()["total"]["hits"]
        assert abs(narrowed - answer) <= 20


def test_a_filter_is_typed_completed_and_refused(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    traffic.status = 503
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?window=5m")
        eventually(lambda: in_all(page) > 40, what="requests")
        page.keyboard.press("f")
        box = page.get_by_role("combobox", name="Filter requests")
        expect(box).to_be_focused()
        page.keyboard.type("pa")
        expect(page.get_by_role("option").filter(has_text="path").first).to_be_visible()
        box.fill("status >")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").filter(has_text=re.compile(".")).first).to_be_visible()
        box.fill("5xx")
        page.keyboard.press("Enter")
        chip = page.get_by_role("button", name=re.compile("^Remove the filter"))
        expect(chip).to_have_count(1)
        paths = page.get_by_role("region", name="Paths")
        expect(paths.get_by_text("/login", exact=True)).to_have_count(0)
        expect(paths.get_by_text("/cart", exact=True).first).to_be_visible()


def test_an_alert_fires_is_acknowledged_and_recovers(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    options = ("--config", "rules.toml", "--rules", "none", "--web-admin")
    with monitor(tmp_path, *options) as found, looking(browser, found) as watched:
        page = watched.open("?view=alerts")
        eventually(lambda: found.get("api/v1/health").json()["records"] > 50, what="requests")
        traffic.status = 503
        active = page.get_by_text(re.compile("^Broken: ")).first
        expect(active).to_be_visible()
        eventually(lambda: "1 critical" in page.title(), what="the title")
        active.click()
        page.keyboard.press("a")
        eventually(
            lambda: found.get("api/v1/alerts").json()["firing"][0]["acknowledged_at"] is not None,
            what="the acknowledgement",
        )
        traffic.status = 200
        eventually(lambda: "critical" not in page.title(), what="the recovery")
        eventually(lambda: not found.get("api/v1/alerts").json()["firing"], what="the end")


def test_it_reconnects_after_a_restart_and_says_that_it_is_stale(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    port = free_port()
    with monitor(tmp_path, port=port) as found:
        context = browser.new_context()
        watched = Watched(context.new_page(), found.url)
        page = watched.open("?window=5m")
        eventually(lambda: in_all(page) > 20, what="requests")
    lost = page.locator(".banner.lost")
    expect(lost).to_be_visible()
    seen = in_all(page)
    assert seen > 20  # what was known stays
    with monitor(tmp_path, port=port):
        expect(lost).to_have_count(0, timeout=40_000)
        eventually(lambda: in_all(page) > seen + 20, what="newer requests")
        assert watched.loads == 1
        watched.check()
    context.close()


def test_a_refused_connection_is_not_shown_as_a_quiet_log(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found:
        context = browser.new_context()
        page = context.new_page()
        page.add_init_script(
            "const Real = WebSocket; window.WebSocket = class extends Real {"
            "constructor(url) { super(window.isLet ? url : url.replace('events', 'none')); } }"
        )
        refusal = {"status": 429, "detail": "too many viewers"}
        page.route(
            "**/api/v1/events",
            lambda route: route.fulfill(
                status=429, content_type="application/problem+json", json=refusal
            ),
        )
        page.goto(found.url)
        banner = page.locator(".banner.lost")
        expect(banner).to_contain_text("Not connected. Too many viewers.")
        expect(page.locator(".live-button")).to_have_text("Offline")
        expect(page.get_by_text("No active incident")).to_have_count(0)
        expect(page.locator(".waiting")).to_have_count(0)
        page.evaluate("window.isLet = true")
        expect(banner).to_have_count(0, timeout=40_000)
        expect(page.get_by_text("No active incident").first).to_be_visible()
        context.close()


def test_hostile_text_is_shown_as_text(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    safe = [text.replace('"', '\\"').encode("utf-8", "surrogatepass") for text in HOSTILE]
    now = int(time.time())
    traffic.extra = [
        b'%s - %s [%s] "GET /%s?q=%s HTTP/1.1" %d 12 "http://%s/" "%s"\n'
        % (
            b"host" if b" " in text or len(text) > 200 else text,
            b"user" if b" " in text else text[:200],
            time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)).encode(),
            text.replace(b" ", b"+"),
            text.replace(b" ", b"+"),
            500,
            text.replace(b" ", b"+"),
            text,
        )
        for text in safe
    ]
    traffic.extra += [text + b"\n" for text in safe]
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open()
        eventually(lambda: found.get("api/v1/health").json()["records"] > 50, what="requests")
        for view in VIEWS:
            watched.open(f"?view={view}&window=1h")
            page.wait_for_timeout(700)
            assert page.evaluate("window.hurt") is None, view
            assert "\u202e" not in page.locator("body").inner_text(), view
            assert page.evaluate(
                "[...document.querySelectorAll('a')].every(a => a.origin === location.origin)"
            )
        watched.open("?view=requests&window=1h&where=contains(path,'<script>')")
        row = page.get_by_role("row").filter(has_text="hurt").first
        expect(row).to_be_visible()
        page.keyboard.press("p")
        row.click()
        page.wait_for_timeout(500)
        assert page.evaluate("window.hurt") is None
        for value in HOSTILE[:7]:
            watched.open(f"?window=1h&where={value}")
            page.wait_for_timeout(300)
        assert page.evaluate("window.hurt") is None


def test_axe_has_nothing_to_say(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    axe = (installed() / "axe-core" / "axe.min.js").read_text()
    traffic.status = 503
    (tmp_path / "rules.toml").write_text(RULES)
    problems = []
    with (
        monitor(tmp_path, "--config", "rules.toml", "--web-admin") as found,
        looking(browser, found, reduced_motion="reduce") as watched,
    ):
        found.until_read(100)
        for view in VIEWS:
            page = watched.open(f"?view={view}&window=5m")
            page.wait_for_timeout(800)
            page.evaluate(axe)
            # Colors are all that differs in the dark.
            for scheme, rules in (("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(200)
                result = page.evaluate(f"axe.run({rules})")
                problems += [
                    (view, scheme, one["id"], one["nodes"][0]["html"][:200])
                    for one in result["violations"]
                ]
        for key in ("?", ":", "t"):
            page.keyboard.press(key)
            page.wait_for_timeout(300)
            result = page.evaluate("axe.run()")
            problems += [(key, one["id"], one["nodes"][0]["html"]) for one in result["violations"]]
            page.keyboard.press("Escape")
    assert problems == []


def test_nothing_is_cut_off_at_any_width(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(30)
        for view in VIEWS:
            page = watched.open(f"?view={view}")
            page.wait_for_timeout(400)
            for width in (320, 390, 768, 1024, 1440, 3840):
                page.set_viewport_size({"width": width, "height": 900})
                page.wait_for_timeout(100)
                over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (view, width, over)
        # In the past there is more in the header.
        page = watched.open(f"?window=1h&until={int(time.time()) - 5}&compare=week&is=method:GET")
        for width in (320, 390, 768, 1366):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            box = page.locator(".live-button").bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width, (width, box)


def test_the_keys_of_the_console_work(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(50)
        page = watched.open()
        heading = page.get_by_role("heading", level=1)
        for number, view in enumerate(VIEWS, 1):
            page.keyboard.press(str(number))
            expect(heading).to_have_text(re.compile(view, re.IGNORECASE))
        page.keyboard.press("1")
        page.keyboard.press("+")
        assert "window=" in page.url
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press(":")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        before = page.evaluate("document.documentElement.dataset.theme ?? ''")
        page.keyboard.press("T")
        assert page.evaluate("document.documentElement.dataset.theme ?? ''") != before


def test_a_report_of_what_is_shown_is_saved(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    traffic.status = 503
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?window=5m&where=status=503")
        eventually(lambda: in_all(page) > 10, what="requests")
        with page.expect_download() as download:
            page.keyboard.press("e")
        text = Path(download.value.path()).read_text()
    assert text.startswith("<!doctype html>")
    assert "/cart" in text
    assert "/login" not in text


def test_a_wall_screen_has_no_controls(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?kiosk&window=5m")
        eventually(lambda: in_all(page) > 20, what="requests")
        expect(page.get_by_role("combobox").locator("visible=true")).to_have_count(0)
        expect(page.get_by_role("group", name="Time").locator("visible=true")).to_have_count(0)
        expect(page.get_by_role("navigation").locator("visible=true")).to_have_count(0)


def test_a_login_leads_to_the_page(browser: Browser, traffic: Traffic, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("0123456789abcdef0123\n")
    with (
        monitor(tmp_path, "--web-token-file", "tokens") as found,
        looking(browser, found) as watched,
    ):
        page = watched.open()
        assert page.url.endswith("/login")
        page.get_by_label("Token").fill("0123456789abcdef0123")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(found.url)
        page.goto(f"{found.url}?window=5m")
        eventually(lambda: in_all(page) > 20, what="requests")


def test_what_a_table_is_sorted_by_is_shown(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    traffic.status = 503
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open("?window=5m")
        eventually(lambda: in_all(page) > 40, what="requests")
        paths = page.get_by_role("region", name="Paths")
        paths.get_by_role("button", name="5xx", exact=True).click()
        row = paths.get_by_role("row").filter(has_text="/cart")
        expect(row.locator("td.sorted")).to_have_text(re.compile(r"^\d+100 %$"))
        expect(paths.get_by_role("columnheader", name="5xx")).to_have_attribute(
            "aria-sort", "descending"
        )


def test_the_page_is_red_before_a_rule_fires(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    traffic.status = 503
    with monitor(tmp_path, "--rules", "none") as found, looking(browser, found) as watched:
        page = watched.open("?window=5m")
        expect(page.locator(".state-pill.critical")).to_have_text(
            re.compile(r"Failing: 2\d % 5xx, last 10 s")
        )
        eventually(lambda: page.title().startswith("● Failing"), what="the title")


def test_an_old_log_is_not_an_empty_window(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(b"".join(line(1_600_000_000 + i) for i in range(90)))
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        banner = watched.open("?utc").locator(".banner.explain")
        expect(banner).to_contain_text("This log ended at 2020-09-13 12:28:09")
        expect(banner.locator("code")).to_have_text("glancemetrics access.log --from start --web")
    # What is known is a click away. (Of years ago nothing would be kept.)
    yesterday = int(time.time()) - 86_400
    (tmp_path / "day.log").write_bytes(b"".join(line(yesterday + i) for i in range(90)))
    options = ("--from", "start", "--clock", "wall")
    with monitor(tmp_path, *options, log="day.log") as found, looking(browser, found) as watched:
        page = watched.open("?utc&window=5m")
        expect(page.locator(".banner.explain")).to_contain_text("90 requests are known")
        page.get_by_role("button", name="Show all of them").click()
        eventually(lambda: in_all(page) == 90, what="all of the log")
        assert "until=" in page.url


def test_comparing_with_nothing_names_the_way_out(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(20)
        banner = watched.open("?window=1h&compare=before").locator(".banner.info")
        expect(banner).to_contain_text("Nothing to compare with the 1 h before: no data before ")
        expect(banner).to_contain_text("--from start")
        watched.page.get_by_role("button", name="Compare", exact=True).or_(
            watched.page.locator(".compare-button")
        ).first.click()
        watched.page.get_by_role("menuitemradio", name="No comparison line").click()
        expect(banner).to_have_count(0)


def test_single_keys_can_be_switched_off(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        page = watched.open()
        page.keyboard.press("?")
        page.get_by_role("checkbox", name=re.compile("Single keys")).click()
        page.keyboard.press("Escape")
        page.reload()
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("Overview")
        page.keyboard.press("2")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(heading).to_have_text("Overview")
        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox", name="Command")).to_be_focused()
        page.keyboard.type("single keys on")
        page.keyboard.press("Enter")
        page.keyboard.press("2")
        expect(heading).to_have_text("URLs")


def test_wrong_links_and_filters_are_named_with_the_way_out(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(20)
        page = watched.open("?view=nonsense&span=banana&filter=((")
        banner = page.locator(".banner.trouble")
        expect(banner).to_contain_text("view=nonsense: must be one of overview, urls")
        expect(banner).to_contain_text("did you mean window=banana?")
        banner.get_by_role("button", name="Close").click()
        expect(banner).to_have_count(0)
        page.keyboard.press("f")
        page.keyboard.type("staus = 200")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Try status = 200").click()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=re.compile("^Remove the filter"))).to_have_count(1)
        watched.open("?view=alerts&chosen=gone-1").get_by_text("no longer known").wait_for()
        page = watched.open("?zoom=nothing")
        page.get_by_role("button", name="Show all cards").click()
        expect(page.get_by_role("region", name="Paths")).to_be_visible()


def test_the_list_of_requests_stands_still_while_it_is_read(
    browser: Browser, traffic: Traffic, tmp_path: Path
) -> None:
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(130)
        page = watched.open("?view=requests")
        rows = page.locator(".rows.many")
        rows.hover()
        page.mouse.wheel(0, 400)
        note = page.get_by_text("stands still while you read")
        expect(note).to_be_visible()
        shown = rows.inner_text()
        page.wait_for_timeout(2000)
        assert rows.inner_text() == shown
        assert rows.locator("tr.row").count() < 60
        page.get_by_role("button", name="Newest").click()
        expect(note).to_have_count(0)
        eventually(lambda: rows.inner_text() != shown, what="newer requests")


def test_a_file_has_the_requests_that_are_shown(browser: Browser, tmp_path: Path) -> None:
    now = int(time.time())
    value = "/it''s-\"odd\"--'"
    (tmp_path / "access.log").write_bytes(
        b"".join(
            line(now - i, request=f"GET {path} HTTP/1.1".replace('"', "%22"))
            for i, path in enumerate([value, "/plain", "/plain"] * 5)
        )
    )
    with monitor(tmp_path) as found, looking(browser, found) as watched:
        found.until_read(15)
        page = watched.open("?view=urls&window=5m")
        paths = page.get_by_role("region", name="Paths")
        paths.get_by_text("/it''s").first.click()
        eventually(lambda: in_all(page) == 5, what="the five requests")
        with page.expect_download() as download:
            paths.get_by_role("link", name="Download Paths as CSV").click()
        text = Path(download.value.path()).read_text()
    assert text.count("/it''s") == 1
    assert "/plain" not in text
