"""Real servers are asked ordinary and hostile things; what they were asked is what is read."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

import glancemetrics as gm
from tests.servers.servers import PASSWORD, SERVERS, USER, Server
from tests.waiting import eventually

pytestmark = pytest.mark.servers

_LOGGED_SECONDS = 0.5
"""In which a server has written what it has answered."""

TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + b'\x00"\\' * 20


@attrs.frozen
class Ask:
    """One request."""

    method: str
    target: bytes
    agent: bytes | None = None
    host: str = "127.0.0.1"
    raw: bytes | None = None
    """All that is sent, if it is no request."""
    headers: bytes = b""
    body: bytes = b""
    protocol: bytes = b"HTTP/1.1"

    def sent(self, before_path: str) -> bytes:
        if self.raw is not None:
            return self.raw
        head = b"%s %s%s %s\r\n" % (
            self.method.encode(), before_path.encode(), self.target, self.protocol
        )  # fmt: skip
        agent = b"" if self.agent is None else b"User-Agent: %s\r\n" % self.agent
        return (
            head
            + b"Host: site.example\r\nConnection: close\r\n"
            + agent
            + self.headers
            + (b"\r\n" + self.body)
        )


CREDENTIALS = base64.b64encode(f"{USER}:{PASSWORD}".encode())
ASKED = {
    "plain": Ask("GET", b"/plain?x=1", b"curl/8"),
    "quotes": Ask("GET", b'/q?a="b"\\c', b'a "q" \\b\\ c'),
    "utf8": Ask("GET", "/é?é".encode(), "é".encode()),
    "encoded": Ask("GET", b"/%C3%A9%22", b"x"),
    "tab": Ask("GET", b"/tab", b"a\tb"),
    "control": Ask("GET", b"/control", b"a\x01\x1b[31mb"),
    "ipv6": Ask("GET", b"/six", b"x", host="::1"),
    "user": Ask("GET", b"/private/", headers=b"Authorization: Basic %s\r\n" % CREDENTIALS),
    "post": Ask("POST", b"/post", headers=b"Content-Length: 3\r\n", body=b"abc"),
    "head": Ask("HEAD", b"/", protocol=b"HTTP/1.0"),
    "tls": Ask("", b"", raw=TLS_HELLO),
    "nonsense": Ask("", b"", raw=b"nonsense\r\n\r\n"),
    "aborted": Ask("GET", b"/aborted", raw=b"GET /aborted"),
}
LAST = Ask("GET", b"/last", b"last")


def backslashed(text: str) -> str:
    """Undo what nginx, Apache, lighttpd and varnishncsa do to odd characters."""
    plain = {"n": b"\n", "t": b"\t", "r": b"\r", "b": b"\b", "v": b"\v"}

    def one(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        return plain.get(match[2].decode(), match[2])

    return re.sub(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", one, text.encode()).decode()


def numbered(text: str) -> str:
    """Undo what HAProxy does."""
    return re.sub(
        rb"#([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), text.encode()
    ).decode()


def as_it_is(text: str) -> str:
    return text


@attrs.frozen
class Habits:
    """What a server makes of all this in its log."""

    format: str
    unescape: Callable[[str], str] = backslashed
    malformed: tuple[str, ...] = ("tls", "nonsense")
    """Requests of which it logs that they came, but not what they were."""
    unlogged: tuple[str, ...] = ()
    agents: bool = True
    users: bool = False
    durations: bool = False
    ipv6: str = "::1"
    foreign: int = 0
    no_answer: int = 400
    """Status of what it did not answer."""


HABITS = {
    "nginx": Habits("combined", users=True),
    "nginx_json": Habits("json", as_it_is, users=True, durations=True),
    "nginx_timed": Habits("combined with more", users=True, durations=True),
    "apache": Habits("vhost-combined", malformed=("nonsense",), unlogged=("tls", "aborted"),
                     users=True),
    "lighttpd": Habits("lighttpd", unlogged=("aborted",), users=True),
    "haproxy": Habits("haproxy", numbered, ("utf8", "tls", "nonsense", "aborted"),
                      agents=False, durations=True),
    "varnish": Habits("combined", malformed=("control", "nonsense"),
                      unlogged=("tls", "aborted"), users=True),
    "squid": Habits("squid", as_it_is, ("tls", "nonsense", "aborted"), agents=False,
                    durations=True, no_answer=0),
    "caddy": Habits("caddy", as_it_is, (), ("control", "tls", "nonsense", "aborted"),
                    durations=True),
    "tomcat": Habits("combined", as_it_is, ("quotes", "utf8", "tls", "nonsense"), ("aborted",),
                     agents=False, ipv6="0:0:0:0:0:0:0:1"),
    "gunicorn": Habits("combined", lambda text: text.replace('\\"', '"'), (),
                       ("utf8", "control", "tls", "nonsense", "aborted"), users=True),
}  # fmt: skip
HABITS["haproxy_syslog"] = attrs.evolve(HABITS["haproxy"], format="haproxy in rfc3164")
HABITS["haproxy_syslog_5424"] = attrs.evolve(HABITS["haproxy"], format="haproxy in rfc5424")


def ask(server: Server, what: Ask) -> bytes:
    """Send a request; returns what is answered."""
    answer = b""
    with socket.create_connection((what.host, server.port), 5) as client:
        client.settimeout(1.5)
        client.sendall(what.sent(server.before_path))
        if what.raw == ASKED["aborted"].raw:
            time.sleep(0.2)
            return answer
        try:
            while piece := client.recv(65_536):
                answer += piece
        except (TimeoutError, ConnectionError):
            pass
    return answer


@contextmanager
def running(name: str, folder: Path) -> Iterator[Server]:
    with contextmanager(SERVERS[name])(folder) as server:
        yield server


def status_of(answer: bytes) -> int | None:
    found = re.match(rb"HTTP/\d\.\d (\d{3})", answer)
    return int(found[1]) if found else None


def lines_in(server: Server) -> int:
    return server.log.read_bytes().count(b"\n")


def asked_and_answered(server: Server) -> dict[str, int | None]:
    """Ask everything, and something last of all so that the log is complete."""
    statuses = {}
    for name, what in ASKED.items():
        before = lines_in(server)
        statuses[name] = status_of(ask(server, what))
        # A server may answer the next one before it has logged this one; some log nothing.
        until = time.monotonic() + _LOGGED_SECONDS
        while lines_in(server) == before and time.monotonic() < until:
            time.sleep(0.01)
    ask(server, LAST)
    eventually(lambda: b"/last" in server.log.read_bytes(), what="the last line")
    return statuses


def test_every_server_has_its_test() -> None:
    assert {*HABITS, "uvicorn"} == {*SERVERS}


@pytest.mark.parametrize("name", HABITS)
def test_what_was_asked_is_what_is_read(name: str, tmp_path: Path) -> None:
    habits = HABITS[name]
    with running(name, tmp_path) as server:
        began = time.time()
        ask(server, attrs.evolve(LAST, target=b"/first"))
        eventually(lambda: b"/first" in server.log.read_bytes(), what="the first line")
        statuses = asked_and_answered(server)
        report = gm.report(server.log)
        records = gm.read(server.log).to_pylist()
    assert report.sources[0].format == habits.format
    assert (report.rejects.count, report.foreign) == (0, habits.foreign)
    # What came before were looks at whether it listens.
    paths = [record["path"] for record in records]
    records = records[paths.index("/first") + 1 : paths.index("/last")]
    logged = [each for each in ASKED if each not in habits.unlogged]
    assert len(records) == len(logged), [record["path"] or record["request"] for record in records]
    for each, record in zip(logged, records, strict=True):
        what = ASKED[each]
        assert record["status"] == (statuses[each] or habits.no_answer), each
        assert abs(record["time"].timestamp() - began) < 60
        assert (record["duration"] is not None) == habits.durations
        if each in habits.malformed:
            assert record["path"] is None, each
            continue
        target = record["path"] + ("" if record["query"] is None else f"?{record['query']}")
        assert habits.unescape(target) == what.target.decode(), each
        assert record["method"] == what.method
        assert record["host"] == (habits.ipv6 if each == "ipv6" else "127.0.0.1")
        if habits.agents and what.agent is not None and statuses[each] != 400:
            assert habits.unescape(record["agent"]) == what.agent.decode(), each
        assert record["user"] == (USER if habits.users and each == "user" else None)


def test_uvicorn_names_no_time_so_that_its_lines_are_of_the_moment(tmp_path: Path) -> None:
    with running("uvicorn", tmp_path) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "glancemetrics", "-f", str(server.log), "--json", "-r", "0.3"]
            + ["--from", "start", "--timewindow", "60", "--alert-log", "off"],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        asked = [each for each in ASKED if each != "ipv6"]
        for each in asked:
            ask(server, ASKED[each])
        malformed = {"utf8", "tls", "nonsense", "aborted"}
        expected = {f"{ASKED[each].target.decode().partition('?')[0]}" for each in asked
                    if each not in malformed}  # fmt: skip
        snapshot: dict = {}
        deadline = time.monotonic() + 30
        while snapshot.get("hits", 0) < len(expected):
            assert time.monotonic() < deadline, snapshot
            snapshot = json.loads(process.stdout.readline())
        process.terminate()
        process.communicate()
    assert {row["name"] for row in snapshot["top"]["paths"]} == expected
    health = snapshot["health"]
    assert health["sources"][0]["format"] == "uvicorn"
    assert (health["records"], health["rejects"]) == (len(expected), 0)
    assert health["foreign"] >= 4  # it started, and three were no requests
