"""Real sockets: clients that are slow, many, large or hostile, TLS, and an end in time."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import ssl
import tracemalloc
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
import trio
import trustme
from starlette.responses import Response

from actors.outputs.web import WebAddress, WebSettings, held_bytes, serving
from actors.outputs.web.api import HANDLERS, Asked
from actors.outputs.web.serving import Certificates, listening_problem
from glancemetrics.errors import GlanceMetricsError
from tests.actors.outputs.feeding import event
from tests.actors.outputs.web.sites import Listening, listening, served

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSING = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def is_alive(found: Listening) -> bool:
    with trio.fail_after(5):
        return b"200" in (await found.sent(CLOSING % b"/healthz")).split(b"\r\n", 1)[0]


async def test_slow_requests_hold_up_nobody_and_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 1.0)
    async with served(tmp_path) as site, listening(site) as found:
        streams = [await found.connect() for _ in range(100)]
        for stream in streams:
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: local")
        assert await is_alive(found)
        with trio.fail_after(5):
            for number, stream in enumerate(streams):
                # A byte now and then does not help.
                if number % 2:
                    await stream.send_all(b"h")
                assert await _until(stream, b"x") == b""
        assert await is_alive(found)


UPGRADE = (
    b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Version: %d\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", b""),
        (GET, b"HTTP/1.1 200 "),
        (UPGRADE % 99, b"HTTP/1.1 400 "),
        (UPGRADE.replace(b"localhost", b"evil.example") % 99, b"HTTP/1.1 400 "),
        (UPGRADE.replace(b"localhost", b"evil.example") % 13, b"HTTP/1.1 421 "),
        (UPGRADE % 13 + b"\x81\x80\0\0\0\0", b"HTTP/1.1 400 "),  # before it is accepted
        (UPGRADE.replace(b"events", b"health") % 13, b"HTTP/1.1 403 "),
        (b"HEAD /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200 "),
    ],
)
async def test_what_is_not_answered_does_not_stay_open(
    data: bytes, answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.5)
    async with served(tmp_path) as site, listening(site) as found:
        assert (await found.sent(data, seconds=5))[: len(answer)] == answer
        with trio.fail_after(5):
            while found.serving.open_connections:
                await trio.sleep(0.05)


EVENTS = b"GET /api/v1/events?snapshots=false HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "begin", "end", "idle"),
    [
        (EVENTS, b"retry", b"0\r\n\r\n", 0.5),  # another request may follow
        (UPGRADE % 13, b"hello", b"the session has ended", 60.0),
    ],
)
async def test_a_connection_whose_viewer_is_removed_does_not_stay_open(
    request_: bytes,
    begin: bytes,
    end: bytes,
    idle: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", idle)
    (tmp_path / "tokens").write_text("0123456789abcdef\n")
    told = {"token_file": str(tmp_path / "tokens")}
    async with served(tmp_path, **told) as site, listening(site) as found:
        stream = await found.connect()
        token = b"\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n"
        await stream.send_all(request_.removesuffix(b"\r\n\r\n") + token)
        with trio.fail_after(5):
            assert begin in await _until(stream, begin)
            site.viewers.dismiss(lambda _: False)
            assert (await _until(stream, b"x-none")).endswith(end)
            while found.serving.open_connections:
                await trio.sleep(0.05)


async def test_who_looks_stays_connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.3)
    async with served(tmp_path) as site, listening(site) as found:
        for request in (UPGRADE % 13, EVENTS):
            stream = await found.connect()
            await stream.send_all(request)
            await trio.sleep(2.5)
            await site.viewers.tell(event(1))
            with trio.fail_after(5):
                assert b"triggered" in await _until(stream, b"triggered")


def frame(data: bytes, *, opcode: int = 1, is_last: bool = True, reserved: int = 0) -> bytes:
    """Return a frame as a client sends it (RFC 6455, section 5.2); its mask changes nothing."""
    first = (0x80 if is_last else 0) | reserved | opcode
    return bytes((first, 0x80 | 127)) + len(data).to_bytes(8, "big") + b"\0\0\0\0" + data


@pytest.mark.parametrize("is_text", [True, False])
async def test_a_message_without_an_end_is_not_kept(is_text: bool, tmp_path: Path) -> None:
    piece = b"a" * (64 << 10)
    tracemalloc.start()
    try:
        async with served(tmp_path) as site, listening(site) as found:
            stream = await found.connect()
            await stream.send_all(UPGRADE % 13)
            await _until(stream, b"hello")
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            opcode, sent, began = (1 if is_text else 2), 0, trio.current_time()
            with contextlib.suppress(trio.BrokenResourceError), trio.fail_after(10):
                while sent < 400:  # 25 MB
                    await stream.send_all(frame(piece, opcode=opcode, is_last=False))
                    opcode, sent = 0, sent + 1
                    await trio.lowlevel.checkpoint()
            with trio.fail_after(5):
                answer = await _until(stream, b"x-none")
                while found.serving.open_connections:
                    await trio.sleep(0.05)
            assert b"\x88\x02\x03\xf1" in answer  # a close frame, 1009
            assert trio.current_time() - began < 5
            assert tracemalloc.get_traced_memory()[1] - before < 4 << 20
            with trio.fail_after(5):
                while len(site.viewers):
                    await trio.sleep(0.05)
    finally:
        tracemalloc.stop()


async def test_no_websocket_unpacks_what_clients_send(tmp_path: Path) -> None:
    offer = b"\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    async with served(tmp_path) as site, listening(site) as found:
        stream = await found.connect()
        await stream.send_all((UPGRADE % 13).removesuffix(b"\r\n\r\n") + offer)
        with trio.fail_after(5):
            head = await _until(stream, b"hello")
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"sec-websocket-extensions" not in head.lower()
            await stream.send_all(frame(b"\xab\x56\xf2\x04\0", reserved=0x40))
            assert b"answer" not in await _until(stream, b"answer")
            while found.serving.open_connections:
                await trio.sleep(0.05)


async def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.outputs.web.application.BODY_SECONDS", 0.5)
    head = (
        b"POST /api/v1/silences HTTP/1.1\r\nHost: localhost\r\nX-GlanceMetrics: 1\r\n"
        b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    )
    async with served(tmp_path, admin=True) as site, listening(site) as found:
        stream = await found.connect()
        await stream.send_all(head)
        with trio.fail_after(5):
            assert b"did not arrive within" in await _until(stream, b"within")


async def test_a_client_that_does_not_read_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SEND_SECONDS", 0.5)
    async with served(tmp_path) as site, listening(site) as found:
        stream = await found.connect()
        request = CLOSING % b"/api/v1/records?limit=9000"
        await stream.send_all(request)
        with trio.fail_after(20):
            while found.serving.open_connections:
                await trio.sleep(0.1)
        assert await is_alive(found)


async def reading_slowly(found: Listening, request: bytes) -> trio.SocketStream:
    """Return a connection with little room that has got the begin of an answer."""
    client = found.streams.enter_context(trio.socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    await client.connect(("127.0.0.1", found.port))
    stream = trio.SocketStream(client)
    await stream.send_all(request)
    return stream


async def test_a_client_that_reads_slowly_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SEND_SECONDS", 1.0)
    monkeypatch.setattr(serving, "LEAST_RATE", 4 << 20)
    async with served(tmp_path) as site, listening(site) as found:
        size = len(await found.sent(CLOSING % b"/api/v1/records?limit=9000"))
        stream, got = await reading_slowly(found, CLOSING % b"/api/v1/records?limit=9000"), 0
        with trio.fail_after(20), contextlib.suppress(trio.BrokenResourceError):
            # Something is taken all the time: no piece waits for a second.
            while piece := await stream.receive_some(20_000):
                got += len(piece)
                await trio.sleep(0.02)
        assert got < size
        assert await is_alive(found)


async def test_what_clients_do_not_read_is_limited_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_bytes, "MOST_HELD", 5 << 20)
    monkeypatch.setattr(held_bytes, "MOST_HELD_OF_ONE", 4 << 20)
    large = CLOSING % b"/api/v1/records?limit=9000"
    async with served(tmp_path) as site, listening(site) as found:
        size = len(await found.sent(large))
        assert 1 << 20 < size < 4 << 20  # one has room
        slow = [await reading_slowly(found, large) for _ in range((4 << 20) // size)]
        for stream in slow:
            assert await _until(stream, b"200") != b""
        refused = await found.sent(large)
        head, _, body = refused.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 20" in head.lower()
        assert "clients have not read too many answers" in json.loads(body)["detail"]
        assert await is_alive(found)
        for stream in slow:
            await stream.aclose()
        with trio.fail_after(5):
            while found.serving.open_connections:
                await trio.sleep(0.05)
        assert len(await found.sent(large)) == size


async def test_a_client_that_has_closed_its_direction_gets_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_LINGER_SECONDS", 0.2)

    async def slowly(asked: Asked) -> Response:
        del asked
        await trio.sleep(1)
        return Response("the answer")

    monkeypatch.setitem(HANDLERS, "rules", slowly)  # type: ignore[arg-type]
    async with served(tmp_path) as site, listening(site) as found:
        stream = await found.connect()
        await stream.send_all(GET.replace(b"/healthz", b"/api/v1/rules"))
        await stream.send_eof()
        with trio.fail_after(5):
            assert (await _until(stream, b"the answer")).endswith(b"the answer")
            # Nothing is waited for after it, nor for one that asks for nothing.
            idle = await found.connect()
            await idle.send_eof()
            while found.serving.open_connections:
                await trio.sleep(0.05)


async def test_the_end_does_not_wait_for_clients(tmp_path: Path) -> None:
    async with served(tmp_path) as site:
        async with listening(site) as found:
            for request in (b"", b"GET", GET, CLOSING % b"/api/v1/records?limit=9000",
                            CLOSING % b"/api/v1/events"):  # fmt: skip
                stream = await found.connect()
                await stream.send_all(request)
            await trio.sleep(0.5)
            began = trio.current_time()
        assert trio.current_time() - began < 2


async def test_there_are_not_too_many_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 5)
    async with served(tmp_path) as site, listening(site) as found:
        streams = [await found.connect() for _ in range(8)]
        for stream in streams[:5]:
            await stream.send_all(GET)
            assert await stream.receive_some(12) == b"HTTP/1.1 200"
        for stream in streams[5:]:
            with trio.fail_after(5):
                assert await _until(stream, b"x") == b""
        assert found.serving.refused == 3
        await streams[0].aclose()
        with trio.fail_after(5):
            while found.serving.open_connections > 4:
                await trio.sleep(0.05)
        assert await is_alive(found)


async def test_connections_of_one_network_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_MOST_OF_ONE", 2)
    # This machine has no two addresses of a /64: those of 127.0.0.0/30 stand for them.
    monkeypatch.setattr(
        serving, "network_of", lambda peer: str(ip_network((peer, 30), strict=False))
    )
    statuses = []
    async with served(tmp_path) as site, listening(site) as found:
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.5"):
            stream = await found.connect(source)
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(GET)
            statuses.append((await _until(stream, b"ok\n"))[9:12])
        assert statuses == [b"200", b"200", b"", b"200"]
        assert found.serving.refused == 1


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"\0" * 5000,
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda data: data[:20].decode("latin-1") + str(len(data)),
)
async def test_what_is_no_request_is_refused(data: bytes, tmp_path: Path) -> None:
    async with served(tmp_path) as site, listening(site) as found:
        answer = await found.sent(data)
        assert not answer or answer.split(b" ", 2)[1] in {b"400", b"404", b"405", b"421", b"431"}
        assert b"Traceback" not in answer
        assert await is_alive(found)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


async def test_http_2_by_prior_knowledge_is_refused(tmp_path: Path) -> None:
    reset = b"\0\0\4\3\0\0\0\0\1\0\0\0\0"
    async with served(tmp_path) as site, listening(site) as found:
        answer = await found.sent(PREFACE + SETTINGS + reset * 1000, seconds=5)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 505 ")
        assert SETTINGS not in answer
        later = await found.sent(
            CLOSING.replace(b"Connection: close\r\n", b"") % b"/healthz" + PREFACE
        )
        assert later.startswith(b"HTTP/1.1 200 ")
        assert SETTINGS not in later
        assert await is_alive(found)


async def test_an_upgrade_to_http_2_is_ignored(tmp_path: Path) -> None:
    request = (
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
        b"Connection: Upgrade, HTTP2-Settings, close\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
    )
    async with served(tmp_path) as site, listening(site) as found:
        answer = await found.sent(request, seconds=5)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"ok\n")


@pytest.mark.parametrize(
    "path",
    [
        b"/assets/../../../../etc/passwd",
        b"/assets/%2e%2e/%2e%2e/web.py",
        b"/assets/..%2f..%2f__init__.py",
        b"/assets/%2fetc%2fpasswd",
        b"/../../etc/passwd",
        b"//etc/passwd",
        b"/assets/",
        b"/assets/..",
        b"/assets/%00",
        b"/assets/%ff%fe",
        b"/static/index.html",
    ],
)
async def test_no_path_leads_out(path: bytes, tmp_path: Path) -> None:
    async with served(tmp_path) as site, listening(site) as found:
        answer = await found.sent(CLOSING % path)
    assert answer.split(b" ", 2)[1] in {b"404", b"400", b"307"}
    assert b"root:" not in answer
    assert b"import" not in answer


async def test_a_huge_body_is_not_read(tmp_path: Path) -> None:
    head = (
        b"POST /api/v1/silences HTTP/1.1\r\nHost: localhost\r\nX-GlanceMetrics: 1\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    async with served(tmp_path, admin=True) as site, listening(site) as found:
        answer = await found.sent(head + b"10000\r\n" + b"a" * 0x10000 + b"\r\n" + b"1\r\na\r\n")
        assert b" 413 " in answer.split(b"\r\n", 1)[0] + b" "
        assert await is_alive(found)


async def _until(stream: trio.SocketStream, text: bytes) -> bytes:
    answer = b""
    while text not in answer:
        try:
            piece = await stream.receive_some(1 << 16)
        except trio.BrokenResourceError:
            return answer
        if not piece:
            return answer
        answer += piece
    return answer


def _written(folder: Path, name: str, authority: trustme.CA, host: str = "localhost") -> Path:
    made = authority.issue_cert(host)
    path = folder / name
    path.write_bytes(
        made.private_key_pem.bytes() + b"".join(one.bytes() for one in made.cert_chain_pems)
    )
    return path


async def test_plain_http_where_tls_is_spoken_is_named(tmp_path: Path) -> None:
    cert = _written(tmp_path, "server", trustme.CA())
    async with served(tmp_path, cert=str(cert)) as site, listening(site) as found:
        answer = await found.sent(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        said = json.loads(body)["detail"]
        assert said == "this address needs HTTPS; use https:// in place of http://"
        assert await found.sent(b"\x16nothing that is TLS") != answer
        assert found.serving.open_connections == 0


async def test_tls_takes_a_new_certificate_without_a_restart(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    cert = _written(tmp_path, "cert.pem", old)
    async with served(tmp_path, cert=str(cert)) as site, listening(site) as found:
        assert found.url.startswith("https://")
        url = f"https://localhost:{found.port}/healthz"

        async def is_trusted(authority: trustme.CA) -> bool:
            context = ssl.create_default_context()
            authority.configure_trust(context)
            async with httpx.AsyncClient(verify=context) as client:
                try:
                    return (await client.get(url)).status_code == 200
                except httpx.ConnectError:
                    return False

        assert await is_trusted(old)
        assert not await is_trusted(new)
        cert.write_text("nonsense")
        found.certificates.refresh()
        assert await is_trusted(old)
        _written(tmp_path, "cert.pem", new)
        found.certificates.refresh()
        assert await is_trusted(new)
        assert not await is_trusted(old)
        # Without TLS there is nothing to be had.
        assert b"200" not in await found.sent(CLOSING % b"/healthz")


async def test_only_clients_of_an_authority_may_look(tmp_path: Path) -> None:
    servers, clients, others = trustme.CA(), trustme.CA(), trustme.CA()
    cert = _written(tmp_path, "cert.pem", servers)
    clients.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    told = {"cert": str(cert), "client_ca": str(tmp_path / "ca.pem")}
    async with served(tmp_path, **told) as site, listening(site) as found:
        statuses = []
        for authority in (clients, others, None):
            context = ssl.create_default_context()
            servers.configure_trust(context)
            if authority is not None:
                context.load_cert_chain(_written(tmp_path, "client.pem", authority, "me"))
            async with httpx.AsyncClient(verify=context) as client:
                try:
                    answer = await client.get(f"https://localhost:{found.port}/api/v1/rules")
                    statuses.append(answer.status_code)
                except httpx.TransportError:
                    statuses.append(0)
    assert statuses == [200, 0, 0]


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), ("nonsense", "not a PEM file of a certificate and its key")],
)
def test_a_wrong_certificate_is_named(content: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    if content is not None:
        path.write_text(content)
    settings = WebSettings(address="127.0.0.1:7890", cert=str(path))
    with pytest.raises(GlanceMetricsError, match=says):
        Certificates(settings).refresh()


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EADDRINUSE, "in use by another program; try "),
        (errno.EACCES, "ports below 1024 need rights"),
        (errno.EADDRNOTAVAIL, "not an address of this machine"),
        (errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_why_it_cannot_be_served_is_said(number: int, says: str) -> None:
    error = OSError(number, "Cannot allocate memory")
    assert says in listening_problem(WebAddress("127.0.0.1", 7890), error)


def test_the_port_that_is_suggested_is_free() -> None:
    error = OSError(errno.EADDRINUSE, "Address already in use")
    with contextlib.ExitStack() as stack:
        first, *others = _neighbours(stack, 3)
        said = listening_problem(WebAddress("127.0.0.1", first), error)
        port = int(said.rpartition(":")[2])
        assert port not in (first, *others)
        assert first < port <= first + 20
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
    assert "another port" in listening_problem(WebAddress("127.0.0.1", 65535), error)


def _neighbours(stack: contextlib.ExitStack, count: int) -> range:
    """Listen on so many ports in a row."""
    for first in range(20_000, 30_000, 7):
        with contextlib.ExitStack() as tried:
            try:
                for port in range(first, first + count):
                    one = tried.enter_context(socket.socket())
                    one.bind(("127.0.0.1", port))
                    one.listen()
            except OSError:
                continue
            stack.enter_context(tried.pop_all())
            return range(first, first + count)
    raise AssertionError("no ports in a row are free")


async def test_a_page_on_all_addresses_is_reported_with_a_name(tmp_path: Path) -> None:
    address = WebAddress("0.0.0.0", 0)
    async with served(tmp_path) as site, listening(site, address) as found:
        assert found.url == f"http://{socket.gethostname()}:{found.port}/"
