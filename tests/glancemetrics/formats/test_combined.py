"""Common and combined lines: every line is a record or a reject, whichever path reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glancemetrics.formats.combined import COMBINED, decode, explain
from glancemetrics.formats.log_format import reject_samples
from glancemetrics.records.schema import MOST_BYTES, SCHEMA, LogRecord, rows
from tests.conftest import thorough
from tests.lines import line

TIME = "[17/May/2015:10:05:03 +0000]"
MOMENT = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)


def one(text: str | bytes) -> LogRecord:
    data = text.encode() if isinstance(text, str) else text
    decoded = decode(data + b"\n")
    assert (decoded.lines, decoded.rejects) == (1, 0), explain(data)
    (record,) = rows(decoded.batch)
    return record


def reason(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    decoded = decode(data + b"\n")
    assert (decoded.lines, decoded.batch.num_rows, decoded.rejects) == (1, 0, 1)
    (sample,) = reject_samples(data + b"\n", decoded, COMBINED)
    return sample.reason


def test_a_combined_line_fills_every_column_it_has() -> None:
    record = one(
        f'203.0.113.7 id alice {TIME} "post /a/b?x=1&y=%20 HTTP/1.1" 404 2326 '
        '"https://example.com/start?q=a b" "Mozilla/5.0 (X11; Linux)"'
    )
    assert record == LogRecord(
        time=MOMENT,
        host="203.0.113.7",
        identity="id",
        user="alice",
        method="POST",
        path="/a/b",
        query="x=1&y=%20",
        protocol="HTTP/1.1",
        request=None,
        status=404,
        bytes=2326,
        referrer="https://example.com/start?q=a b",
        agent="Mozilla/5.0 (X11; Linux)",
        vhost=None,
        duration=None,
        upstream_duration=None,
    )


def test_a_common_line_has_no_referrer_and_no_agent() -> None:
    record = one(f'203.0.113.7 - - {TIME} "GET / HTTP/1.0" 200 5')
    assert (record.path, record.bytes, record.referrer, record.agent) == ("/", 5, None, None)


def test_common_and_combined_lines_mix_and_keep_their_order() -> None:
    lines = [
        f'h{i} - - {TIME} "GET /{i} HTTP/1.1" 200 5' + (' "-" "x"' if i % 3 else "")
        for i in range(20)
    ]
    lines[7] = "garbage"
    lines[11] = f'h11 - two words {TIME} "GET /11 HTTP/1.1" 200 5 "-" "x"'
    decoded = decode("".join(text + "\n" for text in lines).encode())
    assert [record.host for record in rows(decoded.batch)] == [f"h{i}" for i in range(20) if i != 7]
    assert (decoded.lines, decoded.rejects) == (20, 1)


def test_dashes_are_unknown() -> None:
    record = one(f'- - - {TIME} "-" - - "-" "-"')
    assert (record.host, record.user, record.status, record.bytes) == (None, None, None, None)
    assert (record.method, record.path, record.request) == (None, None, None)
    assert (record.referrer, record.agent) == (None, None)


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /", ("GET", "/", None, "HTTP/0.9", None, None)),
        ("GET /a?b?c HTTP/2.0", ("GET", "/a", "b?c", "HTTP/2.0", None, None)),
        ("GET /a? HTTP/1.1", ("GET", "/a", "", "HTTP/1.1", None, None)),
        ("get /a HTTP/3", ("GET", "/a", None, "HTTP/3", None, None)),
        ("OPTIONS * HTTP/1.0", ("OPTIONS", "*", None, "HTTP/1.0", None, None)),
        ("CONNECT x.org:443 HTTP/1.1", ("CONNECT", "x.org:443", None, "HTTP/1.1", None, None)),
        ("GET http://x.org/a?b HTTP/1.1", ("GET", "/a", "b", "HTTP/1.1", "x.org", None)),
        ("GET http://x.org HTTP/1.1", ("GET", "/", None, "HTTP/1.1", "x.org", None)),
        ("GET /a b c HTTP/1.1", ("GET", "/a b c", None, "HTTP/1.1", None, None)),
        ("POST /", (None, None, None, None, None, "POST /")),
        ("GET  HTTP/1.1", (None, None, None, None, None, "GET  HTTP/1.1")),
        (r"\x16\x03\x01", (None, None, None, None, None, r"\x16\x03\x01")),
        ("GET / HTTP/x", (None, None, None, None, None, "GET / HTTP/x")),
        ("ſtraße / HTTP/1.1", (None, None, None, None, None, "ſtraße / HTTP/1.1")),
        ("", (None, None, None, None, None, None)),
    ],
)
def test_request_lines_have_a_defined_result(request_line: str, expected: tuple) -> None:
    record = one(f'h - - {TIME} "{request_line}" 400 0 "-" "-"')
    assert (
        record.method,
        record.path,
        record.query,
        record.protocol,
        record.vhost,
        record.request,
    ) == expected


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("agent", r"a \"quoted\" name"),
        ("agent", r"ends in a backslash \\"),
        ("referrer", r"\x22\x5C"),
        ("agent", r"\" \" 200 5 \" \""),
        ("path", r"/a\"b"),
        ("path", r"/\x16\x03"),
    ],
)
def test_escapes_survive_exactly(field: str, text: str) -> None:
    data = line(request=f"GET {text} HTTP/1.1") if field == "path" else line(**{field: text})
    assert getattr(one(data[:-1]), field) == text


@pytest.mark.parametrize(
    ("host", "user"),
    [
        ("2001:db8::1", "-"),
        ("::ffff:192.0.2.1", "al\tice"),
        ("unix:", "-"),
        ("example.org", "user with spaces"),
        ("h", "-x"),
    ],
)
def test_hosts_and_users_as_servers_write_them(host: str, user: str) -> None:
    record = one(line(host=host, user=user)[:-1])
    assert (record.host, record.user) == (host, None if user == "-" else user)


def test_bytes_that_are_not_utf8_are_written_out() -> None:
    assert one(line(agent="AGENT")[:-1].replace(b"AGENT", b"caf\xe9 \xf0\x9f\x98\x80")).agent == (
        r"caf\xe9 😀"
    )


def test_a_line_that_is_not_utf8_costs_its_neighbours_nothing() -> None:
    data = line(agent="é") + line(agent="X").replace(b"X", b"\xff") + line(agent="ü")
    assert [record.agent for record in rows(decode(data).batch)] == ["é", r"\xff", "ü"]


def test_crlf_ends_lines_as_a_newline_does() -> None:
    data = (line(agent="a") + line(agent="b")).replace(b"\n", b"\r\n")
    assert [record.agent for record in rows(decode(data).batch)] == ["a", "b"]


def test_a_carriage_return_within_a_line_stays_in_it() -> None:
    assert one(line(agent="a\rb")[:-1]).agent == "a\rb"


def test_a_byte_order_mark_is_not_part_of_the_host() -> None:
    assert one(b"\xef\xbb\xbf" + line()[:-1]).host == "203.0.113.7"


@pytest.mark.parametrize("status", ["000", "100", "499", "599", "999"])
def test_any_three_digits_are_a_status(status: str) -> None:
    assert one(line(status=status)[:-1]).status == int(status)


def test_times_are_converted_to_utc() -> None:
    text = f'h - - {TIME.replace("+0000", "+0330")} "GET / HTTP/1.1" 200 5'
    assert one(text).time == datetime(2015, 5, 17, 6, 35, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("2015/05/17 10:05:03 [error] 7#7: *1 open() failed", "no time"),
        (f'h {TIME} "GET / HTTP/1.1" 200 5', "host, identity and user"),
        (f'x h - - {TIME} "GET / HTTP/1.1" 200 5', "host, identity and user"),
        ('h - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5', "is not a time"),
        ('h - - [17/May/2015:24:05:03 +0000] "GET / HTTP/1.1" 200 5', "is not a time"),
        ('h - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5', "is not a time"),
        (f"h - - {TIME} GET / 200 5", "double quotes after the time"),
        (f'h - - {TIME} "GET / HTTP/1.1 200 5', "is not closed"),
        (f'h - - {TIME} "GET / HTTP/1.1" OK 5', "three digits"),
        (f'h - - {TIME} "GET / HTTP/1.1" 20 5', "three digits"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 many', "not a number"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 0x1F', "not a number"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 -5', "not a number"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 +5', "not a number"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200', "not a number"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 5 ref', "referrer"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 5 "ref"', "user agent"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 5 "ref" "agent', "user agent"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 5 "ref" "agent" 0.05', "unexpected text"),
        (f'h - - {TIME} "GET /"x" HTTP/1.1" 200 5', "three digits"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 5 "ref" x"agent"', "user agent"),
        (f'h - - {TIME} "GET / HTTP/1.1" 200 5 x"ref" "agent"', "referrer"),
        (f'h  - {TIME} "GET / HTTP/1.1" 200 5', "host, identity and user"),
        (f' - - {TIME} "GET / HTTP/1.1" 200 5', "host, identity and user"),
        (f'h -  {TIME} "GET / HTTP/1.1" 200 5', "host, identity and user"),
    ],
)
def test_a_reject_says_what_is_wrong(text: str, expected: str) -> None:
    assert expected in reason(text)


def test_a_stray_quote_costs_one_line() -> None:
    data = line(agent="a") + b'h - - [x "GET / 200 5 "\n' + line(agent='b"c') + line(agent="d")
    decoded = decode(data)
    assert [record.agent for record in rows(decoded.batch)] == ["a", "d"]
    assert (decoded.lines, decoded.rejects) == (4, 2)


def test_the_first_and_the_last_rejects_are_kept_as_samples() -> None:
    data = b"".join(b"bad %d\n" % i for i in range(100))
    decoded = decode(data)
    assert decoded.rejects == 100
    kept = [sample.line for sample in reject_samples(data, decoded, COMBINED)]
    assert (kept[0], kept[-1], len(kept)) == ("bad 0", "bad 99", 8)


def test_a_chunk_without_lines_is_an_empty_batch() -> None:
    decoded = decode(b"")
    assert (decoded.lines, decoded.batch.num_rows) == (0, 0)
    assert decoded.batch.schema == SCHEMA


FIELD = st.text(st.characters(codec="utf-8", exclude_characters='"\\\n\r'), max_size=20)
HOSTILE_PIECES = st.sampled_from(
    [
        b'"',
        b"\\",
        b" ",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xc3\xa9",
        b"-",
        b'\\"',
        b"0x1",
        b"[",
        b"]",
        b"6",
        b"9",
        b":",
    ]
)


@given(st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")), max_size=8))
@settings(max_examples=thorough(150, 2000), deadline=None)
def test_any_bytes_are_records_or_rejects(pieces: list[bytes]) -> None:
    data = b"".join(piece + b"\n" for piece in pieces)
    decoded = decode(data)
    assert decoded.lines == len(pieces) == decoded.batch.num_rows + decoded.rejects
    decoded.batch.validate(full=True)


@st.composite
def mangled_lines(draw: st.DrawFn) -> bytes:
    """A good line with some of its bytes replaced, cut, or others put in."""
    data = bytearray(
        line(
            host=draw(st.sampled_from(["1.2.3.4", "::1", "-"])),
            user=draw(st.sampled_from(["-", "bob", "a b"])),
            request=draw(st.sampled_from(["GET / HTTP/1.1", "-", "GET /a?b", "x"])),
            size=draw(st.sampled_from(["-", 5, 12345678, 123456789, 10**17])),
        )[:-1]
    )
    if draw(st.booleans()):
        data = data[: -len(b' "-" "curl/8.5.0"')]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(HOSTILE_PIECES)
    return bytes(data).replace(b"\n", b"")


@given(st.lists(mangled_lines(), min_size=1, max_size=6))
@settings(max_examples=thorough(200, 3000), deadline=None)
@example([b'h - - [17/May/2015:10:05:03 +0000] "a" 200 0x5'])
def test_a_line_means_the_same_alone_and_among_others(lines: list[bytes]) -> None:
    together = decode(b"".join(text + b"\n" for text in lines))
    alone = [decode(text + b"\n") for text in lines]
    assert together.lines == len(lines) == together.batch.num_rows + together.rejects
    assert rows(together.batch) == [record for each in alone for record in rows(each.batch)]


@given(mangled_lines())
@settings(max_examples=thorough(200, 3000), deadline=None)
@example(line(host=":61")[:-1])
@example(line(host="[]")[:-1])
@example(line(host="unknown")[:-1])
@example(line(host="a,")[:-1])
@example(line(host="10.0.0.1, 1.2.3.4")[:-1])
@example(line(user="a ")[:-1])
@example(line(size=MOST_BYTES)[:-1])
@example(line(size=MOST_BYTES + 1)[:-1])
def test_both_paths_read_a_line_the_same(text: bytes) -> None:
    # A byte order mark is taken off, and sends a line on the careful path.
    fast, careful = decode(text + b"\n"), decode(b"\xef\xbb\xbf" + text + b"\n")
    assert rows(fast.batch) == rows(careful.batch)


@given(host=FIELD, agent=FIELD, referrer=FIELD)
@settings(deadline=None)
def test_what_is_written_is_what_is_read(host: str, agent: str, referrer: str) -> None:
    host = re.sub("[ ,:]", "", host)  # of a list one is chosen, and ports are taken off
    record = one(line(host="h" + host, agent=agent, referrer=referrer)[:-1])
    assert record.host == "h" + host
    assert record.agent == (None if agent in ("-", "") else agent)
    assert record.referrer == (None if referrer in ("-", "") else referrer)
