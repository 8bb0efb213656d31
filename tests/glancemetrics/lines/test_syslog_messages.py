"""Syslog messages out of a stream, wherever it is cut, and their headers."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glancemetrics.formats.detection import detect
from glancemetrics.lines.splitter import OVERLONG_SAMPLE
from glancemetrics.lines.syslog_messages import (
    MOST_COUNTED,
    Messages,
    Sender,
    SyslogFraming,
    messages_of,
    opened,
)
from tests.lines import line

LIMIT = 2000


def framed(stream: bytes, cuts: list[int], *, nul_ends: bool = False) -> Messages:
    framing = SyslogFraming(nul_ends=nul_ends, limit=LIMIT)
    places = sorted(min(cut, len(stream)) for cut in cuts)
    pieces = zip([0, *places], [*places, len(stream)], strict=True)
    found = [framing.feed(stream[start:end]) for start, end in pieces]
    found.append(framing.end())
    assert framing.held == 0
    return Messages(
        [message for one in found for message in one.whole],
        [sample for one in found for sample in one.overlong],
    )


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


def test_counted_messages_keep_their_newlines_as_text() -> None:
    stream = counted(b"<14>one") + counted(b"<14>t\nwo\n") + counted(b"<14>three\r\n\0")
    assert framed(stream, [3, 9]).whole == [b"<14>one", rb"<14>t\nwo", b"<14>three"]


def test_lines_are_messages() -> None:
    assert framed(b"<14>one\n\n<14>two\r\n<14>three\0\n<14>rest", []).whole == [
        b"<14>one", b"<14>two", b"<14>three", b"<14>rest",
    ]  # fmt: skip


def test_both_framings_follow_each_other_on_one_connection() -> None:
    stream = b"<14>a\n" + counted(b"<14>b\nc") + b"<14>d\n" + counted(b"<14>e") + b"\n<14>f\n"
    assert framed(stream, []).whole == [b"<14>a", rb"<14>b\nc", b"<14>d", b"<14>e", b"<14>f"]


def test_lines_that_begin_with_a_number_are_not_counted() -> None:
    lines = [b"192.0.2.1 - - [x]", b"200 GET /index.html", b"7", b"1795820000 x", b"40 <b>bold</b>"]
    for first in range(len(lines)):
        rotated = lines[first:] + lines[:first]
        assert framed(b"\n".join(rotated) + b"\n", []).whole == rotated


def test_counted_lines_without_any_header_are_found() -> None:
    """HAProxy does that with `format raw` and `log-proto octet-count`."""
    stream = counted(b"192.0.2.1:5 [x]") + counted(b'{"a": 1}') + counted(b"192.0.2.1:6 [x]")
    assert framed(stream, [10]).whole == [b"192.0.2.1:5 [x]", b'{"a": 1}', b"192.0.2.1:6 [x]"]


def test_after_an_invalid_count_messages_end_at_newlines() -> None:
    stream = counted(b"<14>one") + b"007 <14>x\n" + b"99999999 <14>y\n" + counted(b"<14>two")
    assert MOST_COUNTED < 99_999_999
    assert framed(stream, []).whole == [b"<14>one", b"007 <14>x", b"99999999 <14>y", b"<14>two"]


def test_overlong_messages_are_sampled_and_what_follows_is_read() -> None:
    longest = b"<14>" + b"x" * (LIMIT - 4)
    stream = counted(longest) + counted(longest + b"y") + b"z" * 3 * LIMIT + b"\n" + longest + b"\n"
    found = framed(stream, list(range(0, len(stream), 700)))
    assert found.whole == [longest, longest]
    assert found.overlong == [longest[:OVERLONG_SAMPLE], b"z" * OVERLONG_SAMPLE]


def test_nothing_more_than_a_message_is_held() -> None:
    framing = SyslogFraming(limit=LIMIT)
    for _ in range(100):
        framing.feed(b"x" * 1000)
        assert framing.held <= LIMIT + 1
    framing.feed(b"\n%d <14>" % MOST_COUNTED)
    for _ in range(100):
        framing.feed(b"x" * 1000)
        assert framing.held <= LIMIT + 1


def test_nul_ends_a_message_where_glibc_writes_it() -> None:
    assert framed(b"<14>a\0<14>b\0", [], nul_ends=True).whole == [b"<14>a", b"<14>b"]
    assert framed(b"<14>a\0b\n", [], nul_ends=False).whole == [b"<14>a\0b"]


FRAMES = st.one_of(
    st.binary(max_size=12).map(lambda text: counted(b"<14>" + text)),
    st.binary(max_size=12).map(counted),
    st.text("ab\0\r 1<>{", max_size=12).map(lambda text: text.encode() + b"\n"),
    st.sampled_from(
        [
            b"12 <",
            b"5000 <14>",
            b"999 ",
            b"3 abc",
            b"1",
            b"\n",
            b"<14>" + b"x" * (LIMIT + 9) + b"\n",
        ]
    ),
    st.binary(max_size=20),
)


@given(st.lists(FRAMES, max_size=12), st.lists(st.integers(0, 4200), max_size=12), st.booleans())
@example([b"12 ", b"<14>", b"\n"], [1, 2, 3, 4, 5, 6, 7], False)
def test_any_cut_gives_the_same_messages(
    frames: list[bytes], cuts: list[int], nul_ends: bool
) -> None:
    stream = b"".join(frames)
    found = framed(stream, cuts, nul_ends=nul_ends)
    assert found == framed(stream, [], nul_ends=nul_ends)
    assert found == framed(stream, list(range(min(len(stream), 300))), nul_ends=nul_ends)
    for message in found.whole:
        assert message
        assert b"\n" not in message


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda one: b"\n" not in one)))
def test_what_was_counted_comes_out_as_it_went_in(bodies: list[bytes]) -> None:
    messages = [b"<14>" + body for body in bodies]
    stream = b"".join(map(counted, messages))
    assert framed(stream, [7]).whole == [one.rstrip(b"\r\n\0") for one in messages]


def test_a_datagram_is_a_message() -> None:
    found = messages_of([b"<14>a\n", b"<14>b\nc\r\n", b"", b"\0\n", b"12 <14>d"])
    assert found.whole == [b"<14>a", rb"<14>b\nc", b"12 <14>d"]


BODY = line().rstrip()
TIME = b"2026-11-27T23:00:00.123456+00:00"
HEADERS = {
    b"<190>Nov 27 23:00:00 web1 nginx: ": Sender("web1", "nginx"),
    b"<190>Nov  7 23:00:00 nginx: ": Sender("", "nginx"),
    b"<134>Nov 27 23:00:00 haproxy[1234]: ": Sender("", "haproxy"),
    b"<134>Nov 27 23:00:00 lb1 haproxy[1234]: ": Sender("lb1", "haproxy"),
    b"<30>Nov 27 23:00:00 2001:db8::7 app/1[7]: ": Sender("2001:db8::7", "app/1"),
    b"<30>" + TIME + b" web1 nginx: ": Sender("web1", "nginx"),
    b"<30> 2026-11-27T23:00:00Z docker1 tag[9]: ": Sender("docker1", "tag"),
    b"Nov 27 23:00:00 web1 nginx: ": Sender("web1", "nginx"),
    b"<190>1 " + TIME + b" web1 nginx 12 - - ": Sender("web1", "nginx"),
    b"<190>1 " + TIME + b" - haproxy 12 - - ": Sender("", "haproxy"),
    b'<190>1 - web1 - - - [a@1 b="c\\"]"] \xef\xbb\xbf': Sender("web1", ""),
    b"<14>": Sender(),
    b"": Sender(),
}


@pytest.mark.parametrize("header", HEADERS)
def test_headers_say_who_sent_a_message_and_formats_are_detected_behind_them(
    header: bytes,
) -> None:
    groups, text = opened(header + BODY)
    assert Sender.of(groups) == HEADERS[header]
    found = detect(text + b"\n").format
    assert found is not None
    assert found.decode(text + b"\n").batch.num_rows == 1
    assert "combined" in found.name


JSON = (
    b'{"ts":1795820000.1,"request":{"remote_ip":"192.0.2.1","method":"GET","host":"a","uri":"/"},'
    b'"status":200,"size":2}'
)
HAPROXY = (
    b"192.0.2.1:54321 [27/Nov/2026:23:00:00.123] web app/app1 0/0/1/2/3 200 512 - - ---- "
    b'1/1/0/0/0 0/0 "GET /a HTTP/1.1"'
)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize(("body", "name"), [(JSON, "json"), (HAPROXY, "haproxy")])
def test_other_formats_are_detected_too(header: bytes, body: bytes, name: str) -> None:
    _, text = opened(header + body)
    found = detect(text + b"\n").format
    assert found is not None
    assert found.name.split()[0] == name


def test_json_needs_no_program() -> None:
    groups, text = opened(b"<14>Nov 27 23:00:00 web1 " + JSON)
    assert (Sender.of(groups), text) == (Sender("web1"), JSON)


def test_a_client_is_no_server() -> None:
    """HAProxy's format "timed" has no host and no program."""
    groups, _ = opened(b"<134>Nov 27 23:00:00 " + HAPROXY)
    assert Sender.of(groups) == Sender()


@pytest.mark.parametrize(
    "host", [b"localhost", b"-", b"127.0.0.1", b"a/b", b"caf\xc3\xa9", b"a\x1b[31m", b"x" * 256]
)
def test_names_that_are_none_are_not_used(host: bytes) -> None:
    for header in (b"<14>Nov 27 23:00:00 %s a: ", b"<14>1 - %s a - - - "):
        groups, _ = opened(header % host + BODY)
        assert Sender.of(groups).host == ""


@given(
    st.one_of(
        st.binary(max_size=80), st.text('<1>Nov 27:0[]{- /-T.Z"', max_size=80).map(str.encode)
    )
)
@example(b"<14>Nov 27 23:00:00 web1 nginx: ")
@example(b"<14>")
def test_any_bytes_have_a_sender_and_a_line(message: bytes) -> None:
    message = message.replace(b"\n", b"")
    groups, text = opened(message)
    sender = Sender.of(groups)
    assert sender.host.isascii()
    assert len(sender.host) <= 255
    assert "/" not in sender.host
    assert (sender.host + sender.program).isprintable()
    assert b"\n" not in text
    assert bool(text) == bool(message)
