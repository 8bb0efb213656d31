"""Plain lines are counted without columns: the report is that of the decoded records."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.log_format import UNKNOWN, LineContext, LogFormat
from glancemetrics.formats.plain import may_be_plain, split_plain
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.native.library import quick
from glancemetrics.native.plain_lines import PlainLines, RequestTotals, Tallying
from glancemetrics.records.schema import rows
from glancemetrics.records.zones import offsets_at
from glancemetrics.reporting.panels import groups_kept
from glancemetrics.reporting.plain_counting import Int64s, Pending, PlainCounting, at_once
from glancemetrics.reporting.report import Report, ReportOptions, build_report
from glancemetrics.reporting.slices import Base, slices_of
from glancemetrics.reporting.tally import Extent, Tally
from glancemetrics.reporting.visitors import HASH_BITS, Pairs
from glancemetrics.simulation import Shape, Traffic
from tests.conftest import thorough
from tests.glancemetrics.reporting.making import EVERYTHING, Late, batches_of, report_of, settle
from tests.lines import BASE, line

FORMAT = StreamFormat((COMBINED,))


def chunks_of(lines: Sequence[bytes], size: int) -> Iterator[bytes]:
    return (b"".join(lines[first : first + size]) for first in range(0, len(lines), size))


def counted(
    chunks: Iterable[bytes],
    zone: ZoneInfo | None = None,
    ceiling: int = 1 << 40,
    aside: Callable[[Callable[[], Extent]], Pending] = at_once,
) -> tuple[Tally, int]:
    """Count chunks; returns also how many of the records were plain."""
    tally = Tally(ceiling, groups_kept())
    counting = PlainCounting(tally, aside, behind=2)
    plain = 0
    for chunk in chunks:
        split = split_plain(FORMAT, chunk, UNKNOWN)
        minutes = None
        if split is not None:
            seconds = split.plain.seconds()
            minutes = split.plain.minutes(None if zone is None else offsets_at(seconds, zone))
        if split is None or minutes is None:
            counting.finish()
            tally.add(slices_of(FORMAT.decode(chunk).batch, zone))
        else:
            counting.add(split.plain, minutes)
            if split.rest.batch.num_rows:
                counting.finish()
                tally.add(slices_of(split.rest.batch, zone))
            plain += len(split.plain.plain)
    counting.finish()
    return tally, plain


def report_on_plain(chunks: Iterable[bytes], zone: ZoneInfo | None = None) -> tuple[Report, int]:
    tally, plain = counted(chunks, zone)
    return build_report(tally, ReportOptions(top=EVERYTHING, zone=zone)), plain


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='"\n\\', categories=["L", "N", "P"])
)
LONG = st.builds(
    lambda letter, length: letter * length,
    st.sampled_from(["x", "ü", "€", "\U0001f600"]),
    st.sampled_from([127, 128, 129, 256, 257, 511, 512, 513, 600]),
)
HOSTS = LONG | st.sampled_from(
    ["203.0.113.7", "2001:db8::1", "-", "unknown", "[::1]:80", "a, b", "198.51.100.1:8080", "h"]
)
METHODS = st.sampled_from(
    ["GET", "POST", "get", "OPTIONS", "CONNECT", "PROPPATCH", "VERSION-CONTROL", "G3T"]
)
VERSIONS = st.sampled_from(["HTTP/1.1", "HTTP/2", "HTTP/2.0", "http/1.1", "", "HTTP/11"])
TARGETS = st.one_of(
    st.sampled_from(
        ["/", "/a", "/a?b=1", "/?", "*", "http://example.org/x?y", "/a b", "/a ?b c", "//", ""]
    ),
    st.sampled_from(["-", "http://", "http:///a", "https://?a", "example.org:443", "(malformed)"]),
    NAMES.map(lambda name: f"/{name}"),
    LONG.map(lambda name: f"/{name}"),
)
REQUESTS = st.one_of(
    st.tuples(METHODS, TARGETS, VERSIONS).map(" ".join),
    st.sampled_from(["-", "", "GET /a", "\\x16\\x03", "GET  HTTP/1.1", " /a HTTP/1.1"]),
)
LINES = st.builds(
    line,
    st.integers(BASE - 90_000, BASE + 90_000),
    host=HOSTS,
    user=LONG | st.sampled_from(["-", "alice", "bob b", "ü"]),
    request=REQUESTS,
    status=st.sampled_from([200, 404, 404, 500, 599, 600, 0, 99, "-"]).map(
        lambda status: f"{status:03d}" if isinstance(status, int) else status
    ),
    size=st.sampled_from(["-", 0, 512, 1 << 46, (1 << 46) + 1]),
    referrer=st.one_of(st.sampled_from(["-", "", "https://example.org/"]), NAMES, LONG),
    agent=st.one_of(st.sampled_from(["-", "curl/8.5.0", 'a \\"b\\" c']), NAMES, LONG),
)
PLAIN = st.builds(
    line,
    st.integers(BASE - 90_000, BASE + 90_000),
    host=st.sampled_from(["203.0.113.7", "2001:db8::1", "h"]),
    user=st.sampled_from(["-", "alice"]),
    request=st.builds(
        "{} {} {}".format,
        st.sampled_from(["GET", "POST", "PROPFIND"]),
        st.sampled_from(["/", "/a", "/a?b=1", "/?", "/a b", "/a ?b c", "//", "/ü"]),
        st.sampled_from(["HTTP/1.1", "HTTP/2"]),
    ),
    status=st.sampled_from([200, 304, 404, 403, 500, 599, 600]),
    size=st.sampled_from(["-", 0, 512, 1 << 46]),
    referrer=st.sampled_from(["-", "https://example.org/"]),
    agent=st.sampled_from(["-", "curl/8.5.0", "Mozilla/5.0"]),
)
COMMON = st.builds(
    lambda made: made[: made.index(b' "-"')] + b"\r\n", LINES.filter(lambda made: b' "-"' in made)
)
ZONES = st.sampled_from([None, "Asia/Kathmandu", "America/New_York"])


@st.composite
def mostly_plain(draw: st.DrawFn) -> list[bytes]:
    """Draw lines; few of them are odd, so that chunks are split."""
    lines = draw(st.lists(PLAIN, max_size=20))
    odd = st.one_of(LINES, COMMON, st.sampled_from([b"\n", b"\xff\n", b"nonsense\n"]))
    for one in draw(st.lists(odd, max_size=3)):
        lines.insert(draw(st.integers(0, len(lines))), one)
    return lines


@settings(max_examples=thorough(150, 10_000), deadline=None)
@given(mostly_plain(), ZONES)
@example([line(), line(request="GET /(malformed) HTTP/1.1"), line(request="-")] * 5, None)
def test_the_report_is_that_of_the_decoded_records(lines: list[bytes], zone: str | None) -> None:
    place = None if zone is None else ZoneInfo(zone)
    log = b"".join(lines)
    found, _ = report_on_plain(chunks_of(lines, 7), place)
    expected = report_of([FORMAT.decode(log).batch] if log else [], zone=place)
    assert found.to_json() == expected.to_json()


def test_all_lines_of_usual_traffic_are_plain() -> None:
    log = b"".join(Traffic(Shape(50, visitors=300, paths=200), seed=3).seconds(BASE, 400))
    lines = log.splitlines(keepends=True)
    found, plain = report_on_plain(chunks_of(lines, 997))
    assert plain == len(lines)
    assert found.to_json() == report_of(batches_of(log, 5000)).to_json()


@pytest.mark.parametrize(
    "request_line",
    [
        "-",
        "",
        "\\x16\\x03\\x01",
        "GET /a",
        "get /a HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET /a b c",
        "a b",
    ],
)
def test_requests_that_scanners_send_are_plain(request_line: str) -> None:
    odd = [
        line(request=request_line, status=status, referrer=referrer)
        for status in (200, 400, 404, 500)
        for referrer in ("-", "https://example.org/")
    ]
    lines = [*odd, line(request="CONNECT (malformed) HTTP/1.1"), line(status=404), *odd]
    found, plain = report_on_plain([b"".join(lines)])
    assert plain == len(lines)
    assert found.to_json() == report_of(batches_of(b"".join(lines))).to_json()


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600"])
def test_lines_with_long_texts_are_plain(letter: str) -> None:
    lines = [
        line(
            host=letter * 300 + "h" * length,
            user=letter * length,
            request=f"GET /{letter * length} HTTP/1.1",
            status=404,
            referrer=letter * 2 * length,
            agent=f"{number % 2}" + letter * 700,
        )
        for number, length in enumerate([1, 128, 511, 512, 513, 2000, 9000])
    ] * 3
    found, plain = report_on_plain(chunks_of(lines, 4))
    assert plain == len(lines)
    assert found.to_json() == report_of(batches_of(b"".join(lines))).to_json()
    assert found.visitors == 7


def test_more_protocols_than_a_visitor_has_flags_for() -> None:
    lines = [
        line(
            BASE + number,
            request=f"GET /a HTTP/{number // 10}.{number % 10}",
            host=f"h{number % 7}",
        )
        for number in range(100)
    ]
    found, plain = report_on_plain([b"".join(lines)])
    assert plain == 100
    assert found.to_json() == report_of(batches_of(b"".join(lines))).to_json()
    assert len(found.panel("protocols").rows) == 100


def test_a_chunk_of_very_many_minutes_is_decoded() -> None:
    log = b"".join(line(BASE + 60 * number) for number in range(5000))
    found, plain = report_on_plain([log])
    assert plain == 0
    assert found.to_json() == report_of(batches_of(log)).to_json()


def test_a_chunk_whose_minutes_are_in_no_order() -> None:
    minutes = random.Random(3).choices(range(-2000, 2000), k=8000)
    log = b"".join(line(60 * minute, host=f"h{minute % 9}") for minute in minutes)
    found, plain = report_on_plain([log])
    assert plain == len(minutes)
    assert found.to_json() == report_of(batches_of(log)).to_json()


def test_minutes_become_hours_in_a_long_log() -> None:
    lines = [line(BASE + 60 * number) for number in range(9000)]
    tally, plain = counted(chunks_of(lines, 2000))
    assert plain == len(lines)
    assert tally.time_step == 3600
    assert len(tally.by[Base.TIME]) == 151
    found = build_report(tally, ReportOptions(top=EVERYTHING))
    assert found.to_json() == report_of(batches_of(b"".join(lines), 2000)).to_json()


def test_pairs_of_few_minutes_keep_all_bits_in_a_chunk_of_many_lines() -> None:
    tally, plain = counted([b"".join(line(BASE + number) for number in range(1000))])
    visits = tally.by[Base.TIME].visits
    assert plain == 1000
    assert isinstance(visits, Pairs)
    assert visits.bits == HASH_BITS[0]


@pytest.mark.slow
def test_past_its_ceiling_a_tally_says_how_much_is_missing() -> None:
    traffic = Traffic(Shape(5, visitors=60_000, paths=200_000), seed=11)
    lines = b"".join(traffic.seconds(BASE, 60_000)).splitlines(keepends=True)
    tally, plain = counted(chunks_of(lines, 5000), ceiling=1_200_000)
    assert plain == len(lines)
    settle(tally)
    assert tally.size_bytes() <= 1_200_000
    found = build_report(tally, ReportOptions(top=EVERYTHING))
    expected = report_of(batches_of(b"".join(lines), 50_000))
    assert (found.hits, found.bytes, found.errors) == (
        expected.hits,
        expected.bytes,
        expected.errors,
    )
    assert found.visitors_estimated
    assert found.visitors == pytest.approx(expected.visitors, rel=0.05)
    paths, exact = found.panel("paths"), expected.panel("paths")
    assert paths.short > 0
    hits = {row.name: row.hits for row in exact.rows}
    for row in paths.rows:
        if row.name != "(other)":
            assert 0 <= hits[row.name] - row.hits <= paths.short
    sections = {row.name: row.hits for row in expected.panel("sections").rows}
    assert {row.name: row.hits for row in found.panel("sections").rows} == sections


@pytest.mark.parametrize(("visitors", "paths"), [(3000, 10_000), (60_000, 300)])
def test_past_its_ceiling_a_report_is_the_same_however_slow_the_other_thread_is(
    visitors: int, paths: int
) -> None:
    ceiling = 400_000
    traffic = Traffic(Shape(5, visitors=visitors, paths=paths), seed=11)
    lines = b"".join(traffic.seconds(BASE, 12_000)).splitlines(keepends=True)
    reports = []
    for aside in (at_once, Late):
        tally, plain = counted(chunks_of(lines, 250), ceiling=ceiling, aside=aside)
        assert plain == len(lines)
        assert tally.size_bytes() <= ceiling
        reports.append(build_report(tally, ReportOptions(top=EVERYTHING)).to_json())
    assert reports[0] == reports[1]
    assert tally.level > 0


def plain_chunk(chunk: bytes | bytearray) -> tuple[PlainLines, Int64s]:
    split = split_plain(FORMAT, memoryview(chunk), UNKNOWN)
    assert split is not None
    minutes = split.plain.minutes()
    assert minutes is not None
    return split.plain, minutes


def test_a_chunk_of_which_nothing_is_counted_lets_the_one_before_go() -> None:
    tally = Tally(1 << 40)
    counting = PlainCounting(tally, Late, behind=1)
    chunk = bytearray(line(request="GET /before HTTP/1.1"))
    counting.add(*plain_chunk(chunk))
    counting.add(*plain_chunk(b""))
    chunk[:] = line(request="GET /behind HTTP/1.1")
    counting.finish()
    assert tally.by[Base.PATH].names.to_pylist() == ["/before"]


def test_after_memory_ran_out_there_is_room_for_the_chunks_that_wait() -> None:
    rooms = []

    class Scarce(Tallying):
        def prepare(self, dimension: str, names: int | None, sums: Int64s, **others: Any) -> None:
            super().prepare(dimension, names, sums, **others)
            if dimension == "path":
                rooms.append(len(sums) - quick.gm_strings_count(names))

        def count_requests(self, lines: PlainLines, minutes: Int64s, level: int) -> RequestTotals:
            super().count_requests(lines, minutes, level)
            raise MemoryError

    counting = PlainCounting(Tally(1 << 40), Late, behind=9, tallying=Scarce())
    for chunk in range(2):
        paths = [line(request=f"GET /{chunk}/{number} HTTP/1.1") for number in range(300)]
        counting.add(*plain_chunk(b"".join(paths)))
    for _ in range(2):  # the thread goes on after an error
        with pytest.raises(MemoryError):
            counting.finish()
    assert len(rooms) == 2
    assert min(rooms) >= 300


def test_where_lines_are_left_they_are_decoded_in_the_same_format() -> None:
    odd = line(request="GET http://example.org/a HTTP/1.1")
    chunk = line() * 8 + b"nonsense\n" + odd
    split = split_plain(FORMAT, chunk, UNKNOWN)
    assert split is not None
    assert (split.plain.lines, len(split.plain.plain), split.rest.rejects) == (10, 8, 1)
    assert split.left == b"nonsense\n" + odd
    assert [record.vhost for record in rows(split.rest.batch)] == ["example.org"]


@pytest.mark.parametrize(
    ("log_format", "context", "is_plain"),
    [
        (FORMAT, UNKNOWN, True),
        (COMBINED, UNKNOWN, True),
        (FORMAT, LineContext(kept=("user",)), False),
        (AutoFormat(FORMAT, learns=False), UNKNOWN, True),
        # What it learns from a chunk is for the chunks after it.
        (AutoFormat(FORMAT, learns=True), UNKNOWN, False),
        (AutoFormat(learns=False), UNKNOWN, False),
    ],
)
def test_which_logs_may_be_plain(
    log_format: LogFormat, context: LineContext, *, is_plain: bool
) -> None:
    assert may_be_plain(log_format, context) is is_plain
    assert (split_plain(log_format, line() * 10, context) is not None) is is_plain


def test_a_chunk_whose_format_is_in_doubt_is_decoded_whole() -> None:
    log_format = AutoFormat(FORMAT, learns=False)
    assert split_plain(log_format, line() * 99 + b"nonsense\n", UNKNOWN) is not None
    assert split_plain(log_format, line() * 95 + b"nonsense\n" * 5, UNKNOWN) is None
    assert split_plain(FORMAT, line() * 95 + b"nonsense\n" * 5, UNKNOWN) is not None
    assert split_plain(FORMAT, line() * 5 + b"nonsense\n" * 5, UNKNOWN) is None
