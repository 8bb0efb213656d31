"""What people do with the page: files, the past, phones, charts."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.lines import line
from tests.waiting import eventually
from tests.web.browsing import in_all, looking
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
