"""The W3C extended format: what a line is, the directives before it say."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.errors import UsageError
from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.detection import detect
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.log_format import LineContext, directives_after, reject_samples
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.w3c import CLOUDFRONT_ORDERS, IIS_ORDERS, NO_FIELDS, W3cFormat
from glancemetrics.records.schema import LogRecord, rows

IIS = PRESETS["iis"].formats[0]
CLOUDFRONT = PRESETS["aws-cloudfront"].formats[0]


def records(text: str, log_format: object = IIS, **known: object) -> list[LogRecord]:
    assert isinstance(log_format, W3cFormat)
    decoded = log_format.decode(text.encode(), LineContext(**known))  # type: ignore[arg-type]
    assert not decoded.rejects
    return rows(decoded.batch)


def test_fields_change_inside_the_file() -> None:
    text = (
        "#Software: Microsoft Internet Information Services 10.0\n"
        "#Date: 2015-05-17 10:00:00\n#Fields: time c-ip sc-status time-taken\n"
        "10:05:03 192.0.2.7 200 15\n10:05:04 192.0.2.8 404 -\n"
        "#Date: 2015-05-18 00:00:00\n#Fields: sc-status cs-method cs-uri-stem time\n"
        "500 POST /a 00:00:01\n"
    )
    first, second, third = records(text)
    assert first.time == datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
    assert (first.host, first.status, first.duration) == ("192.0.2.7", 200, 0.015)
    assert (second.status, second.duration) == (404, None)
    assert third.time == datetime(2015, 5, 18, 0, 0, 1, tzinfo=UTC)
    assert (third.status, third.method, third.path) == (500, "POST", "/a")


@given(st.lists(st.integers(0, 200), max_size=4))
def test_wherever_a_file_is_cut_its_lines_are_the_same(cuts: list[int]) -> None:
    lines = [
        "#Fields: date time c-ip",
        "2015-05-17 10:05:03 a",
        "2015-05-17 10:05:04 b",
        "#Fields: c-ip date time sc-status",
        "c 2015-05-17 10:05:05 200",
        "#Remark: nothing",
        "d 2015-05-17 10:05:06 404",
    ]
    text = "".join(f"{line}\n" for line in lines)
    at = sorted({0, len(lines), *(cut % len(lines) for cut in cuts)})
    directives = b""
    found: list[LogRecord] = []
    for start, end in pairwise(at):
        chunk = "".join(f"{line}\n" for line in lines[start:end])
        found += records(chunk, directives=directives)
        directives = directives_after(directives, chunk.encode(), IIS.directives)
    assert found == records(text)
    assert [record.host for record in found] == ["a", "b", "c", "d"]


def test_without_a_header_the_fields_that_iis_writes_are_tried() -> None:
    (record,) = records(
        "2015-01-13 00:32:17 10.0.0.1 GET /a b=c 80 - 192.0.2.7 Mozilla/5.0+(x) - 200 0 0 31\n"
    )
    assert (record.host, record.agent, record.duration) == ("192.0.2.7", "Mozilla/5.0 (x)", 0.031)


def test_values_in_quotes_and_agents_that_are_encoded() -> None:
    (record,) = records(
        "#Fields: date time cs(User-Agent) cs(Host) cs-uri-stem sc-win32-status\n"
        '2015-05-17 10:05:03.5 "a ""b"" c" "x.org" / " ""odd"" "\n'
    )
    assert (record.agent, record.vhost, record.path) == ('a ""b"" c', "x.org", "/")
    assert record.time.microsecond == 500_000
    (record,) = records(
        "#Fields: date time x-edge-location cs(User-Agent) time-taken x-host-header cs(Host)\n"
        "2015-05-17\t10:05:03\tCDG\tMozilla/5.0%2520(x)%20y\t0.25\tx.org\td.cloudfront.net\n",
        CLOUDFRONT,
    )
    assert (record.agent, record.duration, record.vhost) == ("Mozilla/5.0 (x) y", 0.25, "x.org")


@pytest.mark.parametrize(
    "text",
    [
        "#Fields: date time\n2015-05-17 10:05\n",
        "#Fields: c-ip\nx\n",  # no time
        "#Fields: time c-ip\n10:05:03 x\n",  # of no day
        "#Fields: date time c-ip\n2015-05-17 10:05:03 x y\n",
    ],
)
def test_what_cannot_be_read_is_a_reject(text: str) -> None:
    decoded = IIS.decode(text.encode())
    assert (decoded.lines, decoded.rejects, decoded.foreign) == (2, 1, 1)
    (sample,) = reject_samples(text.encode(), decoded, IIS)
    assert "do not match the #Fields directive before it" in sample.reason


@given(st.lists(st.text('#Fields: date time c-ip\t 0123456789-:"', max_size=40), max_size=6))
def test_every_line_is_a_record_a_reject_or_foreign(lines: list[str]) -> None:
    decoded = IIS.decode("".join(f"{line}\n" for line in lines).encode())
    assert decoded.lines == len(lines)
    assert decoded.batch.num_rows + decoded.rejects + decoded.foreign == decoded.lines


HEADERLESS = [
    "2026-11-26 07:15:03 W3SVC1 10.0.0.1 GET /p0 - 443 - 192.0.2.30 shop.example.com 200 18000 12",
    "2026-11-26 07:15:03 W3SVC1 10.0.0.1 GET /p0 - 443 - 192.0.2.30 Mozilla/5.0 200 18000 12",
    "2026-11-26 07:15:03 10.0.0.1 GET /p0 - 443 - 192.0.2.30 shop.example.com 200 0 0 12",
    "2026-11-26 07:15:03 10.0.0.1 GET /p0 - 443 - 192.0.2.30 Mozilla/5.0 shop.example 200 0 0 1",
    "2026-11-26 07:15:03 192.0.2.30 GET /p0 200 12",
    "2026-11-26 07:15:03 SRV1 10.0.0.1 POST /p0 a=b 80 bob 192.0.2.30 HTTP/1.1 x/1 - 200 0 0 5 6 7",
]


@pytest.mark.parametrize("text", HEADERLESS)
def test_without_a_header_nothing_is_guessed_that_might_be_another_field(text: str) -> None:
    chunk = f"{text}\n".encode() * 20
    assert detect(chunk).format is None
    log_format = AutoFormat()
    decoded = log_format.decode(chunk)
    assert (decoded.rejects, decoded.batch.num_rows) == (20, 0)
    assert {sample.reason for sample in reject_samples(chunk, decoded, log_format)} == {NO_FIELDS}


@pytest.mark.parametrize("order", [*IIS_ORDERS, *CLOUDFRONT_ORDERS])
def test_without_a_header_lines_are_read_whose_values_all_look_like_those_of_their_fields(
    order: str,
) -> None:
    values = {
        "date": "2026-11-26", "time": "07:15:03", "s-sitename": "W3SVC1", "s-ip": "10.0.0.1",
        "s-computername": "SRV1", "cs-method": "GET", "cs-uri-stem": "/a", "cs-uri-query": "-",
        "s-port": "443", "cs-username": "-", "c-ip": "2001:db8::7", "cs-version": "HTTP/1.1",
        "cs(User-Agent)": "Mozilla/5.0+(x)", "cs(Referer)": "https://x.example/",
        "cs(Cookie)": "-", "cs-host": "x.example", "sc-status": "200", "sc-substatus": "0",
        "sc-win32-status": "0", "sc-bytes": "512", "cs-bytes": "120", "time-taken": "12",
        "x-edge-location": "CDG50-P2", "cs(Host)": "d.cloudfront.net", "x-edge-result-type": "Hit",
        "x-edge-request-id": "id==", "x-host-header": "x.example", "cs-protocol": "https",
        "x-forwarded-for": "-", "ssl-protocol": "TLSv1.3", "ssl-cipher": "TLS_AES_128_GCM_SHA256",
        "x-edge-response-result-type": "Hit", "cs-protocol-version": "HTTP/2.0",
    }  # fmt: skip
    separator = "\t" if "x-edge-location" in order else " "
    text = separator.join(values.get(field, "-") for field in order.split())
    found = detect(f"{text}\n".encode() * 5).format
    assert found is not None
    is_cloudfront = "x-edge-location" in order
    assert found.name == ("aws-cloudfront" if is_cloudfront else "iis")
    agent = "Mozilla/5.0+(x)" if is_cloudfront else "Mozilla/5.0 (x)"
    record = rows(found.decode(f"{text}\n".encode()).batch)[0]
    assert (record.host, record.status, record.agent) == ("2001:db8::7", 200, agent)


def test_an_odd_agent_takes_no_line_out_of_a_log_without_a_header() -> None:
    usual = "2015-01-13 00:32:17 10.0.0.1 GET /a b=c 80 - 192.0.2.7 Mozilla/5.0+(x) - 200 0 0 31\n"
    odd = usual.replace("Mozilla/5.0+(x)", "shop.example.com")
    assert len(records(usual * 3 + odd + usual * 3)) == 7


@pytest.mark.parametrize("text", HEADERLESS[:1])
def test_the_fields_of_such_a_log_can_be_told(text: str) -> None:
    told = (
        "#Fields: date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username "
        "c-ip cs-host sc-status sc-bytes time-taken"
    )
    for written in (told, f"#Software: x\n{told}\n"):
        (record,) = rows(read_format(written).decode(f"{text}\n".encode()).batch)
        assert (record.host, record.vhost, record.status) == ("192.0.2.30", "shop.example.com", 200)
        assert (record.bytes, record.duration) == (18000, 0.012)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("#Fields: c-ip sc-status", "missing time"),
        ("#Fields: time c-ip sc-status", "missing date"),
        ("#Software: x", "missing #Fields: line"),
    ],
)
def test_fields_without_a_time_are_refused(written: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_format(written)


def test_times_are_utc_unless_their_name_says_otherwise() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    text = "2015-05-17 10:05:03 192.0.2.7\n"
    (utc,) = records(f"#Fields: date time c-ip\n{text}", zone=tokyo)
    (local,) = records(f"#Fields: date-local time-local c-ip\n{text}", zone=tokyo)
    assert utc.time == datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)
    assert local.time == datetime(2015, 5, 17, 1, 5, 3, tzinfo=UTC)


def test_a_directive_that_is_too_long_is_not_kept() -> None:
    known = b"#Fields: date time c-ip\n"
    assert directives_after(b"", known, IIS.directives) == known
    assert directives_after(known, b"#Fields: %s\n" % (b"a" * 100_000), IIS.directives) == b""
