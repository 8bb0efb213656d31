"""Formats of literal texts and fields: every line is a record or a reject, however it is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glancemetrics.formats import extraction, pattern
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.line_times import line_times
from glancemetrics.formats.log_format import reject_samples
from glancemetrics.formats.pattern import PatternFormat
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.records.schema import rows
from glancemetrics.simulation import Shape, Traffic
from tests.lines import BASE, line

NGINX = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
)
TIMED = f'{NGINX} $request_time $upstream_response_time "$http_x_forwarded_for"'
FORMATS = [
    NGINX,
    TIMED,
    '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
    "$msec $upstream_response_time $pipe",
    "%h:%p %{sec}t %u",
    "$time_iso8601 $scheme://$host$request_uri $status",
    "$remote_addr\t$msec\t$request\t$status",
    "$msec $upstream_addr $upstream_status $upstream_response_time $request_time $req_id",
]


def lines_of(log_format: PatternFormat, data: bytes) -> list[object]:
    """What is made of lines, the same in stages and at once."""
    made = []
    for few in (extraction.FEW_LINES, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(extraction, "FEW_LINES", few)
            decoded = log_format.decode(data)
        assert decoded.lines == data.count(b"\n")
        assert decoded.batch.num_rows + decoded.rejects == decoded.lines
        made.append([*rows(decoded.batch), *reject_samples(data, decoded, log_format)])
    assert made[0] == made[1]
    return made[0]


def custom(text: str) -> PatternFormat:
    stream = read_format(text)
    assert isinstance(stream, StreamFormat)
    (log_format,) = stream.formats
    assert isinstance(log_format, PatternFormat)
    return log_format


def reason(log_format: PatternFormat, line: bytes) -> str:
    decoded = log_format.decode(line)
    (sample,) = reject_samples(line, decoded, log_format)
    return sample.reason


words = st.text(
    st.sampled_from('ab/?&=%.:, -"\\[]\t\r0159é\x00') | st.characters(codec="utf-8"), max_size=12
).map(lambda text: text.replace("\n", ""))
pieces = st.one_of(
    words,
    st.sampled_from(
        ["203.0.113.7", "2001:db8::1", "-", "200", "0.25", "0.1, 0.2 : -", "1790000000.125", '"-"']
        + ["[17/May/2015:10:05:03 +0000]", '"GET / HTTP/1.1"', "2026-11-20T10:00:00Z", "https://x"]
    ),
)
loose_lines = st.lists(pieces, max_size=12).map(" ".join)


items = st.lists(st.sampled_from(["0.1", "-", "a:1", "200", "", ":", ",", "x,"]), max_size=3)
separators = st.sampled_from([", ", " : ", " ", ","])


@st.composite
def listed_lines(draw: st.DrawFn) -> str:
    """Lines that may be of a format with lists of upstreams."""
    lists = [draw(separators).join(draw(items)) for _ in range(draw(st.integers(1, 5)))]
    return " ".join(["1.0", *lists, draw(st.sampled_from(["0.4 id", "id", ""]))])


@st.composite
def timed_lines(draw: st.DrawFn) -> str:
    """Lines that are almost, or quite, of the format `TIMED`."""
    quoted = words.map(lambda text: text.replace('"', r"\""))
    return (
        f"{draw(st.sampled_from(['h', '::1', '-', 'a b', '']))} - {draw(words | st.just('-'))} "
        f'[17/May/2015:10:05:03 +0000] "{draw(quoted)}" {draw(st.sampled_from(["200", "-", "9"]))} '
        f'{draw(st.sampled_from(["5", "-", "x"]))} "{draw(quoted)}" "{draw(words)}" '
        f"{draw(st.sampled_from(['0.1', '1', '-', 'y']))} "
        f'{draw(st.sampled_from(["0.1", "-", "0.1, 0.2", "0.1 : -", ","]))} "{draw(words)}"'
        f"{draw(st.sampled_from(['', ' ', chr(13), ' x']))}"
    )


@pytest.mark.parametrize("text", FORMATS)
@given(lines=st.lists(loose_lines | timed_lines() | listed_lines(), max_size=8))
@example(lines=["203.0.113.7:443 1790000000 bob", "2001:db8::1:443 1790000000 bob"])
@example(lines=["1.0 0.1 : 0.2 p", "1.0 0.1 p", "1.0  p", "1.0 0.1, p", "1.0 : p", "1.0 - : - -"])
@example(lines=["1.0 a:1, b:2 : c 502, 200 : - 0.1, 0.2 : - 0.4 id", "1.0 - - - 0.4 id"])
@example(lines=["1.0 a : b", "1.0 a 200 0.1 : 0.2", "1.0 : : : : : :", "1.0 , , , 1 2"])
@example(lines=['h - - [17/May/2015:10:05:03 +0000] "" 200 5 "" "" 0.1 0.1 "\\"'])
@example(lines=["1.0  ,   0.4 id"])
@example(  # the first line is none, but its texts were seen
    lines=[
        'h - 0 [17/May/2015:10:05:03 +0000] "" 200 5 "" """ 0.1 0.1 ""',
        'h -  [17/May/2015:10:05:03 +0000] "" 200 5 "" "" 0.1 0.1 ""',
        'h - 0 [17/May/2015:10:05:03 +0000] "" 200 5 "" "" 0.1 0.1 ""',
    ]
)
def test_compiled_code_and_re2_read_the_same(text: str, lines: Sequence[str]) -> None:
    data = "".join(f"{one}\n" for one in lines).encode()
    assert lines_of(custom(text), data) == lines_of(custom(text).without_splitting(), data)


@given(data=st.binary(max_size=300))
def test_whatever_comes_is_accounted_for(data: bytes) -> None:
    for text in FORMATS:
        lines_of(custom(text), data + b"\n")


@pytest.mark.parametrize("text", [NGINX, FORMATS[2]])
def test_traffic_gives_the_records_that_the_combined_format_gives(text: str) -> None:
    data = b"".join(Traffic(Shape(20), seed=3).seconds(BASE, 3000)) + line(
        user="two words", request='GET /\\"x HTTP/1.1', agent="\\\\", size="-", status="-"
    )
    made = custom(text).decode(data)
    expected = COMBINED.decode(data)
    assert made.batch.num_rows == 3001
    assert rows(made.batch) == rows(expected.batch)


# What nginx writes for a byte of a value, and what it is in a record: the same.
# https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format (escape=default)
def escaped(text: str) -> str:
    return "".join(
        chr(byte) if 32 <= byte <= 126 and byte not in b'"\\' else f"\\x{byte:02X}"
        for byte in text.encode()
    )


@given(
    user=st.text(st.characters(codec="ascii", exclude_characters="[]\r\n"), min_size=1, max_size=9),
    agent=st.text(max_size=20),
    duration=st.integers(0, 10**9),
    second=st.integers(0, 4 * 10**9),
    status=st.integers(0, 599),
)
def test_what_nginx_writes_is_read_back(
    user: str, agent: str, duration: int, second: int, status: int
) -> None:
    user, agent = escaped(user).strip() or "x", escaped(agent)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    text = (
        f"::1 - {user} [{moment:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"GET /a HTTP/1.1" {status:03} 7 "-" "{agent}" {duration / 1000:.3f} - "-"\n'
    )
    decoded = custom(TIMED).decode(text.encode())
    (record,) = rows(decoded.batch)
    assert record.time == moment
    assert (record.user, record.agent) == (
        None if user == "-" else user,
        None if agent in ("-", "") else agent,
    )
    assert (record.status, record.duration) == (status, pytest.approx(duration / 1000))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the line is empty"),
        ("::1", "expected the text ' - ' at character 4"),
        ('::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 2x0 5', "expected $status at"),
        ('::1 - - [31/Feb/2015:10:05:03 +0000] "-" - - "-" "-"', "31/Feb/2015:10:05:03 +0000"),
        (
            '::1 - - [17/May/2015:10:05:03 +0000] "-" - - "-" "-" x',
            "expected the end of the line at character 53",
        ),
    ],
)
def test_a_reject_says_where_the_line_stops_to_be_of_the_format(text: str, said: str) -> None:
    assert said in reason(custom(NGINX), f"{text}\n".encode())


@pytest.mark.parametrize("space", ["\t", "\x0b", "\x1c", "\x85", "\xa0"])
def test_white_space_of_other_kinds_ends_no_line(space: str) -> None:
    assert reason(custom("$msec $status"), f"1.0 200 {space}\n".encode()) == (
        "expected the end of the line at character 8"
    )


def test_a_time_that_is_none_is_told_though_anything_may_follow() -> None:
    text = b"31/Feb/2015:10:05:03 +0000 whatever\n"
    assert reason(custom("$time_local $pipe"), text) == "31/Feb/2015:10:05:03 +0000 is not a time"


def test_bytes_that_are_not_utf_8_are_shown_and_move_no_line() -> None:
    log_format = custom("$remote_addr $msec")
    data = b"\xff\xfe 5.0\nbad\n\xc3\xa9 6.0\n"
    assert [record.host for record in rows(log_format.decode(data).batch)] == [r"\xff\xfe", "é"]
    offsets, seconds = line_times(log_format)(data + b"half 7")
    assert (offsets.tolist(), seconds.tolist()) == ([0, 11], [5, 6])


def test_a_value_that_no_record_has_is_in_no_column() -> None:
    data = b"a 1.0 200\nb 1.0 2x0\nc nope 200\n"
    batch = custom("$remote_addr $msec $status").decode(data).batch
    assert batch.column("host").dictionary.to_pylist() == ["a"]


def test_a_long_hostile_line_costs_no_more_than_its_length() -> None:
    short, long = b'a - "' * 20_000 + b"\n", b'a - "' * 200_000 + b"\n"
    assert custom(TIMED).decode(short).rejects == custom(TIMED).decode(long).rejects == 1


def test_delimited_formats_are_split_and_others_matched() -> None:
    assert [custom(text).is_split for text in FORMATS] == [
        *(True, True, True),
        *(True, False, False),
        *(True, True),
    ]
    assert pattern.MOST_FIELDS >= 20
