"""Lines that are sent: who may send them, in which form, and within which limits."""

from __future__ import annotations

import base64
import gzip
import json
import random
import threading
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import httpx
import pyarrow as pa
import pytest
import trio

from actors.files.decompression import DamagedError, TooLargeError, unpacked
from actors.outputs.web import guards, receiving
from actors.outputs.web.senders import Senders
from actors.sources.intake import Intake, KeyInUseError, NotTakenError, OtherLinesError
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.formats.posted_frames import Posted
from glancemetrics.formats.posted_keys import digest_of
from glancemetrics.lines.splitter import LINE_LIMIT
from tests.actors.outputs.web.sites import Served, listening, served

TOKEN = "0123456789abcdef0123456789abcdef"
FLEET = "fedcba9876543210fedcba9876543210"
VIEWER = "00112233445566778899aabbccddeeff"
PATH = "/api/v1/lines"


@attrs.define
class Taken:
    """What an intake took."""

    requests: list[tuple[str, Posted]] = attrs.field(factory=list)
    problem: Exception | None = None
    is_new: bool = True

    @property
    def lines(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for _, posted in self.requests:
            for group in posted.groups:
                found[group.server] = found.get(group.server, b"") + group.lines
        return found


@attrs.frozen
class Receiver:
    site: Served
    taken: Taken
    intake: Intake
    file: Path

    async def send(
        self, body: bytes | str = b"a\n", token: str = TOKEN, **details: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} | details.pop("headers", {})
        async with self.site.client() as client:
            method = details.pop("method", "POST")
            path = details.pop("path", PATH)
            return await client.request(method, path, content=body, headers=headers, **details)


@asynccontextmanager
async def receiver(folder: Path, **told: Any) -> AsyncIterator[Receiver]:
    file = folder / "senders"
    file.write_text(f"# who may send\nweb1 {TOKEN}\nfleet {FLEET} web* db1\n")
    taken, intake = Taken(), Intake()

    async def take(posted: Posted) -> bool:
        await trio.lowlevel.checkpoint()
        if taken.problem is not None:
            raise taken.problem
        taken.requests.append(("", posted))
        return taken.is_new

    intake.open(take)
    async with served(folder, senders=str(file), intake=intake, **told) as site:
        yield Receiver(site, taken, intake, file)


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def test_a_senders_lines_are_taken_and_counted(tmp_path: Path) -> None:
    async with receiver(tmp_path) as to:
        answer = await to.send(b"one\ntwo")
        assert answer.status_code == 200
        assert answer.json() == {"lines": 2, "repeated": False}
        assert to.taken.lines == {"web1": b"one\ntwo\n"}
        assert (to.intake.requests, to.intake.lines, to.intake.senders) == (1, 2, {"web1"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"bearer {TOKEN}"},
        basic("", TOKEN),
        basic("whoever", TOKEN),
    ],
)
async def test_a_token_comes_as_bearer_or_as_a_password(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with receiver(tmp_path) as to:
        assert (await to.send(headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": f"Bearer {VIEWER}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Digest {TOKEN}"},
        {"Authorization": "Basic !"},
        basic(TOKEN, ""),
        {"Authorization": "Bearer " + "x" * 2000},
    ],
)
async def test_nobody_else_may_send(tmp_path: Path, headers: dict[str, str]) -> None:
    viewers = tmp_path / "viewers"
    viewers.write_text(VIEWER)
    async with receiver(tmp_path, token_file=str(viewers)) as to:
        answer = await to.send(headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert not to.taken.requests


async def test_a_sender_may_not_look_and_the_session_of_a_viewer_may_not_send(
    tmp_path: Path,
) -> None:
    viewers = tmp_path / "viewers"
    viewers.write_text(VIEWER)
    async with receiver(tmp_path, token_file=str(viewers)) as to:
        for path in ("/api/v1/rules", "/api/v1/query", "/metrics", "/"):
            answer = await to.send(b"", path=path, method="GET")
            assert answer.status_code == 401, path
        person = await to.site.site.access.of_login("192.0.2.1", token=VIEWER)
        assert person is not None
        cookie = {"Cookie": f"glancemetrics_session={to.site.site.access.session(person)}"}
        async with to.site.client(headers=cookie) as client:
            assert (await client.get("/api/v1/rules")).status_code == 200
            assert (await client.post(PATH, content=b"a\n")).status_code == 401
        assert not to.taken.requests


async def test_wrong_tokens_are_limited_by_network_and_right_ones_of_before_still_work(
    tmp_path: Path,
) -> None:
    async with receiver(tmp_path) as to:
        assert (await to.send()).status_code == 200
        statuses = [(await to.send(token=f"{n:032}")).status_code for n in range(8)]
        assert statuses == [401] * 6 + [429] * 2
        refused = await to.send(token=FLEET)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await to.send()).status_code == 200


async def test_a_token_that_is_removed_may_not_send_any_more(tmp_path: Path) -> None:
    file = tmp_path / "senders"
    file.write_text(f"web1 {TOKEN}\nweb1 {FLEET}\n")
    known = Senders(str(file))
    known.refresh()
    for token in (TOKEN, FLEET):
        found = known.of_header(f"Bearer {token}", "192.0.2.1")
        assert found is not None
        assert found.name == "web1"
    file.write_text(f"web1 {FLEET}  \n")
    known.refresh()
    assert known.of_header(f"Bearer {TOKEN}", "192.0.2.1") is None
    assert known.of_header(f"Bearer {FLEET}", "192.0.2.1") is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("web1\n", "line 1: must be NAME TOKEN, or NAME TOKEN SERVER..."),
        ("web1 short\n", "line 1: a token has at least 16 characters"),
        (f"a\n#\nweb* {TOKEN}\n", "line 1: must be"),
        (f"web* {TOKEN}\n", "line 1: the name is that of a server"),
        ("", "empty, so nobody may send lines"),
    ],
)
def test_a_file_that_is_wrong_is_told_without_its_tokens(
    tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "senders"
    file.write_text(text)
    with pytest.raises(GlanceMetricsError) as error:
        Senders(str(file)).refresh()
    assert f"--web-senders {file}" in str(error.value)
    assert problem in str(error.value)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    ("token", "query", "status", "server"),
    [
        (TOKEN, "", 200, "web1"),
        (TOKEN, "?server=web1", 200, "web1"),
        (TOKEN, "?server=web2", 403, ""),
        (FLEET, "", 200, "fleet"),
        (FLEET, "?server=web2", 200, "web2"),
        (FLEET, "?server=db1", 200, "db1"),
        (FLEET, "?server=db2", 403, ""),
        (FLEET, "?server=", 400, ""),
        (FLEET, "?server=a%20b", 400, ""),
        (FLEET, "?server=web%0a", 400, ""),
        (FLEET, "?servers=web1", 400, ""),
        (FLEET, "?server=web1&server=web2", 400, ""),
    ],
)
async def test_a_sender_sends_for_the_servers_in_its_line_of_the_file(
    tmp_path: Path, token: str, query: str, status: int, server: str
) -> None:
    async with receiver(tmp_path) as to:
        answer = await to.send(token=token, path=PATH + query)
        assert answer.status_code == status, answer.text
        assert to.taken.lines == ({server: b"a\n"} if server else {})


async def test_an_object_may_name_only_allowed_servers(tmp_path: Path) -> None:
    values = [{"host": host, "message": host} for host in ("web7", "evil", "db1")]
    headers = {"Content-Type": "application/json"}
    async with receiver(tmp_path) as to:
        await to.send(json.dumps(values), token=FLEET, headers=headers)
        assert list(to.taken.lines) == ["web7", "fleet", "db1"]
        to.taken.requests.clear()
        await to.send(json.dumps(values), headers=headers)
        assert list(to.taken.lines) == ["web1"]


VECTOR = {"host": "web1", "message": "the line", "timestamp": "2026-11-27T00:00:00Z"}
FLUENT_BIT = {"date": 1790000000.5, "log": "the line"}


@pytest.mark.parametrize(
    ("media", "body", "lines"),
    [
        # Vector's sink `http`, by encoding.codec and framing.method.
        ("text/plain", "the line\nthe line", b"the line\nthe line\n"),
        ("application/x-ndjson", json.dumps(VECTOR) + "\n", json.dumps(VECTOR).encode() + b"\n"),
        ("application/json", json.dumps([VECTOR]), json.dumps(VECTOR).encode() + b"\n"),
        # Fluent Bit's output `http`, by format: json, json_lines, json_stream.
        ("application/json", json.dumps([FLUENT_BIT]), json.dumps(FLUENT_BIT).encode() + b"\n"),
        ("application/x-ndjson", json.dumps(FLUENT_BIT), json.dumps(FLUENT_BIT).encode() + b"\n"),
        (
            "application/json",
            json.dumps(FLUENT_BIT) * 2,
            (json.dumps(FLUENT_BIT).encode() + b"\n") * 2,
        ),
        # curl --data-binary.
        ("application/x-www-form-urlencoded", "the line\n", b"the line\n"),
        ("Text/Plain; charset=utf-8", "the line\n", b"the line\n"),
        ("text/plain", "", None),
    ],
)
async def test_bodies_of_shippers_are_taken_as_they_are(
    tmp_path: Path, media: str, body: str, lines: bytes | None
) -> None:
    async with receiver(tmp_path) as to:
        answer = await to.send(body, headers={"Content-Type": media})
        assert answer.status_code == 200, answer.text
        assert to.taken.lines == ({} if lines is None else {"web1": lines})


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": lambda data: pa.compress(data, "zstd", asbytes=True),
    "identity": bytes,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_compressed_body_is_unpacked(tmp_path: Path, coding: str, size: int) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(size))
    async with receiver(tmp_path) as to:
        headers = {"Content-Encoding": coding}
        answer = await to.send(CODINGS[coding](lines), headers=headers)
        assert answer.status_code == 200, answer.text
        assert to.taken.lines == {"web1": lines}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_whatever_comes_compressed_ends_with_bytes_or_a_sentence(coding: str) -> None:
    chance = random.Random(3)
    whole = CODINGS[coding](b"some lines\n" * 1000)
    for _ in range(300):
        data = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for _ in range(chance.randrange(3)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        with suppress(DamagedError, TooLargeError):
            unpacked(bytes(data), coding, 1 << 20)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
async def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, coding: str) -> None:
    bomb = CODINGS[coding](bytes(300 << 20))
    assert len(bomb) < 1 << 20
    async with receiver(tmp_path) as to:
        answer = await to.send(bomb, headers={"Content-Encoding": coding})
        assert answer.status_code == 413
        assert "16 MiB" in answer.json()["detail"]
        assert not to.taken.requests
        assert to.intake.refused == 1
    with pytest.raises(TooLargeError):
        unpacked(bomb, coding, 1000)


@pytest.mark.parametrize(
    ("headers", "status", "detail"),
    [
        ({"Content-Type": "application/msgpack"}, 415, "application/x-ndjson"),
        ({"Content-Encoding": "br"}, 415, "gzip, zstd, deflate"),
        ({"Content-Encoding": "gzip, gzip"}, 415, "gzip, zstd, deflate"),
        ({"Content-Encoding": "gzip"}, 400, "damaged gzip data"),
        ({"Content-Encoding": "zstd"}, 400, "zstd data"),
        ({"Content-Type": "application/json"}, 400, "not JSON"),
        ({"Idempotency-Key": '""'}, 400, "Idempotency-Key"),
        ({"Idempotency-Key": "x" * 300}, 400, "Idempotency-Key"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_a_reason(
    tmp_path: Path, headers: dict[str, str], status: int, detail: str
) -> None:
    async with receiver(tmp_path) as to:
        answer = await to.send(b"not JSON", headers=headers)
        assert answer.status_code == status
        assert detail in answer.json()["detail"]
        assert answer.json()["status"] == status
        assert not to.taken.requests
        assert to.intake.refused == 1
        if status == 415 and "Content-Encoding" in headers:
            assert answer.headers["Accept-Encoding"] == "gzip, zstd, deflate"


@pytest.mark.parametrize(
    ("problem", "status", "detail", "retry"),
    [
        (NotTakenError("the disk is full", 7), 503, "the disk is full", "7"),
        (KeyInUseError(), 409, "still in progress", "1"),
        (OtherLinesError(), 422, "other lines", None),
    ],
)
async def test_what_the_monitor_does_not_take_is_told(
    tmp_path: Path, problem: Exception, status: int, detail: str, retry: str | None
) -> None:
    async with receiver(tmp_path) as to:
        to.taken.problem = problem
        answer = await to.send(headers={"Idempotency-Key": '"k"'})
        assert answer.status_code == status
        assert detail in answer.json()["detail"]
        assert answer.headers.get("Retry-After") == retry


async def test_a_key_belongs_to_its_sender(tmp_path: Path) -> None:
    async with receiver(tmp_path) as to:
        for token in (TOKEN, FLEET):
            await to.send(token=token, headers={"Idempotency-Key": '"k"'})
        await to.send()
        keys = [posted.key for _, posted in to.taken.requests]
        assert keys == [digest_of("web1", "k"), digest_of("fleet", "k"), bytes(16)]


async def test_the_same_lines_have_the_same_fingerprint_however_they_are_packed(
    tmp_path: Path,
) -> None:
    lines = b"one\ntwo\n"
    async with receiver(tmp_path) as to:
        await to.send(lines)
        await to.send(gzip.compress(lines), headers={"Content-Encoding": "gzip"})
        await to.send(b"one\nTWO\n")
        first, second, third = (posted.fingerprint for _, posted in to.taken.requests)
        assert first == second != third


async def test_a_line_that_is_too_long_is_taken_as_its_beginning(tmp_path: Path) -> None:
    async with receiver(tmp_path) as to:
        answer = await to.send(b"x" * (LINE_LIMIT + 1) + b"\nshort\n")
        assert answer.json()["lines"] == 2
        ((_, posted),) = to.taken.requests
        assert posted.groups[0].overlong == (b"x" * 1024,)
        assert posted.groups[0].lines == b"short\n"


async def test_pages_of_other_sites_may_not_send(tmp_path: Path) -> None:
    async with receiver(tmp_path) as to:
        foreign = await to.send(headers={"Origin": "https://evil.example"})
        cross = await to.send(headers={"Sec-Fetch-Site": "cross-site"})
        rebound = await to.send(headers={"Host": "evil.example"})
        statuses = [one.status_code for one in (foreign, cross, rebound)]
        assert statuses == [403, 403, 421]
        assert not to.taken.requests


async def test_a_sender_is_not_held_up_by_the_limit_of_viewers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "_REQUESTS_A_SECOND", 0.01)
    monkeypatch.setattr(guards, "_BURST", 5.0)
    async with receiver(tmp_path) as to:
        while (await to.send(b"", path="/healthz", method="GET")).status_code == 200:
            pass
        assert (await to.send(b"", path="/healthz", method="GET")).status_code == 429
        assert (await to.send()).status_code == 200


async def test_a_sender_takes_no_allowance_of_viewers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "_REQUESTS_A_SECOND", 0.01)
    monkeypatch.setattr(guards, "_BURST", 5.0)
    async with receiver(tmp_path) as to:
        for _ in range(10):
            assert (await to.send()).status_code == 200
        assert (await to.send(b"", path="/healthz", method="GET")).status_code == 200


async def test_without_senders_there_is_nothing_to_send_to(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as client:
        answer = await client.post(PATH, content=b"a\n")
        assert answer.status_code == 404
        assert "--web-senders" in answer.json()["detail"]


async def test_vectors_health_check_and_other_methods(tmp_path: Path) -> None:
    async with receiver(tmp_path) as to:
        assert (await to.send(b"", method="HEAD")).status_code == 200
        assert (await to.send(b"", method="HEAD", token=VIEWER)).status_code == 401
        refused = await to.send(b"", method="GET")
        assert refused.status_code == 405
        assert refused.headers["Allow"] == "HEAD, POST"
        assert not to.taken.requests


async def test_a_sender_has_only_so_many_requests_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_AT_ONCE", 3)
    async with receiver(tmp_path) as to, listening(to.site) as at:
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{at.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: 2\r\n\r\n"
        ).encode()
        waiting = [await at.connect() for _ in range(3)]
        for stream in waiting:
            await stream.send_all(head)
        await trio.sleep(0.2)
        answer = await at.sent(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"a\n")
        assert answer.startswith(b"HTTP/1.1 429")
        for stream in waiting:
            await stream.send_all(b"a\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
            await stream.aclose()


async def test_bodies_take_only_so_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_MOST_OF_ONE", 1000)
    async with receiver(tmp_path) as to:
        refused = await to.send(b"x" * 1001)
        assert refused.status_code == 503
        assert "Retry-After" in refused.headers
        assert (await to.send(b"x" * 400 + b"\n")).status_code == 200
        assert (await to.send(b"x" * 400 + b"\n")).status_code == 200


async def test_a_body_that_is_too_large_is_refused_by_its_length(tmp_path: Path) -> None:
    async with receiver(tmp_path) as to, listening(to.site) as at:
        answer = await at.sent(
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{at.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: {(16 << 20) + 1}\r\n\r\n".encode()
        )
        assert answer.startswith(b"HTTP/1.1 413")


async def test_a_body_without_a_length_is_refused_once_it_is_too_large(tmp_path: Path) -> None:
    sent = 0

    async def pieces() -> AsyncGenerator[bytes, None]:
        nonlocal sent
        for _ in range(40):
            sent += 1
            yield b"x\n" * (1 << 19)

    async with receiver(tmp_path) as to, aclosing(pieces()) as body:
        answer = await to.send(body)  # type: ignore[arg-type]
        assert answer.status_code == 413
        assert sent == 17


async def test_a_body_that_comes_slowly_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_BODY_SECONDS", 0.5)
    async with receiver(tmp_path) as to, listening(to.site) as at:
        stream = await at.connect()
        await stream.send_all(
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{at.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: 20\r\n\r\na".encode()
        )
        with trio.fail_after(5):
            answer = await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 408")
        assert not to.taken.requests


async def test_a_client_that_leaves_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    async with receiver(tmp_path) as to, listening(to.site) as at:
        stream = await at.connect()
        await stream.send_all(
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{at.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: 20\r\n\r\nhalf".encode()
        )
        await stream.aclose()
        with trio.fail_after(5):
            while not to.intake.refused:
                await trio.sleep(0.05)
        assert not to.taken.requests
        assert (await to.send()).status_code == 200


async def test_curl_sends_a_large_file(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(300_000)))
    async with receiver(tmp_path) as to, listening(to.site) as at:
        command = [
            *("curl", "-sS", "--fail-with-body", "--data-binary", f"@{log}"),
            *("-H", f"Authorization: Bearer {TOKEN}", "-H", "Expect: 100-continue"),
            f"http://127.0.0.1:{at.port}{PATH}",
        ]
        done = await trio.run_process(command, capture_stdout=True)
        assert json.loads(done.stdout)["lines"] == 300_000
        assert to.taken.lines == {"web1": log.read_bytes()}


def test_what_takes_long_is_not_done_in_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    read = receiving._posted

    def note(*details: Any) -> Posted:
        threads.add(threading.current_thread().name)
        return read(*details)

    monkeypatch.setattr(receiving, "_posted", note)

    async def main() -> None:
        async with receiver(tmp_path) as to:
            await to.send(b"x\n" * (receiving._SMALL + 1))
            packed = gzip.compress(b"x\n")
            await to.send(packed, headers={"Content-Encoding": "gzip"})

    trio.run(main)
    assert threads
    assert "MainThread" not in threads
