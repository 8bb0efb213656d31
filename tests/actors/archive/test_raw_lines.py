"""The lines that records were made from, in logs as they lie about on servers."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
import trio
from loguru import logger

from actors.archive.raw_lines import RawLines
from actors.outputs.desk import Desk, no_raw_line
from actors.outputs.kind import OutputKind
from actors.outputs.output import Inbox, Report
from actors.outputs.registry import OUTPUTS
from glancemetrics.cli import main
from glancemetrics.configuration.settings import Settings
from glancemetrics.errors import UsageError
from glancemetrics.formats.followed_logs import FollowedLogs
from glancemetrics.formats.raw_lines import RawLine
from glancemetrics.history.query import RecordQuery
from glancemetrics.planning.plan import Plan, make_plan
from tests.actors.archive.logs import COMPRESS, numbered
from tests.actors.sources.files.test_path_follower import as_nobody
from tests.glancemetrics.formats.test_pieces import cri
from tests.lines import BASE, line


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def own_log() -> Iterator[None]:
    """What is done to the program's own log does not outlive a test."""
    yield
    logger.remove()
    logger.add(sys.stderr)


def plan_of(*files: Path | str, **options: object) -> Plan:
    return make_plan(Settings(file=tuple(map(str, files)), **options))  # type: ignore[arg-type]


def rows_of(plan: Plan, lines: bytes) -> list[dict[str, object]]:
    """The records of lines, as the history has them."""
    logs = FollowedLogs(plan.reading)
    followed = logs.log("a")
    followed.begin(lines)
    passages = [followed.take(lines), followed.rest()]
    return [
        row
        for passage in passages
        for row in plan.paths.of(
            followed.format.decode(
                passage.lines, attrs.evolve(logs.context, directives=passage.directives)
            ).batch
        ).to_pylist()
    ]


async def find(
    plan: Plan, source: Path | str, row: Mapping[str, object], patience: float = 5
) -> RawLine:
    time = row["time"]
    assert isinstance(time, datetime)
    raw_lines = RawLines(plan, patience=patience)
    with trio.fail_after(30):
        return await raw_lines.find(str(source), time, {**row, "source": str(source)})


async def check(plan: Plan, log: Path, lines: Sequence[bytes], *, every: int = 1) -> None:
    """Check that each record of some lines leads back to its line."""
    rows = rows_of(plan, b"".join(lines))
    assert len(rows) == len(lines)
    for row, raw in list(zip(rows, lines, strict=True))[::every]:
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
        assert await find(plan, log, row) == RawLine(text=text)


def made_at(path: Path, second: float) -> None:
    os.utime(path, (second, second))


# Formats.


async def test_the_line_of_a_record_is_found(log: Path) -> None:
    lines = numbered(0, 3000).splitlines(keepends=True)
    log.write_bytes(b"".join(lines))
    await check(plan_of(log), log, lines, every=700)


async def test_records_of_one_second_differ_by_any_field(log: Path) -> None:
    lines = [
        line(),
        line(host="203.0.113.8"),
        line(user="ann"),
        line(request="POST /pages/create HTTP/1.1"),
        line(request="GET /pages/create?a=1 HTTP/1.1"),
        line(request="GET /pages/create HTTP/1.0"),
        line(request="\\x16\\x03\\x01"),
        line(status=404),
        line(size="-"),
        line(referrer="https://example.org/"),
        line(agent="-"),
    ]
    log.write_bytes(b"".join(lines))
    await check(plan_of(log), log, lines)


async def test_of_two_identical_lines_either_is_right(log: Path) -> None:
    log.write_bytes(line() + line(BASE + 1) * 2)
    plan = plan_of(log)
    row = rows_of(plan, log.read_bytes())[2]
    assert (await find(plan, log, row)).text == line(BASE + 1).decode().rstrip()


NGINX = (
    'log_format timed \'$remote_addr [$time_iso8601] "$request" $status $request_time '
    '"$http_x_forwarded_for"\';'
)


async def test_a_format_of_ones_own_behind_a_proxy(log: Path) -> None:
    lines = [
        f'10.0.0.1 [2026-09-21T16:13:{20 + i // 3}+02:00] "GET /{i % 2} HTTP/1.1" 200 0.{i:03} '
        f'"192.0.2.{i % 3}, 10.0.0.2"\n'.encode()
        for i in range(60)
    ]
    log.write_bytes(b"".join(lines))
    plan = plan_of(log, format=NGINX, trusted_proxy=("10.0.0.0/8",))
    assert rows_of(plan, lines[1])[0]["host"] == "192.0.2.1"
    await check(plan, log, lines, every=7)


async def test_json_lines_with_fractions_of_a_second_and_kept_fields(log: Path) -> None:
    lines = [
        json.dumps(
            {
                "time": f"2026-09-21T14:13:20.{i // 2:06}Z",
                "remote_addr": "192.0.2.1",
                "request": "GET /a HTTP/1.1",
                "status": 200,
                "tenant": "ab"[i % 2],
            }
        ).encode()
        + b"\n"
        for i in range(40)
    ]
    log.write_bytes(b"".join(lines))
    await check(plan_of(log, keep=("tenant",)), log, lines, every=3)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
async def test_w3c_lines_are_read_by_the_directive_before_them(
    log: Path, compress: Callable[[bytes], bytes]
) -> None:
    first = b"#Fields: date time c-ip sc-status\n"
    first += b"2026-09-21 14:13:20 192.0.2.1 200\n" * 3000  # more than is sampled
    stamps = [datetime.fromtimestamp(BASE + i, UTC) for i in range(15_000)]
    then = [f"404 192.0.2.2 /{'a' * 70} {stamp:%H:%M:%S %Y-%m-%d}\n".encode() for stamp in stamps]
    other = b"#Fields: sc-status c-ip cs-uri-stem time date\n"
    log.write_bytes(compress(first + other + b"".join(then)))
    plan = plan_of(log)
    rows = rows_of(plan, other + b"".join(then))
    assert (await find(plan, log, rows[-10])).text == then[-10].decode().rstrip()


async def test_of_a_line_that_was_split_all_pieces_are_returned(log: Path) -> None:
    whole, long = (line(agent=agent).decode().rstrip() for agent in ("a", "x" * 90))
    pieces = cri(long[:70], long[70:120], long[120:])
    log.write_bytes(cri(whole) * 3 + pieces + cri(whole))
    plan = plan_of(log)
    rows = rows_of(plan, log.read_bytes())
    assert len(rows) == 5
    assert (await find(plan, log, rows[3])).text == pieces.decode().rstrip("\n")


async def test_hostile_bytes_are_returned_as_they_are(log: Path) -> None:
    lines = [
        line(agent="\x1b[2J\x1b]0;x\x07"),
        line(agent="a").replace(b'"a"', b'"\xff\xfe"'),
        line(request="GET /\\xff\\x00 HTTP/1.1"),
        line(agent="\u202e\u2028"),
    ]
    log.write_bytes(b"\0" * 3 + b"\n" + b"\xff\xfe\n{[{[\n" + b"".join(lines) + b"[" * 5000 + b"\n")
    await check(plan_of(log), log, lines)


async def test_a_record_of_a_grouped_path_leads_back_to_its_line(log: Path) -> None:
    lines = numbered(0, 40).splitlines(keepends=True)
    log.write_bytes(b"".join(lines))
    plan = plan_of(log, group_path=("/*",))
    rows = rows_of(plan, b"".join(lines))
    assert rows[7]["path"] == "/*"
    assert (await find(plan, log, rows[7])).text == lines[7].decode().rstrip()


# Files.


@pytest.mark.parametrize("compression", ["none", *COMPRESS])
async def test_a_line_of_a_rotated_file_is_found(log: Path, compression: str) -> None:
    """Far from the beginning; and files older and newer than it are there, too."""
    old, middle, new = (numbered(i * 20_000, 20_000, BASE + i * 20_000) for i in range(3))
    lines = middle.splitlines(keepends=True)
    log.write_bytes(new)
    log.with_name("access.log.1").write_bytes(middle)
    if compression != "none":
        log.with_name("access.log.1").unlink()
        log.with_name("access.log.1.gz").write_bytes(COMPRESS[compression](middle))
    log.with_name("access.log.2.gz").write_bytes(gzip.compress(old))
    for name, end in (("access.log.1*", 40_000), ("access.log.2.gz", 20_000)):
        for path in log.parent.glob(name):
            made_at(path, BASE + end)
    plan = plan_of(log)
    rows = rows_of(plan, middle)
    for at in (0, 12_345, 19_999):
        assert (await find(plan, log, rows[at])).text == lines[at].decode().rstrip()
    at = 17
    found = await find(plan, log, rows_of(plan, old)[at])
    assert found.text == old.splitlines()[at].decode()


async def test_copies_whose_times_say_nothing_are_searched_all_the_same(log: Path) -> None:
    for i in range(6):
        name = "access.log" if i == 5 else f"access.log.{5 - i}"
        log.with_name(name).write_bytes(numbered(i * 3000, 3000, BASE + i * 3000))
        made_at(log.with_name(name), BASE + 10_000_000 - i)
    plan = plan_of(log)
    row = rows_of(plan, line(BASE + 13_500, request="GET /13500 HTTP/1.1"))[0]
    assert "GET /13500 " in (await find(plan, log, row)).text


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
async def test_a_line_that_was_written_late_is_found(
    log: Path, compress: Callable[[bytes], bytes]
) -> None:
    """As of a slow request, where a server logs the time of its begin."""
    late = line(BASE + 5000, request="GET /late HTTP/1.1")
    log.write_bytes(compress(numbered(0, 13_000) + late + numbered(13_000, 30_000, BASE + 13_000)))
    plan = plan_of(log)
    assert (await find(plan, log, rows_of(plan, late)[0])).text == late.decode().rstrip()


@pytest.mark.parametrize("follows", ["file", "folder", "glob", "deep glob"])
async def test_files_are_those_that_are_followed(tmp_path: Path, follows: str) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    log = folder / "access.log"
    log.write_bytes(line())
    (folder / "inner").mkdir()
    other = folder / "inner" / "access.log"
    other.write_bytes(line())
    text = {
        "file": str(log),
        "folder": f"{folder}/",
        "glob": f"{folder}/*.log",
        "deep glob": f"{folder}/**/*.log",
    }[follows]
    plan = plan_of(text)
    row = rows_of(plan, line())[0]
    is_deep = follows == "deep glob"
    sources = {log: not is_deep, other: is_deep, tmp_path / "nginx.log": False}
    sources[folder / "\0.log"] = False
    for source, is_found in sources.items():
        if source == log and is_deep:
            continue  # whether ** stands for no folder is not the question here
        found = await find(plan, source, row)
        expected = (
            RawLine(text=line().decode().rstrip())
            if is_found
            else RawLine(missing=f"{source} is not one of the followed logs")
        )
        assert found == expected


# What is not found.


async def test_why_a_line_is_missing(log: Path) -> None:
    plan = plan_of(log)
    row = rows_of(plan, line())[0]
    assert (await find(plan, log, row)).missing == f"{log}: no such file"
    log.write_bytes(line(BASE + 86_400))
    rotated = f"The line is no longer in {log} or a readable rotated file"
    assert (await find(plan, log, row)).missing == rotated
    log.write_bytes(line(status=404))
    unfit = f"No line of {log} matches this record: the log was changed or rotated"
    assert (await find(plan, log, row)).missing == unfit
    log.write_bytes(b"192.0.2.1 GET /a\n" * 10)
    timeless = f"The lines of {log} have no time to search by"
    assert (await find(plan, log, row)).missing == timeless
    log.unlink()
    os.mkfifo(log)
    pipe = f"{log} is not a regular file: its lines are not kept"
    assert (await find(plan, log, row)).missing == pipe


async def test_a_log_that_is_unreadable_is_named(log: Path, tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:-2]:  # up to that of all temporary files
        folder.chmod(0o755)
    log.write_bytes(line())
    log.chmod(0)
    plan = plan_of(log)
    row = rows_of(plan, line())[0]
    with as_nobody():
        missing = (await find(plan, log, row)).missing
    assert missing.startswith(f"{log}: permission denied – ")


async def test_standard_input_is_not_kept() -> None:
    plan = plan_of("-")
    row = rows_of(plan, line())[0]
    for source in ("-", "/var/log/access.log"):  # as tail -F names it
        missing = (await find(plan, source, row)).missing
        assert missing == "The lines of standard input are not kept"


async def test_of_a_line_that_an_agent_sent_it_is_said_where_it_is(log: Path) -> None:
    log.write_bytes(line())
    plan = plan_of(log, "redis://redis/0?fleet=prod")
    row = rows_of(plan_of(log), line())[0]
    # Also where this machine has a log of the same name, with the same line.
    missing = (await find(plan, f"web1:{log}", row)).missing
    assert missing == f"The line is on server web1, in {log}; only its fields are kept here"
    assert (await find(plan, log, row)).text == line().decode().removesuffix("\n")


async def test_a_search_ends_when_there_is_too_much(log: Path) -> None:
    many = line(request="GET /many HTTP/1.1") * 200_000
    log.write_bytes(line(BASE - 1) + many + line())
    plan = plan_of(log)
    given_up = "Too many lines to search around that time; the search was stopped"
    row = rows_of(plan, line())[0]
    assert (await find(plan, log, row)).missing == given_up
    log.write_bytes(gzip.compress(numbered(0, 100)))
    row = rows_of(plan, line(request="GET /0 HTTP/1.1"))[0]
    assert (await find(plan, log, row, patience=0)).missing == given_up
    assert (await find(plan, log, row)).text


async def test_where_lines_are_not_looked_for_it_is_said() -> None:
    found = await no_raw_line("a", datetime.now(UTC), {})
    assert found == RawLine(missing="Lines of the log cannot be shown here")


# In the program.


@attrs.frozen
class ClerkSettings:
    TABLE: ClassVar = "clerk"


@attrs.define
class Clerk:
    """An output that asks for the line of a record, and stops."""

    desk: Desk
    name: str = "clerk"
    wants_events: bool = False
    wants_snapshots: bool = True
    found: RawLine | None = None

    async def run(self, inbox: Inbox, report: Report) -> None:
        async for _ in inbox.snapshots:
            with suppress(UsageError):  # the history has nothing yet
                for row in (await self.desk.answer(RecordQuery(limit=1))).table.to_pylist():
                    self.found = await self.desk.raw_line(row["source"], row["time"], row)
                    self.desk.stop()
                    return


def test_outputs_of_a_monitor_can_ask_for_lines(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_log: None
) -> None:
    log.write_bytes(numbered(0, 100))
    clerks: list[Clerk] = []

    def make(settings: ClerkSettings, desk: Desk) -> list[Clerk]:
        del settings
        clerks.append(Clerk(desk))
        return clerks

    monkeypatch.setattr(
        "actors.outputs.registry.OUTPUTS", [*OUTPUTS, OutputKind(ClerkSettings, make)]
    )
    state = ("--state-dir", str(tmp_path / "state"), "--config", "off")
    with pytest.raises(SystemExit) as ended:
        main([str(log), "--no-console", "--from", "start", "--clock", "log", *state])
    assert ended.value.code == 0
    text = numbered(99, 1, BASE + 99).decode().rstrip()
    assert [clerk.found for clerk in clerks] == [RawLine(text=text)]
