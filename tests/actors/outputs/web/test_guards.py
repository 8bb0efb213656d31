"""Who may ask: hosts, origins, tokens, passwords, sessions, and how often."""

from __future__ import annotations

import base64
import re
import string
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import argon2
import httpx
import pytest
import trio
import trio.testing
import trustme
from loguru import logger

from actors.outputs.web import WebSettings, access, check, guards, is_address
from actors.outputs.web.access import Access
from actors.outputs.web.guards import COOKIE, asker_of, host_of, is_own_host, is_own_origin
from actors.outputs.web.networks import network_of
from actors.outputs.web.serving import Certificates
from glancemetrics.errors import GlanceMetricsError, UsageError
from tests.actors.outputs.web.sites import served

TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
PASSWORD = "correct horse battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NAMES = {"stats.example.com"}


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: hasher)


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    path = tmp_path / "tokens"
    path.write_text(f"# of the page\n{TOKEN}\n\n{OTHER}\n")
    return str(path)


@pytest.fixture
def users(tmp_path: Path) -> str:
    path = tmp_path / "users"
    path.write_text(f"anna:{access.hash_of(PASSWORD)}\nbob:{access.hash_of('other password')}\n")
    return str(path)


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("example.com", "example.com"),
        ("Example.COM.:7890", "example.com"),
        ("[::1]:7890", "::1"),
        ("[::1]", "::1"),
        ("127.0.0.1:", "127.0.0.1"),
        ("[::1]:", "::1"),
        ("a:b", ""),
        ("[::1", ""),
        ("", ""),
        ("a:1:2", ""),
    ],
)
def test_the_name_in_a_host_header(header: str, host: str) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize(
    ("name", "is_own"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("192.0.2.7", True),
        ("localhost", True),
        ("a.localhost", True),
        ("stats.example.com", True),
        ("example.com", False),
        ("evil-stats.example.com", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_only_own_names_are_answered(name: str, is_own: bool) -> None:
    assert is_own_host(name, NAMES) == is_own


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://127.0.0.1:7890", "127.0.0.1:7890", True),
        ("http://localhost:7890", "localhost:7890", True),
        ("https://stats.example.com", "127.0.0.1:7890", True),
        ("http://localhost:8000", "localhost:7890", False),
        ("http://127.0.0.1:7890", "localhost:7890", False),
        ("https://evil.example", "127.0.0.1:7890", False),
        ("null", "127.0.0.1:7890", False),
        ("file://", "127.0.0.1:7890", False),
        ("https://stats.example.com.evil.example", "127.0.0.1:7890", False),
        ("http://web1:7890", "web1:7890", True),
        ("http://web1:8000", "web1:7890", False),
        ("https://web1:7890", "web1", False),
        ("http://web1", "web1:80", True),
        ("https://web1", "web1:", True),
        ("http://web1:x", "web1", False),
        ("http://stats.example.com@web1", "web1", False),
    ],
)
def test_only_the_own_page_may_ask(origin: str, host: str, is_own: bool) -> None:
    assert is_own_origin(origin, host, NAMES) == is_own


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "stats.example.com"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:7890"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
    ],
)
async def test_requests_of_other_sites_are_refused(
    headers: dict[str, str], status: int, tmp_path: Path
) -> None:
    async with served(tmp_path, host=["Stats.example.com"]) as site, site.client() as client:
        found = await client.get("/api/v1/rules", headers=headers)
    assert found.status_code == status
    assert "Access-Control-Allow-Origin" not in found.headers


async def test_a_change_needs_the_header_of_the_page(tmp_path: Path) -> None:
    async with served(tmp_path, admin=True) as site, site.client() as client:
        body = {"pattern": "a", "seconds": 60}
        without = await client.post("/api/v1/silences", json=body)
        with_it = await client.post("/api/v1/silences", json=body, headers={"X-GlanceMetrics": "1"})
    assert (without.status_code, with_it.status_code) == (403, 201)


async def test_every_answer_has_the_headers(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        for path in ("/", "/api/v1/rules", "/api/v1/nothing", "/healthz", "/api/docs", "/x"):
            found = await client.get(path)
            policy = found.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert found.headers["x-content-type-options"] == "nosniff"
            assert found.headers["referrer-policy"] == "same-origin"
            assert "cache-control" in found.headers


async def test_who_asks_too_often_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "_BURST", 3.0)
    monkeypatch.setattr(guards, "_REQUESTS_A_SECOND", 0.01)
    async with served(tmp_path) as site, site.client() as client:
        found = [await client.get("/healthz") for _ in range(5)]
    assert [one.status_code for one in found] == [200, 200, 200, 429, 429]
    assert int(found[-1].headers["retry-after"]) > 50


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:0:0:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_what_a_client_has_whole(peer: str, network: str) -> None:
    assert network_of(peer) == network
    assert asker_of({"client": (peer, 1)}) == f"network {network}"


async def test_addresses_of_one_network_share_limits(
    tmp_path: Path, token_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "_BURST", 12.0)
    monkeypatch.setattr(guards, "_REQUESTS_A_SECOND", 0.01)
    statuses = []
    async with served(tmp_path, token_file=token_file) as site:
        for peer in (*(f"2001:db8::{number}" for number in range(14)), "2001:db8:0:1::1"):
            transport = httpx.ASGITransport(site.guard, client=(peer, 1))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:7890"
            ) as client:
                wrong = {"Authorization": f"Bearer {peer}"}
                found = await client.get("/api/v1/rules", headers=wrong)
            statuses.append(found.json()["detail"])
    guess = "too many wrong tokens or passwords; try again in 5 s"
    assert statuses == [
        *["this token is not valid"] * 6,
        *[guess] * 6,
        *["too many requests"] * 2,
        "this token is not valid",
    ]


async def test_a_token_is_needed(tmp_path: Path, token_file: str) -> None:
    async with served(tmp_path, token_file=token_file) as site, site.client() as client:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Bearer {TOKEN[:-1]}"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": "Bearer " + "a" * 5000},
            {"Cookie": f"{COOKIE}=forged"},
            {"Cookie": f"{COOKIE}={TOKEN}"},
        ):
            found = await client.get("/api/v1/rules", headers=headers)
            assert found.status_code == 401, headers
            assert "Bearer" in found.headers["www-authenticate"]
        for token in (TOKEN, OTHER):
            found = await client.get("/api/v1/rules", headers={"Authorization": f"Bearer {token}"})
            assert found.status_code == 200
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).text == "ok\n"
        assert (await client.get("/assets/pages.css")).status_code == 200
        for path in ("/", "/metrics", "/api/docs", "/api/v1/openapi.json", "/api/v1/events"):
            assert (await client.get(path)).status_code == 401, path


async def test_a_browser_is_led_to_the_login(tmp_path: Path, token_file: str) -> None:
    page = {"Accept": "text/html"}
    async with served(tmp_path, token_file=token_file) as site, site.client() as client:
        for path, where in (("/", "login"), ("/api/docs", "../login")):
            found = await client.get(path, headers=page)
            assert (found.status_code, found.headers["location"]) == (303, where)
        form = await client.get("/login", headers=page)
        assert 'name="token"' in form.text
        assert 'name="password"' not in form.text
        wrong = await client.post("/login", data={"token": "wrong"})
        assert wrong.status_code == 401
        assert "Wrong name, password or token." in wrong.text
        right = await client.post("/login", data={"token": TOKEN})
        assert (right.status_code, right.headers["location"]) == (303, ".")
        cookie = right.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert "Secure" not in cookie
        assert (await client.get("/api/v1/rules")).status_code == 200  # by its cookie
        old = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
        await client.post("/logout")
        assert (await client.get("/api/v1/rules")).status_code == 401
        assert (await client.get("/api/v1/rules", headers=old)).status_code == 401
        behind = await client.post(
            "/login", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"}
        )
        assert "Secure" in behind.headers["set-cookie"]


@pytest.mark.parametrize("path", ["", "/traffic", "/a/b"])
async def test_a_login_leads_to_what_was_asked_for(
    path: str, tmp_path: Path, token_file: str
) -> None:
    page = {"Accept": "text/html"}
    link = "view=errors&where=status%20%3E%3D%20500&last=1h"
    told = {"token_file": token_file, "path": path or "/"}
    async with served(tmp_path, **told) as site, site.client() as client:
        asked = await client.get(f"{path}/?{link}", headers=page)
        assert asked.headers["location"] == f"login?{link}"
        below = await client.get(f"{path}/api/docs?{link}", headers=page)
        assert below.headers["location"] == "../login"
        form = await client.get(f"{path}/login?{link}", headers=page)
        assert "action=" not in form.text  # it posts to its own address
        right = await client.post(f"{path}/login?{link}", data={"token": TOKEN})
        assert (right.status_code, right.headers["location"]) == (303, f".?{link}")
        for query in ("//evil.example", "next=https://evil.example", "/../../x", "\\evil"):
            found = await client.post(f"{path}/login?{query}", data={"token": TOKEN})
            assert found.headers["location"].startswith(".?"), query


@pytest.mark.parametrize("path", ["/traffic", "/a/b"])
async def test_the_path_without_a_slash_leads_to_the_page(
    path: str, tmp_path: Path, token_file: str
) -> None:
    name = path.rpartition("/")[2]
    for told in ({}, {"token_file": token_file}):
        async with served(tmp_path, path=path, **told) as site, site.client() as client:
            found = await client.get(path)
            assert (found.status_code, found.headers["location"]) == (307, f"{name}/")
            with_query = await client.get(f"{path}?kiosk")
            assert with_query.headers["location"] == f"{name}/?kiosk"
    async with served(tmp_path, path=path) as site, site.client() as client:
        assert (await client.get(f"{path}/api/docs/")).status_code == 404
        assert (await client.get(f"{path}/login/")).status_code == 404


async def test_what_begins_like_an_open_path_is_not_open(tmp_path: Path, token_file: str) -> None:
    async with served(tmp_path, token_file=token_file) as site, site.client() as client:
        for path in ("/loginx", "/healthz/x", "/favicon.svgx"):
            assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/", ""),
        ("/traffic", "/traffic"),
        ("/traffic/", "/traffic"),
        ("/a/b-c/d.e~f_g/", "/a/b-c/d.e~f_g"),
        ("traffic", None),
        ("//evil.example", None),
        ("/a//b", None),
        ("/a b", None),
        ("/" + "a" * 5000 + "!", None),
        ("/" + "a/" * 5000 + "!", None),
    ],
    ids=lambda text: str(text)[:20],
)
def test_a_path_is_read_in_linear_time(text: str, path: str | None) -> None:
    began = time.monotonic()
    if path is None:
        with pytest.raises(UsageError, match="must be a path"):
            WebSettings(path=text)
    else:
        assert WebSettings(path=text).path == path
    assert time.monotonic() - began < 1


async def test_a_login_from_another_site_is_refused(tmp_path: Path, token_file: str) -> None:
    async with served(tmp_path, token_file=token_file) as site, site.client() as client:
        found = await client.post(
            "/login", data={"token": TOKEN}, headers={"Origin": "https://evil.example"}
        )
    assert found.status_code == 403


async def test_users_have_passwords(tmp_path: Path, users: str) -> None:
    async with served(tmp_path, users=users) as site, site.client() as client:
        for name, password, status in (
            ("anna", PASSWORD, 200),
            ("anna", PASSWORD, 200),
            ("anna", "wrong", 401),
            ("bob", PASSWORD, 401),
            ("carl", PASSWORD, 401),
            ("", "", 401),
        ):
            found = await client.get("/api/v1/rules", auth=httpx.BasicAuth(name, password))
            assert found.status_code == status, (name, password)
        odd = await client.get("/api/v1/rules", headers={"Authorization": "Basic !!!"})
        assert odd.status_code == 401
        assert "Basic" in odd.headers["www-authenticate"]
        # A browser would ask in a window of its own, in place of the form.
        fetched = await client.get("/api/v1/rules", headers={"Sec-Fetch-Mode": "cors"})
        assert "www-authenticate" not in fetched.headers
        form = await client.post("/login", data={"name": "anna", "password": PASSWORD})
        assert form.status_code == 303
        assert (await client.get("/api/v1/rules")).status_code == 200


async def test_attempts_to_log_in_are_limited(tmp_path: Path, users: str) -> None:
    async with served(tmp_path, users=users) as site, site.client() as client:
        found = [
            await client.post("/login", data={"name": "anna", "password": f"guess {number}"})
            for number in range(10)
        ]
        statuses = [one.status_code for one in found]
        assert statuses[:6] == [401] * 6
        assert statuses[-1] == 429
        assert int(found[-1].headers["retry-after"]) >= 1
        # Also the right one: who guesses must not learn that it is.
        right = await client.post("/login", data={"name": "anna", "password": PASSWORD})
        assert right.status_code == 429


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
async def test_guesses_in_a_header_are_limited_as_those_of_the_form(
    scheme: str, tmp_path: Path, users: str, token_file: str
) -> None:
    known = httpx.BasicAuth("anna", PASSWORD)
    async with (
        served(tmp_path, users=users, token_file=token_file) as site,
        site.client() as client,
    ):

        async def status(**details: Any) -> int:
            return (await client.get("/api/v1/rules", **details)).status_code

        for _ in range(10):
            assert await status(auth=known) == 200
            assert await status(headers=BEARER) == 200
        wrong = []
        for number in range(8):
            value = base64.b64encode(f"anna:{number}".encode()).decode()
            wrong.append(await status(headers={"Authorization": f"{scheme} {value}"}))
        assert wrong == [401] * 6 + [429] * 2
        # What was right before still is.
        assert await status(auth=known) == 200
        assert await status(headers=BEARER) == 200
        assert await status(auth=httpx.BasicAuth("bob", "other password")) == 429
        form = await client.post("/login", data={"name": "anna", "password": "x"})
        assert form.status_code == 429
        # Another address has an allowance of its own.
        transport = httpx.ASGITransport(site.guard, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url=client.base_url) as other:
            found = await other.get("/api/v1/rules", auth=httpx.BasicAuth("bob", "wrong"))
            assert found.status_code == 401


async def test_few_passwords_wait_for_their_check(
    tmp_path: Path, users: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, turn = [], threading.Event()

    def slowly(self: Access, hashed: str | None, password: str) -> bool:
        del self, hashed
        checked.append(password)
        turn.wait(10)
        return password == PASSWORD

    monkeypatch.setattr(Access, "_is_right", slowly)
    found: dict[str, int] = {}
    async with served(tmp_path, users=users) as site:

        async def ask(number: int, password: str) -> None:
            transport = httpx.ASGITransport(site.guard, client=(f"192.0.2.{number}", 1))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:7890"
            ) as client:
                auth = httpx.BasicAuth("anna", password)
                answer = await client.get("/api/v1/rules", auth=auth)
            found[f"{number} {password}"] = answer.status_code

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(ask, number, PASSWORD)
                nursery.start_soon(ask, number, PASSWORD)  # the same: waits for the first
            await trio.testing.wait_all_tasks_blocked(0.2)
            await ask(9, PASSWORD)
            turn.set()
    assert found.pop(f"9 {PASSWORD}") == 429
    assert set(found.values()) == {200}
    assert checked == [PASSWORD] * 5


def _access(folder: Path, tokens: str | None = None, users: str | None = None) -> Access:
    made = Access(tokens, users, folder)
    made.refresh()
    return made


async def test_a_session_outlives_a_restart_but_not_its_token(
    tmp_path: Path, token_file: str, users: str
) -> None:
    first = _access(tmp_path, token_file, users)
    anna = await first.of_password("anna", PASSWORD)
    by_token = first.of_token(TOKEN)
    assert anna is not None
    assert by_token is not None
    cookies = [first.session(anna), first.session(by_token)]
    again = _access(tmp_path, token_file, users)
    assert [again.of_session(one) for one in cookies] == [anna, by_token]
    assert (tmp_path / "web-secret").stat().st_mode & 0o777 == 0o600
    Path(token_file).write_text(f"{OTHER}\n")
    Path(users).write_text(f"anna:{access.hash_of('a new password')}\n")
    again.refresh()
    assert [again.of_session(one) for one in cookies] == [None, None]
    (tmp_path / "web-secret").unlink()
    other = _access(tmp_path, token_file, users)
    assert other.of_session(again.session(again.of_token(OTHER) or anna)) is None


def test_logging_out_ends_a_session_however_it_is_written(tmp_path: Path, token_file: str) -> None:
    found = _access(tmp_path, token_file)
    person = found.of_token(TOKEN)
    assert person is not None
    cookies = [found.session(person) for _ in range(100)]
    assert len(set(cookies)) == 100  # of the same second
    letters = f"{string.ascii_letters}{string.digits}-_=.!"
    for cookie in cookies[:10]:
        spelled = {
            *(cookie[:-1] + letter for letter in letters),
            *(cookie + letter for letter in "=!\n."),
            f"{cookie[:-5]}!{cookie[-5:]}",
            f".{cookie}",
        } - {cookie}
        assert [one for one in spelled if found.of_session(one) is not None] == []
        assert found.of_session(cookie) == person
        found.end_session(cookie)
        assert found.of_session(cookie) is None
    assert all(found.of_session(one) == person for one in cookies[10:])


def test_nobody_brings_back_a_session_that_was_logged_out_of(
    tmp_path: Path, token_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_MOST_ENDED", 5)
    found, now = _access(tmp_path, token_file), time.time()
    first, second = found.of_token(TOKEN), found.of_token(OTHER)
    assert first is not None
    assert second is not None
    ended, kept = found.session(first), found.session(first)
    found.end_session(ended)
    own = []
    for number in range(20):
        monkeypatch.setattr(time, "time", lambda number=number: now + number)
        own.append(found.session(second))
        found.end_session(own[-1])
        found.end_session(f"forged{number}")
    assert [one for one in (ended, *own) if found.of_session(one) is not None] == []
    assert found.of_session(kept) == first
    monkeypatch.setattr(time, "time", lambda: now + 30)
    assert found.of_session(found.session(second)) == second


def test_a_thousand_viewers_cost_no_time_with_many_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("".join(f"{number:032}\n" for number in range(200)))
    found = _access(tmp_path, str(path))
    people = [found.of_token(f"{number:032}") for number in range(200)]
    began = time.process_time()
    assert all(found.may_look(one) for one in people * 5 if one is not None)
    assert time.process_time() - began < 0.1
    path.write_text("".join(f"{number:032}\n" for number in range(100)))
    found.refresh()
    assert sum(found.may_look(one) for one in people if one is not None) == 100


@pytest.mark.parametrize("is_token", [True, False])
async def test_a_byte_order_mark_is_no_part_of_the_first_line(
    is_token: bool, tmp_path: Path
) -> None:
    path = tmp_path / "first"
    line = TOKEN if is_token else f"anna:{access.hash_of(PASSWORD)}"
    path.write_text(f"{line}\n", encoding="utf-8-sig")
    found = _access(tmp_path, str(path) if is_token else None, None if is_token else str(path))
    token, name, password = (TOKEN, "", "") if is_token else ("", "anna", PASSWORD)
    assert await found.of_login("", token=token, name=name, password=password) is not None


async def test_an_old_session_is_over(
    tmp_path: Path, token_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _access(tmp_path, token_file)
    person = found.of_token(TOKEN)
    assert person is not None
    cookie = found.session(person)
    assert found.of_session(cookie) == person
    monkeypatch.setattr(access, "SESSION_SECONDS", -1)
    assert found.of_session(cookie) is None


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        ("short\n", "line 1: a token has at least 16 characters"),
        ("# nothing\n", "empty, so nobody may look"),
        ("", "empty"),
        (None, "No such file"),
    ],
)
def test_a_wrong_file_of_tokens_is_named(tokens: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    if tokens is not None:
        path.write_text(tokens)
    with pytest.raises(GlanceMetricsError, match=says) as raised:
        _access(tmp_path, str(path))
    assert "short" not in str(raised.value).replace("shortest", "")


@pytest.mark.parametrize("line", ["anna", "anna:secret", ":$argon2id$x"])
def test_a_wrong_file_of_users_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text(f"{line}\n")
    with pytest.raises(GlanceMetricsError, match="line 1: must be NAME:HASH") as raised:
        _access(tmp_path, None, str(path))
    assert "secret" not in str(raised.value)


def test_who_was_allowed_still_is_when_a_file_goes_wrong(tmp_path: Path, token_file: str) -> None:
    found = _access(tmp_path, token_file)
    path = Path(token_file)
    with warnings() as texts:
        for broken, times in (("oops\n", 2), (f"{TOKEN}\n", 1), ("oops\n", 2)):
            path.write_text(broken)
            for _ in range(times):
                found.refresh()
                assert found.of_token(TOKEN) is not None
    # Each time it goes wrong, once.
    assert len(texts) == 2
    assert f"--web-token-file {path} line 1: a token has" in texts[0]
    assert "who was allowed before still is" in texts[0]


def test_an_empty_or_deleted_file_lets_nobody_in(tmp_path: Path, token_file: str) -> None:
    found = _access(tmp_path, token_file)
    person = found.of_token(TOKEN)
    assert person is not None
    cookie, path = found.session(person), Path(token_file)
    for remove in (lambda: path.write_text("# nobody\n"), path.unlink):
        with warnings() as texts:
            remove()
            found.refresh()
            found.refresh()
        assert found.of_token(TOKEN) is None
        assert found.of_session(cookie) is None
        assert not found.is_open
        (text,) = texts
        assert "so nobody may look" in text
        path.write_text(f"{TOKEN}\n")
        found.refresh()
        assert found.of_session(cookie) == person


@contextmanager
def warnings() -> Iterator[list[str]]:
    texts: list[str] = []
    number = logger.add(texts.append, level="WARNING", format="{message}")
    try:
        yield texts
    finally:
        logger.remove(number)


@pytest.mark.parametrize("name", ["token_file", "users", "cert", "key", "client_ca"])
def test_a_missing_file_names_its_option(name: str, tmp_path: Path) -> None:
    nope = str(tmp_path / "nope")
    told = {"cert": written_certificate(tmp_path)} if name in {"key", "client_ca"} else {}
    settings = WebSettings(**{"address": "127.0.0.1:7890", **told, name: nope})

    def read() -> None:
        _access(tmp_path, settings.token_file, settings.users)
        Certificates(settings).refresh()

    with pytest.raises(GlanceMetricsError) as raised:
        read()
    assert str(raised.value) == f"--web-{name.replace('_', '-')} {nope}: No such file or directory"


def written_certificate(folder: Path, *names: str) -> str:
    made = trustme.CA().issue_cert(*(names or ("localhost",)))
    path = folder / "cert.pem"
    path.write_bytes(
        made.private_key_pem.bytes() + b"".join(one.bytes() for one in made.cert_chain_pems)
    )
    return str(path)


async def test_names_in_the_certificate_are_own(tmp_path: Path) -> None:
    cert = written_certificate(tmp_path, "stats.example.com", "*.example.net")
    async with served(tmp_path, cert=cert) as site, site.client() as client:
        for name, status in (
            ("Stats.example.com:7890", 200),
            ("a.example.net", 200),
            ("a.b.example.net", 421),
            ("example.net", 421),
            ("example.com", 421),
        ):
            found = await client.get("/api/v1/rules", headers={"Host": name})
            assert found.status_code == status, name


async def test_what_is_wrong_is_said(tmp_path: Path, token_file: str, users: str) -> None:
    told = {"token_file": token_file, "users": users}
    async with served(tmp_path, **told) as site, site.client() as client:

        async def detail(**headers: str) -> str:
            return str((await client.get("/api/v1/rules", headers=headers)).json()["detail"])

        assert (await detail()).startswith("needs a token")
        assert await detail(Authorization="Bearer x") == "this token is not valid"
        assert await detail(Authorization="Basic YTpi") == "wrong name or password"
        assert (await detail(Authorization="Digest a")).startswith("needs a token")
        foreign = await detail(Origin="https://stats.example.com")
        assert "https://stats.example.com" in foreign
        assert "127.0.0.1:7890" in foreign
        assert "proxy_set_header Host $http_host" in foreign
        assert "--web-host NAME" in foreign
        assert "evil.example" in await detail(Host="evil.example")


async def test_a_person_gets_a_page_with_the_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "_BURST", 4.0)
    monkeypatch.setattr(guards, "_REQUESTS_A_SECOND", 0.01)
    page = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
    async with served(tmp_path) as site, site.client() as client:
        for headers, status, says in (
            ({}, 404, "No such address."),
            ({"Host": "evil.example"}, 421, "Evil.example is not a name of this server"),
            ({"Origin": "https://<b>"}, 403, "https://&lt;b&gt;"),
            ({"Sec-Fetch-Mode": "cors"}, 404, '"no such address"'),
            ({"Accept": "*/*"}, 404, '"no such address"'),
            ({"Accept": "application/json"}, 404, '"no such address"'),
            ({}, 429, "Too many requests."),
        ):
            found = await client.get("/a/b", headers=page | headers)
            assert found.status_code == status
            assert says in found.text
            is_page = found.headers["content-type"].startswith("text/html")
            assert is_page == (says[0] != '"')
            assert found.headers["cache-control"] == "no-store"
            if is_page:
                assert 'href="../assets/pages.css"' in found.text
        assert int(found.headers["retry-after"]) > 1


async def test_what_a_proxy_asked_for_is_ignored_if_it_cannot_be_right(
    tmp_path: Path, token_file: str
) -> None:
    async with served(tmp_path, token_file=token_file) as site, site.client() as client:
        await client.post("/login", data={"token": TOKEN})
        found = await client.get("/api/v1/rules", headers={"Authorization": "Basic YTpi"})
    assert found.status_code == 200  # by its cookie


async def test_probes_may_use_any_name(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        for path in ("/healthz", "/readyz"):
            found = await client.get(path, headers={"Host": "pod-7.cluster.example"})
            assert found.status_code == 200
        other = await client.get("/healthz/", headers={"Host": "pod-7.cluster.example"})
        assert other.status_code == 421


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("http://127.0.0.1:28080/", "127.0.0.1", 28080),
        ("http://[::1]:80", "::1", 80),
        ("*:8080", "0.0.0.0", 8080),
        ("7891", "127.0.0.1", 7891),
    ],
)
def test_an_address_may_be_that_of_a_browser(text: str, host: str, port: int) -> None:
    address = WebSettings(address=text).address
    assert is_address(text)
    assert address is not None
    assert (address.host, address.port) == (host, port)


def test_https_needs_a_certificate() -> None:
    assert is_address("https://127.0.0.1:7890/")
    with pytest.raises(UsageError, match=r"--web https://127.0.0.1:7890: .*--web-cert FILE"):
        check(WebSettings(address="https://127.0.0.1:7890/"))
    check(WebSettings(address="https://127.0.0.1:7890/", cert="page.pem"))


@pytest.mark.parametrize("text", ["https://127.0.0.1/", "http://a:1/b", "127.0.0.1:70000"])
def test_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        WebSettings(address=text)


@pytest.mark.parametrize("path", ["", "/traffic"])
async def test_it_is_served_on_a_sub_path(path: str, tmp_path: Path) -> None:
    async with served(tmp_path, path=path or "/") as site, site.client() as client:
        for below in ("/", "/api/v1/rules", "/api/docs", "/healthz"):
            assert (await client.get(f"{path}{below}")).status_code == 200
        other = await client.get("/other/api/v1/rules")
        page = await client.get(f"{path}/")
    assert other.status_code == 404
    assert not re.search(r'(?:src|href)="/', page.text)  # relative, whatever the path


async def test_the_start_is_not_ready(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        site.desk.latest.snapshot = None
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
