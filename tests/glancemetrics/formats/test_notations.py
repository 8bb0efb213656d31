"""Formats as people paste them from a server's configuration, and the mistakes in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from glancemetrics.errors import UsageError
from glancemetrics.formats.combined import COMBINED
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.notations.nginx_configuration import chosen_format, logs_of
from glancemetrics.formats.notations.notation import NotationError
from glancemetrics.formats.stream import StreamFormat
from glancemetrics.records.schema import LogRecord, rows

MOMENT = datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)


def one(log_format: str, text: str) -> LogRecord:
    decoded = read_format(log_format).decode(f"{text}\n".encode())
    assert (decoded.lines, decoded.rejects) == (1, 0), decoded.rejected
    (record,) = rows(decoded.batch)
    return record


def test_a_log_format_of_nginx_with_all_that_it_may_say() -> None:
    statement = """
        log_format  timed  '$remote_addr - $remote_user [$time_local] "$request" '
                           '$status $body_bytes_sent "$http_referer" '
                           '"$http_user_agent" rt=$request_time ut="$upstream_response_time" '
                           '${host} "$http_x_forwarded_for"';
    """
    record = one(
        statement,
        "203.0.113.7 - Bob Smith [17/May/2015:12:05:03 +0200] "
        '"GET /a/b?c=d HTTP/2.0" 499 0 "https://example.org/" "x \\x22y\\x22" '
        'rt=1.250 ut="0.010, 0.002 : -" www.example.org "192.0.2.1, 192.0.2.2"',
    )
    assert record == LogRecord(
        time=MOMENT,
        host="203.0.113.7",
        identity=None,
        user="Bob Smith",
        method="GET",
        path="/a/b",
        query="c=d",
        protocol="HTTP/2.0",
        request=None,
        status=499,
        bytes=0,
        referrer="https://example.org/",
        agent=r"x \x22y\x22",
        vhost="www.example.org",
        duration=1.25,
        upstream_duration=pytest.approx(0.012),
    )
    assert read_format(statement).expected == "in the timed format"


def test_a_log_format_of_apache_as_its_configuration_has_it() -> None:
    statement = (
        r'LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %D" timed'
    )
    record = one(
        statement,
        r'www.example.org:443 2001:db8::1 id - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 304 '
        r'180 "-" "a \"quoted\" name" 1500',
    )
    assert (record.vhost, record.host, record.identity) == ("www.example.org", "2001:db8::1", "id")
    assert (record.user, record.referrer, record.agent) == (None, None, r"a \"quoted\" name")
    assert (record.status, record.bytes, record.duration) == (304, 180, 0.0015)
    assert read_format(statement).expected == "in the timed format"


@pytest.mark.parametrize(
    ("log_format", "text"),
    [
        ("%h %t", "h [17/May/2015:10:05:03 +0000]"),
        ("%h %{sec}t", "h 1431857103"),
        ("%h %{msec}t", "h 1431857103000"),
        ("%h %{usec}t", "h 1431857103000000"),
        ("$remote_addr $time_local", "h 17/May/2015:06:35:03 -0330"),
        ("$remote_addr $time_iso8601", "h 2015-05-17T12:05:03+02:00"),
        ("$remote_addr $msec", "h 1431857103.000"),
        ("'$time_local $msec'", "17/May/2015:10:05:59 +0000 1431857103.000"),  # the more exact
        (r"%h \"%t\" %%", 'h "[17/May/2015:10:05:03 +0000]" %'),
        ("$remote_addr\t$time_iso8601", "h\t2015-05-17 10:05:03Z"),
    ],
)
def test_every_way_to_say_when(log_format: str, text: str) -> None:
    assert one(log_format, text).time == MOMENT


def test_fractions_of_a_second_are_kept() -> None:
    moment = MOMENT.replace(microsecond=123_000)
    assert one("$msec", "1431857103.123").time == moment
    assert one("$time_iso8601", "2015-05-17T10:05:03.123Z").time == moment
    assert one("%{usec}t", "1431857103123000").time == moment


@pytest.mark.parametrize(
    ("log_format", "text", "expected"),
    [
        ("%{sec}t %D", "1 1500", 0.0015),
        ("%{sec}t %T", "1 2", 2.0),
        ("%{sec}t %{ms}T", "1 250", 0.25),
        ("%{sec}t %{us}T", "1 -", None),
        ("$msec $request_time", "1.000 0.250", 0.25),
    ],
)
def test_durations_are_seconds(log_format: str, text: str, expected: float | None) -> None:
    assert one(log_format, text).duration == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.250", 0.25), ("-", None), ("", None), ("0.1, 0.2", 0.3), ("0.1 : 0.2, - : 0.3", 0.6)],
)
def test_upstreams_that_were_asked_one_after_the_other_add_up(
    text: str, expected: float | None
) -> None:
    record = one('$msec "$upstream_response_time"', f'1.0 "{text}"')
    assert record.upstream_duration == pytest.approx(expected)


@pytest.mark.parametrize(
    ("log_format", "text", "expected"),
    [
        ("%{sec}t %m %U%q %H", "1 POST /a?b=c HTTP/2.0", ("POST", "/a", "b=c", "HTTP/2.0")),
        ("%{sec}t %m %U%q %H", "1 POST /a HTTP/2.0", ("POST", "/a", None, "HTTP/2.0")),
        ("%{sec}t %m %U%q %H", "1 GET /a??b HTTP/2.0", ("GET", "/a", "?b", "HTTP/2.0")),
        ('$msec "$uri" "$args"', '1.0 "/a" "?b"', (None, "/a", "?b", None)),
        ("$msec $request_method $request_uri", "1.0 GET /a?b", ("GET", "/a", "b", None)),
        ('$msec "$uri" "$args"', '1.0 "/a b" "c=d"', (None, "/a b", "c=d", None)),
        ('$msec "$uri" "$args"', '1.0 "/a" "-"', (None, "/a", None, None)),
        ("$msec http://$host$request_uri", "1.0 http://x.org/a?b", (None, "/a", "b", None)),
        ("$msec $status", "1.0 200", (None, None, None, None)),
    ],
)
def test_requests_in_parts(log_format: str, text: str, expected: tuple[str | None, ...]) -> None:
    record = one(log_format, text)
    assert (record.method, record.path, record.query, record.protocol) == expected


def test_named_formats() -> None:
    assert read_format("combined") == read_format("common") == StreamFormat((COMBINED,))
    text = 'x.org:80 ::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"'
    assert one("vhost_combined", text).vhost == one("vhost-combined", text).vhost == "x.org"
    assert one("vhost-common", text[: text.index(' "-"')]).bytes == 5


def test_an_ingress_that_asked_two_upstreams() -> None:
    record = one(
        "ingress-nginx",
        '203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8.5.0" 341 '
        "0.250 [default-web-80] [] 10.0.0.1:80, 10.0.0.2:80 0, 12 0.200, 0.040 502, 200 abc123",
    )
    assert (record.status, record.duration) == (200, 0.25)
    assert record.upstream_duration == pytest.approx(0.24)


def test_traefik_tells_milliseconds_with_their_unit() -> None:
    record = one(
        "traefik",
        '203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12 "-" "-" 500 '
        '"test@docker" "http://10.0.0.1:80" 7ms',
    )
    assert record.duration == pytest.approx(0.007)


@pytest.mark.parametrize(
    ("log_format", "said"),
    [
        ("nginx", "nginx: did you mean combined (nginx's default)? List: glancemetrics formats"),
        ("%h %y %t", "character 4: unknown directive %y"),
        ("%h %{x", "character 4: expected a directive after %"),
        ("%{%Y-%m-%d}t %h", "incomplete time; it needs year, day and hour"),
        ("%h %{%Y-%Q}t", "character 4: %Q is not supported in a time format"),
        ("$remote_addr $ $time_local", "character 14: expected the name of a variable after $"),
        ("log_format a '$time_local", "character 14: expected a quoted text"),
        ("%h %s", "missing time; add %t"),
        ("$status", "missing time; add $time_local"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(log_format: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_format(log_format)
    assert str(error.value).startswith(f"--format {log_format}: ")
    assert said in str(error.value)


STRFTIME = r'%h %l %u [%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t] "%r" %>s %b'


def test_times_of_apache_in_formats_of_strftime() -> None:
    record = one(STRFTIME, '::1 - ann [17/May/2015 12:05:03.250 +0200] "GET / HTTP/1.1" 200 5')
    assert record.time == MOMENT.replace(microsecond=250_000)
    assert (record.user, record.bytes) == ("ann", 5)
    epoch = one("%{%s}t %h %>s", "1431857103 ::1 200")
    assert epoch.time == MOMENT
    bad = read_format(STRFTIME)
    assert bad.decode(b'::1 - - [31/Feb/2015 12:05:03.250 +0200] "-" 200 5\n').rejects == 1


GOACCESS = r'%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %T'
GOACCESS_LINE = '::1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "curl x" 0.250'


def test_a_format_of_goaccess() -> None:
    record = one(GOACCESS, GOACCESS_LINE)
    assert (record.time, record.host, record.path) == (MOMENT, "::1", "/a")
    assert (record.status, record.agent, record.duration) == (200, "curl x", 0.25)


@pytest.mark.parametrize(
    ("log_format", "line"),
    [
        (r'%h %^[%d:%^] "%r" %s', ""),  # before 0.8: only the day was read
        (r'%h %^[%d:%t %^] "%r" %s %b "%R" "%u"%^', ""),
        (r'%h %^[%d:%t %^] "%r" %s %b "%R" "%u"%^', ' 1.5 "x y"'),
        (r'%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %^', ' 1.5 "x y"'),
        (r'%h %^ %^ [%d:%t %^] "%r" %s %b "%R" "%u"%^', ""),
        (r'%h %^ %^ %^[%d:%t %^] "%r" %s%^', ""),
    ],
)
@pytest.mark.parametrize("zone", ["+0200", "-0330"])
def test_what_goaccess_reads_over(log_format: str, line: str, zone: str) -> None:
    """Where that is the zone of the time, it counts: the time would be another one."""
    shown = MOMENT.astimezone(timezone(timedelta(hours=2 if zone == "+0200" else -3.5)))
    text = f'::1 - - [{shown:%d/%b/%Y:%H:%M:%S} {zone}] "GET /a HTTP/1.1" 200 5 "-" "x"{line}'
    if log_format.endswith("%s"):
        text = text.partition(" 5 ")[0]
    made = read_format(log_format, "%d/%b/%Y")
    (record,) = rows(made.decode(f"{text}\n".encode()).batch)
    assert (record.host, record.path, record.status) == ("::1", "/a", 200)
    assert record.time == MOMENT
    # What is no zone is read over as ever.
    unzoned = text.replace(f" {zone}]", " CET]")
    assert made.decode(f"{unzoned}\n".encode()).batch.num_rows == 1


@pytest.mark.parametrize("name", ["COMBINED", "CADDY", "SQUID", "W3C", "AWSALB", "TRAEFIKCLF"])
def test_goaccess_own_names(name: str) -> None:
    assert read_format(name, date_format="%Y", time_format="%T").formats  # type: ignore[attr-defined]


def test_a_goaccess_conf_as_it_is() -> None:
    text = (
        "# time-format %H\n\ntime-format %H:%M:%S\ndate-format %Y-%m-%d\n"
        'log-format %v %h [%d %t] %m %U %H %s %b ~h{, } %D "%u" %~%e\nno-color false\n'
    )
    record = one(
        text,
        'x.org ::1 [2015-05-17 10:05:03] GET /a?b HTTP/1.1 404 5 10.0.0.1, ::2 250000 "c"    ann',
    )
    assert (record.time, record.vhost, record.user) == (MOMENT, "x.org", "ann")
    assert (record.query, record.duration) == ("b", 0.25)


def test_goaccess_json() -> None:
    text = (
        'log-format {"ts":"%x.%^","request":{"remote_ip":"%h","method":"%m","uri":"%U",'
        '"headers":{"User-Agent":["%u","%^"]}},"duration":"%T","status":"%s"}\n'
        "date-format %s\ntime-format %s\n"
    )
    record = one(
        text,
        '{"ts":1431857103.25,"request":{"remote_ip":"::1","method":"GET","uri":"/a","headers":'
        '{"User-Agent":["c"]}},"duration":0.5,"status":200,"more":[1]}',
    )
    assert record.time == MOMENT.replace(microsecond=250_000)
    assert (record.agent, record.duration, record.path) == ("c", 0.5, "/a")


REGEX = (
    r'^(?P<host>\S+) \[(?<time>[^\]]+)\] (?:"(?P<request>[^"]*)"|-) '
    r"(?P<status>\d+)(?: (?P<duration_ms>\d+))?$"
)


TIMED = r'(?P<time>\S+ \S+) (?P<host>\S+) "(?P<request>[^"]*)" (?P<status>\d+)'


@pytest.mark.parametrize(
    ("written", "date_format", "time_format"),
    [
        ("17.05.2015 10:05:03", "%d.%m.%Y %H:%M:%S", None),
        ("17.05.2015 10:05:03", "%d.%m.%Y", "%T"),
        ("05/17/15 10:05:03", "%D %T", None),
        ("1431857103 x", "%s x", None),
        ("2015-05-17 12:05:03+0200", "%F %T%z", None),
    ],
)
def test_the_time_of_a_regular_expression_in_a_format_of_its_own(
    written: str, date_format: str, time_format: str | None
) -> None:
    log_format = read_format(TIMED, date_format, time_format)
    line = f'{written} ::1 "GET / HTTP/1.1" 200\n'
    decoded = log_format.decode(f'{line}yesterday noon ::1 "GET / HTTP/1.1" 200\n'.encode())
    (record,) = rows(decoded.batch)
    assert (record.time, record.status, decoded.rejects) == (MOMENT, 200, 1)
    assert log_format.explain(b'a b ::1 "GET /" 200') == "time does not match --date-format"


@pytest.mark.parametrize(
    ("date_format", "said"),
    [
        ("%H:%M", "incomplete --date-format; it needs year, day and hour"),
        ("%Q", "%Q is not supported"),
    ],
)
def test_a_date_format_that_says_no_time_is_refused(date_format: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_format(TIMED, date_format)


def test_a_regular_expression_with_named_groups() -> None:
    record = one(REGEX, '::1 [2015-05-17T10:05:03Z] "GET / HTTP/1.1" 200 250')
    assert (record.time, record.host, record.path, record.duration) == (MOMENT, "::1", "/", 0.25)
    assert one(REGEX, "::1 [2015-05-17T10:05:03Z] - 200").duration is None
    log_format = read_format(REGEX)
    assert log_format.explain(b"nope") == "the regular expression does not match the line"
    assert log_format.explain(b"::1 [x] - 200") == "x is not a time"
    decoded = log_format.decode(b"::1 [2015-05-17T10:05:03Z] - 2000\n")
    assert ([record.status for record in rows(decoded.batch)], decoded.damaged.tolist()) == (
        [None],
        [0],
    )


def test_json_of_nginx_by_its_own_statement() -> None:
    statement = (
        'log_format j escape=json \'{"time":"$time_iso8601","client":{"ip":"$remote_addr"},'
        '"r":"$request","status":$status,"took":$request_time}\';'
    )
    record = one(
        statement,
        '{"time":"2015-05-17T10:05:03+00:00","client":{"ip":"::1"},"r":"GET /\\"a HTTP/1.1",'
        '"status":200,"took":0.250}',
    )
    assert (record.time, record.host, record.path) == (MOMENT, "::1", '/"a')
    assert (record.status, record.duration) == (200, 0.25)


@pytest.mark.parametrize(
    ("log_format", "said"),
    [
        (r"%h %d %q %Q %^", "character 10: unknown specifier %Q"),
        (r"%h %{%H:%M}t", "incomplete time; it needs year, day and hour"),
        (
            r"(?P<hst>\S+)",
            "character 1: unknown field 'hst'; add --keep hst, or use one of time, host",
        ),
        (r"(?P<host>\S+) (x)", "character 15: group without a name; use (?:...)"),
        (r"(?P<time>\S+", "invalid regular expression: missing )"),
        ("(?P<time>x\ny", "--format (?P<time>x y: invalid regular expression: missing )"),
        (r"(?P<host>\S+)", "missing time; add a group named time"),
        ('log-format {"a":"%h"', "invalid JSON"),
        ("%h %^", "missing time; add %x"),
        ('[)"b"(?P<time>)', "invalid regular expression: missing ]"),
        ("(?P<time>x)\\", "invalid regular expression: trailing"),
    ],
)
def test_mistakes_in_other_notations_are_told_with_their_place(log_format: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_format(log_format)
    assert said in str(error.value)


CONFIGURATION = """
http {  # ; { }
    log_format timed '$remote_addr [$time_local] "$request" '
                     '$status; $request_time';
    include conf.d/*.conf;
    access_log /var/log/a.log timed buffer=64k flush=1s;
    server { access_log off; location / { access_log "/var/log/b.log"; } }
}
"""


def test_the_log_format_that_an_access_log_uses() -> None:
    asked: list[str] = []

    def included(pattern: str) -> list[str]:
        asked.append(pattern)
        return ["log_format short '$msec $status'; access_log /c.log short;"]

    logs = logs_of(CONFIGURATION, included)
    assert asked == ["conf.d/*.conf"]
    assert logs.uses == {
        "/c.log": "short", "/var/log/a.log": "timed", "/var/log/b.log": "combined"
    }  # fmt: skip
    text = '::1 [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200; 0.250'
    assert one(chosen_format(logs, ["/var/log/a.log"]), text).duration == 0.25
    assert chosen_format(logs, ["/var/log/b.log"]) == "combined"
    with pytest.raises(
        NotationError, match=r"several log formats .*use one of these paths with -f"
    ):
        chosen_format(logs, ["elsewhere.log"])
    with pytest.raises(NotationError, match="no access_log in it"):
        chosen_format(logs_of("events {}", included), [])
    with pytest.raises(NotationError, match="the format x, but no log_format defines it"):
        chosen_format(logs_of("access_log /a x;", included), [])


def test_a_line_that_is_cut_off_in_a_long_text_of_its_format_is_a_record() -> None:
    """It takes no longer for the text's length: it did, by its square, and all memory with it."""
    log_format = read_format('%h %l %u %t "%r" %>s %b ' + "y" * 8_000 + " %D")
    line = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 '
    chunk = f"{line}{'y' * 8_000} 12\n{line}yyyyy\n{line}zz\n".encode()
    decoded = log_format.decode(chunk)
    assert (decoded.damaged.tolist(), decoded.rejected.tolist()) == ([1], [2])
    assert [record.time for record in rows(decoded.batch)] == [MOMENT, MOMENT]


@pytest.mark.parametrize("kept", [1, 30, 63, 64, 65, 70, 85])
def test_a_line_may_be_cut_off_anywhere_in_a_text_of_its_format(kept: int) -> None:
    """A space beside a bracket may be missing, as everywhere."""
    text = (
        "service=checkout environment=production] [region=eu-central-1 cluster=blue version=26.11 "
    )
    log_format = read_format(f'%h %l %u %t "%r" %>s %b {text}%D')
    line = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 '
    decoded = log_format.decode(f"{line}{text[:kept]}\n".encode())
    assert (len(decoded.damaged), decoded.rejects) == (1, 0)


def test_of_a_format_of_hundreds_of_fields_a_line_that_is_cut_off_is_a_reject() -> None:
    log_format = read_format('%h %l %u %t "%r" %>s %b ' + "%{X}i " * 900)
    line = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 '
    chunk = f"{line}{'x ' * 900}\n" + f"{line}x x\n" * 100
    decoded = log_format.decode(chunk.encode())
    assert (decoded.batch.num_rows, decoded.rejects) == (1, 100)


def test_a_format_that_is_longer_than_any_is_named_by_its_beginning() -> None:
    with pytest.raises(
        UsageError, match=r"^--format %h %t y+…: 9,006 characters, the limit is 8,192"
    ):
        read_format("%h %t " + "y" * 9_000)
