"""Real servers: nginx writes the log, buffered as busy sites have it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import glancemetrics as gm
from tests.conftest import needs
from tests.waiting import Running, eventually, free_port, until_listening

pytestmark = pytest.mark.terminal

CONFIG = """
pid {folder}/pid; error_log {folder}/error.log; worker_processes 2; daemon off;
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log {folder}/access.log combined buffer=64k flush=2s;
    {log_format}
    access_log {folder}/timed.log timed;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""
RATE = 20
TIMED = """log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status '
    '$body_bytes_sent "$http_referer" "$http_user_agent" $request_time $upstream_response_time '
    '$msec "$http_x_forwarded_for"';"""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    needs("nginx")
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(folder=tmp_path, port=port, log_format=TIMED))
    with Running(["nginx", "-e", str(tmp_path / "start.log"), "-c", str(config)]) as server:
        until_listening(port, "nginx")
        yield port, tmp_path / "access.log"
        server.terminate()


def test_a_buffered_nginx_log_has_a_steady_rate_and_every_request(
    nginx: tuple[int, Path],
) -> None:
    port, log = nginx
    stop = threading.Event()
    sent = 0

    def browse() -> None:
        nonlocal sent
        began = time.monotonic()
        while not stop.is_set():
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            client.request(
                "GET", f'/pages/{sent % 7}?q="\\x', headers={"User-Agent": 'a "quoted\\ agent'}
            )
            assert client.getresponse().read() == b"ok"
            client.close()
            sent += 1
            time.sleep(max(0.0, began + sent / RATE - time.monotonic()))

    with Running(
        [sys.executable, "-m", "glancemetrics", "-f", str(log), "--json", "-r", "0.5"]
        + ["--timewindow", "5", "--alert-log", "off"],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        browser = threading.Thread(target=browse)
        browser.start()
        snapshots = []
        deadline = time.monotonic() + 24
        while time.monotonic() < deadline:
            snapshots.append(json.loads(process.stdout.readline()))
        stop.set()
        browser.join()
        while snapshots[-1]["health"]["records"] < sent and time.monotonic() < deadline + 10:
            snapshots.append(json.loads(process.stdout.readline()))
        process.terminate()
    steady = [s["hit_rate"] for s in snapshots if s["time"] < snapshots[47]["time"]][28:]
    assert len(steady) > 10
    assert all(abs(rate - RATE) <= 1.5 for rate in steady), steady
    last = snapshots[-1]
    assert last["health"]["records"] == sent
    assert last["health"]["rejects"] == last["health"]["late"] == 0
    assert 1.0 <= snapshots[40]["health"]["delay"] <= 3.5
    assert {row["name"] for row in snapshots[40]["top"]["agents"]} == {r"a \x22quoted\x5C agent"}
    assert snapshots[40]["top"]["sections"][0]["name"] == "/pages"


def test_what_nginx_logs_in_a_format_of_its_own_is_read_with_its_own_statement(
    nginx: tuple[int, Path],
) -> None:
    port, log = nginx
    requests = [
        b'GET /a?b="c" HTTP/1.1\r\nHost: x\r\nUser-Agent: \\"q\\" \xc3\xa9\r\n',
        b"GET /%C3%A9 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dHdvIHdvcmRzOng=\r\n",
        b"HEAD / HTTP/1.0\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n",
        b"\x16\x03\x01\x02\r\n",
        b"nonsense\r\n",
    ]
    timed = log.with_name("timed.log")
    for number, request in enumerate(requests, 1):
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(request + b"Connection: close\r\n\r\n")
            while client.recv(4096):
                pass
        # A request is logged after its answer, maybe after the next one's.
        eventually(lambda number=number: timed.read_bytes().count(b"\n") == number)
    table = gm.read(timed, format=TIMED)
    records = table.to_pylist()
    assert [record["path"] for record in records] == ["/a", "/%C3%A9", "/", None, None]
    assert [record["query"] for record in records[:2]] == ["b=\\x22c\\x22", None]
    assert [record["user"] for record in records[:2]] == [None, "two words"]
    assert [record["agent"] for record in records[:2]] == [r"\x5C\x22q\x5C\x22 \xC3\xA9", None]
    assert [record["status"] for record in records] == [200, 200, 200, 400, 400]
    assert records[3]["request"] == r"\x16\x03\x01\x02"
    assert records[4]["request"] == "nonsense"
    assert all(0 <= record["duration"] < 5 for record in records)
    assert any(record["time"].microsecond for record in records)
    assert all(abs(record["time"].timestamp() - time.time()) < 60 for record in records)
