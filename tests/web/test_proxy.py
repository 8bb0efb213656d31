"""Behind a real nginx, with TLS and a path of its own, as the guide says."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
import httpx
import pytest
import trustme
from playwright.sync_api import Page, expect, sync_playwright

import glancemetrics as gm
from actors.outputs.web.access import hash_of
from tests.conftest import needs
from tests.lines import line
from tests.waiting import Running, free_port, until_listening
from tests.web.monitors import Monitor, monitor

pytestmark = pytest.mark.terminal
expect.set_options(timeout=20_000)

GUIDE = Path(__file__).parents[2] / "docs/guides/web.md"
CONFIG = """
pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; daemon off; user root;
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi; access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
        {location}
    }}
}}
"""


@attrs.frozen
class Proxied:
    """A monitor behind nginx."""

    url: str
    """With a slash at its end."""
    authority: Path
    monitor: Monitor


@contextmanager
def proxied(folder: Path, *options: str, edit: tuple[str, str] = ("", "")) -> Iterator[Proxied]:
    """Run a monitor behind nginx, as in the guide, but for its port and the file of passwords."""
    needs("nginx")
    found = re.search(r"```nginx\n(location .*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    inner, outer = free_port(), free_port()
    location = found[1].replace(*edit).replace("127.0.0.1:7890", f"127.0.0.1:{inner}")
    location = location.replace("/etc/nginx/traffic-users", str(folder / "users"))
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True, check=True
    )
    (folder / "users").write_text(f"ada:{hashed.stdout}")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    server = authority.issue_cert("localhost")
    server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    config = CONFIG.format(folder=folder, port=outer, location=location)
    (folder / "nginx.conf").write_text(config)
    log = folder / "access.log"
    log.write_bytes(
        b"".join(line(int(time.time()), request="GET /shop HTTP/1.1") for _ in range(40))
    )
    command = ["nginx", "-e", str(folder / "start.log"), "-c", str(folder / "nginx.conf")]
    with monitor(folder, *options, port=inner) as running, Running(command) as nginx:
        until_listening(outer, "nginx")
        yield Proxied(f"https://localhost:{outer}/traffic/", folder / "authority.pem", running)
        nginx.terminate()


@contextmanager
def opened(found: Proxied, query: str = "", **details: object) -> Iterator[Page]:
    """Open the page, and see that nothing goes wrong, and that all comes from below its path."""
    path = shutil.which("chromium")
    problems, asked = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        credentials = {"username": "ada", "password": "secret"}
        context = browser.new_context(
            ignore_https_errors=True, http_credentials=credentials, **details
        )
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(found.url + query)
        yield page
        browser.close()
    assert problems == []
    below = found.url.removeprefix("https://")
    assert all(url.partition("://")[2].startswith(below) for url in asked), asked
    assert any(url.startswith("wss://") for url in asked)


def write_more(found: Proxied) -> threading.Event:
    """Write to the log, until the event is set."""
    ended = threading.Event()

    def write() -> None:
        with (found.monitor.folder / "access.log").open("ab", buffering=0) as log:
            while not ended.wait(0.1):
                log.write(line(int(time.time()), request="GET /cart HTTP/1.1"))

    threading.Thread(target=write, daemon=True).start()
    return ended


def test_the_page_is_live_below_a_path(tmp_path: Path) -> None:
    with proxied(tmp_path, "--web-host", "localhost") as found:
        found.monitor.until_read(40)
        ended = write_more(found)
        with opened(found, "?view=urls") as page:
            expect(page.get_by_text("/cart").first).to_be_visible()
            page.get_by_text("/cart").first.click()
            expect(page).to_have_url(re.compile(r"^https://localhost:\d+/traffic/\?.*cart"))
            expect(page.get_by_text("/shop")).to_have_count(0)
        ended.set()


def test_a_path_that_nginx_does_not_remove(tmp_path: Path) -> None:
    options = ("--web-host", "localhost", "--web-path", "/traffic")
    with proxied(tmp_path, *options, edit=("7890/;", "7890;")) as found:
        with opened(found, "?view=urls") as page:
            expect(page.get_by_text("/shop").first).to_be_visible()
        refused = httpx.get(found.url, verify=ssl.create_default_context(cafile=found.authority))
        assert refused.status_code == 401


def test_users_log_in_below_a_path_and_their_cookie_is_for_https(tmp_path: Path) -> None:
    (tmp_path / "people").write_text(f"grace:{hash_of('hopper')}\n")
    (tmp_path / "people").chmod(0o600)
    options = ("--web-host", "localhost", "--web-users", str(tmp_path / "people"))
    without = (
        '    auth_basic "Traffic";\n    auth_basic_user_file /etc/nginx/traffic-users;\n',
        "",
    )
    with proxied(tmp_path, *options, edit=without) as found, opened(found, "?view=urls") as page:
        expect(page).to_have_url(re.compile("/traffic/login"))
        page.get_by_label("Name").fill("grace")
        page.get_by_label("Password").fill("hopper")
        page.get_by_role("button").first.click()
        expect(page.get_by_text("/shop").first).to_be_visible()
        (cookie,) = page.context.cookies()
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")


def test_the_client_and_its_events_pass_through(tmp_path: Path) -> None:
    with proxied(tmp_path, "--web-host", "localhost") as found:
        found.monitor.until_read(40)
        ended = write_more(found)
        details = {"user": "ada", "password": "secret", "ca_file": found.authority}
        with gm.connect(found.url, **details) as client:
            assert client.query(last="1h").total["hits"] >= 40
            with closing(client.events(snapshots=False, where="path = '/cart'")) as events:
                # nginx holds back nothing: a few requests are far less than its buffer.
                kinds = {next(events).kind for _ in range(3)}
            assert "requests" in kinds
        ended.set()


def test_a_host_that_is_not_named_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with proxied(tmp_path, edit=("$http_host", "stats.example.com")) as found:
        trusted = ssl.create_default_context(cafile=found.authority)
        refused = httpx.get(f"{found.url}api/v1/health", verify=trusted, auth=("ada", "secret"))
        assert refused.status_code == 421
        assert "--web-host" in refused.json()["detail"]
