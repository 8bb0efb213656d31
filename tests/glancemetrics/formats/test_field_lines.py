"""Lines as people's servers write them: what is broken, missing or more costs no more than itself.

Each test is of a kind; addresses and names are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.clients import hosts_of, listed_client
from glancemetrics.formats.explanation import explain_log
from glancemetrics.formats.fields import Field
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.json_lines import JsonFormat
from glancemetrics.formats.log_format import Decoded, reject_samples
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.reading import Reading, make_reading, read_networks
from glancemetrics.records.schema import MOST_BYTES, MOST_SECONDS, rows
from tests.conftest import thorough
from tests.lines import line

TIME = "[05/May/2024:10:00:17 +0000]"
REST = f'{TIME} "GET /a HTTP/1.1" 200 512'
COMBINED = f'192.0.2.7 - bob {REST} "https://example.org/" "Mozilla/5.0 (X11)"'
LOG_FORMAT = (
    (r"LogFormat \"%h %l %u %t \\\"%r\\\" %>s %b \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\"\" c")
    .replace(r"\"", '"')
    .replace("\\\\", "\\")
)


def decoded_of(texts: Sequence[str], reading: Reading | None = None) -> Decoded:
    """What is made of a log of these lines, as a report reads it."""
    chunk = "".join(f"{text}\n" for text in texts).encode()
    reading = reading or make_reading()
    return reading.format_of(chunk).decode(chunk, reading.context)


def read(*texts: str, reading: Reading | None = None, repeat: int = 5) -> list[Any]:
    """Records of lines that are there several times; none is lost, none is damaged."""
    decoded = decoded_of(texts * repeat, reading)
    assert (decoded.rejects, decoded.foreign, len(decoded.damaged)) == (0, 0, 0)
    return rows(decoded.batch)[: len(texts)]


# --- whole numbers whose unit nobody told


@pytest.mark.parametrize(
    "tail",
    ["4500", "0", "12", "412 5400", "1 2 3", '"x" 250000', "[web] 1", "4500 -", "50112"],
)
@pytest.mark.parametrize("line_before", [COMBINED, f"192.0.2.7 - - {REST}"])
def test_a_whole_number_at_the_end_is_no_duration(line_before: str, tail: str) -> None:
    (record,) = read(f"{line_before} {tail}")
    assert (record.duration, record.upstream_duration, record.bytes) == (None, None, 512)


@pytest.mark.parametrize(
    ("unit", "seconds"), [("us", 0.0045), ("ms", 4.5), ("s", 4500.0), ("MS", 4.5)]
)
def test_with_its_unit_named_it_is_one(unit: str, seconds: float) -> None:
    reading = make_reading(duration_unit=unit)
    for text in (f"192.0.2.7 - - {REST} 4500", f"{COMBINED} 4500", f"{COMBINED} rt=4500"):
        (record,) = read(text, reading=reading)
        assert record.duration == pytest.approx(seconds)
    key = {"time": 1, "status": 200, "path": "/", "duration": 4500}
    (record,) = read(json.dumps(key), reading=reading)
    assert record.duration == pytest.approx(seconds)


@pytest.mark.parametrize("tail", ["412 5400", "412 0.012", "1 2 3"])
def test_of_several_numbers_none_is_the_duration_that_has_a_unit(tail: str) -> None:
    (record,) = read(f"{COMBINED} {tail}", reading=make_reading(duration_unit="ms"))
    assert record.duration == (0.012 if "0.012" in tail else None)


def test_decimal_seconds_stay_what_they_are() -> None:
    assert [
        (record.duration, record.upstream_duration)
        for record in (*read(f"{COMBINED} 0.012"), *read(f"{COMBINED} 0.250 0.100, 0.140"))
    ] == [(0.012, None), (0.25, pytest.approx(0.24))]


def test_formats_says_how_to_name_the_unit() -> None:
    hint = "a number may be a duration but has no unit; set it: --duration-unit us, ms or s"
    one = f"{COMBINED} 4500\n".encode() * 3
    assert hint in explain_log("x", one, make_reading())
    assert hint not in explain_log("x", one, make_reading(duration_unit="ms"))
    assert hint not in explain_log("x", f"{COMBINED} 41 52\n".encode() * 3, make_reading())
    of_json = b'{"time":1,"status":200,"path":"/","latency":4500}\n' * 3
    assert f"latency: {hint}" in explain_log("x", of_json, make_reading())
    assert hint not in explain_log("x", of_json.replace(b"4500", b'"45ms"'), make_reading())


# --- lists of addresses

LISTS = [
    ("198.51.100.8, 10.0.0.1", "198.51.100.8"),
    ("198.51.100.8,10.0.0.1", "198.51.100.8"),
    ("198.51.100.8,  10.0.0.1", "198.51.100.8"),
    ("198.51.100.8, 203.0.113.4, 10.0.0.1, 127.0.0.1", "203.0.113.4"),
    ("10.0.0.9, 10.0.0.1", "10.0.0.9"),
    ("unknown, 198.51.100.8", "198.51.100.8"),
    ("198.51.100.8, unknown, 192.168.0.1", "198.51.100.8"),
    ("2001:db8::1, fd00::1", "2001:db8::1"),
    ("198.51.100.8:4711, 10.0.0.1:80", "198.51.100.8"),
    ("[2001:db8::1]:4711, 10.0.0.1", "2001:db8::1"),
    ("192.0.2.9:4711", "192.0.2.9"),
    ("[2001:db8::1]:443", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("192.0.2.9", "192.0.2.9"),
    ("unknown", None),
]


@pytest.mark.parametrize(("written", "client"), LISTS)
def test_a_list_where_the_host_stands_is_one_field(written: str, client: str | None) -> None:
    text = COMBINED.replace("192.0.2.7", written)
    ours = {"status": 200, "path": "/a", "time": 1}
    logs: list[tuple[str, str]] = [
        ("auto", text),
        ("auto", f"{text} 0.250"),
        ("auto", f"www.example.com {text}"),
        (LOG_FORMAT, text),
        (LOG_FORMAT.replace("%h", "%{X-Forwarded-For}i"), text),
        ('$http_x_forwarded_for - $remote_user [$time_local] "$request" $status', ""),
        ('"$http_x_forwarded_for" [$time_local] "$request" $status', ""),
        (r'(?P<host>.+) - - \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+)', ""),
        ("auto", json.dumps({**ours, "remote_addr": written})),
        ("auto", json.dumps({**ours, "x_forwarded_for": written})),
    ]
    for log_format, one in logs:
        before = f'"{written}"' if log_format.startswith('"$') else f"{written} - -"
        given = one or f'{before} {TIME} "GET /a HTTP/1.1" 200'
        user = given.split(" ")
        if written == "unknown" and given.startswith("www."):
            continue  # nothing tells which of two words is the host
        (record,) = read(given, reading=make_reading(log_format))
        assert (record.host, record.path, record.identity) == (client, "/a", None), (
            log_format,
            user,
        )


def test_in_a_list_a_trusted_proxy_is_one_and_no_other() -> None:
    trusted = make_reading(trusted_proxies=["203.0.113.0/24"])
    text = COMBINED.replace("192.0.2.7", "198.51.100.8, 203.0.113.4")
    assert read(text, reading=trusted)[0].host == "198.51.100.8"
    assert read(text)[0].host == "203.0.113.4"
    # Where somebody says which are proxies, private addresses are none by themselves.
    private = COMBINED.replace("192.0.2.7", "198.51.100.8, 10.0.0.1")
    assert read(private, reading=trusted)[0].host == "10.0.0.1"


def test_what_a_trusted_proxy_forwards_has_ports() -> None:
    trusted = make_reading(trusted_proxies=["10.0.0.0/8"])
    texts = [
        f'10.0.0.5 - - {REST} "-" "Mozilla/5.0" "{said}"'
        for said in ("198.51.100.7:5678", "198.51.100.7:5679, 10.0.0.9:443", "[2001:db8::1]:5678")
    ]
    assert [record.host for record in read(*texts, reading=trusted)] == [
        *("198.51.100.7", "198.51.100.7", "2001:db8::1"),
    ]


def test_the_address_of_an_upstream_is_no_client() -> None:
    trusted = make_reading(trusted_proxies=["10.0.0.0/8"])
    for upstream in ('"10.1.1.1:8080"', "10.1.1.1:8080", '"10.1.1.1:80, 10.1.1.2:80"'):
        (record,) = read(f'10.0.0.5 - - {REST} "-" "curl/8" {upstream}', reading=trusted)
        assert record.host == "10.0.0.5"


@example([" "])
@example(["\u00a0"])
@given(
    st.lists(st.sampled_from(["10.0.0.1", "198.51.100.7", "unknown", "-", "", "<x>", "::1", "a.b"])
        | st.text(max_size=5), max_size=5)
)  # fmt: skip
def test_no_client_of_a_list_has_a_comma_or_is_unknown(hops: list[str]) -> None:
    text = ", ".join(hops)
    for trusted in ((), read_networks(["10.0.0.0/8"])):
        client = listed_client(text, trusted)
        assert client is None or ("," not in client and client not in ("unknown", "-", ""))
        assert hosts_of(pa.array([text]), trusted).to_pylist() == [client]


# --- empty quotes


def test_empty_quotes_are_no_value_in_any_column() -> None:
    (record,) = read(f'192.0.2.7 - - {REST} "" ""')
    assert (record.referrer, record.agent) == (None, None)
    (record,) = read(f'192.0.2.7 - "" {TIME} "" 200 512 "" ""')
    assert (record.user, record.request, record.referrer, record.agent) == (None,) * 4
    (record,) = read(f'192.0.2.7 - - {REST} "" "curl/8" "" 0.1')
    assert (record.referrer, record.agent, record.duration) == (None, "curl/8", 0.1)
    written = (
        '"$remote_addr" "$remote_user" [$time_local] "$request" "$status" "$body_bytes_sent" '
        '"$http_referer" "$http_user_agent" "$host" "$request_time" "$upstream_response_time"'
    )
    given = f'"" "" {TIME} "GET / HTTP/1.1" "" "" "" "" "" "" ""'
    (record,) = read(given, reading=make_reading(written))
    assert record.path == "/"
    assert [
        *(record.host, record.user, record.status, record.bytes, record.referrer, record.agent),
        *(record.vhost, record.duration, record.upstream_duration),
    ] == [None] * 9
    keys = ("user", "referer", "user_agent", "host", "remote_addr", "bytes", "request_time")
    of_json = {"time": 1, "status": 200, "path": "/", **dict.fromkeys(keys, "")}
    (record,) = read(json.dumps(of_json))
    assert [record.user, record.referrer, record.agent, record.vhost, record.host] == [None] * 5
    assert (record.bytes, record.duration) == (None, None)


# --- times in brackets


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-05-05T12:00:17+02:00", "2024-05-05T10:00:17Z"),
        ("2024-05-05T10:00:17.250Z", "2024-05-05T10:00:17.25Z"),
        ("2024-05-05 12:00:17 +0200", "2024-05-05T10:00:17Z"),
        ("2024-05-05 10:00:17", "2024-05-05T08:00:17Z"),
        ("05/May/2024:10:00:17.123 +0000", "2024-05-05T10:00:17.123Z"),
        ("05/May/2024:10:00:17,123456 +0000", "2024-05-05T10:00:17.123456Z"),
        ("05/May/2024:10:00:17", "2024-05-05T08:00:17Z"),
        ("05/May/2024:10:00:17 UTC", "2024-05-05T10:00:17Z"),
        ("05/May/2024:10:00:17 CEST", "2024-05-05T08:00:17Z"),
        ("05/May/2024 10:00:17 +0000", "2024-05-05T10:00:17Z"),
        ("05/May/2024:10:00:17 Europe/Paris", "2024-05-05T08:00:17Z"),
        ("05/May/2024:10:00:17 CST", "2024-05-05T08:00:17Z"),  # the zone is told: Paris
    ],
)
@pytest.mark.parametrize(
    ("log_format", "before", "behind"),
    [
        ("auto", "", ""),
        ("auto", "", " 0.250"),
        ("auto", "www.example.com ", ""),
        (LOG_FORMAT,) * 1 + ("", ""),
    ],
)
def test_times_in_the_brackets_of_clf(
    written: str, moment: str, log_format: str, before: str, behind: str
) -> None:
    reading = make_reading(log_format, ZoneInfo("Europe/Paris"), zone_is_explicit=True)
    text = before + COMBINED.replace(TIME, f"[{written}]") + behind
    (record,) = read(text, reading=reading)
    assert record.time == datetime.fromisoformat(moment)
    assert record.agent == "Mozilla/5.0 (X11)"


def test_a_zone_that_several_places_call_so_is_not_guessed() -> None:
    text = COMBINED.replace("+0000", "CST")
    decoded = decoded_of([COMBINED, text])
    assert decoded.rejected.tolist() == [1]
    chunk = f"{text}\n".encode()
    for log_format in (read_format("combined"), read_format(LOG_FORMAT)):
        (sample,) = reject_samples(chunk, log_format.decode(chunk), log_format)
        assert "has the ambiguous zone CST; set --log-timezone" in sample.reason
        named = chunk.replace(b"CST", b"Asia/Tokyo")
        (sample,) = reject_samples(named, log_format.decode(named), log_format)
        assert sample.reason.endswith("has no UTC offset; set --log-timezone Asia/Tokyo")


@pytest.mark.parametrize(
    "time",
    ["31/Dec/9999:23:59:59 -2300", "01/Jan/0001:00:00:00 +2300", "31/Feb/2024:10:00:17 +0000"],
)
def test_times_that_no_calendar_has_are_rejects_in_every_format(time: str) -> None:
    odd = COMBINED.replace(TIME, f"[{time}]")
    for log_format in ("combined", LOG_FORMAT, "auto"):
        decoded = decoded_of([COMBINED, odd], make_reading(log_format))
        assert (decoded.batch.num_rows, decoded.rejected.tolist()) == (1, [1])
    iso = {"31/Dec": "9999-12-31T23:59:59-23:00", "01/Jan": "0001-01-01T00:00:00+23:00"}.get(
        time[:6], "2024-02-31T00:00:00Z"
    )
    good = {"time": "2024-05-05T10:00:17Z", "status": 200, "path": "/"}
    decoded = decoded_of([json.dumps(good), json.dumps({**good, "time": iso})])
    assert decoded.rejected.tolist() == [1]
    regex = r"(?P<time>\S+) (?P<path>\S+)"
    decoded = decoded_of(["2024-05-05T10:00:17Z /", f"{iso} /"], make_reading(regex))
    assert decoded.rejected.tolist() == [1]


def test_a_time_without_zone_at_the_end_of_the_calendar_is_a_reject() -> None:
    for zone, time in (
        ("America/New_York", "31/Dec/9999:23:59:59"),
        ("Asia/Tokyo", "01/Jan/0001:00:00:00"),
    ):
        reading = make_reading("combined", ZoneInfo(zone))
        decoded = decoded_of([COMBINED.replace(TIME, f"[{time}]")], reading)
        assert (decoded.batch.num_rows, decoded.rejects) == (0, 1)
        rows(decoded.batch)


# --- more fields anywhere


def test_referrer_and_agent_are_found_by_what_they_are() -> None:
    app = "App/7.1.2 (iPhone; iOS 12)"
    for behind, referrer in (
        (f'694 34.397 "-" "{app}"', None),
        (f'0.004 "https://example.org/" "{app}" 10.1.1.1:80 200 0.003', "https://example.org/"),
        (f'[web] "req-1" "/start" "{app}"', "/start"),
        (
            f'[web] "{app}" "https://example.org/"',
            "https://example.org/",
        ),  # NGINX Proxy Manager's order
        (f'"-" "{app}" "https"', None),
        (f'"{app}"', None),
    ):
        (record,) = read(f"192.0.2.7 - - {REST} {behind}")
        assert (record.agent, record.referrer, record.bytes) == (app, referrer, 512), behind


def test_a_referrer_alone_and_numbers_in_quotes() -> None:
    (record,) = read(f'192.0.2.7 - - {REST} "https://example.org/"')
    assert (record.referrer, record.agent) == ("https://example.org/", None)
    (record,) = read(f'192.0.2.7 - - {TIME} "GET /a HTTP/1.1" "200" "512" "-" "curl/8"')
    assert (record.status, record.bytes, record.agent) == (200, 512, "curl/8")


def test_fields_between_the_time_and_the_request() -> None:
    for between, vhost in (
        ("svc.example.com:9080", "svc.example.com:9080"),
        ('"www.example.com"', "www.example.com"),
        ("TLSv1.3 f00d", None),
        ('www.example.com "TLSv1.3"', "www.example.com"),
    ):
        text = f'192.0.2.7 - - {TIME} {between} "GET /x HTTP/1.1" 200 13 0.004 "-" "curl/8"'
        (record,) = read(text)
        assert (record.path, record.status, record.bytes) == ("/x", 200, 13)
        assert (record.vhost, record.agent, record.duration) == (vhost, "curl/8", 0.004)


def test_fields_that_have_their_name_before_them() -> None:
    (record,) = read(f'{COMBINED} rt=0.512 uct="0.001" uht="0.500" urt="0.510"')
    assert (record.duration, record.upstream_duration) == (0.512, 0.51)
    (record,) = read(f'{COMBINED} urt=0.100, 0.410 host="www.example.com" request_time=0.6')
    assert (record.upstream_duration, record.vhost) == (pytest.approx(0.51), "www.example.com")
    assert record.duration == 0.6
    (record,) = read(f"{COMBINED} duration_ms=250 cs=MISS")
    assert record.duration == 0.25
    (record,) = read(f'192.0.2.7 - - {REST} took=12ms ua="curl/8" ref="https://example.org/"')
    assert (record.duration, record.agent, record.referrer) == (
        *(0.012, "curl/8", "https://example.org/"),
    )
    # As nginx amplify writes it.
    (record,) = read(
        f'{COMBINED} "-" "www.example.com" sn="www.example.com" rt=0.250 ua="10.0.0.2:80" '
        'us="200" ut="0.240" ul="512" cs=-'
    )
    assert (record.agent, record.duration, record.upstream_duration) == (
        *("Mozilla/5.0 (X11)", 0.25, 0.24),
    )


def test_a_quoted_list_of_upstream_times_is_one_field() -> None:
    first, second = read(f'{COMBINED} "0.012"', f'{COMBINED} "0.001, 0.010 : 0.002"')
    assert (first.upstream_duration, second.upstream_duration) == (0.012, pytest.approx(0.013))
    assert first.duration is None


def test_a_list_that_comes_later_costs_that_field() -> None:
    decoded = decoded_of([f'{COMBINED} "0.012"'] * 400 + [f'{COMBINED} "0.001, 0.010"'] * 2)
    assert (decoded.rejects, decoded.batch.num_rows) == (0, 402)


@pytest.mark.parametrize(
    ("before", "host", "user", "vhost"),
    [
        ("198.51.100.8, 10.0.0.1 192.0.2.1 - bob", "192.0.2.1", "bob", None),
        ("192.0.2.1 (198.51.100.8) - bob", "192.0.2.1", "bob", None),
        ("www.example.com 192.0.2.1 - bob", "192.0.2.1", "bob", "www.example.com"),
        ("10.0.0.5 192.0.2.1 - bob", "192.0.2.1", "bob", "10.0.0.5"),
        ("www.example.com 192.0.2.1 req-1 - bob", "192.0.2.1", "bob", "www.example.com"),
        ("192.0.2.1 req-1 https - bob", "192.0.2.1", "bob", None),
        ("192.0.2.1 req-1 https a bob", "192.0.2.1", None, None),
    ],
)
def test_fields_before_the_time(
    before: str, host: str, user: str | None, vhost: str | None
) -> None:
    (record,) = read(f'{before} {REST} "-" "curl/8" 0.250')
    assert (record.host, record.user, record.vhost) == (host, user, vhost)
    assert (record.agent, record.duration) == ("curl/8", 0.25)
    if before[0].isdigit() and "," in before:
        trusted = make_reading(trusted_proxies=["192.0.2.1", "10.0.0.0/8"])
        assert (
            read(f'{before} {REST} "-" "curl/8" 0.250', reading=trusted)[0].host == "198.51.100.8"
        )


def test_a_duration_with_its_unit_behind_it() -> None:
    (record,) = read(f"{COMBINED} 12ms")
    assert record.duration == 0.012


# --- quotes, brackets and spaces


def test_whole_lines_in_quotes() -> None:
    for inside in (COMBINED, f"192.0.2.7 - bob {REST}", f"www.example.com {COMBINED}"):
        (record,) = read(f'"{inside}"')
        assert (record.host, record.user, record.path, record.bytes) == (
            "192.0.2.7",
            "bob",
            "/a",
            512,
        )
    decoded = decoded_of([f'"{COMBINED}"'] * 3 + [f'"{COMBINED}'[:-8]])
    assert (decoded.rejects, decoded.damaged.tolist()) == (0, [3])


@pytest.mark.parametrize("log_format", ["auto", "combined", LOG_FORMAT])
@pytest.mark.parametrize(("plain", "odd"), [(60, 1), (60, 40), (3, 3), (0, 5)])
def test_some_whole_lines_in_quotes_are_read_as_those_without(
    plain: int, odd: int, log_format: str
) -> None:
    decoded = decoded_of([COMBINED] * plain + [f'"{COMBINED}"'] * odd, make_reading(log_format))
    assert (decoded.rejects, decoded.damaged.tolist()) == (0, [])
    found = rows(decoded.batch)
    assert len(found) == plain + odd
    for record in (found[0], found[-1]):
        assert (record.host, record.user, record.status) == ("192.0.2.7", "bob", 200)
        assert (record.agent, record.bytes) == ("Mozilla/5.0 (X11)", 512)


QUOTED_HOSTS = [
    ('"198.51.100.8"', "198.51.100.8"),
    ('"198.51.100.8:4711"', "198.51.100.8"),
    ('"[2001:db8::1]:4711"', "2001:db8::1"),
    ('"198.51.100.8, 10.0.0.1"', "198.51.100.8"),
    ('""', None),
    ('"-"', None),
    ('"', None),
    ('a"b', None),
]


@pytest.mark.parametrize(("written", "host"), QUOTED_HOSTS)
@pytest.mark.parametrize("log_format", ["auto", "combined", LOG_FORMAT])
def test_no_host_has_a_quote(written: str, host: str | None, log_format: str) -> None:
    odd = COMBINED.replace("192.0.2.7", written)
    for tail in ("", " 0.250") if log_format == "auto" else ("",):
        texts = [COMBINED + tail, odd + tail]
        decoded = decoded_of(texts * 5, make_reading(log_format))
        hosts = [record.host for record in rows(decoded.batch)]
        assert set(hosts) <= {"192.0.2.7", host}
        if not tail:
            assert (hosts[:2], decoded.rejects) == (["192.0.2.7", host], 0)
    keys = {"time": 1, "status": 200, "path": "/", "remote_addr": written}
    assert rows(decoded_of([json.dumps(keys)]).batch)[0].host == host


@pytest.mark.parametrize("tail", ["", " 0.250"])
def test_spaces_are_as_many_as_they_like(tail: str) -> None:
    for text in (
        COMBINED.replace("] ", "]"),
        COMBINED.replace("] ", "]  "),
        COMBINED.replace(" 512 ", "  512  "),
        COMBINED.replace(" - ", "  -  "),
        COMBINED.replace(" [", "["),
        COMBINED.replace('" "', '"  "'),
    ):
        (record,) = read(text + tail)
        assert (record.host, record.user, record.path, record.bytes) == (
            "192.0.2.7",
            "bob",
            "/a",
            512,
        )
        assert (record.agent, record.duration) == ("Mozilla/5.0 (X11)", 0.25 if tail else None)


# --- one broken field costs that field

BROKEN = [
    (
        COMBINED.replace("Mozilla/5.0 (X11)", 'My "smart" agent/1.0'),
        "agent",
        'My "smart" agent/1.0',
    ),
    (COMBINED.replace(".org/", '.org/"x'), "referrer", 'https://example.org/"x'),
    (COMBINED.replace("/a HTTP", '/"a" HTTP'), "path", '/"a"'),
    (COMBINED[:-4], "agent", "Mozilla/5.0 (X"),
    (COMBINED[: COMBINED.index("Mozilla")], "agent", None),
    (COMBINED[: COMBINED.index(".org")], "referrer", "https://example"),
    (COMBINED.replace(" 200 ", " OK "), "status", None),
    (COMBINED.replace(" 512 ", " many "), "bytes", None),
    (COMBINED.replace(" 512 ", " -5 "), "bytes", None),
    (COMBINED.replace(" 512 ", " 0x1F "), "bytes", None),
    (COMBINED.replace(" 512 ", " 999999999999999999 "), "bytes", None),
    (COMBINED.replace(" 512 ", f" {'9' * 40} "), "bytes", None),
    (COMBINED[: COMBINED.index(" 512")], "bytes", None),
]


@pytest.mark.parametrize(("text", "column", "value"), BROKEN)
@pytest.mark.parametrize("log_format", ["auto", "combined", LOG_FORMAT])
def test_a_broken_field_costs_that_field(
    text: str, column: str, value: object, log_format: str
) -> None:
    decoded = decoded_of([COMBINED] * 60 + [text], make_reading(log_format))
    assert (decoded.rejects, decoded.damaged.tolist()) == (0, [60])
    record = rows(decoded.batch)[60]
    assert getattr(record, column) == value
    assert (record.host, record.user, record.method) == ("192.0.2.7", "bob", "GET")
    good = rows(decoded.batch)[0]
    for name in {"status", "bytes", "path"} - {column}:
        if text.count('"') >= 4:
            assert getattr(record, name) == getattr(good, name)


def test_quotes_in_a_field_in_the_middle_are_of_that_field() -> None:
    good = PRESETS["traefik"].example
    decoded = decoded_of([good, good.replace("curl/8.5.0", 'My "x" y')], make_reading("traefik"))
    assert (decoded.rejects, decoded.damaged.tolist()) == (0, [1])
    record = rows(decoded.batch)[1]
    assert (record.agent, record.duration) == ('My "x" y', 0.012)


@pytest.mark.parametrize(
    "text",
    [
        COMBINED.replace("10:00:17", "25:00:17"),
        COMBINED.replace(" - bob", ""),
        COMBINED[: COMBINED.index(" HTTP")],
        f"{COMBINED} 0.250",
    ],
)
def test_without_time_or_request_or_of_another_format_a_line_is_a_reject(text: str) -> None:
    decoded = decoded_of([COMBINED] * 60 + [text], make_reading("combined"))
    assert (decoded.rejected.tolist(), decoded.damaged.tolist()) == ([60], [])


def test_damage_makes_another_format_be_looked_for() -> None:
    log_format = AutoFormat()
    log_format.look_at(line() * 5)
    # To combined, these have a broken size.
    timed = COMBINED.replace(" 200 512", " 200 0.250").encode()
    decoded = log_format.decode(line() * 20 + (timed + b"\n") * 20)
    assert (decoded.rejects, len(decoded.damaged)) == (0, 0)
    assert rows(decoded.batch)[-1].duration == 0.25
    assert log_format.name == "combined with more + combined"


@pytest.mark.parametrize(
    ("key", "written", "column", "value"),
    [
        ("request_time", "0.0002455711364746094", "duration", 0.0002455711364746094),
        ("request_time", "8.5e-05", "duration", 8.5e-05),
        ("request_time", '"8.5E-05"', "duration", 8.5e-05),
        ("bytes", "5.0", "bytes", 5),
        ("bytes", "1E3", "bytes", 1000),
        ("bytes", "1.5e3", "bytes", 1500),
        ("bytes", "-0", "bytes", 0),
        ("bytes", "12345678901e-1", "bytes", None),
        ("status", "200.0", "status", 200),
        ("status", "2E2", "status", 200),
        ("request_time", "-0", "duration", 0.0),
        ("request_time", "1e999", "duration", None),
        ("request_time", "-3", "duration", None),
        ("request_time", "1e17", "duration", None),
        ("bytes", "5.5", "bytes", None),
        ("bytes", "true", "bytes", None),
        ("bytes", '"12 kB"', "bytes", None),
        ("bytes", "1e400", "bytes", None),
        ("bytes", "999999999999999999", "bytes", None),
        ("status", '"2xx"', "status", None),
        ("remote_addr", '"no address at all"', "path", "/"),
    ],
)
def test_any_number_of_json_is_read_and_what_cannot_be_used_is_unknown(
    key: str, written: str, column: str, value: object
) -> None:
    good = '{"time":1,"status":200,"path":"/","bytes":7}'
    text = f'{{"time":1,"path":"/","method":"GET","status":200,"{key}":{written}}}'.replace(
        '"status":200,"status"', '"status"'
    )
    decoded = decoded_of([good, text])
    assert (decoded.rejects, decoded.batch.num_rows) == (0, 2)
    assert getattr(rows(decoded.batch)[1], column) == value
    assert decoded.damaged.tolist() == ([1] if value is None else [])


WITHOUT_QUOTES = [
    '"urt":0.001, 0.002',
    '"urt":0.001,0.002 , 0.003',
    '"urt" : 0.001 : 0.002',
    '"urt":-, 0.002',
    '"urt":',
    '"urt": ',
    '"urt":NaN',
    '"urt":-Infinity, -',
    '"urt":some words',
    '"urt":, "x":, "y":NaN',
    '"x":"a \\" b: , ", "urt":',
    '"x":{"y":, "z":[1, {"a":undefined}]}',
]


@pytest.mark.parametrize("broken", WITHOUT_QUOTES)
@pytest.mark.parametrize("log_format", ["auto", "json"])
def test_a_value_of_json_without_its_quotes_costs_that_value(broken: str, log_format: str) -> None:
    before = '"time":1,"status":404,"request":"GET /a?b=\\"c\\", HTTP/1.1"'
    after = '"bytes":-0, "http_user_agent":"a: , \\u00e9 {}","ok":true, "request_time":2.5e-1 '
    good = f"{{{before},{after}}}"
    for text in (f"{{{before},{broken},{after}}}", f" {{{after}, {broken},{before}}} \r"):
        decoded = decoded_of([good] * 3 + [text], make_reading(log_format))
        assert (decoded.rejects, decoded.damaged.tolist()) == (0, [3])
        whole, record = rows(decoded.batch)[2:]
        assert record == whole
        assert (record.agent, record.duration, record.bytes) == ("a: , é {}", 0.25, 0)
    last = decoded_of([good, f"{{{before},{broken}}}"], make_reading(log_format))
    assert (last.rejects, last.damaged.tolist()) == (0, [1])


@pytest.mark.parametrize(
    ("key", "column"),
    [("status", "status"), ("bytes", "bytes"), ("upstream_response_time", "upstream_duration")],
)
@pytest.mark.parametrize("written", ["0.001, 0.002", "0.001 : 0.002", "", "NaN", "x y"])
def test_what_was_without_its_quotes_is_not_known(key: str, column: str, written: str) -> None:
    keys = {"time": "1", "status": "200", "method": '"GET"', "path": '"/a"', "bytes": "5"}
    good, text = (
        "{" + ",".join(f'"{name}":{value}' for name, value in one.items()) + "}"
        for one in (keys, {**keys, key: written})
    )
    decoded = decoded_of([good, text])
    assert (decoded.rejects, decoded.damaged.tolist()) == (0, [1])
    record = rows(decoded.batch)[1]
    assert (getattr(record, column), record.method, record.path) == (None, "GET", "/a")


@pytest.mark.parametrize(
    "text",
    [
        '{"time":1,"status":200,"path":"/a","x":',
        '{"time":1,"status":200,"path":"/a","x":1, 2',
        '{"time":1,"status":200,"path":"/a","x":"}',
        '{"time":1,"status":200,"path":"/a" "x":1}',
        '{"time":1, 2,"status":200,"path":"/a"}',
        '{"time":,"status":200,"path":"/a"}',
        '{"status":200,"path":"/a","x":\x1e1\x1f,"time":1}',
    ],
)
def test_an_object_that_is_cut_off_or_without_a_time_is_a_reject(text: str) -> None:
    good = '{"time":1,"status":200,"path":"/"}'
    decoded = decoded_of([good] * 3 + [text], make_reading("json"))
    assert (decoded.rejected.tolist(), decoded.damaged.tolist()) == ([3], [])


def test_what_is_no_object_stays_foreign() -> None:
    good = '{"time":1,"status":200,"path":"/"}'
    decoded = decoded_of([good, '["time":1,"status":200,"path":"/a","x":]', "x: {NaN}"])
    assert (decoded.batch.num_rows, decoded.rejects, decoded.foreign) == (1, 0, 2)


REQUESTS = [
    '"method":"GET","path":"/a"',
    '"request":"GET /a HTTP/1.1"',
    '"remote_addr":"192.0.2.7","path":"/a"',
    '"vhost":"www.example.com","uri":"/a"',
]


@pytest.mark.parametrize("request_keys", REQUESTS)
@pytest.mark.parametrize("status", ["null", '""', '"-"', "{}", "[]", '{"a":[1]}'])
@pytest.mark.parametrize("log_format", ["auto", "json"])
def test_a_request_whose_status_is_nothing_stays_one(
    status: str, request_keys: str, log_format: str
) -> None:
    texts = [f'{{"time":1,"status":{one},{request_keys}}}' for one in ("200", status)]
    decoded = decoded_of(texts, make_reading(log_format))
    assert (decoded.batch.num_rows, decoded.rejects, decoded.damaged.tolist()) == (2, 0, [])
    good, record = rows(decoded.batch)
    assert (good.status, record.status, record.path) == (200, None, "/a")


def test_a_status_that_is_nothing_gives_way_to_another() -> None:
    for one in ('"status":null,"code":201', '"code":201,"status":null'):
        paths = {Field.TIME: "time", Field.STATUS: ("status", "code"), Field.METHOD: "method"}
        log_format = JsonFormat("two", paths, marks=[[Field.STATUS]])
        decoded = log_format.decode(f'{{"time":1,"method":"GET",{one}}}\n'.encode())
        assert rows(decoded.batch)[0].status == 201


@pytest.mark.parametrize("status", ["", '"status":null,'])
def test_without_a_request_or_the_key_of_a_status_an_object_is_foreign(status: str) -> None:
    good = '{"time":1,"status":200,"path":"/"}'
    what = '"path":"/"' if status else '"method":"GET","path":"/","host":"a"'
    decoded = decoded_of([good, f'{{"time":1,{status}{what}}}'])
    assert (decoded.batch.num_rows, decoded.rejects, decoded.foreign) == (1, 0, 1)


def test_a_status_of_something_else_makes_no_request() -> None:
    good = '{"time":1,"status":200,"path":"/"}'
    decoded = decoded_of([good, '{"time":1,"status":"started","path":"/etc/x.conf"}'])
    assert (decoded.batch.num_rows, decoded.rejects, decoded.foreign) == (1, 0, 1)


@given(st.floats(0, MOST_SECONDS) | st.integers(0, MOST_SECONDS), st.integers(0, MOST_BYTES))
def test_numbers_that_python_writes_are_read_back(seconds: float, size: int) -> None:
    written = json.dumps(
        {"time": 1, "status": 200, "path": "/", "request_time": seconds, "bytes": size}
    )
    (record,) = rows(read_format("json").decode(f"{written}\n".encode()).batch)
    assert record.duration == pytest.approx(seconds, rel=1e-15)
    assert record.bytes == size


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_the_bounds_hold_in_every_format(name: str) -> None:
    """Whatever number of a line becomes absurd, no size and no duration of it is."""
    example_line = PRESETS[name].example
    reading = make_reading(name)
    for number in re.finditer(r"(?<![\d.:/-])\d+(?:\.\d+)?(?![\d.:/])", example_line):
        for absurd in ("999999999999999999", "1" + "0" * 17):
            text = example_line[: number.start()] + absurd + example_line[number.end() :]
            decoded = decoded_of(text.split("\n"), reading)
            for record in rows(decoded.batch):
                assert record.bytes is None or record.bytes <= MOST_BYTES
                for seconds in (record.duration, record.upstream_duration):
                    assert seconds is None or 0 <= seconds <= MOST_SECONDS * 3


# --- JSON that goes deep


@pytest.mark.parametrize("depth", [1500, 100_000])
def test_an_object_that_is_deep_where_nobody_looks_is_a_record(depth: int) -> None:
    for deep in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        good = f'{{"time":1,"status":200,"extra":{deep},"path":"/p"}}\n'.encode()
        decoded = read_format("json").decode(good)
        assert [record.path for record in rows(decoded.batch)] == ["/p"]


@pytest.mark.parametrize("name", [*sorted(PRESETS), "auto"])
def test_to_explain_a_reject_never_fails(name: str) -> None:
    log_format = AutoFormat() if name == "auto" else read_format(name)
    for text in (
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"[" * 1500 + b"]" * 1500 + b",}",
        b'{"time":' + b"9" * 5000 + b',"status":1,"path":"/"}',
        b'{"MESSAGE":' + b"[" * 100_000,
        b'{"MESSAGE":[600000000000000]}',
        b"\xff\x00" * 50,
        b"(" * 5000,
        COMBINED.replace("2024", "9999").replace("05/May", "31/Dec").encode(),
    ):
        chunk = text + b"\n"
        decoded = log_format.decode(chunk)
        assert decoded.lines == decoded.batch.num_rows + decoded.rejects + decoded.foreign
        for sample in reject_samples(chunk, decoded, log_format):
            assert sample.reason
        rows(decoded.batch)
        reading = make_reading(name)
        assert explain_log("x", chunk, reading)


def test_what_is_broken_and_deep_is_explained_as_that() -> None:
    log_format = PRESETS["json"].formats[0]
    assert log_format.explain(b'{"a":' + b"[" * 100_000) == ("invalid JSON, nested too deeply")


# --- whatever comes

mutations = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.integers(0, 3),
        st.sampled_from(['"', " ", "[", "]", "-", ",", "9" * 20, "\\", "{", "=", ":", "\x00", "é"]),
    ),
    max_size=4,
)


@given(st.sampled_from(sorted(PRESETS)), mutations, st.booleans())
@settings(max_examples=thorough(150, 3000), deadline=None)
@example("combined", [(0, 0, "-")], True)
def test_mutated_lines_are_records_rejects_or_foreign(
    name: str, changes: list[tuple[int, int, str]], detected: bool
) -> None:
    text = PRESETS[name].example
    for place, cut, more in changes:
        at = place % (len(text) + 1)
        text = text[:at] + more + text[at + cut :]
    chunk = f"{PRESETS[name].example}\n{text}\n".encode()
    reading = make_reading("auto" if detected else name)
    decoded = reading.format_of(chunk).decode(chunk, reading.context)
    assert decoded.lines == decoded.batch.num_rows + decoded.rejects + decoded.foreign
    assert set(decoded.damaged.tolist()) <= set(decoded.line.tolist())
    decoded.batch.validate(full=True)
    rows(decoded.batch)
