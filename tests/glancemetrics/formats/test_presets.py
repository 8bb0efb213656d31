"""Formats that have a name: none takes what is another's, and what each is in its corners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from glancemetrics.formats.detection import detect
from glancemetrics.formats.envelopes import ENVELOPES
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.log_format import Decoded, LineContext
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.records.schema import LogRecord, rows
from tests.glancemetrics.formats.test_detection import NOW, SAME
from tests.glancemetrics.formats.writers import WRITERS, Request
from tests.lines import BASE

ASKED = [
    Request(
        time=datetime(2024, 5, 5, 10, number, 7, tzinfo=UTC) + timedelta(milliseconds=number),
        host="2001:db8::9" if number == 2 else f"192.0.2.{number}",
        user="alice" if number % 2 else None,
        method=("GET", "POST", "HEAD")[number % 3],
        path=f"/shop/{number}",
        query="a=1&b=%20x" if number % 2 else None,
        protocol="HTTP/1.1" if number % 2 else "HTTP/2.0",
        status=(200, 404, 503)[number % 3],
        size=512 * number,
        referrer="https://example.com/?q=x y" if number % 2 else None,
        agent="Mozilla/5.0 (X11; Linux x86_64)" if number % 3 else "curl/8.5.0",
        vhost="shop.example",
        milliseconds=number * 37,
        upstream_milliseconds=number * 31,
    )
    for number in range(1, 9)
]


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_server_writes_is_detected_as_its_own_format_and_as_no_other(name: str) -> None:
    chunk = "".join(f"{WRITERS[name](request)[0]}\n" for request in ASKED).encode()
    found = detect(chunk, NOW).format
    assert found is not None
    assert found.name == SAME.get(name, name)
    decoded = found.decode(chunk, NOW)
    assert (decoded.batch.num_rows, decoded.rejects) == (len(ASKED), 0)
    assert rows(decoded.batch) == rows(read_format(name).decode(chunk, NOW).batch)


def read(name: str, *lines: str) -> Decoded:
    chunk = "".join(f"{line}\n" for line in lines).encode()
    return read_format(name).decode(chunk, LineContext(arrived=float(BASE)))


def asked(name: str, line: str) -> LogRecord:
    (record,) = rows(read(name, line).batch)
    return record


def has(record: LogRecord, **columns: Any) -> None:
    found = {column: getattr(record, column) for column in columns}
    expected = {
        column: pytest.approx(value) if isinstance(value, float) else value
        for column, value in columns.items()
    }
    assert found == expected


def test_uwsgi_with_a_user_and_with_microseconds() -> None:
    line = (
        "[pid: 7|app: 0|req: 12/34] 192.0.2.4 (bob) {34 vars in 617 bytes} [Sun Mar  3 02:09:15 "
        "2024] GET /b?c => generated 0 bytes in 68 micros (HTTP/1.1 404) 9 headers in 373 bytes (1 "
        "switches on core 8)"
    )
    has(asked("uwsgi", line), user="bob", status=404, bytes=0, duration=0.000068, query="c")
    assert asked("uwsgi", line).time == datetime(2024, 3, 3, 2, 9, 15, tzinfo=UTC)
    has(asked("uwsgi", line.replace("(bob)", "()")), user=None, host="192.0.2.4")
    decoded = read(
        "uwsgi", "*** Starting uWSGI 2.0.21 (64bit) ***", line, "worker 1 buried after 1s"
    )
    assert (decoded.line.tolist(), decoded.rejects, decoded.foreign) == ([1], 0, 2)


def test_what_django_and_werkzeug_say_beside_is_foreign() -> None:
    decoded = read(
        "django",
        "Watching for file changes with StatReloader",
        "",
        '[05/May/2024 10:00:00] "GET /polls/?q=1 HTTP/1.1" 200 1234',
        "Not Found: /favicon.ico",
        '\x1b[m[05/May/2024 10:00:01] "\x1b[33mGET /favicon.ico HTTP/1.1\x1b[0m" 404 2110\x1b[0m',
        "[05/May/2024 10:00:02,123] - Broken pipe from ('127.0.0.1', 50112)",
        '[05/May/2024 99:00:02] "GET /x y HTTP/1.1" 200 5',
    )
    assert (decoded.line.tolist(), decoded.rejected.tolist()) == ([2, 4], [6])
    has(rows(decoded.batch)[1], path="/favicon.ico", status=404, bytes=2110)
    decoded = read(
        "werkzeug",
        " * Serving Flask app 'app'",
        " * Running on http://127.0.0.1:5000 (Press CTRL+C to quit)",
        '192.0.2.7 - - [05/May/2024 10:00:00] "GET /a HTTP/1.1" 200 -',
        'INFO:werkzeug:192.0.2.8 - - [05/May/2024 10:00:00] "POST /b HTTP/1.1" 302 -',
        " * Debugger PIN: 123-456-789",
    )
    assert (decoded.line.tolist(), decoded.rejects, decoded.foreign) == ([2, 3], 0, 3)
    has(rows(decoded.batch)[1], host="192.0.2.8", method="POST", status=302, bytes=None)


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("GET /a?b 200 12.345 ms - 512", {"query": "b", "duration": 0.012345, "bytes": 512}),
        ("\x1b[0mGET /a \x1b[32m200\x1b[0m 0.345 ms - -\x1b[0m", {"status": 200, "bytes": None}),
        ("\x1b[0mGET /a \x1b[32m304 \x1b[0m0.345 ms - 5\x1b[0m", {"status": 304}),
        ("\x1b[0mGET /a \x1b[0m-\x1b[0m - ms - -\x1b[0m", {"status": None, "duration": None}),
        ("GET /a 200 512 - 12.345 ms", {"bytes": 512, "duration": 0.012345}),  # tiny
        ("::1 - GET /a HTTP/1.1 200 512 - 1.5 ms", {"host": "::1", "duration": 0.0015}),  # short
    ],
)
def test_morgan(line: str, columns: dict[str, Any]) -> None:
    has(asked("morgan", line), path="/a", method="GET", **columns)
    assert read("morgan", "Server listening on port 3000", line).foreign == 1


def test_the_gateway_of_an_api_in_common_format_and_by_routes() -> None:
    ids = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    clf = '192.0.2.7 - - [05/May/2024:10:00:01 +0000] "GET /pets HTTP/1.1" 200 70 '
    for line in (f"{clf}{ids}", f"{clf}{ids} VvyAGFHroAMF6Lw=", f"{clf}JKJaXmPLvHcESHA="):
        has(asked("aws-api-gateway", line), host="192.0.2.7", path="/pets", status=200, bytes=70)
        found = detect(f"{line}\n".encode() * 3).format
        assert found is not None
        assert found.name == "aws-api-gateway"
    routed = (
        '{"requestId":"x=","ip":"192.0.2.7","requestTime":"05/May/2024:10:00:01 +0000",'
        '"httpMethod":"GET","routeKey":"%s","status":"200","protocol":"HTTP/1.1",'
        '"responseLength":"70"}'
    )
    has(asked("aws-api-gateway", routed % "GET /pets/{id}"), path="/pets/{id}", method="GET")
    has(asked("aws-api-gateway", routed % "$default"), path=None, status=200, bytes=70)


def test_azure_writes_seconds_or_milliseconds_and_which_must_be_known() -> None:
    line = (
        '{"%s","category":"ApplicationGatewayAccessLog","properties":{%s"clientIP":"192.0.2.7",'
        '"httpMethod":"GET","requestUri":"/a","requestQuery":"%s","httpStatus":200,'
        '"sentBytes":5,"timeTaken":%s,"host":"x.example"}}'
    )
    time, name = 'time":"2024-05-05T10:00:00Z', "azure-app-gateway"
    first = line % (time, '"instanceId":"ApplicationGatewayRole_IN_0",', "SERVER-STATUS=404", 205)
    has(asked(name, first), duration=0.205, query=None, path="/a", vhost="x.example")
    second = line % (time, '"instanceId":"appgw_2","serverRouted":"",', "a=1", 0.205)
    has(asked(name, second), duration=0.205, query="a=1")
    has(asked(name, line % (time, "", "a=1", 205)), duration=None, status=200)
    classic = (
        '{"time":"2024-05-05T10:00:00.1Z","category":"FrontdoorAccessLog","properties":{'
        '"httpMethod":"GET","httpVersion":"2.0","requestUri":"https://x.example:443/?q=1",'
        '"responseBytes":"380","clientIp":"192.0.2.7","timeTaken":"0.003","httpStatusCode":"403"}}'
    )
    has(asked("azure-front-door", classic), vhost="x.example:443", query="q=1", duration=0.003)
    waf = classic.replace("FrontdoorAccessLog", "FrontdoorWebApplicationFirewallLog")
    assert read("azure-front-door", classic, waf).foreign == 1


def test_what_a_function_of_vercel_prints_is_no_request() -> None:
    line = (
        '{"deploymentId":"d","source":"lambda","timestamp":1431857103250,%s"proxy":{"method":"GET",'
        '"path":"/a?b","statusCode":-1,"userAgent":"x","host":"x.example"}}'
    )
    decoded = read("vercel", line % "", line % '"type":"stdout","message":"hello",')
    assert (decoded.line.tolist(), decoded.rejects, decoded.foreign) == ([0], 0, 1)
    has(rows(decoded.batch)[0], status=None, agent="x", query="b")


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("time:05/May/2024:10:00:17 +0900\thost:192.0.2.1\treq:GET /a HTTP/1.1\tstatus:200", {}),
        ("time:[05/May/2024:10:00:17 +0900]\treq:GET /a HTTP/1.1\tstatus:200\thost:192.0.2.1", {}),
        (
            "status:200\tremote_addr:192.0.2.1\thost:x.example\turi:/a\ttime:1714870817\tmethod:GET",
            {},
        ),
        (
            "time:2024-05-05T10:00:17+09:00\thost:192.0.2.1\treq:GET /a HTTP/1.1\tstatus:200\t"
            'reqtime_microsec:1500\tapptime:0.001\tua:a "b" \\x22\treferer:-\tx:',
            {
                "duration": 0.0015,
                "upstream_duration": 0.001,
                "agent": 'a "b" \\x22',
                "referrer": None,
            },
        ),
    ],
)
def test_ltsv(line: str, columns: dict[str, Any]) -> None:
    record = asked("ltsv", line)
    has(record, host="192.0.2.1", path="/a", method="GET", status=200, **columns)
    assert record.time == datetime(2024, 5, 5, 1, 0, 17, tzinfo=UTC)


def test_a_broken_row_of_ltsv_is_a_reject_and_says_why() -> None:
    lines = ["time:noon\treq:GET /a HTTP/1.1\tstatus:200", "nonsense", "a:b\tc:d", "status:200"]
    decoded = read("ltsv", *lines)
    assert (decoded.rejected.tolist(), decoded.foreign) == ([0, 1, 3], 1)
    log_format = read_format("ltsv")
    assert "is not a time" in log_format.explain(lines[0].encode())
    assert "label:value separated by tabs" in log_format.explain(lines[1].encode())


@pytest.mark.parametrize(
    ("line", "name", "columns"),
    [
        (
            '2024-05-05T10:00:00.123456+00:00 heroku[router]: at=info method=GET path="/a?b=1" '
            'host=x.herokuapp.com fwd="192.0.2.1" dyno=web.1 connect=1ms service=18ms status=200 '
            "bytes=13 protocol=https tls_version=tls1.3",
            "heroku in rfc3164",
            {"host": "192.0.2.1", "duration": 0.019, "bytes": 13},
        ),
        (
            'at=error code=H12 desc="Request timeout" method=GET path="/a?b=1" host=x.example '
            'fwd="192.0.2.1" dyno=web.1 connect=1ms service=30001ms status=503 bytes=0',
            "heroku",
            {"status": 503, "duration": 30.002},
        ),
        (
            "<190>1 2024-05-05T10:00:00.123Z host app web.1 - method=GET path=/a format=html "
            "controller=Home action=index status=200 duration=58.33 view=40.43 db=15.26",
            "lograge in rfc5424",
            {"status": 200, "duration": 0.05833},
        ),
        (
            'time=2024-05-05T12:00:00.123+02:00 msg="a \\"b\\" c" method=GET path="/a?b=1" '
            "status=200 duration=1.5ms remote_addr=192.0.2.1:50112 slow",
            "logfmt",
            {"host": "192.0.2.1", "duration": 0.0015},
        ),
        (
            'ts=2024-05-05T10:00:00.123Z method=GET uri=/a?b=1 status=200 user_agent="x\\\\y\\x01" '
            "win=C:\\new\\",
            "logfmt",
            {"agent": "x\\y\\x01"},
        ),
    ],
)
def test_logfmt(line: str, name: str, columns: dict[str, Any]) -> None:
    chunk = f"{line}\nlevel=info msg=started\nplain words, of somebody\n".encode() * 3
    found = detect(chunk, NOW).format
    assert found is not None
    assert found.name == name
    decoded = found.decode(chunk, NOW)
    record, *_ = rows(decoded.batch)
    has(record, path="/a", method="GET", **columns)
    assert (decoded.batch.num_rows, decoded.rejects, decoded.foreign) == (3, 0, 6)
    if "10:00:00.123" in line or "12:00:00.123" in line:
        assert record.time.replace(microsecond=0) == datetime(2024, 5, 5, 10, tzinfo=UTC)


def test_dates_of_iis_with_commas() -> None:
    line = (
        "192.0.2.7, -, %s, 7:55:20, W3SVC2, SALES1, 10.0.0.2, 4502, 163, 3223, 200, 0, GET, /a, -,"
    )
    for date in ("03/20/01", "3/20/2001", "20.3.2001", "2001-03-20"):
        record = asked("iis-native", line % date)
        assert record.time == datetime(2001, 3, 20, 7, 55, 20, tzinfo=UTC)
        has(record, user=None, duration=4.502, bytes=3223, status=200, query=None, path="/a")
    assert read("iis-native", line % "20/3/2001").rejects == 1


def test_the_client_that_istio_names_is_the_client() -> None:
    example = PRESETS["istio"].example
    record = asked("istio", example.replace('12 11 "-"', '12 11 "198.51.100.9"'))
    has(record, host="192.0.2.7", vhost="example.com", duration=0.012)
    # Of a request that nothing answered.
    broken = example.replace("12 11", "- -").replace(" 200 ", " 0 ")
    has(asked("istio", broken), status=0, duration=None)


@pytest.mark.parametrize("state", ["----", '"----"', "CC--"])
def test_haproxy_in_common_format_behind_syslog(state: str) -> None:
    line = PRESETS["haproxy-clf"].example.replace('"----"', state)
    chunk = f"<134>May  5 10:00:00 lb haproxy[7]: {line}\n".encode() * 3
    found = detect(chunk, NOW).format
    assert found is not None
    assert found.name == "haproxy-clf in rfc3164"
    record, *_ = rows(found.decode(chunk, NOW).batch)
    has(record, host="192.0.2.7", duration=0.012, upstream_duration=0.011)


@pytest.mark.parametrize(
    ("name", "broken", "other"),
    [
        ("json", '{"time":"noon","status":200,"uri":"/a"}', '{"time":"noon","msg":"x"}'),
        ("json", '{"time":"2024-02-31T10:00:00Z","status":200,"uri":"/"}', '{"level":"info"}'),
        ("logfmt", "time=noon method=GET path=/a status=200", "time=noon level=info"),
        ("ltsv", "time:noon\treq:GET /a HTTP/1.1\tstatus:200", "a:b\tc:d"),
    ],
)
def test_a_broken_request_is_a_reject_also_where_other_programs_write(
    name: str, broken: str, other: str
) -> None:
    good = PRESETS[name].example
    decoded = read(name, good, broken, other, good)
    assert (decoded.rejected.tolist(), decoded.foreign) == ([1], 1)
    wrapped = StreamFormat(PRESETS[name].formats, (ENVELOPES["compose"],), is_shared=True)
    chunk = "".join(f"web-1  | {line}\n" for line in (good, broken, other)).encode()
    decoded = wrapped.decode(chunk, NOW)
    assert (decoded.rejected.tolist(), decoded.foreign) == ([1], 1)
