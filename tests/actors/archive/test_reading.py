"""Whole logs, wherever and however they are kept: every line once, or told why not."""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import os
import random
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

import glancemetrics as gm
from actors.archive import reporting
from actors.archive.log_reader import LogReader
from actors.archive.logs import find_logs, sample_of
from actors.archive.reporting import Progress, report_on
from actors.archive.workers import ThreadWorkers
from actors.files import decompression
from glancemetrics.errors import GlanceMetricsError
from glancemetrics.native.strings import StringTable
from glancemetrics.reporting.plain_counting import PlainCounting
from glancemetrics.reporting.report import ReportOptions
from glancemetrics.selecting.selection import make_selection
from tests.actors.archive.logs import COMPRESS, numbered, write
from tests.glancemetrics.reporting.making import Late
from tests.lines import BASE, line

MEMORY = 500_000_000


def paths_in(logs: Iterable[str], **selection: object) -> list[int]:
    """The numbers of the lines, in the order in which they are read."""
    table = gm.read(list(logs), **selection)  # type: ignore[arg-type]
    return [int(path[1:]) for path in table.column("path").to_pylist()]


def report(names: list[str], **options: object) -> gm.Report:
    return report_on(find_logs(names), max_memory=MEMORY, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("members", [1, 2])
def test_compressed_logs_are_told_by_their_content(
    compression: str, members: int, tmp_path: Path
) -> None:
    data = b"".join(COMPRESS[compression](numbered(500 * i, 500)) for i in range(members))
    name = write(tmp_path / "access.log", data)  # no suffix to go by
    assert paths_in([name]) == list(range(500 * members))


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_truncated_log_is_read_as_far_as_it_goes(compression: str, tmp_path: Path) -> None:
    noise = random.Random(1)
    lines = b"".join(
        line(BASE, request=f"GET /{noise.getrandbits(900):x} HTTP/1.1") for _ in range(20_000)
    )
    data = COMPRESS[compression](lines)
    name = write(tmp_path / "access.log.gz", data[: len(data) * 2 // 3])
    made = report([name])
    assert 1000 < made.hits < 20_000
    assert made.rejects.count == 0  # the line that was cut is none
    (source,) = made.sources
    assert source.trouble is not None
    assert "truncated" in source.trouble or "damaged" in source.trouble
    assert "lines before that are counted" in source.trouble


def test_a_gzip_bomb_is_read_in_constant_memory(tmp_path: Path) -> None:
    import resource

    name = write(tmp_path / "bomb.gz", COMPRESS["gzip"](line() + b"x" * 300_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = report([name])
    assert (made.hits, made.rejects.count) == (1, 1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_files_are_read_in_the_time_order_of_their_records(tmp_path: Path) -> None:
    newest = write(tmp_path / "access.log", numbered(20, 10, BASE + 20))
    middle = write(tmp_path / "access.log.1", numbered(10, 10, BASE + 10))
    oldest = write(tmp_path / "access.log.2.gz", COMPRESS["gzip"](numbered(0, 10)))
    assert paths_in([newest, middle, oldest]) == list(range(30))
    assert paths_in([str(tmp_path / "access.log*")]) == list(range(30))
    assert paths_in([str(tmp_path)]) == list(range(30))


def test_files_that_overlap_in_time_are_merged(tmp_path: Path) -> None:
    even = b"".join(line(BASE + i, request=f"GET /{i} HTTP/1.1") for i in range(0, 100_000, 2))
    odd = b"".join(line(BASE + i, request=f"GET /{i} HTTP/1.1") for i in range(1, 100_000, 2))
    late = numbered(100_000, 5, BASE + 100_000)
    names = [write(tmp_path / name, data) for name, data in (("c", late), ("b", odd), ("a", even))]
    assert paths_in(names) == list(range(100_005))


def test_the_same_file_named_twice_is_read_once(tmp_path: Path) -> None:
    name = write(tmp_path / "access.log", numbered(0, 10))
    (tmp_path / "link").symlink_to(name)
    os.link(name, tmp_path / "hard")
    names = [name, name, str(tmp_path / "link"), str(tmp_path / "hard"), str(tmp_path / "*")]
    assert paths_in(names) == list(range(10))


def test_a_directory_gives_its_access_logs_only(tmp_path: Path) -> None:
    write(tmp_path / "access.log", numbered(0, 10))
    write(tmp_path / "error.log", b"2026/11/20 10:00:00 [error] 7#7: *1 open() failed\n" * 9)
    write(tmp_path / "empty", b"")
    (tmp_path / "old").mkdir()
    assert paths_in([str(tmp_path)]) == list(range(10))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.log", "no such file"),
        ("*.nope", "no matching files"),
        ("empty", "no files in this directory"),
        ("errors", "no access log found in this directory"),
    ],
)
def test_what_is_no_log_is_told_in_one_sentence(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "errors").mkdir()
    write(tmp_path / "errors" / "error.log", b"nothing here\n")
    with pytest.raises(gm.GlanceMetricsError, match=said) as caught:
        gm.read(str(tmp_path / name))
    assert str(tmp_path / name) in str(caught.value)


def test_a_log_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write(tmp_path / "access.log", numbered(0, 1))
    real = Path.open

    def refuse(self: Path, *arguments: object, **options: object) -> object:
        if str(self) == name:  # root may read everything
            raise PermissionError(13, "Permission denied", name)
        return real(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(gm.GlanceMetricsError, match="permission denied"):
        gm.read(name)


def test_a_binary_file_is_no_log(tmp_path: Path) -> None:
    junk = random.Random(1).randbytes(1_000_000)
    binary = write(tmp_path / "core", b"\x7fELF\0" + junk)
    packed = write(tmp_path / "core.gz", COMPRESS["gzip"](b"\x7fELF\0" + junk))
    good = write(tmp_path / "access.log", numbered(0, 10))
    made = report([binary, packed, good])
    assert (made.hits, made.rejects.count) == (10, 0)
    troubles = [source.trouble for source in made.sources]
    assert troubles == [None, "not a log file: binary data", "not a log file: binary data"]


def test_an_empty_log_has_no_records(tmp_path: Path) -> None:
    made = report([write(tmp_path / "access.log", b"")])
    assert (made.hits, made.lines, made.sources[0].trouble) == (0, 0, None)


def test_a_last_line_without_its_newline_is_a_line(tmp_path: Path) -> None:
    assert paths_in([write(tmp_path / "access.log", numbered(0, 3)[:-1])]) == [0, 1, 2]


def test_a_log_that_grows_is_read_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    name = write(tmp_path / "access.log", numbered(0, 50_000))

    def grow(_: Progress) -> None:
        with Path(name).open("ab") as file:
            file.write(numbered(0, 10_000))

    logs = find_logs([name])
    reader = LogReader(logs, lambda decoded: decoded.batch.num_rows, chunk_bytes=1 << 16)
    with ThreadPoolExecutor(2) as pool:
        lines = 0
        for chunk in reader.chunks(ThreadWorkers(reader.chunk_of, pool, 2, reader.chunk_bytes)):
            grow(Progress(0, 0, 0))
            lines += chunk.lines
    assert lines == 50_000


@pytest.mark.parametrize("size", [200_000, 4_580_000])
def test_a_log_that_is_cut_or_gone_meanwhile_costs_only_what_is_gone_and_that_is_told(
    size: int, tmp_path: Path
) -> None:
    cut = write(tmp_path / "a.log", numbered(0, 50_000))
    gone = write(tmp_path / "b.log", numbered(0, 10, BASE + 50_000))
    logs = find_logs([cut, gone])
    reader = LogReader(logs, lambda decoded: decoded.batch.num_rows, chunk_bytes=1 << 16)
    troubles = []
    lines = 0
    with ThreadPoolExecutor(1) as pool:
        workers = ThreadWorkers(reader.chunk_of, pool, 1, reader.chunk_bytes)
        for number, chunk in enumerate(reader.chunks(workers)):
            if number == 0:
                os.truncate(cut, size)
                Path(gone).unlink()
            lines += chunk.lines
            troubles.append(chunk.trouble)
    assert 1500 < lines < 50_000
    assert list(filter(None, troubles)) == [
        "became shorter while it was read; lines before that are counted",
        "No such file or directory",
    ]


def test_a_line_of_megabytes_is_one_reject(tmp_path: Path) -> None:
    long = b"x" * 3_000_000 + b"\n"
    name = write(tmp_path / "access.log", numbered(0, 2) + long + numbered(2, 2))
    made = report([name])
    assert (made.hits, made.rejects.count, made.lines) == (4, 1, 5)
    assert made.rejects.samples[0].reason == "line too long, the limit is 1 MiB"


@pytest.mark.parametrize("compression", ["", *COMPRESS])
@pytest.mark.parametrize("chunk", [300, 4096, 1 << 18, 4 << 20])
@pytest.mark.parametrize("longest", [10, 1000, 3_000_000])
def test_each_line_is_read_once_however_large_the_chunks_are(
    compression: str, chunk: int, longest: int, tmp_path: Path
) -> None:
    long = b"x" * longest + b"\n"
    lines = (numbered(0, 2000) + long + numbered(2000, 2000) + long * 2 + numbered(4000, 9))[:-1]
    name = write(tmp_path / "access.log", COMPRESS[compression](lines) if compression else lines)
    logs = find_logs([name])
    reader = LogReader(logs, lambda decoded: decoded.batch["path"].to_pylist(), chunk_bytes=chunk)
    with ThreadPoolExecutor(2) as pool:
        workers = ThreadWorkers(reader.chunk_of, pool, 2, chunk)
        chunks = list(reader.chunks(workers))
    paths = [path for one in chunks for path in one.result or ()]
    assert paths == [f"/{number}" for number in range(4009)]
    assert sum(one.rejects for one in chunks) == 3
    assert sum(one.read_bytes for one in chunks) == Path(name).stat().st_size


@pytest.mark.parametrize("compression", ["", *COMPRESS])
def test_what_begins_with_a_piece_and_an_endless_line_is_read_to_its_end(
    compression: str, tmp_path: Path
) -> None:
    def wrapped(line: bytes, tags: bytes = b"stdout F") -> bytes:
        return b"2027-01-01T00:00:00.0Z " + tags + b" " + line.rstrip() + b"\n"

    lines = b"".join(map(wrapped, numbered(0, 100).splitlines()))
    cut = wrapped(b"GET /", b"stderr P")
    log = lines + cut + b"x" * 100_000 + b"\n" + lines
    name = write(tmp_path / "app.log", COMPRESS[compression](log) if compression else log)
    logs = find_logs([name])
    assert "cri" in logs[0].format.name
    # The second buffer begins with the piece, and has no other line.
    reader = LogReader(logs, lambda made: made.batch.num_rows, chunk_bytes=len(lines))
    with ThreadPoolExecutor(2) as pool:
        workers = ThreadWorkers(reader.chunk_of, pool, 2, len(lines))
        chunks = list(itertools.islice(reader.chunks(workers), 1000))
    assert len(chunks) < 1000
    assert sum(one.result or 0 for one in chunks) == 200
    assert sum(one.read_bytes for one in chunks) == Path(name).stat().st_size


@pytest.mark.parametrize("compression", ["", *COMPRESS])
def test_all_bytes_are_told_if_a_line_is_longer_than_a_chunk(
    compression: str, tmp_path: Path
) -> None:
    long = random.Random(1).randbytes(1_000_000).translate(bytes(x or 1 for x in range(256)))
    lines = numbered(0, 3000)
    chunk = len(lines) + 100
    log = lines + long.replace(b"\n", b"x") + b"\n" + numbered(3000, 10)
    name = write(tmp_path / "access.log", COMPRESS[compression](log) if compression else log)
    reader = LogReader(find_logs([name]), lambda made: made.batch.num_rows, chunk_bytes=chunk)
    with ThreadPoolExecutor(2) as pool:
        chunks = list(reader.chunks(ThreadWorkers(reader.chunk_of, pool, 2, chunk)))
    assert sum(one.result or 0 for one in chunks) == 3010
    assert sum(one.read_bytes for one in chunks) == Path(name).stat().st_size


def test_lines_are_not_overwritten_before_they_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There are whole chunks of lines outside of the span, of which nothing is counted.
    chunk = 30 * len(line())
    old = line(BASE - 10, request="GET /old HTTP/1.1") * 90
    log = old + (numbered(0, 60) + old) * 5 + numbered(0, 60)
    late = partial(PlainCounting, aside=Late)
    monkeypatch.setattr(
        reporting, "PlainCounting", lambda tally, _, behind: late(tally, behind=behind)
    )
    monkeypatch.setattr(reporting, "PLAIN_CHUNK_BYTES", chunk)
    monkeypatch.setattr(reporting, "CHUNK_BYTES", 1)
    name = write(tmp_path / "access.log", log)
    made = report([name], selection=make_selection(now=0, since=BASE))
    hits = {row.name: row.hits for row in made.panel("paths").rows}
    assert hits == {f"/{number}": 6 for number in range(60)}


def test_names_are_settled_once_though_agents_are_classified_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[StringTable] = []
    sealed = StringTable.sealed

    def slowly(table: StringTable) -> pa.StringArray:
        settled.append(table)
        time.sleep(0.05)  # as if there were millions
        return sealed(table)

    monkeypatch.setattr(StringTable, "sealed", slowly)
    options = ReportOptions(panels=frozenset({"browsers"}))
    report([write(tmp_path / "access.log", line() * 10)], options=options)
    assert len(settled) == len(set(settled)) > 0


@pytest.mark.parametrize("padding", [100, 1 << 16, 200_000])
def test_padding_between_and_after_members_is_skipped(padding: int, tmp_path: Path) -> None:
    member = gzip.compress(numbered(0, 2000)) + b"\0" * padding
    made = report([write(tmp_path / "access.log.gz", member * 2)])
    assert (made.hits, made.sources[0].trouble) == (4000, None)


@pytest.mark.parametrize("known", [1, 3, 10, 12, 14, 20])
def test_the_beginning_of_a_member_may_come_in_two_reads(known: int, tmp_path: Path) -> None:
    plain = gzip.compress(numbered(0, 2000))
    named = b"\x1f\x8b\x08\x18" + plain[4:10] + b"access.log\0" + b"of today\0" + plain[10:]
    padding = b"\0" * ((1 << 16) - len(plain) - known)
    assert decompression._READ == 1 << 16
    made = report([write(tmp_path / "access.log.gz", plain + padding + named)])
    assert (made.hits, made.sources[0].trouble) == (4000, None)


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of a pipe to write to; standard input reads from the other."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        yield writing


def test_standard_input_is_read_to_its_end(fed: int) -> None:
    data = numbered(0, 30_000)

    def feed() -> None:
        with os.fdopen(fed, "wb") as pipe:
            pipe.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert paths_in(["-"]) == list(range(30_000))
    feeder.join()


def test_compressed_standard_input_is_read_too(fed: int) -> None:
    with os.fdopen(fed, "wb") as pipe:
        pipe.write(COMPRESS["gzip"](numbered(0, 1000)))
    assert paths_in(["-"]) == list(range(1000))


def in_utf_16(order: str, text: bytes) -> bytes:
    mark, codec = {
        "little": (codecs.BOM_UTF16_LE, "utf-16-le"),
        "big": (codecs.BOM_UTF16_BE, "utf-16-be"),
    }[order]
    return mark + text.decode().replace("\n", "\r\n").encode(codec)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("lines", [1, 3000, 30_000])
def test_logs_in_utf_16_are_read(order: str, lines: int, tmp_path: Path) -> None:
    data = in_utf_16(order, numbered(0, lines))
    name = write(tmp_path / "access.log", data)
    assert paths_in([name]) == list(range(lines))
    packed = write(tmp_path / "access.log.gz", COMPRESS["gzip"](data))
    assert paths_in([packed]) == list(range(lines))


def test_what_is_not_of_utf_16_costs_no_more_than_its_line(tmp_path: Path) -> None:
    lines = in_utf_16("little", numbered(0, 10))
    lone = "\r\n".encode("utf-16-le") + b"\x00\xd8" + "x\r\n".encode("utf-16-le")
    name = write(
        tmp_path / "access.log", lines + lone + in_utf_16("little", numbered(10, 5))[2:] + b"\x01"
    )
    made = report([name])
    assert (made.hits, made.rejects.count) == (15, 2)


def test_standard_input_in_utf_16_is_read(fed: int) -> None:
    with os.fdopen(fed, "wb") as pipe:
        pipe.write(in_utf_16("little", numbered(0, 100)))
    assert paths_in(["-"]) == list(range(100))


def tar(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo("access.log")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("access.log", data)
    return made.getvalue()


ARCHIVES = {
    "a tar archive": tar,
    "a zip archive": zipped,
    "a 7-Zip archive": lambda data: b"7z\xbc\xaf\x27\x1c\0\4" + data,
    "a RAR archive": lambda data: b"Rar!\x1a\x07\x01\0" + data,
}


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize("packing", ["", *COMPRESS])
def test_archives_are_named_and_refused(
    kind: str, packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ARCHIVES[kind](numbered(0, 500))
    data = COMPRESS[packing](data) if packing else data
    name = write(tmp_path / "x.tar.gz", data)
    with pytest.raises(GlanceMetricsError, match=f"x.tar.gz is {kind}; unpack it first$"):
        find_logs([name])
    with pytest.raises(GlanceMetricsError, match=f"x.tar.gz is {kind}; unpack it first$"):
        sample_of(name)
    # In a directory it is no log.
    write(tmp_path / "access.log", numbered(0, 5))
    assert paths_in([str(tmp_path)]) == list(range(5))
    with Path(name).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        made = report(["-"])
    assert made.hits == 0
    assert made.sources[0].trouble == f"is {kind}; unpack it first"


@pytest.fixture
def day(tmp_path: Path) -> str:
    """A day of lines, some 8 MB of them, in order."""
    return write(tmp_path / "access.log", numbered(0, 86_400))


@pytest.mark.parametrize("since", [None, -5, 0, 43_200, 86_399, 86_400, 100_000])
@pytest.mark.parametrize("until", [None, 0, 1, 50_000, 86_399, 86_400, 100_000])
def test_a_span_is_exactly_that(since: int | None, until: int | None, day: str) -> None:
    if since is not None and until is not None and since >= until:
        return
    expected = list(range(max(0, since or 0), min(86_400, 86_400 if until is None else until)))
    span = {
        "since": None if since is None else BASE + since,
        "until": None if until is None else BASE + until,
    }
    assert paths_in([day], **span) == expected


def test_a_span_of_a_sorted_log_is_not_looked_for_by_reading_it(day: str) -> None:
    seen: list[Progress] = []
    from glancemetrics.records.time_span import TimeSpan
    from glancemetrics.selecting.selection import Selection

    made = report([day], selection=Selection(TimeSpan(BASE + 86_000)), progress=seen.append)
    assert made.hits == 400
    assert made.lines < 25_000
    assert seen[-1].read_bytes == Path(day).stat().st_size  # skipped bytes are done, too


def test_a_span_of_an_unsorted_log_is_found_all_the_same(tmp_path: Path) -> None:
    lines = numbered(0, 86_400).splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    name = write(tmp_path / "access.log", b"".join(lines))
    found = paths_in([name], since=BASE + 1000, until=BASE + 2000)
    assert sorted(found) == list(range(1000, 2000))


def test_bots_addresses_and_conditions(tmp_path: Path) -> None:
    bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    name = write(
        tmp_path / "access.log",
        line(request="GET /0 HTTP/1.1", agent=bot)
        + line(request="GET /1 HTTP/1.1", host="10.1.2.3", agent="-")
        + line(request="GET /2 HTTP/1.1", host="192.0.2.1", status=500),
    )
    assert paths_in([name], bots=True) == [0]
    assert paths_in([name], bots=False) == [1, 2]
    assert paths_in([name], exclude_ip=["10.0.0.0/8", "203.0.113.7"]) == [2]
    assert paths_in([name], where="status < 500 and agent is not null") == [0]
    hosts = gm.read(name, anonymize_ip=True).column("host").to_pylist()
    assert hosts == ["203.0.113.0", "10.1.2.0", "192.0.2.0"]


def test_what_is_stopped_reports_what_was_read(tmp_path: Path) -> None:
    names = [write(tmp_path / f"{i}.log", numbered(0, 1000, BASE + 10_000 * i)) for i in range(10)]
    told: list[Progress] = []
    made = report(names, progress=told.append, stopped=lambda: len(told) > 3)
    assert 1000 <= made.hits < 10_000
    assert made.unfinished is not None
    assert "% of the bytes" in made.unfinished
