"""The page in Debian's Chromium, and a log that is being written."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from tests.lines import line
from tests.web.monitors import Monitor

expect.set_options(timeout=20_000)

RULES = """
alert_threshold = 100000
[[rule]]
name = "Broken"
metric = "status_ratio(5xx)"
above = 0.2
window = "5s"
severity = "critical"
"""
"""What fires within seconds when responses fail."""


class Watched:
    """A page, and all that went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.problems: list[str] = []
        self.asked: list[str] = []
        self.loads = 0
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        page.on("console", self._console)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("load", lambda _: setattr(self, "loads", self.loads + 1))
        self._url = url

    def _console(self, message: Any) -> None:
        # That a server is away while it starts again is no fault of the page.
        # Why it cannot connect, the page asks by a method that the server refuses.
        away = ("WebSocket connection", "CONNECTION_REFUSED", "status of 405")
        is_away = any(text in message.text for text in away)
        if message.type == "error" and not is_away:
            self.problems.append(message.text)

    def open(self, query: str = "") -> Page:
        self.page.goto(self._url + query)
        return self.page

    def check(self) -> None:
        """Nothing went wrong, and nothing came from anywhere else."""
        assert self.problems == []
        host = self._url.removeprefix("http://")
        for url in self.asked:
            assert url.partition("://")[2].startswith(host), url


@contextmanager
def looking(browser: Browser, found: Monitor, **details: Any) -> Iterator[Watched]:
    settings = {"viewport": {"width": 1440, "height": 900}, "timezone_id": "UTC", **details}
    context = browser.new_context(**settings)
    context.set_default_timeout(20_000)
    watched = Watched(context.new_page(), found.url)
    try:
        yield watched
        watched.check()
    finally:
        context.close()


class Traffic:
    """Writes a log as a server does, twenty lines a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.status = 200
        self.extra: list[bytes] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Traffic:
        self._path.touch()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        while not self._stop.wait(0.25):
            with self._path.open("ab") as log:
                for _ in range(5):
                    number += 1
                    path = ("/", "/cart", "/login", "/static/a.css")[number % 4]
                    status = self.status if path == "/cart" or self.status == 200 else 200
                    log.write(
                        line(
                            int(time.time()),
                            host=f"203.0.113.{number % 9}",
                            request=f"GET {path} HTTP/1.1",
                            status=status,
                        )
                    )
                for one in self.extra:
                    log.write(one)


def at_rest(part: Locator, seconds: float = 1) -> FloatRect:
    """Scroll to a part of the page; returns where it is once it has not moved for a while."""
    deadline = time.monotonic() + 30
    part.scroll_into_view_if_needed()
    box, since = part.bounding_box(), time.monotonic()
    while box is None or time.monotonic() - since < seconds:
        assert time.monotonic() < deadline, "it moves"
        part.page.wait_for_timeout(50)
        before, box = box, part.bounding_box()
        since = since if box == before else time.monotonic()
    return box


def in_all(page: Page) -> float:
    """The number of requests that the first figure counts."""
    text = page.get_by_role("region", name="Figures of the span").inner_text()
    found = re.search(r"([\d,]+) in all", text)
    return float(found[1].replace(",", "")) if found else -1.0
