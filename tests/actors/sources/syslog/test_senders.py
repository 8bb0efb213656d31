"""What real programs send is counted, request by request, for the right server."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trustme

from actors.configuration.sections import all_sections
from actors.monitor import service
from glancemetrics.configuration.settings import read_settings
from glancemetrics.health.health import SourceHealth
from glancemetrics.planning.plan import make_plan
from tests.actors.monitor.test_service import Recorder
from tests.actors.sources.syslog.listening import OWN
from tests.actors.sources.syslog.senders import (
    ask,
    caddy,
    haproxy,
    needs_driver,
    nginx,
    rsyslog,
)
from tests.conftest import needs
from tests.lines import line
from tests.waiting import free_port

pytestmark = pytest.mark.slow

COUNT = 20
FEW = 5
"""Half of what Linux holds of local datagrams unless told otherwise."""


@attrs.define
class Monitor:
    """A monitor that receives syslog."""

    recorder: Recorder
    stop: trio.Event

    @property
    def records(self) -> int:
        return self.recorder.last.health.records if self.recorder.snapshots else 0

    @property
    def sources(self) -> dict[str, SourceHealth]:
        return {one.name: one for one in self.recorder.last.health.sources}

    async def until(self, count: int) -> None:
        with trio.move_on_after(40):
            while self.records < count:
                await trio.sleep(0.05)
        health = self.recorder.last.health
        assert (health.records, health.rejects) == (count, 0), health.reject_samples


@contextlib.asynccontextmanager
async def monitoring(*texts: str, **flags: Any) -> AsyncIterator[Monitor]:
    settings = read_settings(
        {"file": list(texts), "refresh": "0.5", **flags}, {}, None, sections=all_sections()
    )
    monitor = Monitor(Recorder(), trio.Event())

    async def run() -> None:
        await service.monitor(
            make_plan(settings),
            [monitor.recorder],
            stop=monitor.stop,
            wall=time.time,
            standard_input=lambda: -1,
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await trio.sleep(0.5)
        yield monitor
        monitor.stop.set()


async def asked(port: int, count: int = COUNT) -> None:
    await trio.to_thread.run_sync(ask, port, count)


async def asked_few_at_once(port: int, monitor: Monitor) -> None:
    """Ask for no more at once than the kernel holds of local datagrams: senders drop the rest."""
    for count in range(FEW, COUNT + 1, FEW):
        await asked(port, FEW)
        await monitor.until(count)


@pytest.mark.parametrize(
    ("more", "format_name"),
    [("", "combined"), (",nohostname", "combined"), (",tag=web", "combined"), (" fields", "json")],
)
async def test_nginx_over_udp(tmp_path: Path, more: str, format_name: str) -> None:
    port = free_port()
    options = more if more.startswith(",") else ""
    style = more.removeprefix(options) if options else more
    told = f"syslog:server=127.0.0.1:{port}{options}{style or ' combined'}"
    async with monitoring(f"syslog+udp://127.0.0.1:{port}") as monitor:
        with nginx(tmp_path, told) as asks:
            await asked(asks)
            await monitor.until(COUNT)
    tag = "web" if "tag" in more else "nginx"
    assert monitor.sources[f"syslog:{OWN}/{tag}"].format == format_name


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that nginx's workers may enter: started by root, they become another user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def test_nginx_over_a_local_socket(tmp_path: Path, open_folder: Path) -> None:
    path = open_folder / "gm.sock"
    async with monitoring(f"syslog+unix:{path}") as monitor:
        with nginx(tmp_path, f"syslog:server=unix:{path} combined") as asks:
            await asked_few_at_once(asks, monitor)
    assert set(monitor.sources) == {f"syslog+unix:{path}", f"syslog:{OWN}/nginx"}


@pytest.mark.parametrize("style", ["rfc3164", "rfc5424", "short", "raw", "timed", "priority"])
async def test_haproxy_over_udp(tmp_path: Path, style: str) -> None:
    port = free_port()
    async with monitoring(f"syslog+udp://127.0.0.1:{port}") as monitor:
        with haproxy(tmp_path, f"127.0.0.1:{port} format {style} local0") as asks:
            await asked(asks)
            await monitor.until(COUNT)
    name = f"syslog:{OWN}/haproxy" if style.startswith("rfc") else f"syslog:{OWN}"
    assert monitor.sources[name].format.split()[0] == "haproxy"


async def test_haproxy_over_a_local_socket(tmp_path: Path) -> None:
    path = tmp_path / "gm.sock"
    async with monitoring(f"syslog+unix:{path}") as monitor:
        with haproxy(tmp_path, f"{path} local0") as asks:
            await asked_few_at_once(asks, monitor)


@pytest.mark.parametrize("style", ["rfc3164", "rfc5424", "raw"])
@pytest.mark.parametrize("framing", ["octet-count", "legacy"])
async def test_haproxy_over_tcp(tmp_path: Path, style: str, framing: str) -> None:
    port = free_port()
    ring = f"""
        ring logs
            format {style}
            maxlen 2000
            size 32764
            timeout connect 5s
            timeout server 10s
            server gm 127.0.0.1:{port} log-proto {framing}
        """
    async with monitoring(f"syslog+tcp://127.0.0.1:{port}") as monitor:
        with haproxy(tmp_path, f"ring@logs format {style} local0", ring) as asks:
            await asked(asks)
            await monitor.until(COUNT)


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_caddy(tmp_path: Path, kind: str) -> None:
    port = free_port()
    async with monitoring(f"syslog+{kind}://127.0.0.1:{port}") as monitor:
        with caddy(tmp_path, f"net {kind}/127.0.0.1:{port}") as asks:
            await asked(asks)
            await monitor.until(COUNT)
    assert monitor.sources[f"syslog:{OWN}"].format == "caddy"


@pytest.mark.parametrize("style", ["3164", "5424"])
@pytest.mark.parametrize("kind", ["udp", "tcp", "octets", "unix", "unix-stream"])
async def test_logger(tmp_path: Path, kind: str, style: str) -> None:
    needs("logger")
    port, path = free_port(), tmp_path / "gm.sock"
    text = f"syslog+{kind}:{path}"
    where = ["-u", str(path), "-d" if kind == "unix" else "-T"]
    if not kind.startswith("unix"):
        text = f"syslog+{'udp' if kind == 'udp' else 'tcp'}://127.0.0.1:{port}"
        where = ["-n", "127.0.0.1", "-P", str(port), "-d" if kind == "udp" else "-T"]
    where += ["--octet-count"] if kind == "octets" else []
    async with monitoring(text) as monitor:
        said = b"".join(line(int(time.time())) for _ in range(COUNT))
        await trio.run_process(["logger", *where, f"--rfc{style}", "-t", "nginx"], stdin=said)
        await monitor.until(COUNT)
    assert f"syslog:{OWN}/nginx" in monitor.sources


def write(log: Path, first: int, count: int) -> None:
    with log.open("ab") as file:
        for number in range(first, first + count):
            now = int(time.time())
            file.write(line(now, request=f"GET /page/{number} HTTP/1.1", size=number))


@pytest.mark.parametrize(
    "options",
    [
        'protocol="udp"',
        'protocol="tcp"',
        'protocol="tcp" tcp_framing="octet-counted"',
        'protocol="tcp" template="RSYSLOG_SyslogProtocol23Format" tcp_framing="octet-counted"',
        'protocol="tcp" template="RSYSLOG_ForwardFormat"',
        'protocol="tcp" template="RSYSLOG_TraditionalForwardFormat"',
    ],
)
async def test_rsyslog(tmp_path: Path, options: str) -> None:
    port, log = free_port(), tmp_path / "access.log"
    kind = "udp" if "udp" in options else "tcp"
    action = f'action(type="omfwd" target="127.0.0.1" port="{port}" {options})'
    async with monitoring(f"syslog+{kind}://127.0.0.1:{port}") as monitor:
        with rsyslog(tmp_path, log, action):
            write(log, 0, COUNT)
            await monitor.until(COUNT)
    assert f"syslog:{OWN}/nginx" in monitor.sources


@pytest.mark.parametrize("driver", ["gtls", "ossl"])
@pytest.mark.parametrize("with_client", [False, True])
async def test_rsyslog_over_tls(tmp_path: Path, driver: str, with_client: bool) -> None:
    needs_driver(driver)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("web1.example")
    server.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    flags = {"syslog_input_cert": str(tmp_path / "server.pem")}
    before = f'global(defaultNetstreamDriverCAFile="{tmp_path}/ca.pem")\n'
    if with_client:
        flags["syslog_input_client_ca"] = str(tmp_path / "ca.pem")
        before += (
            f'global(defaultNetstreamDriverCertFile="{tmp_path}/client.pem" '
            f'defaultNetstreamDriverKeyFile="{tmp_path}/client.key")\n'
        )
    port, log = free_port(), tmp_path / "access.log"
    action = (
        f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" '
        f'tcp_framing="octet-counted" streamDriver="{driver}" streamDriverMode="1" '
        'streamDriverAuthMode="x509/certvalid")'
    )
    async with monitoring(f"syslog+tls://127.0.0.1:{port}", **flags) as monitor:
        with rsyslog(tmp_path, log, action, before):
            write(log, 0, COUNT)
            await monitor.until(COUNT)
    assert f"syslog:{OWN}/nginx" in monitor.sources


QUEUE = (
    'queue.type="LinkedList" queue.filename="to_gm" queue.saveOnShutdown="on" '
    'action.resumeRetryCount="-1" action.resumeInterval="1"'
)


@pytest.mark.parametrize(("driver", "pause"), [("", 0.0), ("", 3.0), ("gtls", 0.0)])
async def test_a_queue_of_rsyslog_outlives_our_restart(
    tmp_path: Path, driver: str, pause: float
) -> None:
    """A clean stop, in the middle of traffic: nothing is lost and nothing comes twice."""
    port, log = free_port(), tmp_path / "access.log"
    text = f"syslog+tcp://127.0.0.1:{port}"
    flags, before, secured = {}, "", ""
    if driver:
        needs_driver(driver)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        server = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
        server.write_to_path(str(tmp_path / "server.pem"))
        text = f"syslog+tls://127.0.0.1:{port}"
        flags = {"syslog_input_cert": str(tmp_path / "server.pem")}
        before = f'global(defaultNetstreamDriverCAFile="{tmp_path}/ca.pem")\n'
        secured = f'streamDriver="{driver}" streamDriverMode="1" '
        secured += 'streamDriverAuthMode="x509/certvalid"'
    action = (
        f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" {secured} {QUEUE})'
    )
    log.touch()
    written = 0
    seen: list[int] = []
    with rsyslog(tmp_path, log, action, before):
        async with trio.open_nursery() as writing:

            async def write_all() -> None:
                nonlocal written
                for _ in range(400):
                    write(log, written, 5)
                    written += 5
                    await trio.sleep(0.02)

            async with monitoring(text, **flags) as first:
                writing.start_soon(write_all)
                while first.records < 300:
                    await trio.sleep(0.05)
            await trio.sleep(pause)
            async with monitoring(text, **flags) as second:
                with trio.move_on_after(40):
                    while written < 2000 or first.records + second.records < written:
                        await trio.sleep(0.05)
                await trio.sleep(1)
    seen = [first.records, second.records]
    assert sum(seen) == written, seen
    for monitor in (first, second):
        assert monitor.recorder.last.health.rejects == 0
    assert first.records < written
