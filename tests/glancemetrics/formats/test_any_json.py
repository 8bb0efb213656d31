"""JSON of any server: the names that people give to keys, and what is said of those unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glancemetrics.formats.explanation import explain_log
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.reading import make_reading
from glancemetrics.records.schema import LogRecord, rows

READING = make_reading()


def read(name: str, **keys: Any) -> LogRecord:
    (record,) = rows(read_format(name).decode(json.dumps(keys).encode() + b"\n").batch)
    return record


def asked(**keys: Any) -> LogRecord:
    return read("json", **{"time": "2024-05-05T10:00:00Z", "status": 200, "uri": "/a", **keys})


@pytest.mark.parametrize(
    ("keys", "column", "value"),
    [
        ({"domain_http_host": "shop.example"}, "vhost", "shop.example"),
        ({"domain": "shop.example"}, "vhost", "shop.example"),
        ({"vhost": "shop.example", "host": "web1"}, "vhost", "shop.example"),
        ({"http_protocol": "HTTP/1.1"}, "protocol", "HTTP/1.1"),
        ({"query_string": "?a=1 "}, "query", "a=1"),
        ({"queryString": " b=%20x"}, "query", "b=%20x"),
        ({"args": "?"}, "query", None),
        ({"args": ""}, "query", None),
        ({"request_verb": "PUT"}, "method", "PUT"),
        ({"ua": "curl/8"}, "agent", "curl/8"),
        ({"body_bytes": "7"}, "bytes", 7),
        ({"responsetime": "0.250"}, "duration", 0.25),
        ({"responsetime": "12ms"}, "duration", 0.012),
        ({"responsetime": "250"}, "duration", None),  # most likely milliseconds, but who knows
        ({"responsetime": 12.5}, "duration", None),
        ({"responsetime": "-"}, "duration", None),
        ({"upstreamtime": "0.200"}, "upstream_duration", 0.2),
        ({"upstreamtime": "0.200, 0.100 : 0.050"}, "upstream_duration", 0.35),
        ({"upstreamtime": "200"}, "upstream_duration", None),
        ({"durationMs": 12.5}, "duration", 0.0125),
        ({"client_ip": "192.0.2.3", "remote_ip": "10.0.0.1"}, "host", "192.0.2.3"),
        ({"clientip": "192.0.2.3", "remote_addr": "10.0.0.1"}, "host", "192.0.2.3"),
        ({"client_ip": "-", "remote_ip": "10.0.0.1"}, "host", "10.0.0.1"),
        ({"http.status_code": 404, "status": None}, "status", 404),
        ({"http.url": "/b", "uri": None}, "path", "/b"),
    ],
)
def test_names_of_keys_mean_the_usual_things(
    keys: dict[str, Any], column: str, value: object
) -> None:
    expected = pytest.approx(value) if isinstance(value, float) else value
    assert getattr(asked(**keys), column) == expected


@pytest.mark.parametrize(
    ("asking", "host"),
    [
        ({"remote_ip": "10.0.0.2", "client_ip": "198.51.100.3"}, "198.51.100.3"),
        ({"remote_ip": "10.0.0.2", "client_ip": ""}, "10.0.0.2"),
        ({"remote_ip": "10.0.0.2"}, "10.0.0.2"),
        ({"remote_addr": "10.0.0.2:50112"}, "10.0.0.2"),  # before 2.5
    ],
)
def test_caddy_names_the_client_itself(asking: dict[str, str], host: str) -> None:
    record = read(
        "caddy",
        ts=1714903200.5,
        logger="http.log.access",
        request={**asking, "method": "GET", "uri": "/x"},
        status=200,
    )
    assert record.host == host


def test_the_explanation_lists_the_keys_that_are_not_used() -> None:
    lines = [
        {"time": "2024-05-05T10:00:00Z", "status": 200, "uri": "/a", "pool": "x\x1b", "y": [1]},
        {"time": "2024-05-05T10:00:00Z", "status": 200, "uri": "/a", "geo": {"city": "Bern"}},
    ]
    text = explain_log("x", "".join(f"{json.dumps(one)}\n" for one in lines).encode(), READING)
    unused = text.partition("Unused keys\n")[2].strip()
    assert unused == "pool, y/0, geo/city"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"zeit":"x","status":200}', "no key for time, request line or request target; unknown"),
        ('{"zeit":"x","status":200}', "unknown keys: zeit"),
        ('{"time":"noon","status":200,"uri":"/a"}', "is not a time"),
        ('{"time":"2024-05-05T10:0', "invalid JSON at character 9"),
    ],
)
def test_the_hint_for_json_speaks_of_keys_and_not_of_characters_of_other_formats(
    line: str, said: str
) -> None:
    text = explain_log("x", f"{line}\n".encode(), READING)
    assert said in text
    assert "expected" not in text
    assert "closest format" not in text


def test_an_object_as_deep_as_can_be_is_explained() -> None:
    deep = '{"a":' + "[" * 5000 + "]" * 5000 + "}"
    assert "5000" not in explain_log("x", f"{deep}\n".encode(), READING)


def test_names_of_pairs_that_are_not_used_are_listed_too() -> None:
    row = "time:05/May/2024:10:00:17 +0000\thost:192.0.2.1\treq:GET / HTTP/1.1\tstatus:200\tpool:a"
    text = explain_log("x", f"{row}\n".encode(), READING)
    assert text.partition("Unused keys\n")[2].strip() == "pool"
    pairs = "time=2024-05-05T10:00:17Z method=GET path=/ status=200 done pool=a geo=b"
    text = explain_log("x", f"{pairs}\n".encode(), READING)
    assert text.partition("Unused keys\n")[2].strip() == "pool, geo"


def test_the_hint_for_a_w3c_log_without_its_fields_speaks_of_fields() -> None:
    row = "2026-11-26 07:15:03 10.0.0.1 GET /p0 443 192.0.2.30 200 12"
    text = explain_log("x", f"{row}\n".encode(), READING)
    assert "without its #Fields line" in text
    assert "expected" not in text


@pytest.mark.parametrize(
    "log", ["#Fields: c-ip sc-status\n192.0.2.1 200\n", "#Fields: date time c-ip\n2015 10:05 x y\n"]
)
def test_the_hint_for_rows_that_are_not_of_their_fields_speaks_of_fields(log: str) -> None:
    text = explain_log("x", log.encode(), READING)
    assert "do not match the #Fields line before it" in text
    assert "expected" not in text
