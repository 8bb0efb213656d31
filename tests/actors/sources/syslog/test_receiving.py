"""Syslog over each transport, from sockets on loopback, in real time."""

from __future__ import annotations

import select
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import trio
import trustme

from actors.sources.messages import Begins
from actors.sources.syslog import SyslogInputSettings
from actors.sources.syslog import receiving as receiving_module
from actors.sources.syslog import senders as senders_module
from actors.sources.syslog import sockets as sockets_module
from actors.sources.syslog.senders import Senders
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.lines.splitter import LINE_LIMIT
from glancemetrics.lines.syslog_messages import Sender
from tests.actors.sources.syslog.listening import OWN, listening
from tests.lines import line
from tests.waiting import free_port

BODY = line().rstrip()
NGINX = b"<190>Nov 27 23:00:00 web1 nginx: " + BODY


def udp_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    with socket.socket(family, socket.SOCK_DGRAM) as free:
        free.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return int(free.getsockname()[1])


def say_udp(port: int, *messages: bytes, host: str = "127.0.0.1") -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        for message in messages:
            sender.sendto(message, (host, port))


def connected(port: int, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), 20)


async def test_udp_is_a_message_a_datagram() -> None:
    port = udp_port()
    async with listening(f"syslog+udp://127.0.0.1:{port}") as heard:
        say_udp(port, NGINX, NGINX + b"\r\n", b"<190>Nov 27 23:00:00 nginx: a\nb\n", b"", b"{}")
        await heard.until(lambda: len(heard.all_lines) == 4)
    assert heard.lines == {
        "syslog:web1/nginx": [BODY, BODY],
        f"syslog:{OWN}/nginx": [rb"a\nb"],
        f"syslog:{OWN}": [b"{}"],
    }
    assert {chunk.server for chunk in heard.chunks} == {"web1", OWN}
    assert all(chunk.caught_up and chunk.fresh for chunk in heard.chunks)


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_ipv6(kind: str) -> None:
    port = udp_port(socket.AF_INET6)
    async with listening(f"syslog+{kind}://[::1]:{port}") as heard:
        if kind == "udp":
            say_udp(port, NGINX, host="::1")
        else:
            with connected(port, "::1") as sender:
                sender.sendall(NGINX + b"\n")
        await heard.until(lambda: heard.all_lines)
    assert heard.lines == {"syslog:web1/nginx": [BODY]}


async def test_a_star_is_all_addresses() -> None:
    port = free_port()
    async with listening(f"syslog+tcp://*:{port}") as heard:
        for host in ("127.0.0.1", "::1"):
            with connected(port, host) as sender:
                sender.sendall(NGINX + b"\n")
        await heard.until(lambda: len(heard.all_lines) == 2)


async def test_tcp_takes_both_framings_and_a_server_is_one_source_on_all_listeners() -> None:
    port = free_port()
    texts = (f"syslog+tcp://127.0.0.1:{port}", f"syslog+udp://127.0.0.1:{port}")
    async with listening(*texts) as heard:
        with connected(port) as sender:
            sender.sendall(NGINX + b"\n%d " % len(NGINX) + NGINX)
            sender.sendall(b"%d " % len(NGINX) + NGINX[:20])
            await trio.sleep(0.3)
            sender.sendall(NGINX[20:] + b"<14>last without its newline")
        say_udp(port, NGINX)
        await heard.until(lambda: len(heard.all_lines) == 5)
    last = b"last without its newline"
    assert heard.lines == {"syslog:web1/nginx": [BODY] * 4, f"syslog:{OWN}": [last]}


async def test_a_message_that_is_too_long_is_a_sample_and_the_connection_goes_on() -> None:
    port = free_port()
    async with listening(f"syslog+tcp://127.0.0.1:{port}") as heard:
        with connected(port) as sender:
            long = NGINX + b"x" * LINE_LIMIT
            sender.sendall(b"%d " % len(long) + long + NGINX + b"\n" + long + b"\n" + NGINX + b"\n")
            await heard.until(lambda: len(heard.all_lines) == 2)
    samples = [sample for chunk in heard.chunks for sample in chunk.overlong]
    assert [sample[: len(NGINX)] for sample in samples] == [NGINX, NGINX]
    assert {chunk.source for chunk in heard.chunks} == {"syslog:web1/nginx"}


@pytest.mark.parametrize("kind", ["unix", "unix-stream"])
async def test_local_sockets_are_for_everybody_and_removed_at_the_end(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "gm.sock"
    async with listening(f"syslog+{kind}:{path}") as heard:
        assert path.stat().st_mode & 0o777 == 0o666
        number = socket.SOCK_DGRAM if kind == "unix" else socket.SOCK_STREAM
        with socket.socket(socket.AF_UNIX, number) as sender:
            sender.connect(str(path))
            sender.send(b"<190>Nov 27 23:00:00 nginx: " + BODY + b"\0")
            sender.send(NGINX + b"\n")
        await heard.until(lambda: len(heard.all_lines) == 2)
    assert heard.lines == {f"syslog:{OWN}/nginx": [BODY], "syslog:web1/nginx": [BODY]}
    assert not path.exists()


@pytest.mark.parametrize("scheme", ["syslog+unix", "syslog+unix-stream"])
@pytest.mark.parametrize("queued", ["10\n", "512\n", "?", None])
async def test_a_queue_that_is_short_is_told_for_as_long_as_datagrams_are_received(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, queued: str | None
) -> None:
    length = tmp_path / "max_dgram_qlen"
    if queued is not None:
        length.write_text(queued)
    monkeypatch.setattr(sockets_module, "QUEUE_LENGTH", length)
    text = f"{scheme}:{tmp_path / 'log.sock'}"
    problem = (
        "the kernel holds only 10 messages, and senders such as nginx drop more without a trace: "
        "run sysctl -w net.unix.max_dgram_qlen=512, and start again"
    )
    is_told = queued == "10\n" and scheme == "syslog+unix"
    async with listening(text, senders=Senders(most=0)) as heard:
        await heard.until(lambda: heard.detail(text) == (problem if is_told else ""))
        kind = socket.SOCK_DGRAM if scheme == "syslog+unix" else socket.SOCK_STREAM
        with socket.socket(socket.AF_UNIX, kind) as sender:
            sender.connect(str(tmp_path / "log.sock"))
            sender.sendall(NGINX + b"\n")
        await heard.until(lambda: len(heard.all_lines) == 1)
    others = "1 message from further servers, counted together"
    assert heard.detail(text) == (f"{others}; {problem}" if is_told else others)


async def test_a_socket_that_a_crash_left_behind_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "gm.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(path))
    async with listening(f"syslog+unix://{path}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(path))


async def refusal(*texts: str, settings: SyslogInputSettings | None = None) -> str:
    with pytest.RaisesGroup(
        pytest.RaisesExc(GlanceMetricsError), allow_unwrapped=True, flatten_subgroups=True
    ) as caught:
        with trio.fail_after(20):
            async with listening(*texts, settings=settings):
                pass
    error = caught.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_a_socket_somebody_listens_on_is_left_alone(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "gm.sock"
    with socket.socket(socket.AF_UNIX, kind) as other:
        other.bind(str(path))
        if kind == socket.SOCK_STREAM:
            other.listen()
        assert await refusal(f"syslog+unix:{path}") == (
            f"--file syslog+unix:{path}: another program listens on {path}; choose another path"
        )
    assert path.exists()


async def test_a_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gm.sock"
    path.write_text("kept")
    assert "exists and is not a socket; choose another path" in await refusal(f"syslog+unix:{path}")
    assert path.read_text() == "kept"
    assert "no such directory" in await refusal(f"syslog+unix:{tmp_path}/none/gm.sock")


async def test_a_port_in_use_is_told_with_another() -> None:
    for kind, number in (("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)):
        with socket.socket(socket.AF_INET, number) as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
            if kind == "tcp":
                other.listen()
            told = await refusal(f"syslog+{kind}://127.0.0.1:{port}")
            assert "in use by another program; try -f syslog+" in told
    assert "is not an address of this machine" in await refusal("syslog+udp://192.0.2.1:5514")


@pytest.mark.slow
async def test_nothing_is_read_while_the_channel_is_full_and_nothing_is_lost_over_tcp() -> None:
    port = free_port()
    go_on = trio.Event()
    count, sent = 200_000, 0
    async with listening(f"syslog+tcp://127.0.0.1:{port}", held_up=go_on) as heard:

        def send_all() -> None:
            nonlocal sent
            with connected(port) as sender:
                sender.settimeout(60)
                for number in range(count):
                    text = b"<190>Nov 27 23:00:00 web1 a: %d " % number
                    sender.sendall(text + b"x" * 500 + b"\n")
                    sent += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, send_all)
            before = -1
            while before != sent:  # until it has to wait
                before = sent
                await trio.sleep(1)
            assert sent < count * 0.6  # two gatherings, and the buffers of the kernel
            go_on.set()
            await heard.until(lambda: sum(c.lines.count(b"\n") for c in heard.chunks) == count)
    numbers = [int(text.split(b" ")[0]) for text in heard.all_lines]
    assert numbers == list(range(count))
    assert any(not chunk.caught_up for chunk in heard.chunks)


async def test_what_the_kernel_drops_is_counted() -> None:
    port = udp_port()
    text = f"syslog+udp://127.0.0.1:{port}"
    go_on = trio.Event()
    sent = 0
    async with listening(text, held_up=go_on) as heard:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", port))
            deadline = time.monotonic() + 60
            while not heard.gaps and time.monotonic() < deadline:
                for _ in range(200):
                    sender.send(b"<14>" + b"x" * 60_000)
                sent += 200
                if sent > 3000:
                    go_on.set()
                await trio.sleep(0.05)
        await trio.sleep(0.5)
    assert heard.dropped > 0
    assert heard.dropped + len(heard.all_lines) == sent
    assert f"{heard.dropped:,} messages dropped by the kernel" in heard.detail(text)
    assert "syslog+udp" in heard.gaps[0]
    assert "TCP" in heard.gaps[0]


async def test_datagrams_that_arrived_before_a_stop_are_taken() -> None:
    port = udp_port()
    async with listening(f"syslog+udp://127.0.0.1:{port}") as heard:
        say_udp(port, *[b"<14>x"] * 50)
        await heard.until(lambda: heard.all_lines)
        say_udp(port, *[b"<14>x"] * 3500)
        heard.stop.set()
        await heard.until(lambda: heard.ended)
    # Without the rights of root, the kernel's buffer may be too small.
    assert len(heard.all_lines) + heard.dropped == 3550


async def test_a_sender_that_looks_for_the_end_loses_nothing_at_a_stop() -> None:
    """As rsyslog does before each message."""
    port = free_port()
    sent = 0
    async with listening(f"syslog+tcp://127.0.0.1:{port}") as heard:

        def send_all() -> None:
            nonlocal sent
            with connected(port) as sender:
                while not select.select([sender], [], [], 0)[0]:
                    sender.sendall(b"<14>" + b"x" * 500 + b"\n")
                    sent += 1
                assert sender.recv(10) == b""

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, send_all)
            await heard.until(lambda: len(heard.chunks) > 3)
            heard.stop.set()
        await heard.until(lambda: heard.ended)
    assert len(heard.all_lines) == sent


async def test_connections_are_limited_in_all_and_for_each_address() -> None:
    port = free_port()
    text = f"syslog+tcp://127.0.0.1:{port}"
    for settings in (
        SyslogInputSettings(connections=3),
        SyslogInputSettings(peer_connections=3),
    ):
        async with listening(text, settings=settings) as heard:
            senders = [connected(port) for _ in range(5)]
            for sender in senders[:3]:
                sender.sendall(b"<14>x\n")
            await heard.until(lambda heard=heard: len(heard.all_lines) == 3)
            for sender in senders[3:]:
                sender.settimeout(20)
                assert sender.recv(10) == b""
            for sender in senders:
                sender.close()
            await trio.sleep(0.2)
            with connected(port) as sender:
                sender.sendall(b"<14>x\n")
                await heard.until(lambda heard=heard: len(heard.all_lines) == 4)
        assert heard.detail(text) == "2 connections refused: too many"


async def test_incomplete_messages_have_a_limit_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving_module, "HELD_IN_ALL", 1 << 20)
    port = free_port()
    text = f"syslog+tcp://127.0.0.1:{port}"
    async with listening(text) as heard:
        greedy = [connected(port) for _ in range(3)]
        modest = connected(port)
        for sender in greedy:
            sender.settimeout(20)
            sender.sendall(b"x" * 500_000)
            await trio.sleep(0.3)
        modest.sendall(b"<14>" + b"m" * 60_000)  # over the limit, but not much
        await trio.sleep(0.3)
        modest.sendall(b"\n")
        await heard.until(lambda: b"m" * 60_000 in heard.all_lines)
        with suppress(ConnectionResetError):  # some of it was not read
            assert greedy[2].recv(10) == b""
        for sender in (modest, *greedy):
            sender.close()
    assert "1 connection closed: incomplete messages are too large" in heard.detail(text)


async def test_sources_are_limited_and_the_rest_is_counted_together() -> None:
    port = udp_port()
    text = f"syslog+udp://127.0.0.1:{port}"
    async with listening(text, senders=Senders(most=5)) as heard:
        for number in range(8):
            say_udp(port, b"<14>Nov 27 23:00:00 web%d nginx: " % number + BODY)
        await heard.until(lambda: len(heard.all_lines) == 8)
    assert len(heard.lines) == 6
    assert len(heard.lines[text]) == 3
    assert {chunk.server for chunk in heard.chunks if chunk.source == text} == {"other"}
    assert heard.detail(text) == "3 messages from further servers, counted together"


def test_a_server_that_is_silent_for_an_hour_is_gone() -> None:
    senders = Senders()
    nginx = Sender("", "nginx")
    assert senders.source_of("a", nginx, 0.0) == ("syslog:a/nginx", "a")
    assert senders.source_of("b", nginx, 3000.0) == ("syslog:b/nginx", "b")
    assert senders.silent(3599.0) == []
    assert senders.silent(3600.0) == ["syslog:a/nginx"]
    assert senders.silent(6600.0) == ["syslog:b/nginx"]


async def test_a_silent_source_is_reported_as_gone_and_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(senders_module, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(receiving_module, "_WATCH_SECONDS", 0.05)
    port = udp_port()
    async with listening(f"syslog+udp://127.0.0.1:{port}") as heard:
        for number in (1, 2):
            say_udp(port, NGINX)
            await heard.until(lambda number=number: len(heard.gone) == number)
    assert heard.gone == ["syslog:web1/nginx"] * 2
    assert len([one for one in heard.messages if isinstance(one, Begins)]) == 2


async def test_any_bytes_end_nothing() -> None:
    random = Random(1)
    pieces = [b"<14>", b"1 ", b"9999 ", b"\n", b"\0", b"Nov 27 23:00:00 ", b"{", b"[", b"\xff"]
    tcp, udp = free_port(), udp_port()
    async with listening(f"syslog+tcp://127.0.0.1:{tcp}", f"syslog+udp://127.0.0.1:{udp}") as heard:
        for _ in range(100):
            rubbish = b"".join(
                random.choice([random.choice(pieces), random.randbytes(5)]) for _ in range(50)
            )
            say_udp(udp, rubbish)
            with connected(tcp) as sender:
                sender.sendall(rubbish)
            await trio.sleep(0)
        say_udp(udp, NGINX)
        with connected(tcp) as sender:
            sender.sendall(NGINX + b"\n")
        await heard.until(lambda: len(heard.lines.get("syslog:web1/nginx", ())) == 2)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def issue(authority: trustme.CA, folder: Path, name: str) -> str:
    path = folder / f"{name}.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return str(path)


def client_of(authority: trustme.CA, cert: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if cert is not None:
        context.load_cert_chain(cert)
    return context


async def say_tls(port: int, context: ssl.SSLContext, *pieces: bytes) -> None:
    def say() -> None:
        with connected(port) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            for piece in pieces:
                s.sendall(piece)
            s.unwrap()

    await trio.to_thread.run_sync(say)


@pytest.mark.slow
async def test_tls_and_a_certificate_that_is_renewed(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving_module, "_LOOK_SECONDS", 0.05)
    port = free_port()
    text = f"syslog+tls://127.0.0.1:{port}"
    settings = SyslogInputSettings(cert=issue(authority, tmp_path, "server"))
    async with listening(text, settings=settings) as heard:
        await say_tls(port, client_of(authority), b"%d " % len(NGINX) + NGINX)
        await heard.until(lambda: len(heard.all_lines) == 1)
        other = trustme.CA()
        issue(other, tmp_path, "next")
        (tmp_path / "next.pem").replace(tmp_path / "server.pem")
        await trio.sleep(1)
        await say_tls(port, client_of(other), NGINX + b"\n")
        await heard.until(lambda: len(heard.all_lines) == 2)
        (tmp_path / "server.pem").write_text("nonsense")
        await trio.sleep(1)
        await say_tls(port, client_of(other), NGINX + b"\n")
        await heard.until(lambda: len(heard.all_lines) == 3)
    assert heard.lines == {"syslog:web1/nginx": [BODY] * 3}


async def test_tls_for_senders_with_a_certificate_only(
    authority: trustme.CA, tmp_path: Path
) -> None:
    port = free_port()
    text = f"syslog+tls://127.0.0.1:{port}"
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = SyslogInputSettings(
        cert=issue(authority, tmp_path, "server"), client_ca=str(tmp_path / "ca.pem")
    )
    async with listening(text, settings=settings) as heard:
        with connected(port) as plain:
            plain.sendall(NGINX + b"\n" * 500)  # no TLS at all
        with pytest.raises((OSError, ssl.SSLError)):
            await say_tls(port, client_of(authority), NGINX + b"\n")
        await say_tls(
            port, client_of(authority, issue(authority, tmp_path, "client")), NGINX + b"\n"
        )
        await heard.until(lambda: heard.all_lines)
    assert heard.all_lines == [BODY]
    assert heard.detail(text) == "2 TLS handshakes failed"


async def test_a_handshake_that_never_comes_is_given_up(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving_module, "HANDSHAKE_SECONDS", 0.2)
    port = free_port()
    settings = SyslogInputSettings(cert=issue(authority, tmp_path, "server"))
    async with listening(f"syslog+tls://127.0.0.1:{port}", settings=settings):
        with connected(port) as silent:
            silent.settimeout(20)
            assert await trio.to_thread.run_sync(silent.recv, 10) == b""


async def test_certificates_that_cannot_be_used_are_told(
    authority: trustme.CA, tmp_path: Path
) -> None:
    text = "syslog+tls://127.0.0.1:1"
    good = issue(authority, tmp_path, "server")
    (tmp_path / "bad.pem").write_text("nonsense")
    bad = str(tmp_path / "bad.pem")
    told = await refusal(text, settings=SyslogInputSettings(cert="/none.pem"))
    assert told == "--syslog-input-cert /none.pem: No such file or directory"
    told = await refusal(text, settings=SyslogInputSettings(cert=bad))
    assert told.startswith(
        f"--syslog-input-cert {bad}: not a PEM file of a certificate and its key"
    )
    told = await refusal(text, settings=SyslogInputSettings(cert=good, client_ca=bad))
    assert told.startswith(f"--syslog-input-client-ca {bad}: not a PEM file")
