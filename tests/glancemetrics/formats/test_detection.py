"""Detection: which format explains a log, and what is done when it stops fitting."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glancemetrics.formats.auto import AutoFormat
from glancemetrics.formats.detection import detect, nearest
from glancemetrics.formats.envelopes import ENVELOPES
from glancemetrics.formats.explanation import explain_log, list_formats
from glancemetrics.formats.format_names import FORMAT_NAMES
from glancemetrics.formats.format_option import read_format
from glancemetrics.formats.log_format import LineContext, reject_samples
from glancemetrics.formats.presets import PRESETS
from glancemetrics.formats.reading import make_reading
from glancemetrics.formats.usual import usual_format
from glancemetrics.records.schema import LogRecord, rows
from tests.glancemetrics.formats.test_envelopes import WRAPPERS
from tests.lines import BASE, line

SAME = {"common": "combined", "tomcat": "combined", "gunicorn": "combined", "varnish": "combined"}
"""Formats that one reader reads, by the name that is told."""
NOW = LineContext(arrived=float(BASE))


def found(text: str | bytes) -> str | None:
    data = text.encode() if isinstance(text, str) else text
    stream = detect(data, NOW).format
    return None if stream is None else stream.name


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_detected_by_a_few_of_its_lines(name: str) -> None:
    preset = PRESETS[name]
    told = found(f"{preset.example}\n" * 3)
    # Names that are everywhere the same are told by the first of them.
    assert told == SAME.get(name, name)
    (_, *others) = rows(read_format(name).decode(f"{preset.example}\n".encode() * 3, NOW).batch)
    assert len(others) == 2


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize(
    "name", ["combined", "haproxy", "caddy", "traefik-json", "aws-alb", "json"]
)
def test_each_envelope_is_detected_around_it(name: str, envelope: str) -> None:
    if (name, envelope) == ("aws-alb", "quotes"):
        return  # its first field and its last may hold the quotes
    wrapped = WRAPPERS[envelope](PRESETS[name].example)
    assert found(f"{wrapped}\n" * 3) == f"{name} in {envelope}"


def test_the_names_of_the_help_are_the_presets() -> None:
    assert set(FORMAT_NAMES) == set(PRESETS)
    assert [text.split()[0] for text in list_formats().splitlines()] == list(PRESETS)


def extended(text: str) -> LogRecord:
    stream = detect(text.encode(), NOW).format
    assert stream is not None
    decoded = stream.decode(text.encode(), NOW)
    assert decoded.rejects == 0
    return rows(decoded.batch)[-1]


REST = '[17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512'
COMBINED = f'192.0.2.7 - - {REST} "-" "curl/8.5.0"'


@pytest.mark.parametrize(
    ("tail", "duration", "upstream"),
    [
        ("0.250", 0.25, None),
        ("0.250 0.240", 0.25, 0.24),
        ('"192.0.2.1, 10.0.0.1" 0.250 0.100, 0.140', 0.25, 0.24),
        ('"-" 250000', None, None),  # Apache's %D, or Tomcat's in milliseconds: nobody knows
        ('"-" "another"', None, None),
        ("[web] 1", None, None),
        ("17", None, None),  # what unit is not to be seen
    ],
)
def test_combined_with_more_behind_it(
    tail: str, duration: float | None, upstream: float | None
) -> None:
    record = extended(f"{COMBINED} {tail}\n" * 2)
    assert (record.agent, record.bytes) == ("curl/8.5.0", 512)
    assert (record.duration, record.upstream_duration) == (duration, pytest.approx(upstream))


@pytest.mark.parametrize(
    ("before", "host", "vhost"),
    [
        ("www.example.com 192.0.2.7 - -", "192.0.2.7", "www.example.com"),
        ("www.example.com:8080 2001:db8::1 - -", "2001:db8::1", "www.example.com:8080"),
        ("192.0.2.7 www.example.com - -", "192.0.2.7", "www.example.com"),
    ],
)
def test_a_virtual_host_before_or_after_the_client(before: str, host: str, vhost: str) -> None:
    record = extended(f'{before} {REST} "-" "x" 0.250\n')
    assert (record.host, record.vhost, record.duration) == (host, vhost, 0.25)
    if not before[0].isdigit():
        assert vhost.startswith(extended(f'{before} {REST} "-" "x"\n').vhost or "no")


@pytest.mark.parametrize("sent", ["\r", "\x0b", "\x0c", "\x1c", "\x1b[2J", "\x85", "\u2028"])
def test_what_a_client_sends_ends_no_line(sent: str) -> None:
    assert found(line(agent=f"a{sent}b") * 3) == "combined"


def test_several_formats_in_one_file() -> None:
    texts = [PRESETS[name].example for name in ("combined", "caddy", "haproxy")] * 5
    chunk = "".join(f"{text}\n" for text in texts).encode()
    stream = detect(chunk, NOW).format
    assert stream is not None
    decoded = stream.decode(chunk, NOW)
    assert decoded.line.tolist() == list(range(15))
    assert [record.duration for record in rows(decoded.batch)[:3]] == [None, 0.012, 0.012]
    assert set(decoded.format.split(" + ")) == {"combined", "caddy", "haproxy"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Nov 25 08:12:16 host CRON[17]: (root) CMD (true)\n",
        '{"level":"info","msg":"started"}\n',
        "2026-11-25 08:12:44 status installed rsyslog:amd64 8.2302.0\n",
        "2022/01/24 16:33:06 [error] 334#334: *338 open() failed\n",
        COMBINED[:80] + "\n",
        "\x00\xff\x1b[2J\n",
    ],
)
def test_what_is_no_access_log_is_none(text: str) -> None:
    assert found(text) is None


def test_a_format_that_stops_fitting_is_detected_anew() -> None:
    log_format = AutoFormat()
    assert log_format.decode(line() * 5, NOW).batch.num_rows == 5
    assert log_format.name == "combined"
    timed = f"{COMBINED} 0.250\n".encode()
    decoded = log_format.decode(timed, NOW)
    assert [record.duration for record in rows(decoded.batch)] == [0.25]
    assert log_format.name == "combined with more + combined"
    # What was written before is still understood.
    assert log_format.decode(line() + timed + line(), NOW).batch.num_rows == 3
    wrapped = (WRAPPERS["docker"](PRESETS["caddy"].example) + "\n").encode()
    assert log_format.decode(wrapped, NOW).batch.num_rows == 1
    assert log_format.decode(wrapped + line(), NOW).batch.num_rows == 2


def test_an_odd_line_is_read_after_the_others() -> None:
    """What explains it may take forty times as long."""
    log_format = AutoFormat()
    log_format.look_at(line(BASE) * 5)
    odd = b"www.example.com " + line(BASE)
    decoded = log_format.decode(line(BASE) * 50 + odd + line(BASE) * 50, NOW)
    assert (decoded.batch.num_rows, decoded.rejects) == (101, 0)
    assert log_format.name == "combined + vhost-first"
    decoded = log_format.decode(line(BASE) * 5 + odd * 50, NOW)
    assert decoded.batch.num_rows == 55


@pytest.mark.slow
def test_rejects_that_nothing_explains_are_looked_at_less_and_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = itertools.count()
    from glancemetrics.formats import auto

    real = auto.detected_format

    def counted(*arguments: object) -> object:
        next(looks)
        return real(*arguments)  # type: ignore[arg-type]

    log_format = AutoFormat()
    log_format.decode(line(), NOW)
    monkeypatch.setattr(auto, "detected_format", counted)
    for _ in range(1000):
        assert log_format.decode(b"nonsense\n" + line(), NOW).rejects == 1
    assert next(looks) <= 12


def test_without_learning_a_chunk_gives_the_same_whatever_came_before() -> None:
    timed = f"{COMBINED} 0.250\n".encode() * 10
    log_format = AutoFormat(detect(line(), NOW).format, learns=False)
    first = log_format.decode(timed, NOW)
    assert first.batch.num_rows == 10
    assert log_format.name == "combined"
    assert log_format.decode(timed, NOW).batch.equals(first.batch)


def test_an_unknown_format_says_where_to_look() -> None:
    log_format = AutoFormat()
    decoded = log_format.decode(b"nonsense\n" * 3, NOW)
    assert (decoded.lines, decoded.rejects) == (3, 3)
    (sample, *_) = reject_samples(b"nonsense\n" * 3, decoded, log_format)
    assert "details: glancemetrics formats FILE" in sample.reason


READING = make_reading()


def test_the_explanation_shows_what_was_seen() -> None:
    text = explain_log("a\x1b.log", (line() * 3 + b"bad\n"), READING)
    assert text.startswith("a\\x1b.log: combined\n")
    assert "4 lines read: 3 records, 1 reject, 0 from other programs" in text
    assert "combined  3 lines, 8 columns" in text
    assert "  host               203.0.113.7" in text
    assert "  bad\n     ^\n  expected the text ' ' at character 4" in text


def test_the_explanation_marks_where_the_nearest_format_stops_and_shows_the_way_out() -> None:
    bad = COMBINED.replace(" 200 ", " 2OO ") + "\x1b[31m"
    text = explain_log("x", f"{bad}\n".encode(), READING)
    assert text.startswith("x: no known format matches\n")
    shown, mark, reason = text[text.index("Rejected line") :].splitlines()[1:4]
    assert shown[mark.index("^") :].startswith("2OO")
    assert reason.startswith("  closest format: combined; expected status at")
    assert "\x1b" not in text
    assert "What to do next" in text


def test_a_day_that_no_calendar_has_is_marked_where_it_stands() -> None:
    odd = line().replace(b"21/Sep/2026", b"31/Feb/2026")
    text = explain_log("x", line() * 2 + odd, READING)
    shown, mark, reason = text[text.index("Rejected line") :].splitlines()[1:4]
    assert shown[mark.index("^") :].startswith("31/Feb/2026")
    assert reason == "  31/Feb/2026:14:13:20 +0000 is not a time"


def test_pairs_without_a_time_are_told_to_have_none() -> None:
    pairs = (
        b'at=info method=GET path="/" host=x.com fwd="192.0.2.1" dyno=web.1 connect=1ms '
        b"service=2ms status=200 bytes=3\n"
    )
    text = explain_log("x", pairs, READING)
    assert "  no time in the line or around it" in text


def test_the_explanation_of_a_given_format() -> None:
    reading = make_reading("haproxy")
    text = explain_log("x", line() * 2, reading)
    assert text.startswith("x: no line is in the haproxy format, set by --format\n")
    assert "combined  2 lines" in text
    assert explain_log("x", b"", reading) == "x: no lines yet\n"
    shared = explain_log("x", json.dumps({"a": 1}).encode() + b"\n", make_reading("caddy"))
    assert "0 records, 0 rejects, 1 from other programs" in shared


def test_nearest_of_some_formats() -> None:
    stop = nearest(COMBINED.replace("GET", "GET\\"), PRESETS["squid"].formats)
    assert stop is not None
    assert (stop.name, stop.at) == ("squid", len("192.0"))
    assert nearest("x", PRESETS["caddy"].formats) is None


HOSTS = st.sampled_from(
    ["192.0.2.7", "2001:db8::7", "web1.example", "192.0.2.7, 10.0.0.1", "-", "a:80"]
)
USERS = st.sampled_from(["-", "-", "-", "bob", "a b", "www.example.com", '"-"'])
TIMES = st.sampled_from(["[17/May/2015:10:05:03 +0000]", "[17/May/2015:10:05:03.123 +0000]"])
REQUESTS = st.sampled_from(['"GET /a HTTP/1.1"', '"-"', '""', r'"\\x16\\x03"', '"GET /a b"', "GET"])
NUMBERS = st.sampled_from(["200 512", "304 -", "- -", "499 0", "0.012 200", "200"])
TAILS = st.sampled_from(
    ["", ' "-" "curl/8.5.0"', ' "-" "-"', ' "-" "x" 0.012', ' "-"', ' "-" "x" "-"']
)
CLOSE_TO_COMBINED = st.tuples(HOSTS, USERS, USERS, TIMES, REQUESTS, NUMBERS, TAILS).map(
    lambda parts: "{} {} {} {} {} {}{}".format(*parts)
)


@given(st.lists(CLOSE_TO_COMBINED, min_size=1, max_size=5))
@example([COMBINED])
@example([f"192.0.2.7 www.example.com - {REST}"])
def test_what_is_known_at_a_glance_is_what_would_be_detected(texts: list[str]) -> None:
    sample = "".join(f"{text}\n" for text in texts).encode()
    known = usual_format(sample)
    if known is not None:
        assert known == detect(sample, NOW).format


def test_the_usual_formats_are_known_at_a_glance() -> None:
    for text in (COMBINED, f"2001:db8::7 - bob {REST}"):
        known = usual_format(f"{text}\n".encode() * 3)
        assert known is not None
        assert known.name == "combined"
    for text in ("", f"192.0.2.7 www.example.com - {REST}", COMBINED.replace("17/May", "17/Mai")):
        assert usual_format(f"{text}\n".encode()) is None
