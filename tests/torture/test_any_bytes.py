"""Arbitrary bytes, and real lines that were damaged, through every reader and command.

Each ends in a result or in one of our own errors: never in another exception, and never not at all.
"""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
import lzma
import os
import sqlite3
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.archive import forking
from actors.commands.monitor import plan_of
from actors.files import output_file
from actors.monitor import service
from actors.monitor.checkpoints import Checkpoints, UnusableStateError
from actors.outputs.console.context import Context
from actors.outputs.console.pages.registry import VIEWS
from actors.outputs.console.screen import render
from actors.outputs.notifier.journal import Journal
from actors.outputs.printed_screen.screen import render_once
from actors.state.acknowledgements import Acknowledgements
from actors.state.silences import Silence, Silences
from glancemetrics import cli
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.incidents.chain import Link, link_after, sealed
from glancemetrics.planning.plan import make_plan
from glancemetrics.state.tree import from_bytes, to_bytes
from tests.actors.monitor.test_service import Recorder
from tests.actors.outputs.console_states import state_of
from tests.actors.outputs.feeding import event
from tests.conftest import thorough
from tests.glancemetrics.formats.writers import WRITERS, Request
from tests.lines import BASE, line
from tests.test_corpora import FOLDER

pytestmark = pytest.mark.torture

LONGEST_SECONDS = 60
"""No example takes a second; what takes a minute hangs."""

tries = settings(
    max_examples=thorough(12, 2000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

REQUEST = Request(
    time=datetime.fromtimestamp(BASE, UTC),
    host="198.51.100.7",
    user="ann",
    method="GET",
    path="/shop/ä b",
    query='q=1&r="2"',
    protocol="HTTP/1.1",
    status=200,
    size=512,
    referrer="https://example.org/x?y=\\z",
    agent="Mozilla/5.0 (X11; Linux x86_64) 'q'",
    vhost="www.example.org",
    milliseconds=123,
    upstream_milliseconds=45,
)


def _seeds() -> list[bytes]:
    lines = [writer(REQUEST)[0].encode() for writer in WRITERS.values()]
    for inner in (line()[:-1], lines[0]):
        text = inner.decode()
        lines += [
            b"<134>Sep 21 14:13:20 web nginx: " + inner,
            b"2026-09-21T14:13:20.123456789Z stdout F " + inner,
            b"2026-09-21T14:13:20.123456789Z stdout P " + inner,
            json.dumps({"log": text + "\n", "stream": "stdout", "time": REQUEST.iso}).encode(),
            json.dumps({"MESSAGE": text, "_PID": "1"}).encode(),
            json.dumps({"MESSAGE": list(inner)}).encode(),
            json.dumps({"event": {"original": text}, "@timestamp": REQUEST.iso}).encode(),
            b'2026-09-21T14:13:20+00:00\tnginx.access\t{"message":"x"}',
            b"web-1  | " + inner,
            b"\x1b[32mpod web\x1b[0m " + inner,
        ]
    lines += [
        b"==> a.log <==",
        b"",
        b"#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken",
        b"2026-09-21 14:13:20 198.51.100.7 GET /a 200 15",
    ]
    for path in sorted(FOLDER.glob("*.log")) if FOLDER.is_dir() else []:
        lines += path.read_bytes().splitlines()[:12]
    return lines


SEEDS = _seeds()

ODD = [
    *(b"\0", b"\xff", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b'"', b'\\"', b"\\", b"\\x"),
    *(b"%", b"%ff", b"[", b"]", b"{", b"}", b"\t", b"\r", b"\n", b"\x0b", b"\x1c", b"\x85"),
    *(b"-", b"-1", b"-0", b"0", b"1e999", b"1e-999", b"NaN", b"Infinity", b"9" * 19, b"9" * 400),
    *(b"31/Dec/9999:23:59:59 -2300", b"01/Jan/0001:00:00:00 +2300", b"9999-12-31T23:59:59-23:00"),
    *(b"0001-01-01T00:00:00+23:00", b"30/Feb/2026:24:60:61 +9999", b"1969-12-31T23:59:59Z"),
    *(b"[" * 2000, b'{"a":' * 1500, b"[" * 200_000, b'"' * 70_000, b"x" * 70_000, b"(" * 3000),
    *(b"::1", b"[::1]:80", b"1.2.3.4, 5.6.7.8", b"unknown", b"fe80::1%eth0", b"null", b"true"),
    *("\u2028\u202e\ufeff🇩🇪".encode(), b"==> b <==\n", b"#Fields: time\n", b"#Software: x\n"),
    *(b"1e18", b"0.1e5", b"\x1b[", b"\\ud800", b"[]", b"{}", b" " * 500),
]


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes] = SEEDS, most: int = 5) -> bytes:
    """A seed in which some places are not what they were."""
    text = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 12)))
        match draw(st.integers(0, 6)):
            case 0:
                text = text[:at] + draw(st.sampled_from(ODD)) + text[at:]
            case 1:
                text = text[:at] + draw(st.sampled_from(ODD)) + text[end:]
            case 2:
                text = text[:at] + draw(st.binary(max_size=6)) + text[end:]
            case 3:
                text = text[:at] + text[end:]
            case 4:
                text = text[:end] + text[at:]
            case 5:
                text = text[:at]
            case 6:
                other = draw(st.sampled_from(seeds))
                text = text[:at] + other[draw(st.integers(0, len(other))) :]
    return text


LOGS = st.one_of(
    st.binary(max_size=300),
    st.lists(damaged() | st.sampled_from(SEEDS) | st.binary(max_size=40), max_size=8).map(
        b"\n".join
    ),
    # Of one server, as logs are.
    st.sampled_from(SEEDS).flatmap(
        lambda seed: st.lists(damaged([seed], 2), min_size=1, max_size=8).map(
            lambda lines: b"\n".join([seed, *lines, seed, b""])
        )
    ),
)  # fmt: skip

COMPRESSED = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """In this process, which has threads and must not fork; nobody's state is touched."""
    monkeypatch.setattr(forking, "processes_to_use", lambda: 0)
    monkeypatch.setattr("actors.commands.report.processes_to_use", lambda: 0)
    monkeypatch.setattr("actors.commands.replay.processes_to_use", lambda: 0, raising=False)
    monkeypatch.setattr(output_file.os, "fsync", lambda _: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield


class _Out(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "utf-8", "backslashreplace")


def run(*arguments: object) -> int:
    """Run a command here; returns its exit status. What is no error of ours comes through."""
    with redirect_stdout(_Out()), redirect_stderr(_Out()), pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    assert ended.value.code in (0, 1, 2), arguments
    return int(ended.value.code)


COMMANDS = [
    *(["report", "--output-format", name] for name in ("text", "html", "json", "csv")),
    ["report", "-o", "{out}.parquet"],
    ["report", "--where", "status >= 500 or path like '%a%' or duration > 1"],
    ["report", "--group-path", "auto", "--group-path", "/users/*/**"],
    ["report", "--since", "2026-09-01", "--exclude-bots", "--anonymize-ip", "--timezone", "local"],
    ["report", "--format", "combined"],
    ["report", "--format", "caddy"],
    ["report", "--format", '%h %^[%d:%t %^] "%r" %s %b'],
    ["report", "--format", r"(?P<host>\S+) .*\[(?P<time>[^]]+)\] .* (?P<status>\d+)"],
    ["report", "--trusted-proxy", "0.0.0.0/0", "--trusted-proxy", "::/0"],
    ["sql", "--output-format", "csv"],
    ["sql", "--output-format", "json"],
    ["replay", "--rules", "stock"],
    ["replay", "--rules", "stock", "--suggest"],
    ["replay", "--rules", "stock", "--output-format", "json"],
    ["replay", "--rules", "stock", "--output-format", "html"],
    ["formats"],
    ["formats", "--format", "combined"],
]  # fmt: skip


@tries
@given(
    LOGS, st.sampled_from(COMMANDS), st.sampled_from(sorted(COMPRESSED)), st.booleans(), st.data()
)
def test_a_command_over_any_log(
    tmp_path: Path, log: bytes, command: list[str], suffix: str, is_whole: bool, data: st.DataObject
) -> None:
    packed = COMPRESSED[suffix](log)
    if not is_whole:
        packed = data.draw(damaged([packed], 2))
    path = tmp_path / f"access.log{suffix}"
    path.write_bytes(packed)
    words = [word.format(out=tmp_path / "out") if "{out}" in word else word for word in command]
    rest: list[object] = [path]
    if command[0] == "sql":
        rest.append("select *, upper(path) from log order by time, bytes")
    run(words[0], *rest, *words[1:])


async def _monitored(path: Path, options: dict[str, Any], *, is_piped: bool) -> Recorder:
    stop = trio.Event()
    recorder = Recorder(before=lambda what: None if is_piped else stop.set())
    source = "-" if is_piped else str(path)
    with trio.fail_after(LONGEST_SECONDS), path.open("rb") as file:
        await service.monitor(
            make_plan(Settings(file=source, start_from="start", **options)),
            [recorder],
            stop=stop,
            wall=lambda: float(BASE),
            standard_input=file.fileno,
        )
    return recorder


CONTEXT = Context(
    version="1", started_at=float(BASE), rules={}, incident_limit=3, expected="x", targets=()
)


@tries
@given(
    LOGS,
    st.sampled_from(
        [
            {},
            {"rules": "stock"},
            {"rules": "stock", "clock": "log"},
            {"where": "status >= 500 or bytes > 5"},
            {"group_path": "auto", "trusted_proxy": "0.0.0.0/0"},
        ]
    ),
    st.booleans(),
)
def test_a_monitor_of_any_log(
    tmp_path: Path, log: bytes, options: dict[str, Any], is_piped: bool
) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(log)
    last = trio.run(functools.partial(_monitored, path, options, is_piped=is_piped)).last
    health = last.health
    assert health.lines == health.records + health.rejects + health.foreign
    json.dumps(last.to_json())
    context = attrs.evolve(CONTEXT, rules=make_plan(Settings(**options)).rules_by_name)
    for view in range(len(VIEWS)):
        state = state_of(last, view=view, context=context, cells=100, rows=40)
        assert len(render(attrs.evolve(state, answers={}))) == len(render(state)) == 40
    render_once(last, context, 100)


def _alert_log() -> list[bytes]:
    link, lines = Link(), []
    for number in range(6):
        text = sealed(json.loads(json.dumps(event(number).to_json())), link).encode()
        lines.append(text)
        link = link_after([text])
    return lines


@tries
@given(st.data())
def test_the_audit_of_any_alert_log(tmp_path: Path, data: st.DataObject) -> None:
    lines = list(ALERT_LOG)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(damaged([lines[at]], 3) | st.binary(max_size=30))
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b"\n".join(lines) + data.draw(st.sampled_from([b"\n", b""])))
    run("audit", "verify", path)
    run("audit", "show", path, *data.draw(st.sampled_from([(), ("--since", "2000-01-01")])))


ALERT_LOG = _alert_log()

CONFIGURATION = [
    b"""file = ["/var/log/a.log"]
alert_threshold = 5
where = "status >= 500"
format = '$remote_addr [$time_local] "$request" $status'
group_path = ["/users/*", "auto"]
syslog = "udp://127.0.0.1:514"
[[rule]]
name = "Errors"
metric = "error_ratio"
above = 0.05
for = "2m"
by = "section"
where = "path like '/a%'"
[[rule]]
name = "Slow"
metric = "p95"
above = "2s"
[[notify]]
name = "team"
webhook = "https://example.org/x"
rules = ["Err*"]
hours = "Mon-Fri 08:00-18:00"
template = "{rule} {value}"
""",
]


@tries
@given(damaged(CONFIGURATION, 4) | st.binary(max_size=60))
def test_any_configuration(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(text)
    run("check", path)
    try:
        with redirect_stderr(_Out()):
            plan_of(["--config", str(path)])
    except GlanceMetricsError:
        pass


NGINX = [
    b"""http { log_format main '$remote_addr - $remote_user [$time_local] "$request" '
 '$status $body_bytes_sent "$http_referer"'; # x
 log_format j escape=json '{"a":"$remote_addr","t":"$time_iso8601","s":$status}';
 include conf.d/*.conf;
 server { listen 80; access_log /var/log/a.log main buffer=1k; access_log off; } }
""",
    b"""log-format %h %^[%d:%t %^] "%r" %s %b "%R" "%u"
date-format %d/%b/%Y
time-format %T
""",
]
FORMATS = [
    b'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent',
    b'%h %l %u %t "%r" %>s %b "%{Referer}i" %D %{%Y-%m-%d}t',
    b'%h %^[%d:%t %^] "%r" %s %b',
    rb'(?P<host>\S+) \[(?P<time>[^]]+)\] "(?P<request>[^"]*)" (?P<status>\d+)',
    b"#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken",
    b"COMBINED",
    b"(((a+)+)+)+$(?P<host>x)(?P<time>y)",
]
WHERES = [
    b"status >= 500 and path like '/api/%'",
    b"regexp_matches(path, '(a+)+$') or duration / 0 > 1",
    b"bytes * 9223372036854775807 > 1 or cast(path as integer) = 1",
    b"time + interval 100000 years > now() or (select 1) = 1",
]


def _text(data: bytes) -> str:
    """As the command line has bytes."""
    return os.fsdecode(data.replace(b"\0", b""))


@tries
@given(st.data())
def test_any_format_condition_and_servers_configuration(
    tmp_path: Path, data: st.DataObject
) -> None:
    log, conf, out = tmp_path / "access.log", tmp_path / "nginx.conf", tmp_path / "out"
    log.write_bytes(line() * 2 + data.draw(damaged()) + b"\n")
    match data.draw(st.integers(0, 3)):
        case 0:
            written = _text(data.draw(damaged(FORMATS, 3) | st.binary(max_size=40)))
            run(data.draw(st.sampled_from(["report", "formats"])), f"--format={written}", log)
        case 1:
            written = _text(data.draw(damaged(WHERES, 2) | st.binary(max_size=40)))
            run("report", f"--where={written}", log)
        case 2:
            conf.write_bytes(data.draw(damaged(NGINX, 4) | st.binary(max_size=60)))
            run("report", "--format-from", conf, log)
        case 3:
            option = data.draw(st.sampled_from(
                ["since", "until", "exclude-ip", "timezone", "trusted-proxy", "log-timezone"]
                + ["top", "panels", "max-memory", "date-format", "time-format", "group-path"]
            ))  # fmt: skip
            seeds = [b"yesterday", b"2026-09-21T14:13:20", b"10.0.0.0/8", b"Europe/Paris", b"7d"]
            seeds += [
                b"10",
                b"paths,hosts",
                b"1 GB",
                b"%d/%b/%Y",
                b"/users/*/**",
                b"1.2.3.4-1.2.3.9",
            ]
            written = _text(data.draw(damaged(seeds, 2)))
            run("report", f"--{option}={written}", log, "-o", f"{out}.json")


ODD_VALUES: list[Any] = [
    *(None, True, -1, 0, 1e308, float("inf"), float("nan"), 10**30, 2**63, "", "x", "\ud800"),
    *([], {}, [[]], {"$array": ["<i8", [1 << 40], 0]}, "9" * 5000, b"", b"x", [None], {"a": 1}),
]


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree[:3])
    for key, inner in items:
        yield from _places(inner, (*path, key))


def _with(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _with(tree[path[0]], path[1:], value)
    return copy


def changed(draw: Any, tree: Any) -> Any:
    """A tree in which one place has another value, or is missing."""
    path = draw(st.sampled_from(list(_places(tree))))
    return _with(tree, path, draw(st.sampled_from(ODD_VALUES)))


async def _followed(settings: Settings, checkpoints: Checkpoints) -> None:
    stop = trio.Event()
    recorder = Recorder(before=lambda what: stop.set())
    with trio.fail_after(LONGEST_SECONDS):
        await service.monitor(
            make_plan(settings), [recorder], checkpoints=checkpoints, stop=stop,
            wall=lambda: float(BASE), standard_input=lambda: -1,
        )  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Settings, Checkpoints]:
    """A checkpoint as the monitor leaves it."""
    log = tmp_path / "followed.log"
    log.write_bytes(line() * 20 + b"junk\n")
    options = Settings(file=str(log), start_from="start", refresh=0.1, rules="stock")
    checkpoints = Checkpoints(tmp_path, options.file)
    trio.run(_followed, options, checkpoints)
    assert checkpoints.path.exists()
    return options, checkpoints


@tries
@given(st.data())
def test_any_state_of_a_monitor(saved: tuple[Settings, Checkpoints], data: st.DataObject) -> None:
    options, checkpoints = saved
    whole = checkpoints.path.read_bytes()
    try:
        if data.draw(st.booleans()):
            checkpoints.path.write_bytes(data.draw(damaged([whole], 3)))
            trio.run(_followed, options, checkpoints)
        else:
            # As another version might write it; bytes that changed by themselves are noticed.
            tree = changed(data.draw, from_bytes(whole))
            checkpoints.path.write_bytes(to_bytes(tree))
            with suppress(UnusableStateError):
                checkpoints.load()
    finally:
        checkpoints.path.write_bytes(whole)


@tries
@given(st.data())
def test_any_silences_acknowledgements_heartbeat_and_journal(
    tmp_path: Path, data: st.DataObject
) -> None:
    folder = tmp_path / "state" / "glancemetrics"
    silences = folder / "silences.json"
    Silences(silences).save([Silence("High*", BASE * 2.0, "deploy")])
    found = json.loads(silences.read_bytes())
    if data.draw(st.booleans()):
        written = json.dumps(changed(data.draw, found), default=str).encode()
    else:
        written = data.draw(damaged([silences.read_bytes()], 3))
    silences.write_bytes(written)
    run("silence")
    run("silence", "Err*", "--for", data.draw(st.sampled_from(["1h", "999999999999d", "x", "-1h"])))
    Silences(silences).known(BASE)

    acknowledgements = folder / "acknowledgements.json"
    acknowledgements.unlink(missing_ok=True)
    Acknowledgements(acknowledgements).add("Scanner-20260921T141320Z", BASE)
    found = json.loads(acknowledgements.read_bytes())
    if data.draw(st.booleans()):
        written = json.dumps(changed(data.draw, found), default=str).encode()
    else:
        written = data.draw(damaged([acknowledgements.read_bytes()], 3))
    acknowledgements.write_bytes(written)
    run("acknowledge")
    run("acknowledge", data.draw(st.sampled_from(["Scanner-20260921T141321Z", "Scanner"])))
    Acknowledgements(acknowledgements).known()

    beat = tmp_path / "beat"
    seeds = [b'{"time": 1790000000.0, "refresh": 2, "trouble": ""}', b"1790000000.0 2\n"]
    beat.write_bytes(data.draw(damaged(seeds, 3) | st.binary(max_size=20)))
    run("healthcheck", beat)

    path = tmp_path / "j" / "notifications.db"
    for one in path.parent.glob("*") if path.parent.is_dir() else ():
        one.unlink()
    try:
        journal = Journal(path)
        journal.add("team", "k", {"incident": "a", "event": "x"}, 1.0)
        journal.close()
        path.write_bytes(data.draw(damaged([path.read_bytes()], 4)))
        journal = Journal(path)
        journal.add("team", "k2", {"incident": "a", "event": "x"}, 2.0)
        journal.next("team", 3.0)
        journal.last_noted("team", "a")
        journal.close()
    except sqlite3.Error:
        pass  # which the notifier says, and tries again
