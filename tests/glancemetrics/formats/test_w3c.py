"""The W3C extended format: what a line is, the directives before it say."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glancemetrics.formats.log_format import Circumstances, directives_after, reject_samples
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.w3c import W3cFormat
from glancemetrics.records import LogRecord, rows

IIS = PRESETS["iis"].formats[0]
CLOUDFRONT = PRESETS["aws-cloudfront"].formats[0]


def records(text: str, log_format: object = IIS, **known: object) -> list[LogRecord]:
    assert isinstance(log_format, W3cFormat)
    decoded = log_format.decode(text.encode(), Circumstances(**known))  # type: ignore[arg-type]
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
    assert "the fields that the #Fields directive before it names" in sample.reason


@given(st.lists(st.text('#Fields: date time c-ip\t 0123456789-:"', max_size=40), max_size=6))
def test_every_line_is_a_record_a_reject_or_foreign(lines: list[str]) -> None:
    decoded = IIS.decode("".join(f"{line}\n" for line in lines).encode())
    assert decoded.lines == len(lines)
    assert decoded.batch.num_rows + decoded.rejects + decoded.foreign == decoded.lines
