"""Why there is no answer, in a sentence that names the server; with and without trio."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trustme

import glancemetrics as gm
from tests.actors.client.monitors import monitor, until_read
from tests.waiting import free_port

Ask = Callable[..., dict[str, object]]

LINGER = struct.pack("ii", 1, 0)


def plainly(url: str, **access: object) -> dict[str, object]:
    with gm.connect(url, **access) as client:
        return client.health()


def with_trio(url: str, **access: object) -> dict[str, object]:
    async def ask() -> dict[str, object]:
        async with gm.connect_trio(url, **access) as client:
            return await client.health()

    return trio.run(ask)


@pytest.fixture(params=[plainly, with_trio], ids=["plain", "trio"])
def ask(request: pytest.FixtureRequest) -> Ask:
    asking: Ask = request.param
    return asking


def refused(ask: Ask, url: str, **access: object) -> str:
    """Return the sentence, without the server's name, which must be in front."""
    with pytest.raises(gm.GlanceMetricsError) as caught:
        ask(url, **access)
    assert type(caught.value) is not gm.UsageError
    said = str(caught.value)
    assert said.startswith(f"{url}: ")
    assert "\n" not in said
    assert not said.endswith(".")
    return said.removeprefix(f"{url}: ")


@contextmanager
def answering(reply: bytes, *, hang: bool = False, reset: bool = False) -> Iterator[str]:
    """Answer each connection with these bytes, or with a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(20)
                    connection.recv(65536)
                    connection.sendall(reply)
                    if reset:  # without lingering, to close is to reset (socket(7))
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
                    if hang:
                        ended.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(30)


def reply(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", body]).encode()


def test_nobody_listens(ask: Ask) -> None:
    said = refused(ask, f"http://127.0.0.1:{free_port()}")
    assert said == "connection refused; is a monitor running there with --web?"


def test_a_host_that_is_unknown(ask: Ask) -> None:
    assert refused(ask, "http://nowhere.invalid:7890") == "unknown host; check its name"


def test_no_answer_in_time(ask: Ask) -> None:
    with answering(b"", hang=True) as url:
        said = refused(ask, url, timeout=0.2)
    assert said == "no answer within 0.2 s; ask for less, or raise timeout"


HTML = "Content-Type: text/html; charset=utf-8"
PROBLEM = "Content-Type: application/problem+json"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply("200 OK", "<html>", HTML),
         "not a GlanceMetrics server, or not its address (status 200, text/html)"),
        (reply("404 Not Found", ""),
         "not a GlanceMetrics server, or not its address (status 404, no content)"),
        (reply("301 Moved", "", "Location: https://a.example/api?x=secret"),
         "redirects to https://a.example/api; use the address it redirects to"),
        (reply("401 Unauthorized", "<html>", HTML),
         "a proxy before it asks for a password (status 401)"),
        (reply("502 Bad Gateway", "<html>", HTML),
         "a proxy before it cannot reach the monitor (status 502)"),
        (reply("200 OK", "{", "Content-Type: application/json"),
         "its answer cannot be read; is it another version of GlanceMetrics?"),
        (reply("200 OK", "[1]", "Content-Type: application/json"),
         "its answer cannot be read; is it another version of GlanceMetrics?"),
        (reply("503 No", '{"detail": "not now"}', PROBLEM), "not now"),
        (reply("500 No", "oh", PROBLEM), "status 500"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
         "does not speak HTTP (illegal status line: bytearray(b'SSH-2.0-OpenSSH_9.2')); check its "
         "address, or try https://"),
        (b"",
         "does not speak HTTP (Server disconnected without sending a response); check its address, "
         "or try https://"),
        (reply("200 OK", "xx", "Content-Encoding: gzip", "Content-Type: application/json"),
         "its answer is damaged (Error -3 while decompressing data: incorrect header check); try "
         "again"),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_not_an_answer(ask: Ask, answer: bytes, said: str) -> None:
    with answering(answer) as url:
        assert refused(ask, url) == said


def test_a_connection_that_is_reset(ask: Ask) -> None:
    with answering(b"", reset=True) as url:
        said = refused(ask, url)
        assert said == "closed the connection; is a monitor running there with --web?"
        secure = url.replace("http://", "https://")
        said = refused(ask, secure)
        assert said == "closed the connection; if it has --web-client-ca, pass client_cert"


@attrs.frozen
class Guarded:
    """A monitor with TLS that only lets clients with a certificate in."""

    url: str
    authority: Path
    client: Path
    stranger: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    authority, other = trustme.CA(), trustme.CA()
    paths = {name: folder / f"{name}.pem" for name in ("authority", "server", "client", "stranger")}
    authority.cert_pem.write_to_path(paths["authority"])
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(paths["server"])
    authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(
        paths["client"]
    )
    other.issue_cert("you@example.org").private_key_and_cert_chain_pem.write_to_path(
        paths["stranger"]
    )
    (folder / "access.log").touch()
    options = (
        *("--web-cert", str(paths["server"])),
        *("--web-client-ca", str(paths["authority"])),
    )
    with monitor(folder / "access.log", folder / "state", *options) as running:
        access = {"ca_file": str(paths["authority"]), "client_cert": str(paths["client"])}
        until_read(running.url, 0, **access)
        yield Guarded(running.url, paths["authority"], paths["client"], paths["stranger"])


def test_tls_with_a_certificate_of_the_client(guarded: Guarded, ask: Ask) -> None:
    assert guarded.url.startswith("https://")
    health = ask(guarded.url, ca_file=guarded.authority, client_cert=guarded.client)
    assert health["records"] == 0
    both = (guarded.client, guarded.client)
    assert ask(guarded.url, ca_file=guarded.authority, client_cert=both)["records"] == 0


def test_tls_that_fails(guarded: Guarded, ask: Ask) -> None:
    said = refused(ask, guarded.url)
    assert said.startswith("its certificate is not trusted (")
    assert said.endswith("; name the PEM file of its authority with --ca or ca_file")
    said = refused(ask, guarded.url, ca_file=guarded.authority)
    assert said == "closed the connection; if it has --web-client-ca, pass client_cert"
    said = refused(ask, guarded.url, ca_file=guarded.authority, client_cert=guarded.stranger)
    known = "closed the connection; does its --web-client-ca know the authority of client_cert?"
    assert said in {
        known,
        "refused the client certificate; pass one that its --web-client-ca knows",
    }
    name = guarded.url.replace("127.0.0.1", "localhost")
    said = refused(ask, name, ca_file=guarded.authority, client_cert=guarded.client)
    assert said.startswith("its certificate is for another name (")


def test_http_and_https_are_mixed_up(guarded: Guarded, ask: Ask) -> None:
    with pytest.raises(gm.UsageError, match="this address needs HTTPS; use https:// in place of"):
        ask(guarded.url.replace("https", "http"))
    with answering(reply("400 Bad Request", "")) as url:
        said = refused(ask, url.replace("http", "https"), ca_file=guarded.authority)
    assert said == "does not use TLS; try http://"


def test_a_name_and_a_password(tmp_path: Path, ask: Ask) -> None:
    from actors.outputs.web.access import hash_of

    (tmp_path / "access.log").touch()
    (tmp_path / "users").write_text(f"zoë:{hash_of('pässword')}\n", encoding="utf-8")
    options = ("--web-users", str(tmp_path / "users"))
    with monitor(tmp_path / "access.log", tmp_path / "state", *options) as running:
        until_read(running.url, 0, user="zoë", password="pässword")
        assert ask(running.url, user="zoë", password="pässword")["records"] == 0
        said = refused(ask, running.url, user="zoë", password="password")
        assert said.startswith("the token or password was refused; pass one of its")
        assert refused(ask, running.url).startswith("needs a name and a password; pass one of")


@pytest.mark.parametrize(
    ("url", "arguments", "said"),
    [
        ("x", {"token": "a", "user": "b"}, "token: cannot be combined with user"),
        ("x", {"user": "b"}, "user, password: one needs the other"),
        ("x", {"token": "a\nb"}, "token: must be one line of printable ASCII characters"),
        ("x", {"token": " "}, "token: must be one line of printable ASCII characters"),
        ("x", {"timeout": 0}, "timeout 0: must be more than 0 seconds"),
        ("x", {"ca_file": "y"}, "http://x:7890: certificates need an https:// address"),
        ("https://x", {"ca_file": "/no"}, "ca_file /no: No such file or directory"),
        ("https://x", {"client_cert": "/no"}, "client_cert /no: No such file or directory"),
        ("https://x", {"ca_file": __file__},
         f"ca_file {__file__}: not a PEM file of a certificate (NO_CERTIFICATE_OR_CRL_FOUND)"),
        ("https://x", {"client_cert": __file__},
         f"client_cert {__file__}: not a PEM file of a certificate (invalid)"),
        ("x y", {}, "x y: must be HOST:PORT, or an http:// or https:// address"),
    ],
)  # fmt: skip
def test_mistakes_are_named(ask: Ask, url: str, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(gm.UsageError) as caught:
        ask(url, **arguments)
    assert str(caught.value) == said


def test_secrets_are_not_shown() -> None:
    client = gm.connect_trio("x", token="s3cr3t-token")
    assert "s3cr3t" not in repr(client) + repr(client.connection)
    client = gm.connect_trio("x", user="a", password="s3cr3t-word")
    assert "s3cr3t" not in repr(client) + repr(client.connection)
