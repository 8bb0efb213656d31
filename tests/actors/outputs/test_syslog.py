"""Syslog over each transport, to servers on loopback that come and go."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trustme

from actors.monitor.fan_out import Delivery
from actors.monitor.restarting import keep_running
from actors.outputs.syslog import SyslogAddress
from actors.outputs.syslog.sending import Syslog
from glancemetrics.health.health import OutputState
from tests.actors.outputs.feeding import event, feed


def output(scheme: str, host: str = "127.0.0.1", port: int = 0, ca: Path | None = None) -> Syslog:
    return Syslog(
        SyslogAddress(scheme, host, port),
        facility="daemon",
        severity="warning",
        ca_file=None if ca is None else str(ca),
    )


class StreamServer:
    """Collects octet-counted messages."""

    def __init__(self) -> None:
        self.received = b""

    async def serve(self, stream: trio.abc.Stream) -> None:
        async with stream:
            async for data in stream:
                self.received += data

    @property
    def messages(self) -> list[str]:
        left, messages = self.received, []
        while match := re.match(rb"(\d+) ", left):
            end = match.end() + int(match[1])
            messages.append(left[match.end() : end].decode())
            left = left[end:]
        assert not left
        return [re.findall(r"High traffic \d+$", message)[0] for message in messages]


@pytest.fixture
async def listen(nursery: trio.Nursery) -> AsyncIterator:
    async def listen(server: StreamServer, context: ssl.SSLContext | None = None) -> int:
        if context is None:
            listeners = await nursery.start(trio.serve_tcp, server.serve, 0)
        else:
            listeners = await nursery.start(trio.serve_ssl_over_tcp, server.serve, 0, context)
        listener = getattr(listeners[0], "transport_listener", listeners[0])
        return listener.socket.getsockname()[1]

    yield listen


async def settled(server: StreamServer, count: int) -> None:
    with trio.fail_after(60):
        while len(server.messages) < count:
            await trio.sleep(0.01)


async def test_tcp_counts_octets(listen) -> None:
    server = StreamServer()
    await feed(output("tcp", port=await listen(server)), event(1), event(2))
    await settled(server, 2)
    assert server.messages == ["High traffic 1", "High traffic 2"]


async def test_tls_with_an_authority_of_ones_own(listen, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = StreamServer()
    await feed(output("tls", port=await listen(server, context), ca=tmp_path / "ca.pem"), event(1))
    await settled(server, 1)


async def test_a_tls_server_that_nobody_vouches_for_is_not_told_anything(
    listen, tmp_path: Path
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    other.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Quiet(StreamServer):
        async def serve(self, stream: trio.abc.Stream) -> None:
            with pytest.raises(trio.BrokenResourceError):
                await super().serve(stream)

    server = Quiet()
    delivery = Delivery.to(
        output("tls", port=await listen(server, context), ca=tmp_path / "ca.pem")
    )
    delivery.send_event(event(1))
    with trio.move_on_after(1):
        await keep_running(delivery)
    assert "certificate verify failed" in delivery.health.detail
    assert server.received == b""


async def test_a_server_that_is_not_there_is_told_in_a_few_words() -> None:
    with trio.socket.socket() as free:
        await free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    delivery = Delivery.to(output("tcp", port=port))
    with trio.move_on_after(0.3):
        await keep_running(delivery)
    address = f"tcp://127.0.0.1:{port}"
    assert delivery.health.detail == f"cannot reach {address}: Connection refused"


async def test_udp_is_a_datagram_a_message() -> None:
    server = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
    await server.bind(("127.0.0.1", 0))
    await feed(output("udp", port=server.getsockname()[1]), event(1), event(2))
    for number in (1, 2):
        data = await server.recv(65_536)
        assert data.startswith(b"<28>1 ")
        assert data.endswith(b"High traffic %d" % number)
    server.close()


@pytest.mark.parametrize("kind", [trio.socket.SOCK_DGRAM, trio.socket.SOCK_STREAM])
async def test_the_local_socket_of_either_kind(tmp_path: Path, kind: int) -> None:
    server = trio.socket.socket(trio.socket.AF_UNIX, kind)
    await server.bind(str(tmp_path / "log"))
    if kind == trio.socket.SOCK_STREAM:
        server.listen()
    await feed(output("unix", str(tmp_path / "log")), event(1))
    if kind == trio.socket.SOCK_STREAM:
        connection, _ = await server.accept()
        data = await connection.recv(65_536)
        connection.close()
    else:
        data = await server.recv(65_536)
    assert data.endswith(b"High traffic 1")
    server.close()


async def test_events_wait_until_the_server_is_back(tmp_path: Path) -> None:
    """In real time; backoff begins with half a second."""
    path = str(tmp_path / "log")
    delivery = Delivery.to(output("unix", path))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        for number in range(3):
            delivery.send_event(event(number))
        await trio.sleep(0.2)
        assert delivery.health.state is OutputState.RETRYING
        assert f"cannot reach unix://{path}" in delivery.health.detail
        server = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_DGRAM)
        await server.bind(path)
        with trio.fail_after(60):
            for number in range(3):
                assert (await server.recv(65_536)).endswith(b"High traffic %d" % number)
        assert delivery.health.state is OutputState.WORKING
        delivery.close()
    server.close()


async def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    server = StreamServer()
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    delivery = Delivery.to(output("tcp", port=port))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_running, delivery)
        first = await listeners[0].accept()
        delivery.send_event(event(1))
        server.received += await first.receive_some()
        await first.aclose()
        await trio.sleep(0.1)
        delivery.send_event(event(2))
        with trio.fail_after(60):
            second = await listeners[0].accept()
            server.received += await second.receive_some()
        delivery.close()
        await second.aclose()
    assert server.messages == ["High traffic 1", "High traffic 2"]
    await listeners[0].aclose()


async def test_a_queue_that_overflows_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.monitor.fan_out.EVENT_QUEUE", 5)
    delivery = Delivery.to(output("unix", "/nonexistent"))
    for number in range(8):
        delivery.send_event(event(number))
    assert delivery.health.lost == 3
    assert len(delivery.inbox.undelivered) == 5
